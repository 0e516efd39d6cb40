# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The cap is exact, and every slot comes back.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001
policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 5}
POLICY
start_agent
for _ in 1 2; do
	out=$(client parallel $S4 7001 20 4000)
	equal "admitted" "$(results "$out" ok)" 5
	equal "refused" "$(results "$out" ECONNREFUSED)" 15
	expect "slots come back" 5 in_use_is orders 0
done
equal "peak seen by the server" "$(peak)" 5
for way in blocking nonblocking fork dup retry early linger; do
	client $way $S4 7001 10 >/dev/null || :
	expect "$way: slots come back: $(service orders .connections)" 5 in_use_is orders 0
done
no_drift
