# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
need bpftool
sandbox
start_server 0.0.0.0 7001 7002
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {consecutiveFailures: 3, waitDurationInOpenState: 60s}
EOF
policy capped <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConnections: 4}
EOF
start_agent
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "open" 2 state_is $S4:7001 open
backend listen > /dev/null
spawn_in_cgroup "$CLIENT" hold $S4 7002 3 > /dev/null
expect "three held" 5 in_use_is capped 3
kill_agent
equal "still refused within the lease" "$(results "$(client blocking $S4 7001 1)" ECONNREFUSED)" 1
admitted() { [ "$(results "$(client blocking $S4 7001 1)" ok)" = 1 ]; }
expect "traffic flows when the lease is over" 4 admitted
equal "and goes on flowing" "$(results "$(client blocking $S4 7001 20)" ok)" 20
out=$(client parallel $S4 7002 50 300)
equal "the cap still holds without an agent" "$(results "$out" ok)" 1

start_agent
equal "the breaker is open as before" "$(endpoint $S4:7001 .breaker.state)" open
equal "connections held were not forgotten" "$(service capped .connections.active)" 3
programs=$(bpftool -j cgroup show "$CGROUP" | jq -r '.[].name' | sort | uniq -c | awk '{print $1 $2}' | xargs)
equal "exactly one program on each hook" "$programs" "1weir_connect4 1weir_connect6 1weir_release 1weir_sockops"
# Ten more lives: nothing doubles, nothing is lost.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	kill_agent
	start_agent
done
programs=$(bpftool -j cgroup show "$CGROUP" | jq -r '.[].name' | sort | uniq -c | awk '{print $1 $2}' | xargs)
equal "exactly one program on each hook" "$programs" "1weir_connect4 1weir_connect6 1weir_release 1weir_sockops"
equal "connections held were not forgotten" "$(service capped .connections.active)" 3
# Tracing programs are the host's: ours are those that use our maps.
control=$(bpftool -j map show pinned "$T"/bpf/weir/v*/maps/weir_control | jq .id)
ours=$(bpftool -j prog show | jq "[.[] | select(.name == \"weir_data_ready\" and (.map_ids // [] | index($control)))] | length")
equal "one tracing program" "$ours" 1
stop_agent
equal "a clean stop leaves no program" "$(bpftool cgroup show "$CGROUP" | grep -c weir_ || :)" 0
equal "nor a pin" "$(ls "$T/bpf" | grep -c weir || :)" 0
equal "traffic flows" "$(results "$(client blocking $S4 7001 5)" ok)" 5
