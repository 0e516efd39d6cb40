# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need tcpdump
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 3
  waitDurationInOpenState: 1s
  permittedNumberOfCallsInHalfOpenState: 7
EOF
start_agent
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "open" 2 state_is $S4:7001 open
backend listen > /dev/null
expect "half-open" 4 state_is $S4:7001 half_open
count_syns 7001
out=$(client parallel $S4 7001 200 500)
equal "admitted" "$(results "$out" ok)" 7
equal "refused" "$(results "$out" ECONNREFUSED)" 193
equal "SYNs of 200 simultaneous connects" "$(syns)" 7
equal "reason" "$(service orders .decisions.refuse.half_open)" 193
# They were closed in order without a request: that is a success.
expect "closed by silent probes" 3 state_is $S4:7001 closed
all_released orders
