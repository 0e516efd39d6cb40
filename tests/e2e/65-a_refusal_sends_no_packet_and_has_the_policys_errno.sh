# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Each errno a policy may name, each way to connect, IPv4, mapped and IPv6: the
# application reads that errno, and nothing at all leaves the host.
. "$(dirname "$0")/lib.sh"
need tcpdump
sandbox
start_server :: 7001 7002 7003 7004 7005
errnos=(ECONNREFUSED ETIMEDOUT EHOSTUNREACH ENETUNREACH EACCES)
for i in 1 2 3 4 5; do
	for family in 4 6; do
		address=S$family
		policy "port-$i-v$family" <<-EOF
			mode: enforce
			service: {destinations: [{address: "${!address}", ports: [700$i]}]}
			circuitBreaker:
			  consecutiveFailures: 3
			  waitDurationInOpenState: 600s
			  onOpen: {newConnections: refuse, errno: ${errnos[i - 1]}}
		EOF
	done
done
start_agent
backend refuse > /dev/null
for i in 1 2 3 4 5; do
	equal "failures" "$(results "$(client blocking $S4 700$i 3)" ECONNREFUSED)" 3
	equal "failures, IPv6" "$(results "$(client blocking $S6 700$i 3)" ECONNREFUSED)" 3
	expect "open" 5 state_is "$S4:700$i" open
	expect "open, IPv6" 5 state_is "[$S6]:700$i" open
done
backend listen > /dev/null
count_syns 7001-7005
for i in 1 2 3 4 5; do
	for address in $S4 $S6 ::ffff:$S4; do
		for way in blocking nonblocking uring retry fastopen; do
			out=$(client $way "$address" 700$i 10)
			equal "$way $address 700$i" "$(results "$out" "${errnos[i - 1]}")" 10
		done
	done
done
# retry calls connect() twice on each socket.
for i in 1 2 3 4 5; do
	equal "refused, 700$i" "$(service "port-$i-v4" .decisions.refuse.breaker)" 120
	equal "refused, 700$i, IPv6" "$(service "port-$i-v6" .decisions.refuse.breaker)" 60
	equal "no failure of the backend" "$(service "port-$i-v4" .calls.connect.failure)" 3
done
# Two of each family that Weir does not govern: those, and no other, are seen.
on_client "$CLIENT" blocking $S4 7001 2 > /dev/null
on_client "$CLIENT" blocking $S6 7005 2 > /dev/null
four() { [ "$(syns)" -ge 4 ]; }
expect "the counter sees SYNs" 10 four
equal "SYNs of 900 refused connects" "$(($(syns) - 4))" 0
all_released port-1-v4
