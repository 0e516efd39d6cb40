# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# GCRA: over any time at most burst + rate * time; refused ones use nothing up.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002 7003
policy limited <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
rateLimit: {connectionsPerSecond: 1000, burst: 50}
EOF
policy seen <<EOF
service: {destinations: [{address: $S4, ports: [7002]}]}
rateLimit: {connectionsPerSecond: 1, burst: 5}
EOF
policy capped <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7003]}]}
bulkhead: {maxConnections: 2}
rateLimit: {connectionsPerSecond: 1, burst: 10}
EOF
start_agent
# All CPUs, without a pause, for ten seconds. Of all intervals, not only of the
# whole: see rate.c.
out=$(in_cgroup "$PWD/build/release/tests/tools/rate" $S4 7001 $((4 * $(nproc))) 10 1000 50)
echo "$out"
figure() { awk -v f="$1" '{for (i = 1; i < NF; i += 2) if ($i == f) print $(i + 1)}' <<< "$out"; }
limit=$(awk -v s="$(figure seconds)" 'BEGIN {print int(50 + 1000 * s)}')
equal "failed" "$(figure failed)" 0
at_most "admitted in $(figure seconds) s" "$(figure admitted)" "$limit"
at_least "within 1 % of the limit" "$(figure admitted)" $((limit * 99 / 100))
equal "one too many in any interval" "$(awk -v e="$(figure excess)" 'BEGIN {print (e <= 0 ? "no" : e)}')" no
at_least "all processors tried" "$(figure refused)" 100000
equal "counted as rate" "$(service limited .decisions.refuse.rate)" "$(figure refused)"
equal "counted as let in" "$(service limited .decisions.allow.none)" "$(figure admitted)"
equal "observe lets through" "$(results "$(client blocking $S4 7002 9)" ok)" 9
at_least "and counts what is over" "$(service seen .decisions.would_refuse.rate)" 3
# What the cap refuses uses up no rate.
spawn_in_cgroup "$CLIENT" hold $S4 7003 2 > /dev/null
expect "the cap is full" 5 in_use_is capped 2
equal "refused by the cap" "$(results "$(client blocking $S4 7003 30)" ECONNREFUSED)" 30
equal "not by the rate" "$(service capped .decisions.refuse.rate)" 0
kill "$LAST"
expect "room again" 10 in_use_is capped 0
# Each tries until the cap has room: only who is let in uses the rate.
equal "eight of the burst are left" "$(results "$(client patient $S4 7003 8)" ok)" 8
equal "none was over the rate" "$(service capped .decisions.refuse.rate)" 0
all_released limited
