# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001
policy orders <<EOF
mode: enforce
service:
  destinations:
    - {address: $S4, ports: [7001, 7009]}
    - {address: $S6, ports: [7001]}
bulkhead: {maxConnections: 5000}
EOF
start_agent
for address in $S4 $S6; do
	for way in blocking nonblocking uring fork dup retry early linger; do
		equal "$way $address" "$(results "$(client $way $address 7001 40)" ok)" 40
	done
done
for way in blocking nonblocking uring retry; do
	equal "$way to a closed port" "$(results "$(client $way $S4 7009 20)" ECONNREFUSED)" 20
done
equal "no route: failed before a SYN" "$(results "$(client blocking 203.0.113.1 80 3)" ENETUNREACH)" 3
backend reset > /dev/null
client blocking $S4 7001 20 > /dev/null
backend answer 0 > /dev/null
all_released orders

# A process is killed with 1,000 connections open.
ulimit -n 4096
spawn_in_cgroup "$CLIENT" hold $S4 7001 1000 > "$T/held"
expect "1,000 connections" 20 in_use_is orders 1000
kill -9 "$LAST"
all_released orders
equal "refused by the cap" "$(service orders .decisions.refuse.cap)" 0
