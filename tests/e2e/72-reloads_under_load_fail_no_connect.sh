# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Generations change as fast as they can while applications connect without a
# pause. No connect fails that neither the policy before nor the one after would
# refuse, no cap is exceeded, and the books agree at the end.
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001 7002 7003 7004
# The one that stays, the one that changes, the one that comes and goes.
policy stays <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {}
bulkhead: {maxConnections: 100}
EOF
changes() { # MAX PORTS: slow calls judged or not: another slice length, too
	policy changes <<-EOF
		mode: enforce
		service: {destinations: [{address: 10.77.0.0/24, ports: [$2]}, {address: "$S6", ports: [7001]}]}
		circuitBreaker: {${3:+slowCallDurationThreshold: $3}}
		bulkhead: {maxConnections: $1}
	EOF
}
comes() {
	policy comes <<-EOF
		mode: enforce
		service: {destinations: [{address: $S4, ports: [7003]}]}
		circuitBreaker: {scope: service}
		bulkhead: {maxConnections: 60}
	EOF
}
# Never more than four, whatever the generation.
policy narrow <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7004]}]}
bulkhead: {maxConnections: 4}
EOF
changes 100 7002-7003
start_agent

touch "$T/load"
loads=()
load() { # NAME WAY ADDRESS PORT [MS]: hundreds, until the end
	while [ -e "$T/load" ]; do client "$2" "$3" "$4" 100 ${5:+"$5"} >> "$T/$1"; done
}
in_background load stays blocking $S4 7001
in_background load changes nonblocking $S4 7002
in_background load comes blocking $S4 7003
in_background load six blocking $S6 7001
in_background load turns turns $S4 7001 1
# Three processes ask for five each and keep what they get: four of fifteen.
crowd() {
	local n pids
	while [ -e "$T/load" ]; do
		pids=()
		for n in 1 2 3; do
			spawn_in_cgroup "$CLIENT" hold $S4 7004 5 > "$T/held.$n"
			pids+=("$LAST")
		done
		until [ "$(awk '{n += $2} END {print n + 0}' "$T"/held.*)" = 15 ]; do sleep 0.02; done
		awk '$1 == "ok" {n += $2} END {print n + 0}' "$T"/held.* >> "$T/crowd"
		for n in "${pids[@]}"; do end KILL "$n"; done
		until in_use_is narrow 0; do sleep 0.02; done
	done
}
in_background crowd
loads=("${PIDS[@]: -6}")

for i in {1..15}; do
	changes $((100 + i % 7)) 7002-7003 5s
	reload
	comes
	reload
	rm "$T/policies/comes.yaml"
	changes 200 7002-7099
	reload
done
rm "$T/load"
for pid in "${loads[@]}"; do wait "$pid" || fail "a client failed"; done
for name in stays changes comes six turns; do
	equal "$name, all of them" "$(sort -u "$T/$name")" "ok 100"
	at_least "$name, hundreds" "$(wc -l < "$T/$name")" 2
done
equal "generations" "$(status_of .generation)" 46
equal "admitted to the capped one in each round" "$(sort -u "$T/crowd")" 4
at_least "refused by its cap" "$(service narrow .decisions.refuse.cap)" 1
equal "anything else refused" "$(api /v1/services |
	jq '[.items[] | (.decisions.refuse | to_entries[].value)] | add')" "$(service narrow .decisions.refuse.cap)"
nothing_in_use() { api /v1/services | jq -e 'all(.items[]; .connections.active == 0)'; }
expect "in use does not come back to 0" 10 nothing_in_use
all_released stays
equal "lookups that found half a generation" "$(status_of .faults.no_service)" 0
