# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# floods.sh - stories in which SYNs from forged addresses come in on c0, where
# the listener and the agent are.

. "$(dirname "${BASH_SOURCE[0]}")/listeners.sh"

STORM=$PWD/build/release/tests/tools/storm

flood_sandbox() {
	sandbox
	# Answers to them leave, and are lost on the other side.
	on_client ip route add 10.200.0.0/13 via 10.77.0.2
	MAC=$(on_client ip -o link show c0 | sed 's/.*ether \([^ ]*\).*/\1/')
}

flood() { on_server "$STORM" s0 "$MAC" $C4 "$@"; } # PORT COUNT

settings() { # KEYS: of xdp in weir.yaml
	printf 'xdp: {%s}\n' "$1" > "$T/weir.yaml"
	chmod 644 "$T/weir.yaml"
}

# The kernel's own word: "xdp", "xdpgeneric" or nothing.
xdp_on() { on_client ip -o link show "$1" | grep -o ' xdp[a-z]*' | tr -d ' ' || :; }
xdp_is() { [ "$(xdp_on "$1")" = "$2" ]; }
embryos() { on_client ss -Htn state syn-recv "sport = :$1" | wc -l; }
# Whatever of a listener a SYN can touch: queues, cookies, drops, RSTs.
touched() {
	on_client cat /proc/self/net/netstat /proc/self/net/snmp | awk '
		$1 ~ /^(TcpExt|Tcp):$/ && !names[$1] { names[$1] = $0; next }
		$1 ~ /^(TcpExt|Tcp):$/ {
			split(names[$1], name); split($0, value)
			for (i in name)
				if (name[i] ~ /^(ListenDrops|ListenOverflows|SyncookiesSent|TCPReqQFullDoCookies|TCPReqQFullDrop|OutRsts|AttemptFails|PassiveOpens)$/)
					printf "%s=%s ", name[i], value[i]
		}'
}
