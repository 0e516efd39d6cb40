# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Connections of an open breaker that hang are reset, idle ones are kept. Where
# the kernel cannot do it, that has a name, and all are kept.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001
policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  slidingWindow: {size: 60s, buckets: 10}
  minimumNumberOfCalls: 3
  minimumNumberOfFailures: 3
  slowCallDurationThreshold: 2s
  slowCallRateThreshold: 10
  waitDurationInOpenState: 300s
  onOpen: {establishedConnections: resetStuck, resetRate: 50}
POLICY
start_agent
works=$(status_of '.features[] | select(.name == "inet_diag_destroy") | .supported')
echo "feature inet_diag_destroy: $works"
for n in 1 2 3 4; do
	spawn_in_cgroup "$CLIENT" turns $S4 7001 100000 200 >"$T/turns.$n"
done
spawn_in_cgroup "$CLIENT" hold $S4 7001 2 >"$T/idle"
expect "6 connections" 5 in_use_is orders 6
backend hang >/dev/null
wait_until 6 state_is $S4:7001 open ||
	fail "not open: $(service orders .calls) $(endpoint $S4:7001 .breaker)"
if [ "$works" = false ]; then
	sleep 3
	equal "all are kept" "$(service orders .connections.active)" 6
	exit 0
fi
expect "the hanging ones are reset" 5 in_use_is orders 2
for n in 1 2 3 4; do
	expect "client $n is told: $(cat "$T/turns.$n")" 2 grep -q ECONNABORTED "$T/turns.$n"
done
counted() { [ "$(metric "$1")" = 4 ]; }
expect "resets are counted" 2 counted \
	'weir_connections_reset_total{service="orders",direction="egress",reason="stuck"}'
expect "as Weir's own doing" 2 counted \
	'weir_connections_closed_total{service="orders",direction="egress",reason="weir"}'
equal "idle ones are kept" "$(service orders .connections.active)" 2
no_drift
