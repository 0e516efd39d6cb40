# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# SIGTERM and SIGINT take everything away, SIGHUP reloads, under load: not one
# connect fails, not one established connection notices, and a program of
# somebody else on our hooks is what it was.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
FOREIGN=$PWD/build/release/bench/empty.bpf.o
[ -f "$FOREIGN" ] || { echo "needs $FOREIGN: make tools"; exit 77; }
sandbox
start_server 0.0.0.0 7001 7002
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 100}
EOF

# Somebody was here first.
mkdir "$T/bpf/foreign"
bpftool prog loadall "$FOREIGN" "$T/bpf/foreign"
bpftool cgroup attach "$CGROUP" connect4 pinned "$T/bpf/foreign/none_connect4" multi
bpftool cgroup attach "$CGROUP" sock_ops pinned "$T/bpf/foreign/none_sockops" multi
foreign() {
	local name
	for name in connect4 sockops; do
		bpftool -j prog show pinned "$T/bpf/foreign/none_$name" | jq -c '[.id, .tag, .name, .xlated, .map_ids]'
		bpftool prog dump xlated pinned "$T/bpf/foreign/none_$name" opcodes
	done
	bpftool -j cgroup show "$CGROUP" | jq -c '.[] | select(.name | startswith("none_")) | [.id, .attach_type, .attach_flags]'
}
foreign > "$T/foreign.before"
remember_host

# A connection with a request every 20 ms, and connects to what no policy names.
client turns $S4 7001 1000000 20 > "$T/turns" &
PIDS+=($!)
connects() { while [ -e "$T/load" ]; do client blocking $S4 7002 20; done > "$T/connects"; }
touch "$T/load"
in_background connects

programs() { bpftool -j cgroup show "$CGROUP" | jq -c '[.[].name] | sort'; }
mine='["none_connect4","none_sockops","weir_connect4","weir_connect6","weir_release","weir_sockops"]'
for signal in TERM INT; do
	start_agent
	equal "SIG$signal: attached" "$(programs)" "$mine"
	expect "SIG$signal: the connection is adopted" 5 in_use_is orders 1
	sed -i 's/maxConnections: .*/maxConnections: 50}/' "$T/policies/orders.yaml"
	kill -HUP "$AGENT_PID"
	reloaded() { [ "$(status_of .generation)" = 2 ]; }
	expect "SIGHUP reloads" 10 reloaded
	equal "SIGHUP: the new cap" "$(service orders .limits.connections)" 50
	equal "SIGHUP: the connection" "$(service orders .connections.active)" 1
	# Twice is no harm, nor is one that comes during the other.
	kill -$signal "$AGENT_PID"
	kill -HUP "$AGENT_PID" 2> /dev/null || :
	kill -$signal "$AGENT_PID" 2> /dev/null || :
	rc=0
	wait "$AGENT_PID" || rc=$?
	AGENT_PID=
	equal "SIG$signal: exit" $rc 0
	equal "SIG$signal: only the foreign programs" "$(programs)" '["none_connect4","none_sockops"]'
	equal "SIG$signal: pins" "$(find "$T/bpf" -path '*/bpf/weir*' | wc -l)" 0
	equal "SIG$signal: socket" "$(find "$T" -name weir.sock)" ""
	sed -i 's/maxConnections: .*/maxConnections: 100}/' "$T/policies/orders.yaml"
done

# Stopped while it starts: whenever that is, nothing stays.
for delay in 0.02 0.1 0.3 0.6 0.9; do
	mapfile -t command < <(agent_command)
	nsenter --net="/run/netns/$ID-c" "${command[@]}" 2>> "$T/agent.log" &
	AGENT_PID=$!
	sleep $delay
	kill -TERM "$AGENT_PID"
	wait "$AGENT_PID" 2> /dev/null || :
	AGENT_PID=
	equal "SIGTERM after $delay s: only the foreign programs" "$(programs)" '["none_connect4","none_sockops"]'
done

rm "$T/load"
wait "$LAST"
equal "connects that failed" "$(grep -cv '^ok' "$T/connects")" 0
at_least "connects" "$(awk '{n += $2} END {print n}' "$T/connects")" 100
for pid in $(cat "$CGROUP/cgroup.procs"); do
	grep -q turns "/proc/$pid/cmdline" && echo "the connection lives: pid $pid" && turning=$pid
done
[ -n "${turning:-}" ] || fail "the established connection ended: $(cat "$T/turns")"
foreign > "$T/foreign.after"
cmp "$T/foreign.before" "$T/foreign.after" || fail "the foreign programs changed"
rm -rf "$T"/state/* # kept on purpose: what weirctl applied
host_is_as_before
