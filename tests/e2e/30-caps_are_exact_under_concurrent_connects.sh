# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002
policy service-cap <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 20}
EOF
policy endpoint-cap <<EOF
mode: enforce
service: {destinations: [{address: 10.77.0.0/24, ports: [7002-7009]}]}
bulkhead: {maxConnections: 100, perEndpoint: {maxConnections: 5}}
EOF
start_agent
for _ in 1 2 3 4 5; do
	out=$(client parallel $S4 7001 300 100)
	equal "admitted" "$(results "$out" ok)" 20
	equal "refused" "$(results "$out" ECONNREFUSED)" 280
	expect "slots come back" 5 in_use_is service-cap 0
done
equal "peak seen by the server" "$(peak)" 20
backend clear > /dev/null
out=$(client parallel $S4 7002 100 300)
equal "admitted to one endpoint" "$(results "$out" ok)" 5
equal "peak seen by the server" "$(peak)" 5
equal "reason" "$(service endpoint-cap .decisions.refuse.cap)" 95
all_released service-cap
all_released endpoint-cap
# Many threads that connect and close without a pause: never one above.
backend clear > /dev/null
for _ in 1 2 3 4 5 6; do spawn_in_cgroup "$CLIENT" parallel $S4 7001 100 5 > /dev/null; done
sleep 3
at_most "peak seen by the server" "$(peak)" 20
all_released service-cap
