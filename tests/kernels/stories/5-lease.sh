# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# No agent, no open breaker; the cap goes on, and the next agent takes over.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001 7002
policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {consecutiveFailures: 3, waitDurationInOpenState: 300s}
POLICY
policy capped <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConnections: 4}
POLICY
start_agent
backend refuse >/dev/null
client blocking $S4 7001 3 >/dev/null
expect "open" 2 state_is $S4:7001 open
backend listen >/dev/null
client hold $S4 7002 3 >/dev/null &
PIDS+=($!)
expect "three held" 5 in_use_is capped 3
equal "refused while the agent lives" "$(results "$(client blocking $S4 7001 1)" ECONNREFUSED)" 1
killed=$(date +%s%N)
kill_agent
admitted() { [ "$(results "$(client blocking $S4 7001 1)" ok)" = 1 ]; }
expect "traffic flows when the lease is over" 3 admitted
at_most "milliseconds from the kill to the first connection" \
	$((($(date +%s%N) - killed) / 1000000)) 30000
equal "and goes on flowing" "$(results "$(client blocking $S4 7001 10)" ok)" 10
equal "the cap holds without an agent" "$(results "$(client parallel $S4 7002 20 3000)" ok)" 1
start_agent
grep -q 'took over' "$T/agent.log" || fail "the agent did not take over"
equal "the breaker is open as before" "$(endpoint $S4:7001 .breaker.state)" open
equal "connections held were not forgotten" "$(service capped .connections.active)" 3
equal "one program a hook" "$(bpftool -j cgroup show "$CGROUP" | jq length)" 4
