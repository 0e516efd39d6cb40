# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Answers are measured on every kernel, and hanging calls trip the breaker
# before they end, whichever hooks there are.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001
policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 0
  minimumNumberOfCalls: 6
  minimumNumberOfFailures: 3
  slidingWindow: {size: 120s, buckets: 10}
  slowCallDurationThreshold: 2s
  slowCallRateThreshold: 20
  waitDurationInOpenState: 120s
POLICY
start_agent
equal "answered" "$(results "$(client blocking $S4 7001 6)" ok)" 6
turned() { [ "$(service orders ".calls.turn | .success + .slow")" -ge 5 ]; }
expect "turns seen" 3 turned
backend hang >/dev/null
for _ in 1 2 3 4 5 6; do
	client request $S4 7001 1 60000 >/dev/null &
	PIDS+=($!)
done
wait_until 3 state_is $S4:7001 open ||
	fail "hanging calls did not open it: $(service orders .calls) $(endpoint $S4:7001 .breaker)"
equal "trip" "$(endpoint $S4:7001 .breaker.trip)" slow_rate
