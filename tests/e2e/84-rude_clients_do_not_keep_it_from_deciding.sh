# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Garbage, half requests, endless bodies, drips, dropped long polls and more
# connections than there are seats, on the control socket and on the metrics
# port: breakers open and close meanwhile, and nothing is left of it.
. "$(dirname "$0")/lib.sh"
need socat
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 5
  waitDurationInOpenState: 1s
  permittedNumberOfCallsInHalfOpenState: 2
  onOpen: {newConnections: refuse, errno: EHOSTUNREACH}
EOF
start_agent
fds() { ls "/proc/$AGENT_PID/fd" | wc -l; }
threads() { ls "/proc/$AGENT_PID/task" | wc -l; }
memory_kb() { awk '$1 == "RssAnon:" {print $2}' "/proc/$AGENT_PID/status"; }
fds_before=$(fds)
memory_before=$(memory_kb)

SOCKET=UNIX-CONNECT:$T/weir.sock
PORT=TCP:127.0.0.1:19347
speak() { on_client timeout 40 socat -t 30 - "$1" > /dev/null 2>&1 || :; }
garbage() { while [ -e "$T/rude" ]; do head -c 20000 /dev/urandom | speak "$1"; done; }
stall() { { printf '%s' "$2"; sleep 30; } | speak "$1"; }
headers() {
	while [ -e "$T/rude" ]; do
		{ printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n'; yes $'X-Y: z\r' | head -10000; } | speak "$1"
	done
}
drip() { { printf 'GET /metrics HTTP/1.1\r\nX: '; while [ -e "$T/rude" ] && printf x; do sleep 0.2; done; } | speak "$1"; }
bodies() {
	while [ -e "$T/rude" ]; do
		{ printf 'POST /v1/policies HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n'
		  head -c 1000000 /dev/zero; } | speak "$SOCKET"
		head -c 20000000 /dev/zero | timeout 20 curl -s -o /dev/null -T - -X POST \
			--unix-socket "$T/weir.sock" http://weir/v1/policies || :
	done
}
polls() { while [ -e "$T/rude" ]; do curl -s -m 0.2 --unix-socket "$T/weir.sock" 'http://weir/v1/events?since=9999&wait=25' > /dev/null || :; done; }
readers() {
	while [ -e "$T/rude" ]; do
		curl -s -m 2 --unix-socket "$T/weir.sock" http://weir/v1/services > /dev/null || :
		on_client curl -s -m 2 http://127.0.0.1:19347/metrics > /dev/null || :
	done
}

touch "$T/rude"
for where in "$SOCKET" "$PORT"; do
	in_background garbage "$where"
	in_background headers "$where"
	in_background drip "$where"
	for _ in {1..20}; do in_background stall "$where" 'GET /v1/st'; done
done
for _ in {1..50}; do in_background stall "$PORT" $'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhalf'; done
for _ in {1..15}; do in_background stall "$SOCKET" $'POST /v1/force HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"name"'; done
in_background bodies
for _ in 1 2 3; do in_background polls; done
in_background readers
crowded() { [ "$(fds)" -ge $((fds_before + 60)) ]; }
expect "a crowd" 20 crowded
echo "threads: $(threads), descriptors: $(fds)"

# No API here: what the application sees is what counts.
refuses() { [ "$(results "$(client blocking $S4 7001 1)" EHOSTUNREACH)" = 1 ]; }
admits() { [ "$(results "$(client blocking $S4 7001 1)" ok)" = 1 ]; }
for round in 1 2 3; do
	backend refuse > /dev/null
	expect "round $round: it opens" 10 refuses
	backend listen > /dev/null
	expect "round $round: it closes" 20 admits
done
at_least "the scraper is served: answers" "$(on_client curl -s --retry 5 -m 5 http://127.0.0.1:19347/metrics | grep -c '^weir_')" 20
kill -0 "$AGENT_PID" || fail "the agent is gone"
at_most "threads" "$(threads)" 80

rm "$T/rude"
for pid in $(ip netns pids "$ID-c"); do
	[ "$pid" = "$AGENT_PID" ] || kill "$pid" 2> /dev/null || :
done
forgotten() { [ "$(fds)" -le $((fds_before + 3)) ]; }
expect "connections are forgotten: $(fds) of $fds_before" 30 forgotten
expect "it answers" 5 ready
equal "the heartbeat was never old" "$(status_of .faults.lease_expired)" 0
equal "no event was lost" "$(status_of .events_lost_total)" 0
equal "generation" "$(status_of .generation)" 1
equal "health" "$(api /healthz)" ok
at_most "memory grown by KB" $(($(memory_kb) - memory_before)) 16384
all_released orders
stop_agent
