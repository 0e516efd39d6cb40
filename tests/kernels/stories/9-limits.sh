# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Rates, connections being made, calls in flight and who may: each has its limit.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001 7002 7003
NOBODY=10.77.0.99 # its SYNs are never answered
policy rate <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
rateLimit: {connectionsPerSecond: 1, burst: 5}
POLICY
policy dark <<POLICY
mode: enforce
service: {destinations: [{address: $NOBODY, ports: [7001]}]}
bulkhead: {maxConnecting: 5}
POLICY
policy closed <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7003]}]}
circuitBreaker: {consecutiveFailures: 3, onOpen: {errno: EACCES}}
access: {allow: [{user: nobody}]}
POLICY
start_agent

begun=$SECONDS
out=$(client blocking $S4 7001 300)
at_most "admitted by the rate" "$(results "$out" ok)" $((5 + SECONDS - begun + 2))
at_least "admitted by the rate" "$(results "$out" ok)" 5
equal "the rest is refused" "$(service rate .decisions.refuse.rate)" "$(results "$out" ECONNREFUSED)"

out=$(client parallel $NOBODY 7001 20 10)
equal "connecting" "$(results "$out" EHOSTUNREACH)" 5
equal "one too many" "$(results "$out" ECONNREFUSED)" 15

equal "who is not named" "$(results "$(client blocking $S4 7003 2)" EACCES)" 2
equal "who is" "$(results "$(in_cgroup setpriv --reuid=nobody --clear-groups "$CLIENT" blocking $S4 7003 2)" ok)" 2

policy busy <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConcurrentCalls: 4}
POLICY
if [ "$(status_of ".features[] | select(.name == \"sock_send_length\") | .supported")" = false ]; then
	post /v1/reload '' | jq -r .message | grep 'cannot count calls in flight' ||
		fail "what cannot be enforced here is accepted: $(post /v1/reload '')"
	no_drift
	exit
fi
reload
backend hang >/dev/null
for _ in 1 2 3 4; do spawn_in_cgroup "$CLIENT" turns $S4 7002 2 >/dev/null; done
in_flight() { [ "$(service busy .calls.active)" = "$1" ]; }
expect "four calls in flight" 5 in_flight 4
equal "a fifth" "$(results "$(client blocking $S4 7002 1)" ECONNREFUSED)" 1
backend answer 0 >/dev/null
expect "they end" 10 in_flight 0
equal "and there is room" "$(results "$(client blocking $S4 7002 1)" ok)" 1
no_drift
