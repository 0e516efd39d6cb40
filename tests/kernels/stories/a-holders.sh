# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Who holds a full cap: one that leaks, one that got them from another process,
# one that was there before the agent; and who was refused.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 6}
EOF
spawn_in_cgroup "$CLIENT" hold $S4 7001 2 > "$T/old"
old=$LAST
expect "two before the agent" 5 grep -q 'ok 2' "$T/old"
start_agent
backend close > /dev/null
spawn_in_cgroup "$CLIENT" leak $S4 7001 2 > "$T/leak"
leaky=$LAST
expect "two leaked" 5 grep -q 'ok 2' "$T/leak"
backend answer 0 > /dev/null
spawn_in_cgroup "$CLIENT" handover $S4 7001 2 > "$T/giver"
giver=$LAST
expect "two handed over" 5 grep -q 'ok 2' "$T/giver"
taker=$(tr -d ' ' < "/proc/$giver/task/$giver/children")
sleep 3
equal "refused" "$(results "$(client blocking $S4 7001 2)" ECONNREFUSED)" 2
full() { api '/v1/why?name=orders' | jq -e '.held.full.limit == 6'; }
expect "said" 3 full
equal "who held it" "$(api '/v1/why?name=orders' | jq -r '[.held.full.holders[] | "\(.pid) \(.connections) \(.close_wait)"] | sort | join(", ")')" \
	"$(printf '%s\n' "$leaky 2 2" "$taker 2 0" "$old 2 0" | sort | paste -sd, | sed 's/,/, /g')"
equal "silent" "$(api '/v1/clients?name=orders' | jq -c '[.items[] | .idle_seconds > 0.9 and .idle_seconds < 600] | unique')" '[true]'
kill "$leaky" "$giver" "$old"
all_released orders
stop_agent
