# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A slow program, a network that loses packets, and a full accept queue are three
# different causes; a client that gives up late is evidence, one that gives up
# early is none.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002 7003 7004
for name in program network queue impatient; do
	n=$((${n:-0} + 1))
	policy $name <<-EOF
	mode: observe
	service: {destinations: [{address: $S4, ports: [700$n]}]}
	circuitBreaker: {slowCallDurationThreshold: 150ms, slidingWindow: {size: 60s, buckets: 10}}
	EOF
done
start_agent
why() { api "/v1/why?name=$1" | jq -r '.lines[] | .label + ": " + .text'; }
says() { why "$1" | grep -q "$2"; }

backend answer 300 > /dev/null
client blocking $S4 7001 4 > /dev/null
expect "the program: $(why program)" 5 says program 'cause: the backend: 4 of 4 bad calls had no retransmission'

# The wire is cut while requests are on their way.
backend answer 0 > /dev/null
for _ in 1 2 3 4; do spawn_in_cgroup "$CLIENT" turns $S4 7002 1000 50 > /dev/null; done
expect "four ask" 5 in_use_is network 4
asked() { [ "$(service network .calls.turn.success)" -ge 40 ]; }
expect "and are answered" 10 asked
on_server ip link set s0 down
sleep 0.7
on_server ip link set s0 up
on_server ip addr add fd77::2/64 dev s0 nodad 2> /dev/null || :
expect "the network: $(why network)" 15 says network 'cause: the network: [0-9]* of [0-9]* bad calls had retransmissions'

# Given up: after 20 ms nothing is known of the backend, after 300 ms it is.
backend answer 2000 > /dev/null
for _ in 1 2 3; do ! in_cgroup curl -s --max-time 0.05 "http://$S4:7004/" || fail "answered"; done
early() { [ "$(service impatient .calls.turn.neutral)" = 3 ] && [ "$(service impatient .calls.turn.slow)" = 0 ]; }
expect "giving up early is no evidence: $(service impatient .calls)" 5 early
for _ in 1 2 3; do ! in_cgroup curl -s --max-time 0.4 "http://$S4:7004/" || fail "answered"; done
late() { [ "$(service impatient .calls.turn.slow)" = 3 ]; }
expect "giving up late is: $(service impatient .calls)" 5 late

# Nobody accepts: SYNs are thrown away, established connections are well.
backend deaf > /dev/null
spawn_in_cgroup "$CLIENT" hold $S4 7003 8 > /dev/null
for _ in 1 2 3 4; do spawn_in_cgroup curl -s --connect-timeout 3 -o /dev/null "http://$S4:7003/"; done
expect "the accept queue: $(why queue)" 25 says queue "cause: [0-9]* of [0-9]* bad connects had their SYN sent again: the backend's accept queue is full"
no_drift
