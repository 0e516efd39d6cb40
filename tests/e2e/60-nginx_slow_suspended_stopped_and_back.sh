# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# nginx and curl. nginx delays what its own limit_req lets wait.
. "$(dirname "$0")/servers.sh"
need nginx
NAME=web
PORT=7080

call() { ask_web "$1" "$PORT" /; }
slow() { ask_web "$1" "$PORT" "/slow?$1"; }
start() {
	start_nginx "[::]:$PORT" "0.0.0.0:$PORT"
	SERVER_PID=$LAST
}
stop() { end TERM "$SERVER_PID"; }

sandbox
start
protect
start_agent
call_well healthy 2
becomes_slow
is_suspended
is_stopped
released
