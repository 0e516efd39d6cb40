# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# xdp.answer: reset sends the RST itself: a client is refused at once, and the
# stack has seen nothing. What is no plain SYN is the stack's to refuse.
. "$(dirname "$0")/floods.sh"
flood_sandbox
need socat
serve_here :: 7001 7003
policy web <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 5, onFull: shed}
EOF
policy seen <<EOF
service: {listen: [{address: 0.0.0.0, ports: [7003]}]}
bulkhead: {maxConnections: 1, onFull: shed}
EOF
# On a veth that is generic: its driver would lose the answers.
settings "interfaces: [c0], answer: reset"
start_agent --config "$T/weir.yaml"
grep -q "xdp: c0: attached in generic mode, SYNs over a cap are answered with RST" "$T/agent.log" || fail "not said"
equal "status" "$(status_of '.xdp[0] | "\(.interface) \(.mode) \(.answer) \(.trouble)"')" "c0 generic reset "

spawn_visitor hold $C4 7001 5 > /dev/null
holder=$LAST
expect "full" 5 in_use_is web 5
sleep 0.2
before=$(touched)
begun=$EPOCHREALTIME
out=$(visitor blocking $C4 7001 50; visitor blocking $C6 7001 50; visitor nonblocking $C6 7001 10; visitor fastopen $C4 7001 10)
took=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN {print int((b - a) * 1000)}')
equal "refused" "$(awk '$1 == "ECONNREFUSED" {n += $2} END {print n + 0}' <<< "$out")" 120
at_most "ms for all of it" "$took" 1000
equal "what the stack did" "$(touched)" "$before"
equal "counted, each once" "$(decided web .refuse.cap)" 120
equal "in use" "$(service web .connections.active)" 5
# A RST for each forged SYN, and nothing kept of any of them.
flood 7001 20000 > /dev/null
equal "what the stack did for a flood" "$(touched)" "$before"
at_least "answered" "$(decided web .refuse.cap)" 5000
equal "in SYN_RECV" "$(embryos 7001)" 0

# IP options pass, and the stack refuses: with a RST of its own.
resets() { touched | grep -o 'OutRsts=[0-9]*' | cut -d= -f2; }
rsts=$(resets)
refused=$(decided web .refuse.cap)
! on_server socat -u /dev/null "TCP4:$C4:7001,ipoptions=x01010100" 2> "$T/socat" || fail "it got in"
grep -q 'Connection refused' "$T/socat" || fail "not refused: $(cat "$T/socat")"
equal "RSTs of the stack" "$(($(resets) - rsts))" 1
equal "counted" "$(($(decided web .refuse.cap) - refused))" 1
end TERM "$holder"
expect "places come back" 5 in_use_is web 0
equal "served" "$(visitor blocking $C4 7001 2; visitor blocking $C6 7001 2)" "$(printf 'ok 2\nok 2')"
spawn_visitor hold $C4 7003 1 > /dev/null
expect "full" 5 in_use_is seen 1
equal "observe serves all" "$(results "$(visitor blocking $C4 7003 2)" ok)" 2
equal "would be refused" "$(decided seen .would_refuse.cap)" 2
stop_agent

# Told to use the driver it drops there, and says why.
settings "interfaces: [c0], answer: reset, mode: driver"
start_agent --config "$T/weir.yaml"
equal "status" "$(status_of '.xdp[0] | "\(.interface) \(.mode) \(.answer)"')" "c0 driver drop"
grep -q "xdp: c0: a veth loses answers in driver mode: SYNs are dropped" "$T/agent.log" || fail "the log does not say it"
status_of '.problems[].text' | grep "xdp on c0: a veth loses answers" || fail "status does not say it"
stop_agent
equal "after the agent was stopped" "$(xdp_on c0)" ""
