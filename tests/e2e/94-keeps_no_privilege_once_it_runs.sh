# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Loading needs three capabilities. The running agent keeps none of them, in no
# thread, and still attaches what a policy needs, audits, adopts and cleans up.
. "$(dirname "$0")/lib.sh"
need setpriv
need bpftool
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 6}
EOF

# Sets that differ between threads would be two lines.
of_all_threads() { # FIELD
	cat /proc/"$AGENT_PID"/task/*/status 2> /dev/null | awk -v f="$1:" '$1 == f {print $2}' | sort -u
}

# Who asks while it starts has to wait, and is answered: none is too early.
curious() { while [ -e "$T/curious" ]; do api /v1/services > /dev/null || sleep 0.01; done; }

start_with() { # BOUNDING-SET
	local command
	mapfile -t command < <(agent_command)
	touch "$T/curious"
	in_background curious
	nsenter --net="/run/netns/$ID-c" setpriv --inh-caps=-all --bounding-set="$1" \
		"${command[@]}" 2>> "$T/agent.log" &
	AGENT_PID=$!
	expect "ready" 20 ready
	rm "$T/curious"
	wait "$LAST" || :
	at_least "threads" "$(ls "/proc/$AGENT_PID/task" | wc -l)" 2
	equal "no_new_privs" "$(of_all_threads NoNewPrivs)" 1
	equal "inheritable" "$(of_all_threads CapInh)" 0000000000000000
	equal "ambient" "$(of_all_threads CapAmb)" 0000000000000000
}

start_with -all,+bpf,+perfmon,+net_admin,+net_raw
equal "as the unit file starts it: permitted" "$(of_all_threads CapPrm)" 0000000000000000
equal "effective" "$(of_all_threads CapEff)" 0000000000000000

client hold $S4 7001 3 > /dev/null &
PIDS+=($!)
expect "held" 5 in_use_is orders 3
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 4}
circuitBreaker: {slowCallDurationThreshold: 100ms, slowCallRateThreshold: 50, onOpen: {newConnections: drop}}
EOF
reload
equal "a reload that needs two more hooks" "$(status_of .generation)" 2
equal "they are on" "$(find "$T/bpf" -name weir_send -o -name weir_egress | wc -l)" 2
mv "$T/policies/orders.yaml" "$T/policies/renamed.yaml"
sed -i 's/name: orders/name: renamed/' "$T/policies/renamed.yaml"
reload
equal "a reload that moves connections to another policy" "$(service renamed .connections.active)" 3
equal "a policy by the socket" "$(post /v1/policies \
	"$(jq -Rs '{files: [{name: "x.yaml", text: .}]}' "$T/policies/renamed.yaml")" | jq .generation)" 4
sleep 2.2
no_drift
stop_agent
equal "a stop leaves no pin" "$(find "$T/bpf" -path '*/bpf/weir*' | wc -l)" 0
equal "nor a program" "$(bpftool cgroup show "$CGROUP" | grep -c weir_)" 0

# Root with everything: what opens other network namespaces and files stays.
start_with +all
equal "as root: permitted" "$(of_all_threads CapPrm)" 0000000000280004
stop_agent
