# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What listens and is connected before the agent, or before the policy; in more
# than one network namespace; over IPv4, IPv6 and IPv4 in IPv6; under an agent
# that is killed.
. "$(dirname "$0")/listeners.sh"
sandbox
serve_here :: 7001 7002
# One more of ours, in the other namespace: there the clients are on_client.
( echo "$BASHPID" > "$CGROUP/cgroup.procs"
	exec nsenter --net="/run/netns/$ID-s" "$SERVER" "$T/other.sock" 0.0.0.0 7001 ) &
spawned
wait_until 5 test -S "$T/other.sock" || fail "the other server did not start"
spawn_visitor hold $C4 7001 3 > /dev/null
early=$LAST
spawn_visitor hold $C6 7001 2 > /dev/null
spawn_on_client "$CLIENT" hold $S4 7001 1 > /dev/null
other=$LAST
accepted() { [ "$(peak)" = 5 ]; }
expect "five before the agent" 5 accepted
policy web <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 8}
EOF
start_agent
equal "adopted" "$(service web .connections.active)" 6
backend answer 100 > /dev/null
equal "two more find a place" "$(results "$(visitor ask $C4 7001 12 300)" ok)" 2
expect "and leave it" 5 in_use_is web 6
spawn_visitor hold $C4 7001 2 > /dev/null
late=$LAST
expect "full" 5 in_use_is web 8
equal "refused here" "$(results "$(visitor blocking $C4 7001 5)" ECONNREFUSED)" 5
equal "and in the other namespace" "$(results "$(on_client "$CLIENT" blocking $S4 7001 5)" ECONNREFUSED)" 5
equal "each namespace has its hook" "$(find "$T/bpf/weir" -name 'weir_lookup-*' | wc -l)" 2

# The agent dies: what is full stays full, and what closes gives its place back.
kill_agent
sleep 0.5
equal "refused without an agent" "$(results "$(visitor blocking $C4 7001 20)" ECONNREFUSED)" 20
sleep 3.5
equal "also when its lease is over" "$(results "$(visitor blocking $C6 7001 20)" ECONNREFUSED)" 20
end TERM "$late"
sleep 0.3
equal "two can come in" "$(results "$(visitor blocking $C4 7001 2)" ok)" 2
end TERM "$early"
# Nobody resets now. Who is in beyond the cap is told by the next agent.
spawn_visitor hold $C4 7001 5 > /dev/null
sleep 0.5
start_agent
equal "taken over" "$(service web .connections.active)" 8
equal "still refused" "$(results "$(visitor blocking $C4 7001 5)" ECONNREFUSED)" 5
end TERM "$LAST"
expect "three are left" 5 in_use_is web 3

# Another policy: they move; none: they are nobody's.
rm "$T/policies/web.yaml"
policy later <<EOF
mode: enforce
service: {listen: [{address: 0.0.0.0, ports: [7001]}]}
bulkhead: {maxConnections: 2}
EOF
reload
expect "governed by the other, IPv4 only" 5 in_use_is later 1
equal "and one finds room" "$(results "$(visitor ask $C4 7001 5 200)" ok)" 1
equal "IPv6 is free" "$(results "$(visitor ask $C6 7001 9 200)" ok)" 9
rm "$T/policies/later.yaml"
reload
equal "no hook is left" "$(find "$T/bpf/weir" -name 'weir_lookup-*' | wc -l)" 0
equal "all are free" "$(results "$(visitor ask $C4 7001 9 200)" ok)" 9
# Long after the agent has dropped its privileges, and in both namespaces.
policy web <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 1}
EOF
reload
equal "hooks again" "$(find "$T/bpf/weir" -name 'weir_lookup-*' | wc -l)" 2
refused=$(decided web .refuse.cap)
equal "with three in, nobody else comes in" "$(results "$(visitor blocking $C4 7001 5)" ECONNREFUSED)" 5
# A SYN that was sent again is refused again.
at_least "refused at the SYN" "$(decided web .refuse.cap)" "$((refused + 5))"
end TERM "$other"
sleep 2.2
no_drift
stop_agent
