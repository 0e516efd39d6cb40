# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# listeners.sh - stories in which the server is ours, and its clients are not.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LISTENER=$PWD/build/release/tests/tools/listener
FLOOD=$PWD/build/release/tests/tools/flood
C4=10.77.0.1
C6=fd77::1

# In the cgroup, in the agent's network namespace.
serve_here() { # ADDRESS PORT...
	spawn_in_cgroup "$SERVER" "$T/server.sock" "$@" 2>> "$T/server.log"
	SERVER_PID=$LAST
	wait_until 5 test -S "$T/server.sock" || fail "the server did not start"
}

# Somebody else, from the other side of the veth pair.
visitor() { on_server "$CLIENT" "$@"; }
spawn_visitor() { spawn_on_server "$CLIENT" "$@"; }

decided() { service "$1" ".decisions$2"; }

# Looked at all the time; what is above the cap for a moment may be missed, but
# the kernel cannot count it in either.
watch_peak() { # SERVICE
	in_background watch "$1"
}
watch() {
	while sleep 0.02; do service "$1" .connections.active; done > "$T/in-use" 2> /dev/null
}
peak_in_use() { sort -n "$T/in-use" | tail -1; }
