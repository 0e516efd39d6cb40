# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Consecutive failures, refusal before any packet, half-open, recovery.
. "$(dirname "$0")/lib.sh"
need tcpdump
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 5
  waitDurationInOpenState: 2s
  permittedNumberOfCallsInHalfOpenState: 3
  onOpen: {newConnections: refuse, errno: EHOSTUNREACH}
EOF
start_agent
equal "healthy" "$(results "$(client blocking $S4 7001 10)" ok)" 10
equal "state" "$(endpoint $S4:7001 .breaker.state)" closed

backend refuse > /dev/null
count_syns 7001
equal "failures" "$(results "$(client blocking $S4 7001 5)" ECONNREFUSED)" 5
expect "open after 5 failures in a row" 2 state_is $S4:7001 open
equal "SYNs of the failures" "$(syns)" 5
out=$(client blocking $S4 7001 50)
equal "refused with the policy's errno" "$(results "$out" EHOSTUNREACH)" 50
equal "SYNs while open: none more" "$(syns)" 5
equal "refusals counted" "$(service orders .decisions.refuse.breaker)" 50
equal "refusals are neutral" "$(service orders .calls.connect.failure)" 5
equal "trip" "$(endpoint $S4:7001 .breaker.trip)" consecutive

backend listen > /dev/null
expect "half-open after the wait" 5 state_is $S4:7001 half_open
equal "probes succeed" "$(results "$(client blocking $S4 7001 3)" ok)" 3
expect "closed by three probes" 2 state_is $S4:7001 closed
equal "healthy again" "$(results "$(client blocking $S4 7001 10)" ok)" 10
why=$(api "/v1/why?name=orders")
jq -e '.lines | length > 3' <<< "$why" > /dev/null || fail "why says nothing: $why"
all_released orders
