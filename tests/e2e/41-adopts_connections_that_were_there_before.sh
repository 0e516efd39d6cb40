# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}, {address: $S6, ports: [7001]}]}
bulkhead: {maxConnections: 30}
EOF
spawn_in_cgroup "$CLIENT" hold $S4 7001 12 > /dev/null
holder=$LAST
spawn_in_cgroup "$CLIENT" hold $S6 7001 8 > /dev/null
# Not ours: outside the cgroup.
spawn_on_client "$CLIENT" hold $S4 7001 5 > /dev/null
accepted() { [ "$(peak)" = 25 ]; }
expect "25 connections before the agent" 5 accepted
start_agent
equal "adopted" "$(service orders .connections.active)" 20
out=$(client parallel $S4 7001 50 300)
equal "they count against the cap" "$(results "$out" ok)" 10
pkill_holder() { kill "$holder"; wait "$holder" 2> /dev/null || :; }
pkill_holder
expect "they are released when they close" 10 in_use_is orders 8
sleep 2.2
no_drift

# A policy that comes later takes over what was only observed before.
rm "$T/policies/orders.yaml"
reload
expect "observed now" 5 in_use_is "[$S6]:7001" 8
policy again <<EOF
mode: enforce
service: {destinations: [{address: $S6, ports: [7001]}]}
bulkhead: {maxConnections: 9}
EOF
reload
expect "governed again" 5 in_use_is again 8
out=$(client parallel $S6 7001 20 300)
equal "one slot is left" "$(results "$out" ok)" 1
sleep 2.2
no_drift
