# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: observe
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 4
  waitDurationInOpenState: 60s
bulkhead: {maxConnections: 3}
EOF
start_agent
backend refuse > /dev/null
client blocking $S4 7001 4 > /dev/null
expect "open in observe mode" 2 state_is $S4:7001 open
equal "enforced" "$(endpoint $S4:7001 .breaker.enforced)" false
backend listen > /dev/null
equal "nothing is refused" "$(results "$(client blocking $S4 7001 10)" ok)" 10
equal "would have been" "$(service orders .decisions.would_refuse.breaker)" 10
equal "refused" "$(service orders '[.decisions.refuse[]] | add')" 0
equal "what would have been refused is neutral" "$(service orders .calls.turn.success)" 0
ctl reset orders > /dev/null
expect "closed by reset" 2 state_is $S4:7001 closed
out=$(client parallel $S4 7001 5 500)
equal "all five connect" "$(results "$out" ok)" 5
equal "two above the cap" "$(service orders .decisions.would_refuse.cap)" 2
all_released orders
