# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# No BTF, no cgroup2, no capability, no right: one line, exit 1, nothing changed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
need unshare
sandbox
install -m 755 "$AGENT" "$T/weir-agent"
AGENT=$T/weir-agent
mapfile -t command < <(agent_command)
inside=(nsenter --net="/run/netns/$ID-c")
unchanged='; nothing was changed on this host$'
remember_host

# The agent in a mount namespace of its own, in which something was done before.
after='eval "$1" && shift && exec "$@"'
hidden=(unshare --mount bash -c "$after" hidden)
refused "no BTF" "cannot run Weir: BTF: /sys/kernel/btf/vmlinux: No such file .*CONFIG_DEBUG_INFO_BTF.*$unchanged" \
	"${hidden[@]}" "mount -t tmpfs tmpfs /sys/kernel/btf" "${inside[@]}" "${command[@]}"
: > "$T/empty"
refused "an empty BTF" "BTF: /sys/kernel/btf/vmlinux: is empty.*$unchanged" \
	"${hidden[@]}" "mount --bind $T/empty /sys/kernel/btf/vmlinux" "${inside[@]}" "${command[@]}"
refused "no cgroup2" "cannot run Weir: cgroup2: no cgroup2 file system is mounted; mount -t cgroup2 .*$unchanged" \
	"${hidden[@]}" "umount $CGROUP_ROOT" "${inside[@]}" "${command[@]}"
for name in bpf perfmon net_admin; do
	refused "without CAP_${name^^}" "cannot run Weir: CAP_${name^^}: missing; run as root.*$unchanged" \
		"${inside[@]}" setpriv --bounding-set=-$name --inh-caps=-all "${command[@]}"
done
refused "an unprivileged user" "cannot run Weir: .*CAP_BPF: missing, CAP_PERFMON: missing.*$unchanged" \
	"${inside[@]}" setpriv --reuid=65534 --regid=65534 --clear-groups "${command[@]}"
equal "no agent remained" "$(pgrep -fc "$T/weir-agent")" 0
host_is_as_before
