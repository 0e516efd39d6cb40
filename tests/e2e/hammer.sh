# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# hammer.sh - many threads on all processors against one cap, and who counts the
# connections there: the server, the kernel's socket table on both sides, Weir.
# For a short story and for the long ones under tests/long.

HAMMER=$PWD/build/release/tests/tools/hammer
PEAK=$PWD/build/release/tests/tools/peak
DARK=198.51.100.1 # its SYNs are lost
CAP=100

# Below Weir's cgroup, so that the programs of peak run before those of Weir.
spawn_in() { # clients|servers c|s COMMAND...
	local group=$1 side=$2
	shift 2
	( echo "$BASHPID" > "$CGROUP/$group/cgroup.procs"; exec nsenter --net="/run/netns/$ID-$side" "$@" ) &
	spawned
}

hammer_sandbox() {
	sandbox
	mkdir "$CGROUP"/{clients,servers}
	spawn_in servers s "$SERVER" "$T/server.sock" 0.0.0.0 7001 2>> "$T/server.log"
	spawn_in servers s "$SERVER" "$T/late.sock" 0.0.0.0 7002 2>> "$T/server.log"
	expect "two servers" 5 test -S "$T/server.sock" -a -S "$T/late.sock"
	# Else ports run out: each connection leaves one in TIME_WAIT.
	on_client sysctl -qw net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range="1024 65000"
	on_client ip route add 198.51.100.0/24 via $S4
	on_server ip route add blackhole 198.51.100.0/24
	policy orders <<-EOF
	mode: enforce
	service:
	  destinations:
	    - {address: $S4, ports: [7001, 7002, 7009]}
	    - {address: $DARK, ports: [7001]}
	bulkhead: {maxConnections: $CAP}
	EOF
	start_agent
}

watch_peak() {
	"$PEAK" "$CGROUP/servers" "$CGROUP/clients" 7001 7002 > "$T/peak" &
	spawned
	peak_pid=$LAST
	expect "the counter of connections" 10 grep -q ready "$T/peak"
}
counted() { # server|client now|peak|total
	awk -v s="$1" -v w="$2" '$1 == s {for (i = 2; i < NF; i++) if ($i == w) print $(i + 1)}' "$T/peak"
}

hammer() { # THREADS COUNT [SECONDS]; what came of it is in $T/hammer. Its pid: $LAST
	spawn_in clients c "$HAMMER" $S4 7001 7002 7009 "$DARK" "$@" > "$T/hammer"
}
hammered() { awk -v w="$1" -v r="$2" '(w == "*" || $1 == w) && (r == "*" || $2 == r) {n += $3} END {print n + 0}' "$T/hammer"; }

# The peak as Weir itself can be asked for it, as often as it answers.
ask_in_use() {
	while [ -e "$T/asking" ]; do service orders .connections.active || sleep 0.1; done > "$T/in_use" 2> /dev/null
}

nothing_held() {
	all_released orders
	equal "connecting" "$(service orders .connections.connecting)" 0
	equal "no slot had to be looked for" "$(status_of .faults.stale_released)" 0
	equal "the server has none either" "$(backend stats | awk '{print $2}')" 0
}
