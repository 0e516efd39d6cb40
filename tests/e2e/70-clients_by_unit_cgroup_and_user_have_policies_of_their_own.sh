# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One destination, five kinds of clients. Each falls under its own policy, and
# what one of them does to its breaker or its bulkhead is no concern of the rest.
. "$(dirname "$0")/lib.sh"
need setpriv
sandbox
UNIT=weir-story-shop.service
mkdir -p "$CGROUP/system.slice/$UNIT/worker" "$CGROUP/system.slice/other.service" \
	"$CGROUP/jobs/batch-7/step" "$CGROUP/jobs/nightly"
start_server :: 7001
for_clients() { # NAME MAX [CLIENTS]
	policy "$1" <<-EOF
		mode: enforce
		service:
		  destinations: [{address: $S4, ports: [7001]}, {address: "$S6", ports: [7001]}]
		  ${3:+clients: [$3]}
		circuitBreaker: {consecutiveFailures: 3, waitDurationInOpenState: 600s}
		bulkhead: {maxConnections: $2}
	EOF
}
for_clients everyone 100
for_clients unit 3 "{systemdUnit: $UNIT}"
for_clients jobs 100 "{cgroup: '/$ID/jobs/batch-*'}"
for_clients user 100 "{user: 4242}"
start_agent

inside() { # CGROUP COMMAND...: from a cgroup of the story
	( echo "$BASHPID" > "$CGROUP/$1/cgroup.procs"; shift; exec nsenter --net="/run/netns/$ID-c" "$@" )
}
opened() { service "$1" .connections.opened; }
belongs() { # SERVICE CGROUP [COMMAND...]
	local name=$1 group=$2 before
	shift 2
	before=$(opened "$name")
	inside "$group" "$@" "$CLIENT" blocking $S4 7001 2 > /dev/null
	inside "$group" "$@" "$CLIENT" blocking "::ffff:$S4" 7001 1 > /dev/null
	inside "$group" "$@" "$CLIENT" blocking $S6 7001 2 > /dev/null
	equal "${group:-/} ${*:+$* }is $name" $(($(opened "$name") - before)) 5
}
belongs everyone ""
belongs unit "system.slice/$UNIT"
belongs unit "system.slice/$UNIT/worker"
belongs everyone system.slice/other.service
belongs jobs jobs/batch-7
belongs jobs jobs/batch-7/step
belongs everyone jobs/nightly
belongs everyone jobs
belongs user "" setpriv --reuid=4242
belongs user jobs/nightly setpriv --reuid=4242
belongs everyone "" setpriv --reuid=4243

# A cgroup that appears later is found.
mkdir "$CGROUP/jobs/batch-8"
seen() {
	local before
	before=$(opened jobs)
	inside jobs/batch-8 "$CLIENT" blocking $S4 7001 1
	[ "$(opened jobs)" -gt "$before" ]
}
expect "the new cgroup belongs to its policy" 20 seen
belongs jobs jobs/batch-8

# The unit's bulkhead is full; the others do not notice.
( echo "$BASHPID" > "$CGROUP/system.slice/$UNIT/cgroup.procs"
	exec nsenter --net="/run/netns/$ID-c" "$CLIENT" hold $S4 7001 3 ) > /dev/null &
holder=$!
PIDS+=("$holder")
expect "the unit holds three" 10 in_use_is unit 3
equal "a fourth of the unit" "$(results "$(inside "system.slice/$UNIT/worker" "$CLIENT" blocking $S4 7001 5)" ECONNREFUSED)" 5
equal "refused by its cap" "$(service unit .decisions.refuse.cap)" 5
equal "everybody else" "$(results "$(inside "" "$CLIENT" blocking $S4 7001 5)" ok)" 5
belongs jobs jobs/batch-7
end KILL "$holder"

# The unit's breaker is open; the others do not notice.
backend refuse > /dev/null
inside "system.slice/$UNIT" "$CLIENT" blocking $S4 7001 3 > /dev/null
backend listen > /dev/null
is_open() { [ "$(service unit .endpoints.by_state.open)" = 1 ]; }
expect "the unit's breaker is open" 5 is_open
equal "the unit" "$(results "$(inside "system.slice/$UNIT" "$CLIENT" blocking $S4 7001 5)" ECONNREFUSED)" 5
equal "refused by its breaker" "$(service unit .decisions.refuse.breaker)" 5
equal "everybody else" "$(results "$(inside "" "$CLIENT" blocking $S4 7001 5)" ok)" 5
belongs user jobs setpriv --reuid=4242
for name in everyone unit jobs; do
	expect "$name: in use does not come back to 0" 10 in_use_is $name 0
done
all_released user
