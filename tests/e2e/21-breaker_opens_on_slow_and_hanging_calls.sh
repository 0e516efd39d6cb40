# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  minimumNumberOfCalls: 10
  minimumNumberOfFailures: 5
  slowCallDurationThreshold: 100ms
  slowCallRateThreshold: 50
  waitDurationInOpenState: 3s
  permittedNumberOfCallsInHalfOpenState: 2
EOF
start_agent
backend answer 250 > /dev/null
start=$EPOCHREALTIME
equal "slow answers" "$(results "$(client blocking $S4 7001 1)" ok)" 1
awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN {exit !(b - a > 0.25)}' || fail "the injector is not slow"
client turns $S4 7001 12 > /dev/null
expect "open: half of the calls are slow" 3 state_is $S4:7001 open
equal "trip" "$(endpoint $S4:7001 .breaker.trip)" slow_rate
equal "refused" "$(results "$(client blocking $S4 7001 3)" ECONNREFUSED)" 3
backend answer 0 > /dev/null
expect "half-open" 5 state_is $S4:7001 half_open
# On a busy machine a probe can be slow, too: then it opens once more.
closes() { client blocking $S4 7001 2 > /dev/null; state_is $S4:7001 closed; }
expect "closed" 20 closes

# Hanging calls never end: they count when they become overdue.
sleep 0.2
backend hang > /dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	spawn_in_cgroup "$CLIENT" turns $S4 7001 1 > /dev/null
done
expect "open: calls in flight are overdue" 5 state_is $S4:7001 open
at_least "overdue" "$(service orders .calls.overdue)" 10
equal "no call has ended" "$(service orders '.connections.active')" 12
