# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A full listener's SYNs are shed by XDP in both of its modes, or answered; the
# stack has seen none of them, and who is killed leaves it in place.
. tests/e2e/floods.sh
. tests/kernels/sandbox.sh
flood_sandbox
serve_here :: 7001
policy web <<POLICY
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 2, onFull: shed}
POLICY

fill() {
	spawn_visitor hold $C4 7001 2 > /dev/null
	expect "full" 5 in_use_is web 2
	sleep 1
	before=$(touched)
}

for mode in generic driver; do
	settings "interfaces: [c0], mode: $mode"
	start_agent --config "$T/weir.yaml"
	equal "mode" "$(status_of '.xdp[0].mode')" $mode
	fill
	flood 7001 2000 > /dev/null
	at_least "shed" "$(decided web .drop.cap)" 500
	equal "what the stack did" "$(touched)" "$before"
	kill_agent
	flood 7001 500 > /dev/null
	equal "what it did without an agent" "$(touched)" "$before"
	start_agent --config "$T/weir.yaml"
	end TERM "$LAST"
	expect "places come back" 5 in_use_is web 0
	equal "served again" "$(results "$(visitor blocking $C6 7001 3)" ok)" 3
	stop_agent
	equal "after it was stopped" "$(xdp_on c0)" ""
done

settings "interfaces: [c0], answer: reset"
start_agent --config "$T/weir.yaml"
fill
equal "answered" "$(visitor blocking $C4 7001 3; visitor blocking $C6 7001 3)" "$(printf 'ECONNREFUSED 3\nECONNREFUSED 3')"
equal "what the stack did" "$(touched)" "$before"
equal "counted" "$(decided web .refuse.cap)" 6

# In a VLAN too it is refused, by whomever the tag lets see it.
if on_client ip link add link c0 name c0.7 type vlan id 7; then
	on_server ip link add link s0 name s0.7 type vlan id 7
	on_client ip addr add 10.78.0.1/24 dev c0.7
	on_server ip addr add 10.78.0.2/24 dev s0.7
	on_client ip link set c0.7 up
	on_server ip link set s0.7 up
	equal "refused in a VLAN" "$(visitor blocking 10.78.0.1 7001 3)" "ECONNREFUSED 3"
	end TERM "$LAST"
	expect "places come back" 5 in_use_is web 0
	equal "served in a VLAN" "$(visitor blocking 10.78.0.1 7001 3)" "ok 3"
fi
