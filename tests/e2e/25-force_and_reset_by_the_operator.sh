# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {consecutiveFailures: 3, waitDurationInOpenState: 60s}
EOF
start_agent
ctl force orders open --ttl 2s --reason "a test"
equal "forced open" "$(service orders .breaker.state)" forced_open
equal "refused" "$(results "$(client blocking $S4 7001 5)" ECONNREFUSED)" 5
equal "reason" "$(service orders .decisions.refuse.forced)" 5
equal "override" "$(api /v1/overrides | jq '.items | length')" 1
expect "the TTL ends it" 5 service_state_is orders closed
equal "admitted again" "$(results "$(client blocking $S4 7001 5)" ok)" 5

backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "open" 2 state_is $S4:7001 open
ctl force orders closed --permanent --reason "a test"
equal "forced closed: the connect goes out" "$(results "$(client blocking $S4 7001 5)" ECONNREFUSED)" 5
equal "none of these was a refusal" "$(service orders .decisions.refuse.breaker)" 0
ctl force orders auto
ctl reset orders
expect "closed by reset" 2 state_is $S4:7001 closed
rc=0
ctl force nobody open --ttl 1m --reason x 2> /dev/null || rc=$?
equal "no such object" "$rc" 4
rc=0
ctl force orders open --reason x 2> /dev/null || rc=$?
equal "neither --ttl nor --permanent" "$rc" 2
