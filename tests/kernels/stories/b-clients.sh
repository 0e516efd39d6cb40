# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Limits of each client, and connects that wait for a slot.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001 7002 7003
policy clients <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {perClient: {by: process, maxConnections: 3}}
rateLimit: {perClient: {by: user, connectionsPerSecond: 1, burst: 10}}
POLICY
policy turn <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConnections: 1, queue: {maxWait: 60s, maxLength: 8}}
POLICY
policy brief <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7003]}]}
bulkhead: {maxConnections: 1, queue: {maxWait: 2s}}
POLICY
start_agent
waiting_is() { [ "$(service "$1" .queue.waiting)" = "$2" ]; }
active_is() { [ "$(service "$1" .connections.active)" = "$2" ]; }

out=$(client parallel $S4 7001 8 2000)
equal "a process gets" "$(results "$out" ok)" 3
equal "by its cap" "$(service clients .decisions.refuse.client_cap)" 5
out=$(client blocking $S4 7001 100)
at_least "then its user's rate" "$(service clients .decisions.refuse.client_rate)" 50

out=$(client parallel $S4 7002 5 300)
equal "all are served in turn" "$(results "$out" ok)" 5
equal "four have waited" "$(service turn .decisions.queue.cap)" 4
# Woken, or they would have waited for a minute.
at_most "p99 wait in s" "$(service turn '.queue.wait.p99_seconds | ceil')" 40

spawn_in_cgroup "$CLIENT" hold $S4 7003 1 >/dev/null
expect "the slot is taken" 10 active_is brief 1
out=$(client parallel $S4 7003 2 10)
equal "in vain" "$(results "$out" ETIMEDOUT)" 2
equal "expired" "$(service brief .queue.expired)" 2
kill "$LAST"
expect "given back" 20 active_is brief 0
no_drift
