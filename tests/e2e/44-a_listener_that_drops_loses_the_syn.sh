# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# onFull: drop: nothing is answered while it is full, and the client gets in by
# trying again. SYN cookies, SO_REUSEPORT and children nobody accepts hold too.
. "$(dirname "$0")/listeners.sh"
sandbox
serve_here :: 7001 7004
spawn_in_cgroup "$LISTENER" :: 7002 3
group=$LAST
spawn_in_cgroup "$LISTENER" 0.0.0.0 7003 1
lone=$LAST
for name in slow:7001:drop group:7002:refuse lone:7003:refuse cookie:7004:refuse; do
	IFS=: read -r name port full <<< "$name"
	policy "$name" <<-EOF
	mode: enforce
	service: {listen: [{address: "::", ports: [$port]}]}
	bulkhead: {maxConnections: 4, onFull: $full}
	EOF
done
start_agent
hooked() { bpftool cgroup show "$CGROUP" | grep -c weir_ingress || :; }
equal "the hook that loses SYNs is there" "$(hooked)" 1

spawn_visitor hold $C4 7001 4 > /dev/null
first=$LAST
expect "full" 5 in_use_is slow 4
spawn_visitor hold $C4 7001 1 > "$T/late"
sleep 0.5
equal "it is not answered" "$(cat "$T/late")" ""
at_least "its SYN was lost" "$(decided slow .drop.cap)" 1
equal "none refused" "$(decided slow .refuse.cap)" 0
end TERM "$first"
got_in() { grep -q '^ok 1' "$T/late"; }
expect "it gets in when it tries again" 10 got_in
expect "and has its place" 5 in_use_is slow 1
end TERM "$LAST"

# A group counts as one listener; nobody accepts, each connection holds a place.
spawn_visitor hold $C6 7002 9 > "$T/held"
expect "four of nine" 5 in_use_is group 4
end TERM "$LAST"
sleep 0.3
equal "nobody has closed this end" "$(service group .connections.active)" 4
end TERM "$group"
expect "none when the listeners are gone" 10 in_use_is group 0
# The listener goes, and with it those it had not accepted.
spawn_visitor hold $C4 7003 3 > /dev/null
expect "three wait" 5 in_use_is lone 3
waiting=$LAST
end TERM "$lone"
expect "and are gone with it" 10 in_use_is lone 0
end TERM "$waiting"

# With SYN cookies the kernel keeps nothing of a handshake: the last ACK passes
# where the SYN did.
on_client sysctl -qw net.ipv4.tcp_syncookies=2
backend answer 100 > /dev/null
out=$(visitor ask $C4 7004 40 300; visitor ask $C6 7004 40 300)
equal "served, with cookies" "$(results "$(sort <<< "$out" | awk '{n[$1] += $2} END {for (r in n) print r, n[r]}')" ok)" 8
sent() { on_client nstat -asz TcpExtSyncookiesSent | awk '/Syncookies/ {print $2}'; }
at_least "cookies were sent" "$(sent)" 8
expect "and closed" 10 in_use_is cookie 0

rm "$T/policies/slow.yaml"
reload
equal "not needed any more" "$(hooked)" 0
for name in group lone cookie; do expect "$name" 5 in_use_is $name 0; done
sleep 2.2
no_drift
