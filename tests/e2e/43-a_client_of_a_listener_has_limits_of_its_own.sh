# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# By address, by prefix, and by rate: nobody's haste or greed is at others' cost.
. "$(dirname "$0")/listeners.sh"
sandbox
for n in 2 3 4 5; do on_server ip addr add 10.77.0.1$n/24 dev s0; done
for n in 1:1 1:2 2:1; do on_server ip addr add "fd77:0:0:$n::5/128" dev s0; done
on_client ip -6 route add fd77::/32 dev c0
serve_here :: 7001 7002 7003 7004 7005
policy each <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 12, perClient: {by: address, maxConnections: 5}}
EOF
policy networks <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7002]}]}
bulkhead: {perClient: {by: prefix, maxConnections: 3, prefixLength: {v4: 31, v6: 48}}}
EOF
policy hasty <<EOF
mode: enforce
service: {listen: [{address: 0.0.0.0, ports: [7003]}]}
rateLimit: {perClient: {by: address, connectionsPerSecond: 2, burst: 4}}
EOF
policy limited <<EOF
mode: enforce
service: {listen: [{address: "::", ports: [7004]}]}
rateLimit: {connectionsPerSecond: 50, burst: 10}
EOF
policy inside <<EOF
mode: enforce
service:
  listen: [{address: "::", ports: [7005]}]
  clients: [{address: 10.77.0.12/31}, {address: "fd77:0:0:1::/64"}]
bulkhead: {maxConnections: 1}
EOF
start_agent
from() { # ADDRESS WAY ADDRESS PORT COUNT [MS]: the kernel picks it by the route's source
	local source=$1
	shift
	case $source in
	*:*) on_server ip -6 route replace $C6/128 dev s0 src "$source" ;;
	*) on_server ip route replace $C4/32 dev s0 src "$source" ;;
	esac
	"$@"
}
hold_from() { from "$1" spawn_visitor hold "$2" "$3" "$4" > /dev/null; HOLDERS+=("$LAST"); sleep 0.2; }
let_go() { for pid in "${HOLDERS[@]}"; do end TERM "$pid"; done; HOLDERS=(); }
HOLDERS=()

hold_from 10.77.0.12 $C4 7001 9
expect "five of one client" 5 in_use_is each 5
equal "the rest of its nine was refused" "$(decided each '.refuse.client_cap + .decisions.reset.client_cap')" 4
hold_from 10.77.0.13 $C4 7001 9
expect "five of the next" 5 in_use_is each 10
hold_from 10.77.0.14 $C4 7001 9
expect "what is left of twelve" 5 in_use_is each 12
equal "by the cap of all" "$(decided each '.refuse.cap + .decisions.reset.cap')" 7
let_go
expect "all come back" 10 in_use_is each 0
equal "the first again" "$(results "$(from 10.77.0.12 visitor ask $C4 7001 5 200)" ok)" 5

hold_from 10.77.0.12 $C4 7002 2
hold_from 10.77.0.13 $C4 7002 2
expect "10.77.0.12/31 is one client" 5 in_use_is networks 3
hold_from 10.77.0.14 $C4 7002 2
expect "10.77.0.14 is another" 5 in_use_is networks 5
hold_from fd77:0:0:1:1::5 $C6 7002 2
hold_from fd77:0:0:2:1::5 $C6 7002 2
expect "the same 48 bits" 5 in_use_is networks 8
let_go
expect "none left" 10 in_use_is networks 0

# One in a hurry, and one that is not.
out=$(from 10.77.0.12 visitor blocking $C4 7003 40)
at_most "let in of the hasty one" "$(results "$out" ok)" 6
at_least "let in of the hasty one" "$(results "$out" ok)" 4
equal "another has its own" "$(results "$(from 10.77.0.13 visitor blocking $C4 7003 4)" ok)" 4
at_least "counted as its rate" "$(decided hasty '.refuse.client_rate + .decisions.reset.client_rate')" 30

# The rate of all: never more than burst + rate x time are let in. (One that is
# reset may have had its answer before.)
begun=$EPOCHREALTIME
workers=()
for n in 1 2 3 4; do spawn_visitor blocking $C4 7004 4000 > "$T/out.$n"; workers+=("$LAST"); done
wait "${workers[@]}" || :
seconds=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN {print b - a}')
admitted=$(decided limited .allow.none)
at_most "let in within $seconds s" "$admitted" "$(awk -v s="$seconds" 'BEGIN {print int(10 + 50 * s) + 1}')"
at_least "let in within $seconds s" "$admitted" "$(awk -v s="$seconds" 'BEGIN {print int(0.7 * 50 * s)}')"
turned_away=$(decided limited '.refuse.rate + .decisions.reset.rate')
at_least "each was let in or turned away" "$((admitted + turned_away))" 16000

# A policy for some networks: others are not its business.
hold_from 10.77.0.13 $C4 7005 1
expect "governed" 5 in_use_is inside 1
equal "no second one" "$(results "$(from 10.77.0.12 visitor blocking $C4 7005 5)" ECONNREFUSED)" 5
equal "not from outside" "$(results "$(from 10.77.0.14 visitor blocking $C4 7005 5)" ok)" 5
equal "nor this network" "$(results "$(from fd77:0:0:2:1::5 visitor blocking $C6 7005 5)" ok)" 5
equal "but this one" "$(results "$(from fd77:0:0:1:1::5 visitor blocking $C6 7005 5)" ECONNREFUSED)" 5
equal "no client is left uncounted" "$(status_of .faults.caller_full)" 0
let_go
for name in each networks hasty limited inside; do expect "$name" 10 in_use_is $name 0; done
sleep 2.2
no_drift
