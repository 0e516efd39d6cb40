# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Redis and redis-cli: DEBUG SLEEP holds the one thread that serves everybody,
# CLIENT PAUSE lets commands wait while connections are accepted.
. "$(dirname "$0")/servers.sh"
need redis-server
need redis-cli
NAME=cache
PORT=7379

ask() { in_cgroup redis-cli -h "$1" -p "$PORT" "${@:2}"; }
call() { ask "$1" set key value 2>&1 | tee /dev/stderr | grep -qx OK; }
slow() { ask "$1" debug sleep 0.6; }
admin() { redis-cli -s "$T/redis.sock" "$@"; }

start() {
	serve redis-server --port "$PORT" --bind "$S4" "$S6" --unixsocket "$T/redis.sock" --dir "$T" \
		--save '' --appendonly no --protected-mode no --enable-debug-command yes
	SERVER_PID=$LAST
	expect "Redis does not answer" 10 admin ping
}
stop() { end TERM "$SERVER_PID"; }

is_paused() {
	admin client pause 600000 write > /dev/null
	many call
	refuses paused slow_rate
	admin client unpause > /dev/null
	all_answered paused
	recovers paused
}

sandbox
start
protect
start_agent
call_well healthy 2
becomes_slow
is_paused
is_suspended
is_stopped
released
