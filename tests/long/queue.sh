# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make test-queue: 40 clients with 50 connections each at a cap of 10, held in a
# queue; beside it the same of clients that are refused and try again every
# millisecond. Nobody may starve: how long waits were, and when the first and
# the last client was done, is printed. What is asserted takes no clock.
. "$(dirname "$0")/../e2e/lib.sh"
CLIENTS=40
EACH=50
sandbox
start_server 0.0.0.0 7001 7002
policy held <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 10, queue: {maxWait: 60s, maxLength: 64}}
EOF
policy refused <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConnections: 10}
EOF
start_agent
backend answer 5 > /dev/null

crowd() { # WAY PORT: when each client was done, in ms, sorted
	local begun=${EPOCHREALTIME/./} n workers=()
	for n in $(seq $CLIENTS); do
		spawn_in_cgroup sh -c "'$CLIENT' $1 $S4 $2 $EACH > '$T/out.$2.$n'; date +%s%6N > '$T/end.$2.$n'"
		workers+=("$LAST")
	done
	wait "${workers[@]}" || :
	cat "$T"/end."$2".* | awk -v b="$begun" '{print int(($1 - b) / 1000)}' | sort -n > "$T/done.$2"
	equal "$1: served" "$(awk '$1 == "ok" {n += $2} END {print n + 0}' "$T"/out."$2".*)" $((CLIENTS * EACH))
	echo "$1: first client done after $(head -1 "$T/done.$2") ms, median $(sed -n $((CLIENTS / 2))p "$T/done.$2") ms, last $(tail -1 "$T/done.$2") ms"
}
crowd blocking 7001
crowd patient 7002
at_most "at once" "$(peak)" 20
echo "waits in the queue: $(service held '.queue.wait | "\(.count), p50 \(.p50_seconds * 1e3 | floor) ms, p99 \(.p99_seconds * 1e3 | floor) ms"')"
equal "waited in vain" "$(service held .queue.expired)" 0
equal "connections refused instead" "$(service held .decisions.refuse.cap)" 0
echo "refusals of the others: $(service refused .decisions.refuse.cap)"
all_released held
all_released refused
