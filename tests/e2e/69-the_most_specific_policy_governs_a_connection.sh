# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Prefixes, port ranges and clients that contain one another: the narrower port
# range wins, then the longer prefix, then named clients. Policies that tie are
# turned away together and change nothing.
. "$(dirname "$0")/lib.sh"
need setpriv
sandbox
on_server ip addr add 10.77.0.3/24 dev s0
on_server ip addr add 10.77.0.4/24 dev s0
on_server ip addr add 10.77.9.9/32 dev s0
on_server ip addr add fd77::3/64 dev s0 nodad
on_client ip route add 10.77.9.0/24 dev c0
start_server :: 7001 7100 7105
governs() { # NAME ADDRESS PORTS [MORE OF THE SERVICE]
	policy "$1" <<-EOF
		mode: enforce
		service: {destinations: [{address: "$2", ports: [$3]}]${4:+, $4}}
		bulkhead: {maxConnections: 1000}
	EOF
}
governs wide 10.77.0.0/16 7000-7199
governs net 10.77.0.0/24 7000-7199
governs host $S4 7000-7199
governs mapped ::ffff:10.77.0.3 7000-7199
governs ten 10.77.0.0/16 7100-7109
governs exact 10.77.0.0/16 7100
governs somebody $S4 7000-7199 'clients: [{user: nobody}]'
governs six-net fd77::/64 7000-7199
governs six-host $S6 7000-7199
governs six-any ::/0 7300
governs four-any 0.0.0.0/0 7301
start_agent

USER=root
goes_to() { # SERVICE ADDRESS PORT
	local before after
	before=$(service "$1" .connections.opened)
	in_cgroup setpriv --reuid=$USER "$CLIENT" blocking "$2" "$3" 3 > /dev/null
	after=$(service "$1" .connections.opened)
	equal "$USER to $2 port $3 is $1" $((after - ${before:-0})) 3
}
goes_to wide 10.77.9.9 7001
goes_to net 10.77.0.4 7001
goes_to host $S4 7001
goes_to mapped 10.77.0.3 7001
goes_to ten $S4 7105
goes_to exact $S4 7100
goes_to exact 10.77.9.9 7100
goes_to six-host $S6 7001
goes_to six-net fd77::3 7001
# Both ends of a range belong to it; nobody listens there, it is tried all the same.
goes_to host $S4 7000
goes_to host $S4 7199
goes_to $S4:7200 $S4 7200
goes_to ten $S4 7109
goes_to host $S4 7110
# An IPv4 destination, however an application writes it.
goes_to host ::ffff:$S4 7001
goes_to mapped ::ffff:10.77.0.3 7001
goes_to exact ::ffff:$S4 7100
# All of one family is not the other.
goes_to six-any $S6 7300
goes_to $S4:7300 $S4 7300
goes_to four-any $S4 7301
goes_to four-any ::ffff:$S4 7301
goes_to "[$S6]:7301" $S6 7301
USER=nobody
goes_to somebody $S4 7001
goes_to somebody ::ffff:$S4 7001
goes_to net 10.77.0.4 7001
goes_to ten $S4 7105

generation=$(status_of .generation)
governs second-net 10.77.0.0/24 7000-7199
answer=$(post /v1/reload '')
equal "a tie" "$(jq -r .code <<< "$answer")" rejected
grep -q '/net.yaml' <<< "$answer" || fail "net.yaml is not named: $answer"
grep -q '/second-net.yaml' <<< "$answer" || fail "second-net.yaml is not named: $answer"
equal "generation" "$(status_of .generation)" "$generation"
goes_to net 10.77.0.4 7001
for name in wide net mapped ten exact somebody six-net six-host; do
	expect "$name: in use does not come back to 0" 10 in_use_is $name 0
done
all_released host
