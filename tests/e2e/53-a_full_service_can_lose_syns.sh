# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# bulkhead.onFull: drop: who finds it full waits for a timeout of its own.
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001 7002
for n in 1 2; do
	policy full-$n <<-EOF
	mode: $([ $n = 1 ] && echo enforce || echo observe)
	service: {destinations: [{address: $S4, ports: [700$n]}, {address: "$S6", ports: [700$n]}]}
	bulkhead: {maxConnections: 2, onFull: drop, perClient: {by: process, maxConnections: 1}}
	EOF
done
start_agent
clients=()
for _ in 1 2; do spawn_in_cgroup "$CLIENT" hold $S4 7001 1 > /dev/null; clients+=("$LAST"); done
expect "it is full" 5 in_use_is full-1 2
count_syns 7001
for address in $S4 "$S6"; do spawn_in_cgroup "$CLIENT" hold "$address" 7001 1 > "$T/late"; clients+=("$LAST"); done
dropped() { [ "$(service full-1 ".decisions.drop.$1")" = "$2" ]; }
expect "two find it full" 5 dropped cap 2
# Without an agent, too: a full bulkhead is no judgement of it.
kill_agent
sleep 4.5
equal "SYNs on the wire" "$(syns)" 0
start_agent
equal "they hold no slot" "$(service full-1 .connections.active)" 2
equal "and are nobody's failures" "$(service full-1 '.calls.connect.failure')" 0
kill "${clients[@]}"
expect "all is given back" 10 in_use_is full-1 0
equal "there is room" "$(results "$(client blocking $S4 7001 1)" ok)" 1
# A client over its own cap is treated alike.
spawn_in_cgroup "$CLIENT" hold $S4 7001 2 > /dev/null
expect "one waits for good" 5 dropped client_cap 1
out=$(client parallel $S4 7002 4 300)
equal "observe lets through" "$(results "$out" ok)" 4
equal "and counts" "$(($(service full-2 .decisions.would_drop.cap) + $(service full-2 .decisions.would_drop.client_cap)))" 3
no_drift
