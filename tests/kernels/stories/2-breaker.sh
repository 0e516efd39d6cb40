# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A refusing backend opens the breaker; nothing leaves the host until probes
# say that it is well again. Then one that hangs does the same.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001
policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 5
  minimumNumberOfCalls: 8
  minimumNumberOfFailures: 5
  slidingWindow: {size: 60s, buckets: 10}
  slowCallDurationThreshold: 1s
  slowCallRateThreshold: 30
  waitDurationInOpenState: 15s
  halfOpenTimeout: 60s
  permittedNumberOfCallsInHalfOpenState: 2
  onOpen: {newConnections: refuse, errno: EHOSTUNREACH}
POLICY
start_agent
equal "healthy" "$(results "$(client turns $S4 7001 5)" ok)" 5
backend refuse >/dev/null
count_syns 7001
equal "failures" "$(results "$(client blocking $S4 7001 5)" ECONNREFUSED)" 5
expect "open after 5 failures in a row" 2 state_is $S4:7001 open
equal "trip" "$(endpoint $S4:7001 .breaker.trip)" consecutive
equal "SYNs of the failures" "$(syns)" 5
equal "refused" "$(results "$(client blocking $S4 7001 20)" EHOSTUNREACH)" 20
equal "SYNs while open: none more" "$(syns)" 5
equal "refusals are neutral" "$(service orders .calls.connect.failure)" 5
backend listen >/dev/null
expect "half-open after the wait" 5 state_is $S4:7001 half_open
client parallel $S4 7001 20 8000 >/tmp/probes &
prober=$!
wait $prober || :
equal "two probes get through" "$(results "$(cat /tmp/probes)" ok)" 2
expect "closed by two probes" 3 state_is $S4:7001 closed
equal "healthy again" "$(results "$(client turns $S4 7001 5)" ok)" 5
