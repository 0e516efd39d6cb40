# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# faults.sh - for stories about faults, after lib.sh: what the kernel holds for
# us, a start that must be refused, an agent whose maps are small.

need bpftool
need setpriv

# ---- what the kernel holds ----------------------------------------------------------

kernel_objects() {
	local kind
	for kind in link prog map; do
		bpftool -j "$kind" show | jq -r --arg k "$kind" '.[] | "\($k) \(.id)"'
	done | sort
}

# What living processes hold: agents of other stories come and go meanwhile.
held_objects() {
	cat /proc/[0-9]*/fdinfo/* 2> /dev/null |
		awk '$1 == "link_id:" || $1 == "prog_id:" || $1 == "map_id:" {sub("_id:", "", $1); print $1, $2}' |
		sort -u
}

# Of our own corner: pins, attached programs, state, sockets.
own_objects() {
	find "$T/bpf" "$T/state" "$T/policies" -mindepth 1 -printf '%P %y %m\n' | sort
	find "$T" -maxdepth 1 -name '*.sock' | sort
	bpftool -j cgroup show "$CGROUP" | jq -r '.[]? | "\(.id) \(.attach_type)"' | sort
	grep -o "$T[^ ]*" /proc/self/mountinfo || :
}

remember_host() {
	kernel_objects > "$T/kernel.before"
	own_objects > "$T/own.before"
}

own_is_as_before() { # WHAT
	own_objects > "$T/own.after"
	diff "$T/own.before" "$T/own.after" > "$T/own.diff" || fail "$1: changed: $(cat "$T/own.diff")"
}

# New, still there, and nobody's: that is a leak. Others' pass away or show.
no_leak() {
	comm -12 "$T/kernel.new" <(kernel_objects) > "$T/kernel.left"
	comm -23 "$T/kernel.left" <(held_objects) > "$T/kernel.new"
	[ ! -s "$T/kernel.new" ]
}

host_is_as_before() {
	own_is_as_before "the host"
	comm -13 "$T/kernel.before" <(kernel_objects) > "$T/kernel.new"
	wait_until 20 no_leak || fail "left in the kernel: $(xargs < "$T/kernel.new")"
	echo "links, programs, maps, pins: as before"
}

# ---- starts that must fail -------------------------------------------------------------

# COMMAND must refuse with one line that matches; nothing may be different after.
refused() { # WHAT PATTERN COMMAND...
	local what=$1 pattern=$2 rc=0
	shift 2
	timeout 20 "$@" > "$T/refusal" 2>&1 || rc=$?
	[ "$rc" != 0 ] && [ "$rc" -lt 124 ] || fail "$what: exit $rc: $(cat "$T/refusal")"
	grep -Eq "$pattern" "$T/refusal" || fail "$what: not '$pattern' but: $(cat "$T/refusal")"
	[ "$(grep -c . "$T/refusal")" = 1 ] || fail "$what: more than a line: $(cat "$T/refusal")"
	own_is_as_before "$what"
	echo "$what: $(sed 's/^[^ ]*Z //' "$T/refusal")"
}

