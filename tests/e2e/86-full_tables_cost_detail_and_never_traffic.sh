# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# An endpoint table of 4 and 12 destinations: every connection goes through and
# counts for its service, the fault is counted, shown and said once. Too many
# services, prefix lengths or port ranges are refused with the policy's line.
. "$(dirname "$0")/lib.sh"
sandbox
PORTS=({7001..7012})
start_server 0.0.0.0 "${PORTS[@]}"
policy orders <<EOF
mode: enforce
service: {destinations: [{address: 10.77.0.0/24, ports: [7001-7012]}]}
bulkhead: {maxConnections: 20}
EOF
printf 'limits: {services: 2, endpoints: 4}\n' > "$T/weir.yaml"
start_agent --config "$T/weir.yaml"

for port in "${PORTS[@]}"; do
	client hold $S4 "$port" 1 > "$T/held.$port" &
	PIDS+=($!)
done
expect "12 connections to 12 destinations" 10 in_use_is orders 12
cat "$T"/held.* | sort | uniq -c | sed 's/^ */connects: /'
equal "endpoints" "$(service orders .endpoints.total)" 4
equal "connections of the endpoints" "$(api '/v1/endpoints?service=orders' | jq '[.items[].connections.active] | add')" 4
equal "faults" "$(status_of .faults.endpoint_full)" 8
equal "shown" "$(status_of '.problems[] | select(.text | test("endpoint table full")) | "\(.severity): \(.hint)"')" \
	"warning: raise limits.endpoints in weir.yaml"
equal "the table" "$(status_of '.maps[] | select(.name == "weir_endpoint") | "\(.entries) of \(.max_entries)"')" "4 of 4"
out=$(client parallel $S4 7012 40 300)
equal "the cap is exact all the same" "$(results "$out" ok)" 8
said() { grep -c 'warning: endpoint_full: ' "$T/agent.log"; }
expect "said" 5 said
equal "traffic goes on" "$(results "$(client blocking $S4 7011 100)" ok)" 100
sleep 1.5
equal "lines in the log" "$(said)" 1
for pid in $(cat "$CGROUP/cgroup.procs"); do kill -9 "$pid"; done
all_released orders

# Its places come back without a restart.
mv "$T/policies/orders.yaml" "$T/orders.yaml"
reload
empty() { [ "$(status_of '.maps[] | select(.name == "weir_endpoint").entries')" = 0 ]; }
expect "the table is empty" 10 empty
mv "$T/orders.yaml" "$T/policies/orders.yaml"
reload
faults=$(status_of .faults.endpoint_full)
equal "connects" "$(results "$(client blocking $S4 7012 5)" ok)" 5
equal "counted for the endpoint" "$(endpoint $S4:7012 .calls.connect.success)" 5
equal "no more faults" "$(status_of .faults.endpoint_full)" "$faults"

generation=$(status_of .generation)
too_much() { # WHAT PATTERN; the policy `more` stands in its file
	local answer
	answer=$(post /v1/reload '')
	jq -e --arg p "$2" '.code == "rejected" and any(.diagnostics[]; .line > 0 and (.file | endswith("more.yaml")) and ("\(.message); \(.hint)" | test($p)))' \
		<<< "$answer" > /dev/null || fail "$1: $answer"
	echo "$1: $(jq -r '.diagnostics[0] | "\(.message); \(.hint)"' <<< "$answer")"
	equal "generation" "$(status_of .generation)" "$generation"
	rm "$T/policies/more.yaml"
}
policy more <<EOF
service: {destinations: [$(for n in {1..9}; do printf '{address: 10.%d.0.0/%d, ports: [80]}, ' "$n" $((15 + n)); done)]}
EOF
too_much "nine prefix lengths" "more than 8 different prefix lengths"
policy more <<EOF
service: {destinations: [{address: 192.0.2.1, ports: [$(for n in {1..9}; do printf '%d-%d, ' $((n * 100)) $((n * 100 + 9)); done)]}]}
EOF
too_much "nine port ranges" "more than 8 port ranges"
policy another <<EOF
service: {destinations: [{address: 192.0.2.1, ports: [80]}]}
EOF
policy more <<EOF
service: {destinations: [{address: 192.0.2.3, ports: [80]}]}
EOF
too_much "a third service" "no room for one more service; raise limits.services"
equal "traffic" "$(results "$(client blocking $S4 7001 10)" ok)" 10
stop_agent
