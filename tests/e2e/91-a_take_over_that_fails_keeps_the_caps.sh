# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# An agent was killed, and the next one fails on its way: what the first had
# pinned goes on, cap and counts are exact, and the third takes over.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
need strace
sandbox
start_server 0.0.0.0 7001
policy capped <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 4}
EOF
printf 'limits: {services: 2, endpoints: 2}\n' > "$T/weir.yaml"
start_agent --config "$T/weir.yaml"
client hold $S4 7001 3 > /dev/null &
PIDS+=($!)
expect "three held" 5 in_use_is capped 3
kill_agent
rm "$T/weir.sock" # the next agent would replace it
pins() { find "$T/bpf" -printf '%P %m\n' | sort | md5sum; }
PINS=$(pins)
links() { bpftool -j cgroup show "$CGROUP" | jq -c '[.[].name] | sort'; }
all='["weir_connect4","weir_connect6","weir_release","weir_sockops"]'
mapfile -t command < <(agent_command)

fails() { # WHAT STRACE-OPTIONS...
	local what=$1 rc=0
	shift
	timeout 30 nsenter --net="/run/netns/$ID-c" strace -o "$T/trace" "$@" "${command[@]}" \
		--config "$T/weir.yaml" > "$T/refusal" 2>&1 || rc=$?
	grep -q INJECTED "$T/trace" || fail "$what: nothing was injected"
	[ "$rc" = 1 ] || fail "$what: exit $rc: $(cat "$T/refusal")"
	equal "$what: links" "$(links)" "$all"
	equal "$what: the cap" "$(results "$(client parallel $S4 7001 20 200)" ok)" 1
	equal "$what: pins" "$(pins)" "$PINS"
	sed 's/^[^ ]*Z //' "$T/refusal"
}
fails "no BTF" -P /sys/kernel/btf/vmlinux -e trace=openat -e inject=openat:error=EIO
fails "the kernel refuses programs" -e trace=bpf -e inject=bpf:error=EPERM:when=30+
# The same for the first, second and last of the links, once it is known when.
nsenter --net="/run/netns/$ID-c" strace -o "$T/trace" -e trace=bpf,openat "${command[@]}" \
	--config "$T/weir.yaml" 2>> "$T/agent.log" &
tracer=$!
expect "a take-over that succeeds" 30 ready
kill -9 "$(pgrep -P $tracer)"
wait $tracer 2> /dev/null || :
rm "$T/weir.sock"
mapfile -t updates < <(awk '/^bpf/ {n++} /BPF_LINK_UPDATE/ {print n}' "$T/trace")
opens=$(awk '/BPF_LINK_UPDATE/ {exit} /^openat/ {n++} END {print n}' "$T/trace")
equal "links that can be updated" "${#updates[@]}" 4
for n in 0 1 3; do
	fails "no link from number $n on" -e trace=bpf -e inject=bpf:error=EPERM:when=${updates[n]}+
done
fails "no descriptors" -e trace=openat -e inject=openat:error=EMFILE:when="$opens"+

start_agent --config "$T/weir.yaml"
equal "taken over" "$(grep -c 'took over from an earlier agent' "$T/agent.log")" 2
equal "held" "$(service capped .connections.active)" 3
equal "the cap" "$(results "$(client parallel $S4 7001 20 200)" ok)" 1
equal "links" "$(links)" "$all"
no_drift
stop_agent
equal "nothing stays" "$(find "$T/bpf" -path '*/bpf/weir*' | wc -l)" 0
