# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Once it runs it has no capability, and still reloads, attaches the hooks that
# a policy asks for, audits, adopts and cleans up: kernels differ in what they
# want to see for each of these.
. tests/kernels/sandbox.sh
sandbox
start_server 0.0.0.0 7001
policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 6}
POLICY
of_all_threads() { # FIELD: sets that differ between threads are two lines
	cat /proc/"$AGENT_PID"/task/*/status | awk -v f="$1:" '$1 == f {print $2}' | sort -u
}
mapfile -t command < <(agent_command)
nsenter --net="/run/netns/$ID-c" setpriv --inh-caps=-all \
	--bounding-set=-all,+bpf,+perfmon,+net_admin,+net_raw "${command[@]}" 2>>"$T/agent.log" &
AGENT_PID=$!
expect "ready" 20 ready
equal "permitted" "$(of_all_threads CapPrm)" 0000000000000000
equal "effective" "$(of_all_threads CapEff)" 0000000000000000
client hold $S4 7001 3 >/dev/null &
PIDS+=($!)
expect "held" 5 in_use_is orders 3

policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 4}
circuitBreaker:
  slowCallDurationThreshold: 1s
  slowCallRateThreshold: 50
  onOpen: {newConnections: drop, establishedConnections: resetIdle}
POLICY
reload
equal "a reload" "$(status_of .generation)" 2
has_send=$(status_of '.features[] | select(.name == "sock_send_length") | .supported')
equal "the send hook, where there is one" \
	"$(find "$T/bpf" -name weir_send | wc -l)" "$([ "$has_send" = true ] && echo 1 || echo 0)"
equal "the egress hook" "$(bpftool cgroup show "$CGROUP" | grep -c weir_egress)" 1
mv "$T/policies/orders.yaml" "$T/policies/renamed.yaml"
sed -i 's/name: orders/name: renamed/' "$T/policies/renamed.yaml"
reload
equal "connections move to another policy" "$(service renamed .connections.active)" 3
equal "and its cap" "$(results "$(client parallel $S4 7001 5 2000)" ok)" 1
sleep 5
no_drift
works=$(status_of '.features[] | select(.name == "inet_diag_destroy") | .supported')
ctl force renamed open --ttl 5m --reason "a test" >/dev/null
if [ "$works" = true ]; then
	expect "idle connections are reset" 5 in_use_is renamed 0
fi
stop_agent
equal "a stop leaves no pin" "$(find "$T/bpf" -path '*/bpf/weir*' | wc -l)" 0
equal "nor a program" "$(bpftool cgroup show "$CGROUP" | grep -c weir_ || :)" 0
! grep -iE 'permi|EPERM' "$T/agent.log" || fail "something was not permitted"
