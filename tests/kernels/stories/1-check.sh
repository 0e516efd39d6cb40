# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The host is fit, every program attaches, and what is missing has a name.
. tests/kernels/sandbox.sh
"$AGENT" --check || fail "--check finds this kernel unfit"
sandbox
start_agent
status_of '.features[] | "feature \(.name): \(if .supported then "yes" else "no; \(.effect)" end)"'
equal "features" "$(status_of '.features | length > 0')" true
# The kernel's own list must agree with what the agent says about turns.
has() { bpftool btf dump file /sys/kernel/btf/vmlinux format raw | grep -q "'btf_trace_$1'"; }
for name in sk_data_ready sock_send_length; do
	want=false
	! has $name || want=true
	equal "$name" "$(status_of ".features[] | select(.name == \"$name\") | .supported")" $want
done
hooks=$(bpftool -j cgroup show "$CGROUP" | jq -r '.[].name' | sort | xargs)
equal "cgroup hooks" "$hooks" "weir_connect4 weir_connect6 weir_release weir_sockops"
stop_agent
equal "cgroup hooks after a stop" "$(bpftool cgroup show "$CGROUP" | grep -c weir || :)" 0
