# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The server is ours: in the cgroup, where the agent is. Its clients are not.
. "$(dirname "$0")/listeners.sh"
sandbox
serve_here :: 7001 7002 7003
policy web <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 20}
EOF
policy seen <<EOF
service: {listen: [{address: 0.0.0.0, ports: [7002]}]}
bulkhead: {maxConnections: 5}
EOF
start_agent
watch_peak web
# Time to reset who is in by accident, before anything is answered.
backend answer 100 > /dev/null
for _ in 1 2 3 4 5; do
	# Many get through the door at once; who finds no place is reset.
	out=$(visitor ask $C4 7001 64 300)
	equal "served" "$(results "$out" ok)" 20
	equal "refused or reset" "$(awk '/^E(CONNREFUSED|CONNRESET|PIPE) / {n += $2} END {print n + 0}' <<< "$out")" 44
	expect "places come back" 5 in_use_is web 0
done
equal "most in use at any moment" "$(peak_in_use)" 20
equal "let in" "$(decided web .allow.none)" 100
at_least "no place left" "$(($(decided web .refuse.cap) + $(decided web .reset.cap)))" 220

# All 64 handshakes are over at one instant: their SYN-ACKs were lost, and are
# sent again a second later, when nobody was in at any of the SYNs.
before=$(decided web .reset.cap)
on_client ip neigh replace $S4 lladdr 02:00:00:00:00:99 dev c0 nud permanent
spawn_visitor ask $C4 7001 64 300 > "$T/at-once"
sleep 0.5
equal "nobody is in" "$(service web .connections.active)" 0
on_client ip neigh del $S4 dev c0
wait "$LAST" || :
equal "served" "$(results "$(cat "$T/at-once")" ok)" 20
equal "reset" "$(($(decided web .reset.cap) - before))" 44
equal "by the agent" "$(metric 'weir_connections_reset_total{service="web",direction="ingress",reason="full"}')" "$(decided web .reset.cap)"
expect "places come back" 5 in_use_is web 0

# Full: a genuine RST, at once, and nothing reaches the server.
spawn_visitor hold $C4 7001 20 > /dev/null
expect "full" 5 in_use_is web 20
sleep 0.2
backend clear > /dev/null
backend answer 0 > /dev/null
begun=$EPOCHREALTIME
out=$(visitor blocking $C4 7001 50; visitor blocking $C6 7001 50)
took=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN {print int((b - a) * 1000)}')
equal "refused" "$(awk '$1 == "ECONNREFUSED" {n += $2} END {print n + 0}' <<< "$out")" 100
at_most "ms for a hundred refusals" "$took" 1000
equal "accepted meanwhile" "$(backend stats | sed 's/.*total //')" 0
end TERM "$LAST"
expect "room again" 5 in_use_is web 0
equal "served again" "$(results "$(visitor blocking $C6 7001 3)" ok)" 3

# Observe lets all in and says how many would not have been.
equal "observe serves all" "$(results "$(visitor ask $C4 7002 12 300)" ok)" 12
equal "would be refused" "$(decided seen .would_refuse.cap)" 7
# A port that no policy names is nobody's business.
equal "not guarded" "$(results "$(visitor ask $C4 7003 64 100)" ok)" 64
equal "direction" "$(service web .direction)" ingress
closed() { metric 'weir_connections_closed_total{service="seen",direction="ingress",reason="fin"}'; }
equal "closed in order" "$(closed)" 12
all_released web
all_released seen
