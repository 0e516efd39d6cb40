# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# 200,000 SYNs from addresses that are not there, while the service is full and
# while it is not: no place is held, no map grows, and who is known is served.
. "$(dirname "$0")/listeners.sh"
sandbox
# Answers to the made-up addresses go out and are lost, as on the Internet.
on_client sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.c0.rp_filter=0
on_client ip route add default dev c0
on_server iptables -A INPUT -d 10.99.0.0/16 -j DROP 2> /dev/null || :
serve_here :: 7001
policy web <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 20, perClient: {by: address, maxConnections: 10}}
rateLimit: {perClient: {by: address, connectionsPerSecond: 500, burst: 500}}
EOF
start_agent
entries() { status_of '[.maps[] | select(.name == ("weir_endpoint", "weir_rule", "weir_network")) | .entries] | join(" ")'; }
clients() { bpftool map dump pinned "$T/bpf/weir"/v*/maps/weir_caller | grep -c '"by": [45]' || :; }
spawn_visitor hold $C4 7001 5 > /dev/null
expect "a client we know" 5 in_use_is web 5
before=$(entries)
equal "its place" "$(clients)" 1

on_server "$FLOOD" $C4 7001 100000 > "$T/sent" &
spawned
flood=$LAST
served=0
while kill -0 "$flood" 2> /dev/null; do
	[ "$(results "$(visitor blocking $C4 7001 1)" ok)" = 1 ] && served=$((served + 1)) || fail "locked out"
	[ "$(service web .connections.active)" -le 6 ] || fail "a SYN holds a place"
done
wait "$flood" || :
at_least "SYNs sent" "$(cat "$T/sent")" 90000
at_least "served meanwhile" "$served" 2
equal "places of clients" "$(clients)" 1
equal "entries of maps" "$(entries)" "$before"
equal "held" "$(service web .connections.active)" 5

# Full: each is refused and nothing is made of it.
spawn_visitor hold $C6 7001 10 > /dev/null
expect "another takes what one may have" 5 in_use_is web 15
on_server ip addr add 10.77.0.21/32 dev s0
on_server ip route replace $C4/32 dev s0 src 10.77.0.21
spawn_visitor hold $C4 7001 5 > /dev/null
last=$LAST
expect "full" 5 in_use_is web 20
refused=$(decided web .refuse.cap)
on_server "$FLOOD" $C4 7001 100000 > "$T/sent"
at_least "refused, one by one" "$(($(decided web .refuse.cap) - refused))" 90000
equal "in use" "$(service web .connections.active)" 20
equal "places of clients" "$(clients)" 3
# The flood goes on, a place becomes free: who asks first has it.
on_server "$FLOOD" $C4 7001 200000 > "$T/sent" &
spawned
end TERM "$last"
patience() { [ "$(results "$(visitor blocking $C4 7001 1)" ok)" = 1 ]; }
expect "a known client is served" 5 patience
end TERM "$LAST"
all_faults() { status_of '.faults | .caller_full + .no_storage + .cas_lost'; }
equal "nothing had to be let go" "$(all_faults)" 0
sleep 2.2
no_drift
