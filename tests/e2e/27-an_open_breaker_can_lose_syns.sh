# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001 7002
for n in 1 2; do
	policy orders-$n <<-EOF
	mode: $([ $n = 1 ] && echo enforce || echo observe)
	service: {destinations: [{address: $S4, ports: [700$n]}, {address: $S6, ports: [700$n]}]}
	circuitBreaker:
	  scope: service
	  consecutiveFailures: 3
	  waitDurationInOpenState: 60s
	  onOpen: {newConnections: drop}
	EOF
done
start_agent
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
client blocking $S4 7002 3 > /dev/null
expect "open" 2 service_state_is orders-1 open
expect "open, observed" 2 service_state_is orders-2 open
backend listen > /dev/null
equal "observe lets through" "$(results "$(client blocking $S4 7002 4)" ok)" 4
equal "and counts what it would have done" "$(service orders-2 .decisions.would_drop.breaker)" 4

count_syns 7001
for address in $S4 $S6; do
	spawn_in_cgroup "$CLIENT" hold $address 7001 1 > "$T/waiting-$address"
done
dropped() { [ "$(service orders-1 .decisions.drop.breaker)" = "$1" ]; }
expect "two are held back" 5 dropped 2
# The kernel sends a lost SYN again after a second: that one is lost, too.
sleep 1.5
equal "SYNs on the wire" "$(syns)" 0
equal "nothing was refused" "$(service orders-1 .decisions.refuse.breaker)" 0
equal "they wait" "$(cat "$T"/waiting-*)" ""
equal "and hold no slot" "$(service orders-1 .connections.active)" 0
equal "nor count as calls" "$(service orders-1 '.calls.connect.neutral + .calls.connect.failure')" 3
# Without an agent nothing is held back: the next SYN of each gets through.
kill_agent
connected() { grep -q '^ok 1' "$T/waiting-$S4" && grep -q '^ok 1' "$T/waiting-$S6"; }
expect "they get through when the lease is over" 15 connected
start_agent
equal "still open" "$(service orders-1 .breaker.state)" open
# Not needed any more: the hook that every packet passes is gone.
attached() { bpftool cgroup show "$CGROUP" | grep -c weir_egress || :; }
equal "hook at work" "$(attached)" 1
rm "$T/policies/orders-1.yaml"
reload
equal "hook of no use" "$(attached)" 0
no_drift
