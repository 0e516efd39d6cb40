# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# resetIdle and resetAll, IPv4, IPv6 and mapped, paced, in other network
# namespaces, in observe mode; what is not the policy's stays.
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001 7002 7003 7004
made() { # NAME PORT MODE WHAT RATE
	policy "$1" <<-EOF
	mode: $3
	service: {destinations: [{address: $S4, ports: [$2]}, {address: $S6, ports: [$2]}]}
	circuitBreaker:
	  scope: service
	  onOpen: {establishedConnections: $4, resetRate: $5}
	EOF
}
made all 7001 enforce resetAll 1000
made idle 7002 enforce resetIdle 1000
made seen 7003 observe resetAll 1000
made paced 7004 enforce resetAll 5
start_agent
elsewhere() { # in the cgroup, but in the server's namespace
	( echo "$BASHPID" > "$CGROUP/cgroup.procs"; exec nsenter --net="/run/netns/$ID-s" "$@" ) &
	spawned
}
for port in 7001 7002 7003; do
	spawn_in_cgroup "$CLIENT" hold $S4 $port 4 > /dev/null
	spawn_in_cgroup "$CLIENT" hold $S6 $port 3 > /dev/null
	spawn_in_cgroup "$CLIENT" hold ::ffff:$S4 $port 2 > /dev/null
	elsewhere "$CLIENT" hold $S4 $port 5 > /dev/null
done
# Not ours: another cgroup, the same destination.
spawn_on_client "$CLIENT" hold $S4 7001 6 > /dev/null
for name in all idle seen; do expect "$name: 14 connections" 10 in_use_is $name 14; done
expect "and six that are not ours" 5 eval '[ "$(peak)" -ge 48 ]'
# On 7002 four wait for an answer that does not come: they are not idle.
backend hang > /dev/null
for _ in 1 2 3 4; do spawn_in_cgroup "$CLIENT" turns $S4 7002 1 > /dev/null; done
expect "four await" 5 in_use_is idle 18

forced() { post /v1/force "{\"name\":\"$1\",\"state\":\"open\",\"ttl_seconds\":600,\"reason\":\"a test\"}" > /dev/null; }
resets() { metric "weir_connections_reset_total{service=\"$1\",direction=\"egress\",reason=\"$2\"}"; }
forced all
expect "all are reset, also elsewhere: $(service all .connections)" 10 in_use_is all 0
counted() { [ "$(resets "$1" "$2")" = "$3" ]; }
expect "and counted" 5 counted all all 14
forced idle
expect "the idle ones" 10 in_use_is idle 4
expect "and counted" 5 counted idle idle 14
forced seen
would() { [ "$(metric 'weir_connections_would_reset_total{service="seen",direction="egress",reason="all"}')" = 14 ]; }
expect "observe only counts" 10 would
equal "they stay" "$(service seen .connections.active)" 14
# The six of the other cgroup are still there, and so are listeners.
left() { backend stats | sed 's/.*now \([0-9]*\).*/\1/'; }
settled() { [ "$(left)" = 24 ]; } # 6 others, 14 observed, 4 that await
expect "what is not the policy's stays: $(left)" 5 settled

# Five a second, not all at once.
spawn_in_cgroup "$CLIENT" hold $S4 7004 30 > /dev/null
expect "30 connections" 5 in_use_is paced 30
begun=$EPOCHREALTIME
forced paced
sleep 2
count=$(resets paced all)
at_most "reset so far" "$count" "$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN {print int(5 * (b - a)) + 3}')"
at_least "some are" "$count" 1
expect "all in the end" 15 in_use_is paced 0
sleep 2.2
no_drift
