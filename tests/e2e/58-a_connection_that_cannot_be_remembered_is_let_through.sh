# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Socket storage is charged to the socket's option memory. With none of that to
# be had connections are not counted: they flow, a counter says so, nothing is
# held for them; and when there is memory again the cap is exact again.
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001 7002
optmem() { on_client sysctl -qw net.core.optmem_max="$1"; }
on_client test -e /proc/sys/net/core/optmem_max ||
	{ echo "this kernel has no option memory limit for each network namespace"; exit 77; }
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}, {address: $S6, ports: [7001]}]}
bulkhead: {maxConnections: 5}
rateLimit: {connectionsPerSecond: 100000, burst: 1000}
EOF
policy lost <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
circuitBreaker: {onOpen: {newConnections: drop}}
EOF
before=$(on_client sysctl -n net.core.optmem_max)
spawn_in_cgroup "$CLIENT" hold $S4 7001 3 > /dev/null
old=$LAST
start_agent
expect "adopted" 5 in_use_is orders 3
optmem 0
for address in $S4 $S6; do
	out=$(client parallel $address 7001 20 100)
	equal "more than the cap, $address" "$(results "$out" ok)" 20
done
equal "each is a fault" "$(status_of .faults.no_storage)" 40
equal "each is counted as let through" "$(service orders .decisions.allow.none)" 40
equal "nothing is held for them" "$(service orders .connections.active)" 3
equal "another port, fork, retry and all" "$(results "$(client retry $S4 7001 20)" ok)" 20
equal "Prometheus" "$(metric 'weir_fail_open_total{reason="no_storage"}')" "$(status_of .faults.no_storage)"
# What cannot be remembered cannot lose its SYNs: it is refused instead.
ctl force lost open --ttl 5m --reason "a test" > /dev/null
equal "a SYN that could not be lost" "$(results "$(client blocking $S4 7002 3)" ECONNREFUSED)" 3
# The next agent looks at them, too: what it cannot adopt it leaves alone.
spawn_in_cgroup "$CLIENT" hold $S4 7001 4 > "$T/unseen"
unseen=$LAST
expect "four more" 5 grep -q 'ok 4' "$T/unseen"
faults=$(status_of .faults.no_storage)
kill_agent
start_agent
equal "adoption tried four" "$(($(status_of .faults.no_storage) - faults))" 4
equal "still three" "$(service orders .connections.active)" 3
equal "traffic flows" "$(results "$(client blocking $S4 7001 10)" ok)" 10

optmem "$before"
end TERM "$unseen"
out=$(client parallel $S4 7001 20 300)
equal "memory again: two are left of the cap" "$(results "$out" ok)" 2
end TERM "$old"
all_released orders
equal "nothing had to be looked for" "$(status_of .faults.stale_released)" 0
