# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 3
  waitDurationInOpenState: {initial: 500ms, multiplier: 2, max: 10s, jitter: 0}
  permittedNumberOfCallsInHalfOpenState: 1
  halfOpenTimeout: 1s
EOF
start_agent
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "half-open" 4 state_is $S4:7001 half_open
client blocking $S4 7001 1 > /dev/null
expect "open again" 2 state_is $S4:7001 open
equal "trip" "$(endpoint $S4:7001 .breaker.trip)" probe_failed
equal "level" "$(endpoint $S4:7001 .breaker.level)" 2
expect "half-open" 4 state_is $S4:7001 half_open
backend listen > /dev/null
backend hang > /dev/null
spawn_in_cgroup "$CLIENT" turns $S4 7001 1 > /dev/null
expect "a probe that never answers is a failure" 5 state_is $S4:7001 open
equal "trip" "$(endpoint $S4:7001 .breaker.trip)" probe_timeout
