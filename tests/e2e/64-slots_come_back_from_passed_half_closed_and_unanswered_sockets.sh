# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What story 31 leaves out: descriptors that travel to another process, Fast
# Open, a socket that asks again after it was refused, a peer that says nothing.
. "$(dirname "$0")/lib.sh"
sandbox
# Fast Open for every client and every listener.
on_client sysctl -qw net.ipv4.tcp_fastopen=1
on_server sysctl -qw net.ipv4.tcp_fastopen=1026
start_server :: 7001 7002
policy orders <<EOF
mode: enforce
service:
  destinations:
    - {address: $S4, ports: [7001]}
    - {address: $S6, ports: [7001]}
bulkhead: {maxConnections: 3000}
EOF
policy narrow <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConnections: 5}
EOF
start_agent
for address in $S4 $S6 ::ffff:$S4; do
	for way in passed adrift halfclose fastopen; do
		equal "$way $address" "$(results "$(client $way "$address" 7001 40)" ok)" 40
	done
done
# The first to each address fetches the cookie, all later SYNs carry a byte.
fast=$(on_client cat /proc/net/netstat | awk '$1 == "TcpExt:" {
	if (!n) n = split($0, names); else for (i = 2; i <= n; i++) if (names[i] == "TCPFastOpenActive") print $i }')
at_least "opened by a SYN with data" "$fast" 100
expect "all of them released" 10 in_use_is orders 0
equal "connects" "$(service orders .connections.opened)" 480
equal "answered connects" "$(service orders .calls.connect.success)" 480

# Full: one socket asks again and again, is refused, and is let through once.
spawn_in_cgroup "$CLIENT" hold $S4 7002 5 > /dev/null
holder=$LAST
expect "five held" 5 in_use_is narrow 5
spawn_in_cgroup "$CLIENT" patient $S4 7002 1 > "$T/patient"
waiting=$LAST
refused_often() { [ "$(service narrow .decisions.refuse.cap)" -gt 20 ]; }
expect "the sixth is refused" 10 refused_often
equal "still five" "$(service narrow .connections.active)" 5
end KILL "$holder"
wait "$waiting"
equal "let through on the socket that was refused" "$(results "$(cat "$T/patient")" ok)" 1
expect "the slots of both are free" 10 in_use_is narrow 0

# Nobody answers the SYN: given up, and killed, before there is a connection.
on_server ip route add blackhole 10.77.0.1/32
equal "closed while connecting" "$(results "$(client early $S4 7001 200)" ok)" 200
expect "given back" 10 in_use_is orders 0
equal "given up is neutral" "$(service orders .calls.connect.failure)" 0
spawn_in_cgroup "$CLIENT" parallel $S4 7001 300 0 > /dev/null
dialing=$LAST
connecting() { [ "$(service orders .connections.connecting)" = 300 ]; }
expect "300 without an answer" 10 connecting
equal "they hold their slots" "$(service orders .connections.active)" 300
end KILL "$dialing"
expect "given back by the killed" 10 in_use_is orders 0
equal "none is left connecting" "$(service orders .connections.connecting)" 0
on_server ip route del blackhole 10.77.0.1/32
equal "nobody lives there" "$(results "$(client parallel 10.77.0.99 7001 5 0)" EHOSTUNREACH)" 5
expect "that was seen, too" 10 in_use_is 10.77.0.99:7001 0
equal "unreachable" "$(service 10.77.0.99:7001 .failures.unreachable)" 5
all_released orders
all_released narrow
equal "no slot had to be looked for" "$(status_of .faults.stale_released)" 0
