# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# onFull: shed drops the SYNs of a full listener in XDP, in both of its modes;
# who is in goes on, and whoever waits gets in when there is room.
. "$(dirname "$0")/floods.sh"
flood_sandbox
serve_here :: 7001 7002 7003
policy web <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 5, onFull: shed}
EOF
policy roomy <<EOF
mode: enforce
service: {listen: [{address: 0.0.0.0, ports: [7002]}]}
bulkhead: {maxConnections: 5, onFull: shed}
EOF
policy seen <<EOF
service: {listen: [{address: 0.0.0.0, ports: [7003]}]}
bulkhead: {maxConnections: 1, onFull: shed}
EOF
shed_more_than() { [ "$(decided web .drop.cap)" -gt "$1" ]; }

says_so() { # MODE
	grep -q "xdp: c0: attached in $1 mode, SYNs over a cap are dropped" "$T/agent.log" || fail "the log does not say $1"
	equal "status" "$(status_of '.xdp[0] | "\(.interface) \(.mode) \(.answer) \(.trouble)"')" "c0 $1 drop "
	equal "metric" "$(metric "weir_xdp_mode{interface=\"c0\",mode=\"$1\"}")" 1
	ctl status > "$T/status"
	grep -q "^xdp  *c0: $1 mode" "$T/status" || fail "status does not show it: $(cat "$T/status")"
	ctl check > "$T/check" || :
	grep "c0 .*$1 mode, SYNs over a cap are dropped" "$T/check" || fail "check does not show it: $(cat "$T/check")"
}

in_mode() { # MODE WORD-OF-IP
	local before shed holder steady waiting
	settings "interfaces: [c0], mode: $1"
	start_agent --config "$T/weir.yaml"
	equal "the kernel says" "$(xdp_on c0)" "$2"
	says_so "$1"

	# Room: forged SYNs pass, take no place, and keep nobody out.
	flood 7002 2000 > /dev/null
	equal "shed with room" "$(decided roomy .drop.cap)" 0
	equal "in use by forged SYNs" "$(service roomy .connections.active)" 0
	equal "let in meanwhile" "$(results "$(visitor blocking $C4 7002 3)" ok)" 3

	# Full: four who hold on, one who talks all the time.
	spawn_visitor hold $C4 7001 4 > /dev/null
	holder=$LAST
	spawn_visitor talk $C6 7001 100 20 > "$T/steady"
	steady=$LAST
	expect "full" 5 in_use_is web 5
	sleep 0.2
	before=$(touched)
	flood 7001 100000 > "$T/sent"
	equal "sent" "$(cut -d' ' -f1 "$T/sent")" 100000
	equal "in SYN_RECV" "$(embryos 7001)" 0
	equal "what the stack did" "$(touched)" "$before"
	# The queue between the two ends of the pair loses some.
	shed=$(decided web .drop.cap)
	at_least "shed" "$shed" 20000
	at_most "shed" "$shed" 100000
	equal "refused by the stack" "$(decided web '.refuse | add')" 0
	equal "in use" "$(service web .connections.active)" 5
	# Two wait, their SYNs lost, until there is room: over either family.
	spawn_visitor blocking $C4 7001 1 > "$T/waiting4"
	waiting=$LAST
	spawn_visitor blocking $C6 7001 1 > "$T/waiting6"
	expect "their SYNs are shed, too" 5 shed_more_than "$((shed + 1))"
	end TERM "$holder"
	wait "$waiting" "$LAST" "$steady" || :
	equal "let in when there was room" "$(cat "$T/waiting4" "$T/waiting6")" "$(printf 'ok 1\nok 1')"
	equal "exchanges of who was in" "$(results "$(cat "$T/steady")" ok)" 100
	expect "places come back" 5 in_use_is web 0
}

in_mode generic xdpgeneric
# Observed: nothing is shed, but counted where it arrives.
spawn_visitor hold $C4 7003 1 > /dev/null
expect "full" 5 in_use_is seen 1
equal "observe serves all" "$(results "$(visitor blocking $C4 7003 2)" ok)" 2
equal "would be dropped" "$(decided seen .would_drop.cap)" 2
end TERM "$LAST"
stop_agent
equal "after the agent was stopped" "$(xdp_on c0)" ""

in_mode driver xdp
# Killed: caps need no agent, and the next one takes over the same link.
spawn_visitor hold $C4 7001 5 > /dev/null
expect "full" 5 in_use_is web 5
kill_agent
before=$(touched)
flood 7001 10000 > /dev/null
equal "what the stack did without an agent" "$(touched)" "$before"
link=$(bpftool -j link show pinned "$T"/bpf/weir/v*/links/xdp_* | jq .id)
start_agent --config "$T/weir.yaml"
equal "the link of before" "$(bpftool -j link show pinned "$T"/bpf/weir/v*/links/xdp_* | jq .id)" "$link"
shed=$(decided web .drop.cap)
flood 7001 10000 > /dev/null
at_least "shed by the next agent" "$(($(decided web .drop.cap) - shed))" 1000
end TERM "$LAST"
expect "places come back" 5 in_use_is web 0

# As long as a policy says so, and not a moment longer.
rm "$T/policies/web.yaml" "$T/policies/roomy.yaml"
reload
equal "without a policy that sheds" "$(xdp_on c0)" ""
equal "status" "$(status_of '.xdp[0].mode')" off
stop_agent
[ ! -e "$T/bpf/weir" ] || fail "pins are left: $(find "$T/bpf/weir")"
