# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# An open breaker can lose SYNs instead: the application waits, nothing reaches
# the wire, and all of it gets through once no agent is there.
. tests/kernels/sandbox.sh
sandbox
start_server :: 7001
policy orders <<POLICY
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}, {address: $S6, ports: [7001]}]}
circuitBreaker:
  scope: service
  consecutiveFailures: 3
  waitDurationInOpenState: 300s
  onOpen: {newConnections: drop}
POLICY
start_agent
backend refuse >/dev/null
equal "failures" "$(results "$(client blocking $S4 7001 3)" ECONNREFUSED)" 3
expect "open" 2 service_state_is orders open
backend listen >/dev/null
count_syns 7001
for address in $S4 $S6; do
	spawn_in_cgroup "$CLIENT" hold $address 7001 1 >"$T/waiting-$address"
done
dropped() { [ "$(service orders .decisions.drop.breaker)" = 2 ]; }
expect "two are held back" 2 dropped
# The kernel sends a lost SYN again after a second: that one is lost, too.
sleep 3
equal "SYNs on the wire" "$(syns)" 0
equal "nothing was refused" "$(service orders .decisions.refuse.breaker)" 0
equal "they wait" "$(cat "$T"/waiting-*)" ""
equal "and hold no slot" "$(service orders .connections.active)" 0
kill_agent
connected() { grep -q '^ok 1' "$T/waiting-$S4" && grep -q '^ok 1' "$T/waiting-$S6"; }
expect "they get through when the lease is over" 6 connected
attached() { bpftool cgroup show "$CGROUP" | grep -c weir_egress || :; }
start_agent
equal "hook at work" "$(attached)" 1
rm "$T/policies/orders.yaml"
reload
equal "hook of no use" "$(attached)" 0
no_drift
