# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh - a sandbox for a story: a cgroup, two network namespaces joined by a
# veth pair, a bpf file system, a directory; gone when the story ends.
#
#   client side: 10.77.0.1, fd77::1   where the agent and the clients run
#   server side: 10.77.0.2, fd77::2   where the backends run

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

AGENT=${WEIR_AGENT:-$PWD/build/release/weir-agent}
WEIRCTL=${WEIR_WEIRCTL:-$PWD/build/release/weirctl}
SERVER=$PWD/build/release/tests/tools/server
CLIENT=$PWD/build/release/tests/tools/client
PATH=$PATH:/usr/sbin:/sbin$(printf ':%s' /usr/lib/postgresql/*/bin)

CGROUP_ROOT=$(awk '$0 ~ / - cgroup2 / {print $5; exit}' /proc/self/mountinfo)
ID=weir-t-$$
CGROUP=$CGROUP_ROOT/$ID
T=$(mktemp -d /tmp/weir-t.XXXXXX)
chmod 755 "$T"
S4=10.77.0.2
S6=fd77::2
PIDS=()
AGENT_PID=

# A function in the background is a shell; the program is its child.
with_children() { # PID...
	local pid
	for pid in "$@"; do cat <(echo "$pid") "/proc/$pid/task/$pid/children"; done 2> /dev/null
}

cleanup() {
	local pid
	set +e
	trap - EXIT
	mapfile -t PIDS < <(with_children "${PIDS[@]}" | xargs -rn 1)
	for pid in $AGENT_PID "${PIDS[@]}"; do kill -CONT "$pid"; kill "$pid"; done 2> /dev/null
	for pid in $(find "$CGROUP" -name cgroup.procs -exec cat {} + 2> /dev/null); do kill -9 "$pid" 2> /dev/null; done
	for pid in "${PIDS[@]}"; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
		kill -9 "$pid" 2> /dev/null
	done
	[ -z "$AGENT_PID" ] || { sleep 0.3; kill -9 "$AGENT_PID" 2> /dev/null; }
	# The shell around a background function dies, what it started does not.
	for pid in $(ip netns pids "$ID-c" 2> /dev/null) $(ip netns pids "$ID-s" 2> /dev/null); do
		kill -9 "$pid"
	done
	wait 2> /dev/null
	ip netns del "$ID-c" 2> /dev/null
	ip netns del "$ID-s" 2> /dev/null
	umount "$T/bpf" 2> /dev/null || umount -l "$T/bpf" 2> /dev/null
	find "$CGROUP" -depth -type d -exec rmdir {} \; 2> /dev/null
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
	echo "FAILED: $*"
	echo "--- agent log"
	tail -30 "$T/agent.log" 2> /dev/null
	exit 1
}

need() { # PROGRAM: what a story cannot do without
	command -v "$1" > /dev/null || { echo "needs $1, which is not installed"; exit 77; }
}

sandbox() {
	mkdir "$CGROUP"
	mkdir -p "$T/bpf" "$T/state" "$T/policies"
	mount -t bpf -o mode=0700 bpf "$T/bpf"
	ip netns add "$ID-c"
	ip netns add "$ID-s"
	ip link add name c0 netns "$ID-c" type veth peer name s0 netns "$ID-s"
	on_client ip link set lo up
	on_server ip link set lo up
	on_client ip addr add 10.77.0.1/24 dev c0
	on_server ip addr add 10.77.0.2/24 dev s0
	on_client ip addr add fd77::1/64 dev c0 nodad
	on_server ip addr add fd77::2/64 dev s0 nodad
	on_client ip link set c0 up
	on_server ip link set s0 up
}

# `ip netns exec` would hide the cgroup mount: nsenter does not.
on_client() { nsenter --net="/run/netns/$ID-c" "$@"; }
on_server() { nsenter --net="/run/netns/$ID-s" "$@"; }

# A process of the application: in the cgroup, in the client's namespace.
in_cgroup() {
	( echo "$BASHPID" > "$CGROUP/cgroup.procs"; exec nsenter --net="/run/netns/$ID-c" "$@" )
}

# In the background, as themselves: a function with & would be a shell around
# its program, and only the shell would be killed. The pid goes to $LAST.
spawned() {
	LAST=$!
	PIDS+=("$LAST")
}
in_background() { "$@" & spawned; } # a function, with the shell around it
spawn_on_client() { nsenter --net="/run/netns/$ID-c" "$@" & spawned; }
spawn_on_server() { nsenter --net="/run/netns/$ID-s" "$@" & spawned; }
spawn_in_cgroup() {
	( echo "$BASHPID" > "$CGROUP/cgroup.procs"; exec nsenter --net="/run/netns/$ID-c" "$@" ) &
	spawned
}

# A server program in the background: $LAST is its own pid, not a shell's.
serve() { # COMMAND...
	spawn_on_server "$@" >> "$T/server.log" 2>&1
}

end() { # SIGNAL PID: a process of the story; returns when it is gone
	kill "-$1" "$2"
	wait "$2" 2> /dev/null || :
}

client() { in_cgroup "$CLIENT" "$@"; }

wait_until() { # SECONDS COMMAND...: true as soon as COMMAND is
	local tries=$(($1 * 20))
	shift
	while ! "$@" > /dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

expect() { # TEXT SECONDS COMMAND...
	local text=$1
	shift
	wait_until "$@" || fail "$text"
}

equal() { # WHAT GOT WANT
	[ "$2" = "$3" ] || fail "$1: got '$2', want '$3'"
	echo "$1: $2"
}

at_most() { # WHAT GOT MAX
	[ "$2" -le "$3" ] || fail "$1: got $2, want at most $3"
	echo "$1: $2 (at most $3)"
}

at_least() { # WHAT GOT MIN
	[ "$2" -ge "$3" ] || fail "$1: got $2, want at least $3"
	echo "$1: $2 (at least $3)"
}

# ---- the agent ---------------------------------------------------------------------

agent_command() {
	printf '%s\n' "$AGENT" --cgroup "$CGROUP" --pin-dir "$T/bpf/weir" --state-dir "$T/state" \
		--policy-dir "$T/policies" --socket "$T/weir.sock" --metrics 127.0.0.1:19347
}

run_agent() { # further options; stays in the foreground
	local command
	mapfile -t command < <(agent_command)
	nsenter --net="/run/netns/$ID-c" "${command[@]}" "$@"
}

start_agent() { # further options
	local command
	mapfile -t command < <(agent_command)
	nsenter --net="/run/netns/$ID-c" "${command[@]}" "$@" 2>> "$T/agent.log" &
	AGENT_PID=$!
	wait_until 20 ready || fail "the agent did not become ready"
}

ready() { [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$T/weir.sock" http://weir/readyz)" = 200 ]; }

stop_agent() {
	kill "$AGENT_PID"
	wait "$AGENT_PID" || fail "the agent did not stop well: $?"
	AGENT_PID=
}

kill_agent() {
	kill -9 "$AGENT_PID"
	wait "$AGENT_PID" 2> /dev/null || :
	AGENT_PID=
}

ctl() { "$WEIRCTL" --socket "$T/weir.sock" "$@"; }
api() { curl -s --unix-socket "$T/weir.sock" "http://weir$1"; }
post() { curl -s --unix-socket "$T/weir.sock" -X POST -d "$2" "http://weir$1"; }
# A number or text of a service or endpoint: service NAME JQ-PATH
service() { api "/v1/services" | jq -r --arg n "$1" ".items[] | select(.name == \$n) | $2"; }
endpoint() { api "/v1/endpoints" | jq -r --arg n "$1" ".items[] | select(.name == \$n) | $2"; }
status_of() { api /v1/status | jq -r "$1"; }
state_is() { [ "$(endpoint "$1" .breaker.state)" = "$2" ]; }
service_state_is() { [ "$(service "$1" .state)" = "$2" ]; }
reload() { post /v1/reload '' > /dev/null; }
in_use_is() { [ "$(service "$1" .connections.active)" = "$2" ]; }

no_drift() { equal "drift" "$(status_of .drift_total)" 0; }

# Everything the application held has been given back, and the books agree.
all_released() { # SERVICE
	expect "$1: connections in use do not come back to 0: $(service "$1" .connections)" 20 in_use_is "$1" 0
	sleep 2.2
	no_drift
}

policy() { # NAME; the spec comes from stdin
	{
		printf 'apiVersion: weir/v1\nkind: ResiliencePolicy\nmetadata: {name: %s}\nspec:\n' "$1"
		sed 's/^/  /'
	} > "$T/policies/$1.yaml"
	chmod 644 "$T/policies/$1.yaml"
}

# ---- the backend -------------------------------------------------------------------------

start_server() { # ADDRESS PORT...
	spawn_on_server "$SERVER" "$T/server.sock" "$@" 2>> "$T/server.log"
	wait_until 5 test -S "$T/server.sock" || fail "the server did not start"
}

backend() { printf '%s' "$*" | socat - "UNIX-CONNECT:$T/server.sock"; }
peak() { backend stats | sed 's/.*peak \([0-9]*\).*/\1/'; }

# SYNs that left the client for a port, seen on its own wire. tcp[] is IPv4's:
# byte 53 is the flags of TCP right behind an IPv6 header.
count_syns() { # PORT or PORT-PORT
	spawn_on_client tcpdump -i c0 -n -l --immediate-mode \
		"tcp dst portrange $1 and (tcp[13] & 18 == 2 or (ip6 and ip6[53] & 18 == 2))" \
		> "$T/syns" 2> "$T/tcpdump.log"
	wait_until 5 grep -q 'listening on' "$T/tcpdump.log" || fail "tcpdump does not listen"
}
syns() {
	sleep 0.3
	grep -c . "$T/syns" || :
}

results() { # OUTPUT RESULT: how many of one result a client had
	awk -v r="$2" '$1 == r {n = $2} END {print n + 0}' <<< "$1"
}

# The value of one series; nothing when there is none.
metric() { # SERIES
	api /metrics | awk -v s="$1" '$1 == s {print $2}'
}
