# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The database-per-service rule: by cgroup, by user, by unit; observed and enforced.
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001 7002
mkdir "$CGROUP/orders.service" "$CGROUP/batch"
for n in 1 2; do
	policy db-$n <<-EOF
	mode: $([ $n = 1 ] && echo enforce || echo observe)
	service: {destinations: [{address: $S4, ports: [700$n]}, {address: $S6, ports: [700$n]}]}
	circuitBreaker: {consecutiveFailures: 3, onOpen: {errno: EACCES}}
	access:
	  allow:
	    - {systemdUnit: orders.service}
	    - {user: nobody}
	EOF
done
start_agent
from() { # CGROUP COMMAND...
	local group=$1
	shift
	( echo "$BASHPID" > "$CGROUP/$group/cgroup.procs"; exec nsenter --net="/run/netns/$ID-c" "$@" )
}
for address in $S4 $S6; do
	equal "the named unit, $address" "$(results "$(from orders.service "$CLIENT" blocking $address 7001 3)" ok)" 3
	equal "another one, $address" "$(results "$(from batch "$CLIENT" blocking $address 7001 3)" EACCES)" 3
done
equal "the named user, wherever" "$(results "$(from batch setpriv --reuid=nobody --clear-groups "$CLIENT" blocking $S4 7001 2)" ok)" 2
equal "counted as access" "$(service db-1 .decisions.refuse.access)" 6
equal "never the backend's failure" "$(service db-1 '.calls.connect.failure + .calls.turn.failure')" 0
named() { api "/v1/events?service=$1" | jq -r '.items[].text' | grep -q "$2"; }
expect "the refused one is named" 3 named db-1 'client (pid [0-9]*, uid 0.*was refused a connection to .*:7001: it is not on access.allow'
equal "observe lets in" "$(results "$(from batch "$CLIENT" blocking $S4 7002 3)" ok)" 3
equal "and counts" "$(service db-2 .decisions.would_refuse.access)" 3
expect "and names" 3 named db-2 'would be refused a connection'
# Whoever is let in later needs no restart.
sed -i "s|{user: nobody}|{cgroup: \"${CGROUP#"$CGROUP_ROOT"}/batch\"}|" "$T/policies/db-1.yaml"
reload
equal "let in by an edit" "$(results "$(from batch "$CLIENT" blocking $S4 7001 2)" ok)" 2
equal "and the user no more" "$(results "$(in_cgroup setpriv --reuid=nobody --clear-groups "$CLIENT" blocking $S4 7001 2)" EACCES)" 2
api "/v1/why?name=db-1" | jq -r '.lines[] | .label + ": " + .text' | grep -q 'refused: access 8' || fail "why: $(api "/v1/why?name=db-1")"
all_released db-1
