# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002 7003
NOBODY=10.77.0.99 # its SYNs are never answered
policy dark <<EOF
mode: enforce
service: {destinations: [{address: $NOBODY, ports: [7001]}]}
bulkhead: {maxConnecting: 5}
EOF
policy quick <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnecting: 1}
EOF
policy busy <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConcurrentCalls: 4}
EOF
policy seen <<EOF
service: {destinations: [{address: $NOBODY, ports: [7009]}]}
bulkhead: {maxConnecting: 2}
EOF
start_agent
for round in 1 2; do
	out=$(client parallel $NOBODY 7001 50 10)
	equal "refused, round $round" "$(results "$out" ECONNREFUSED)" 45
	equal "tried, round $round" "$(results "$out" EHOSTUNREACH)" 5
done
equal "counted as cap" "$(service dark .decisions.refuse.cap)" 90
out=$(client parallel $NOBODY 7009 6 10)
equal "observe lets through" "$(results "$out" EHOSTUNREACH)" 6
equal "and counts" "$(service seen .decisions.would_refuse.cap)" 4
# The place is free as soon as the connection stands, not when it closes.
spawn_in_cgroup "$CLIENT" hold $S4 7001 40 > "$T/held"
expect "forty one after another" 5 in_use_is quick 40
equal "none refused" "$(service quick .decisions.refuse.cap)" 0

backend hang > /dev/null
for _ in 1 2 3 4; do spawn_in_cgroup "$CLIENT" turns $S4 7002 2 > /dev/null; done
in_flight() { [ "$(service busy .calls.active)" = 4 ]; }
expect "four calls in flight" 5 in_flight
equal "a fifth connection" "$(results "$(client blocking $S4 7002 1)" ECONNREFUSED)" 1
equal "limit" "$(metric 'weir_bulkhead_limit{service="busy",direction="egress",resource="calls"}')" 4
equal "in use" "$(metric 'weir_bulkhead_in_use{service="busy",direction="egress",resource="calls"}')" 4
backend answer 0 > /dev/null
answered() { [ "$(service busy .calls.active)" = 0 ]; }
expect "they end" 10 answered
equal "and there is room" "$(results "$(client blocking $S4 7002 1)" ok)" 1
kill "${PIDS[@]}" 2> /dev/null || :
all_released dark
