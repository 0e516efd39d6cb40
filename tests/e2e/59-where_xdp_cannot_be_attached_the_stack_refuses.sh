# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Interfaces that are missing, taken or come later: each is said in one line, the
# rest goes on, and it is tried again.
. "$(dirname "$0")/floods.sh"
flood_sandbox
serve_here :: 7001
web() { # MODE
	policy web <<EOF
mode: $1
service: {listen: [{address: "::", ports: [7001]}]}
bulkhead: {maxConnections: 2, onFull: shed}
EOF
}

# No interface: to observe is possible, to enforce is a mistake with its place.
web observe
start_agent
equal "observed without an interface" "$(service web .mode)" observe
web enforce
! ctl reload 2> "$T/error" || fail "enforced without an interface"
cat "$T/error"
grep -q 'policy web: this host cannot shed: weir.yaml names no interface' "$T/error" || fail "not said"
grep -q 'web.yaml:7:' "$T/error" || fail "no place"
equal "stays in force" "$(service web .mode)" observe
stop_agent

# One is missing, on one there is somebody else's program.
on_client ip link add d0 type veth peer name e0
on_client ip link set d0 up
spawn_on_client "$PWD/build/release/bench/shed" bare d0 generic
holder=$LAST
expect "somebody else's program" 5 xdp_is d0 xdpgeneric
settings "interfaces: [d0, later0, c0]"
start_agent --config "$T/weir.yaml"
says() { [ "$(grep -c "$1" "$T/agent.log")" = 1 ] || fail "said $(grep -c "$1" "$T/agent.log") times: $1"; }
says "xdp: d0: another XDP program is attached (ip link shows it); the stack refuses there what would be shed"
says "xdp: later0: there is no such interface; the stack refuses there what would be shed"
says "xdp: c0: attached in driver mode, SYNs over a cap are dropped"
equal "modes" "$(status_of '[.xdp[].mode] | join(" ")')" "off off driver"
status_of '.problems[].text' | grep "^xdp on later0: there is no such interface; the stack refuses there instead" || fail "status does not say it"
ctl check > "$T/check" || :
grep "later0 .*not attached" "$T/check" || fail "check does not show it"

# The stack refuses what comes in over the one that is missing.
on_client ip link add name later0 type veth peer name far0 netns "$ID-s"
on_client ip addr add 10.79.0.1/24 dev later0
on_server ip addr add 10.79.0.2/24 dev far0
on_client ip link set later0 up
on_server ip link set far0 up
spawn_visitor hold $C4 7001 2 > /dev/null
visitors=$LAST
expect "full" 5 in_use_is web 2
expect "attached when it is there, and free" 15 xdp_is later0 xdp
end TERM "$holder"
expect "attached when the other is gone" 15 xdp_is d0 xdp
equal "modes" "$(status_of '[.xdp[].mode] | join(" ")')" "driver driver driver"
says "xdp: d0: another XDP program"
says "xdp: later0: there is no such interface"
equal "no problem is left" "$(status_of '.problems[].text' | grep -c '^xdp on [lc]')" 0

# It goes, and comes back as another one of that name.
on_client ip link del later0
expect "seen to be gone" 5 grep -q 'xdp: later0: detached' "$T/agent.log"
on_client ip link add name later0 type veth peer name far0 netns "$ID-s"
on_client ip link set later0 up
expect "attached to the new one" 15 xdp_is later0 xdp

# An address that comes later is this host's, too; one that is not is not.
on_client ip addr add 10.77.0.9/24 dev c0
shed=$(decided web .drop.cap)
asks_new() { timeout 0.3 nsenter --net="/run/netns/$ID-s" "$CLIENT" blocking 10.77.0.9 7001 1; [ "$(decided web .drop.cap)" -gt "$shed" ]; }
expect "shed at a new address" 5 asks_new
end TERM "$visitors"
stop_agent
for i in c0 d0 later0; do equal "after the agent was stopped, $i" "$(xdp_on $i)" ""; done
