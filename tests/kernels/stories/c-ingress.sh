# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A listener's cap: adopted, exact, refused with a RST or lost, and all given back.
. tests/kernels/sandbox.sh
. tests/e2e/listeners.sh
sandbox
serve_here :: 7001 7002
spawn_visitor hold $C4 7001 2 >/dev/null
early=$LAST
sleep 3
policy web <<POLICY
mode: enforce
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 6, perClient: {by: prefix, maxConnections: 5}}
POLICY
policy lost <<POLICY
mode: enforce
service: {listen: [{address: 0.0.0.0, ports: [7002]}]}
bulkhead: {maxConnections: 1, onFull: drop}
POLICY
start_agent
equal "adopted" "$(service web .connections.active)" 2
# Long enough for an emulated processor to reset who had no place.
backend answer 3000 >/dev/null
out=$(visitor ask $C4 7001 20 4000)
equal "three more of that client" "$(results "$out" ok)" 3
expect "they leave" 5 in_use_is web 2
spawn_visitor hold $C4 7001 3 >/dev/null
expect "five of it" 5 in_use_is web 5
spawn_visitor hold $C6 7001 1 >/dev/null
last=$LAST
expect "full" 5 in_use_is web 6
equal "refused with a RST" "$(results "$(visitor blocking $C6 7001 3)" ECONNREFUSED)" 3
end TERM "$last"
end TERM "$early"
expect "places come back" 5 in_use_is web 3
spawn_visitor hold $C4 7002 1 >/dev/null
expect "one is in" 5 in_use_is lost 1
spawn_visitor hold $C4 7002 1 >"$T/waits"
dropped() { [ "$(decided lost .drop.cap)" -ge 1 ]; }
expect "its SYN is lost" 5 dropped
equal "and nothing is answered" "$(cat "$T/waits")" ""
no_drift
