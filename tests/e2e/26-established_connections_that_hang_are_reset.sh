# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  slidingWindow: {size: 1s, buckets: 10}
  minimumNumberOfCalls: 5
  minimumNumberOfFailures: 5
  slowCallDurationThreshold: 200ms
  slowCallRateThreshold: 50
  waitDurationInOpenState: 60s
  onOpen: {establishedConnections: resetStuck, resetRate: 50}
EOF
start_agent
# Twelve that ask and are answered, five that only idle.
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	spawn_in_cgroup "$CLIENT" turns $S4 7001 1000 20 > "$T/turns.$n"
done
spawn_in_cgroup "$CLIENT" hold $S4 7001 5 > "$T/idle"
expect "17 connections" 5 in_use_is orders 17
backend hang > /dev/null
wait_until 6 state_is $S4:7001 open || fail "not open: $(api /v1/endpoints | jq -c .items[])"
five_left() { in_use_is orders 5; }
expect "the hanging ones are reset, the idle ones stay" 10 five_left
reset_by_weir() { [ "$(metric 'weir_connections_reset_total{service="orders",direction="egress",reason="stuck"}')" = 12 ]; }
expect "twelve resets are counted" 5 reset_by_weir
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	wait_until 5 grep -q ECONNABORTED "$T/turns.$n" || fail "client $n: $(cat "$T/turns.$n")"
done
equal "closed by Weir" "$(metric 'weir_connections_closed_total{service="orders",direction="egress",reason="weir"}')" 12
# The listener was left alone.
equal "refused by the breaker, not by the backend" "$(results "$(client blocking $S4 7001 3)" ECONNREFUSED)" 3
backend answer 0 > /dev/null
post /v1/reset '{"name":"orders"}' > /dev/null
equal "the backend still listens" "$(results "$(client blocking $S4 7001 3)" ok)" 3
api "/v1/why?name=orders" | jq -r '.lines[] | .label + ": " + .text' | grep 'reset: 12 established' || fail "why does not say so"
no_drift
