# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# GCRA: over any time at most burst + rate * time; refused ones use nothing up.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002 7003
policy limited <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
rateLimit: {connectionsPerSecond: 100, burst: 20}
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
# Both CPUs, without a pause.
begun=$EPOCHREALTIME
for n in 1 2 3 4; do spawn_in_cgroup "$CLIENT" blocking $S4 7001 4000 > "$T/out.$n"; workers+=("$LAST"); done
wait "${workers[@]}" || :
seconds=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN {print b - a}')
admitted=$(awk '$1 == "ok" {n += $2} END {print n + 0}' "$T"/out.*)
refused=$(awk '$1 == "ECONNREFUSED" {n += $2} END {print n + 0}' "$T"/out.*)
equal "every connect was admitted or refused" "$((admitted + refused))" 16000
at_most "admitted in $seconds s" "$admitted" "$(awk -v s="$seconds" 'BEGIN {print int(20 + 100 * s) + 1}')"
# The load never stopped, so hardly anything of the rate was left unused.
at_least "admitted in $seconds s" "$admitted" "$(awk -v s="$seconds" 'BEGIN {print int(0.8 * 100 * s)}')"
equal "counted as rate" "$(service limited .decisions.refuse.rate)" "$refused"
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
