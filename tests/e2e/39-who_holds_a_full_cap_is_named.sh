# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Processes in cgroups of their own: one forgot to close what its server closed,
# one sits idle, one got its connections from another process, one was there
# before the agent. The cap is full: who holds it, and who was turned away?
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 12}
EOF
policy seen <<EOF
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConnections: 2}
EOF
mkdir "$CGROUP"/{leaky,idle.service,other.service,giver,taker,old,late}

from() { # CGROUP COMMAND...: in the background
	local cgroup=$1
	shift
	( echo "$BASHPID" > "$CGROUP/$cgroup/cgroup.procs"; exec nsenter --net="/run/netns/$ID-c" "$@" ) > "$T/out.$cgroup" &
	spawned
}
child_of() { cat "/proc/$1/task/$1/children"; }
has_child() { [ -n "$(child_of "$1")" ]; }
# A figure of one client: of SERVICE PID JQ-PATH
of() { ctl get clients "$1" -o json | jq -r --argjson p "$2" ".items[] | select(.pid == \$p) | $3"; }
why() { api "/v1/why?name=$1"; }
line() { why "$1" | jq -r '[.lines[].text] | join("\n")' | grep -E -- "$2"; }
held() { [ "$(of "$1" "$2" .connections)" = "$3" ]; }

from old "$CLIENT" hold $S4 7001 2
old=$LAST
expect "two before the agent" 5 grep -q 'ok 2' "$T/out.old"
start_agent
in_use_is orders 2 || fail "not adopted"
equal "adopted: who has it open" "$(of orders "$old" '"\(.name) \(.connections) \(.older)"')" "old/client[$old] 2 true"

backend close > /dev/null
from leaky "$CLIENT" leak $S4 7001 4
leaky=$LAST
expect "four leaked" 5 grep -q 'ok 4' "$T/out.leaky"
backend answer 0 > /dev/null
from idle.service "$CLIENT" hold $S4 7001 3
idle=$LAST
expect "three idle" 5 grep -q 'ok 3' "$T/out.idle.service"
from giver "$CLIENT" handover $S4 7001 3
giver=$LAST
expect "three handed over" 5 grep -q 'ok 3' "$T/out.giver"
taker=$(child_of "$giver" | tr -d ' ')
echo "$taker" > "$CGROUP/taker/cgroup.procs"
expect "the cap is full" 5 in_use_is orders 12
sleep 1.2
late() { nsenter --net="/run/netns/$ID-c" "$CLIENT" "$@"; }
out=$( (echo "$BASHPID" > "$CGROUP/late/cgroup.procs"; late blocking $S4 7001 3) )
equal "refused" "$(results "$out" ECONNREFUSED)" 3

told() { ctl events --type bulkhead --service "$1" -o json | jq -r '.items[].text' | grep -E -- "$2"; }
expect "an event" 3 told orders "cap of 12 is full: held by"
text=$(told orders "cap of 12 is full")
echo "$text"
for part in "leaky/client[$leaky] 4 (4 in CLOSE_WAIT, longest for" "idle.service/client[$idle] 3 (3 idle," \
	"taker/client[$taker] 3 (" "old/client[$old] 2 (" "client (pid " "was refused"; do
	grep -qF -- "$part" <<< "$text" || fail "the event does not say: $part"
done
equal "one event, not one a refusal" "$(told orders 'is full' | wc -l)" 1
equal "at that moment" "$(why orders | jq -c '.held.full | [.subject, .limit, .enforced, .connections, .processes]')" '["orders",12,true,12,4]'
equal "the most first" "$(why orders | jq -r '.held.full.holders[0] | "\(.pid) \(.connections) \(.close_wait) \(.unit)"')" "$leaky 4 4 null"
equal "with its unit" "$(why orders | jq -r --argjson p "$idle" '.held.full.holders[] | select(.pid == $p) | "\(.unit) \(.idle)"')" "idle.service 3"
equal "and who was refused" "$(why orders | jq -r '.held.full.refused' | grep -oE '^client \(pid [0-9]+, uid 0, .*/late\)$' | wc -l)" 1
line orders "^leaky/client\[$leaky\] 4 \(4 in CLOSE_WAIT" > /dev/null || fail "why: $(why orders)"
line orders "when the cap of 12 of orders was full" > /dev/null || fail "why: $(why orders)"
line orders "was refused then" > /dev/null || fail "why: $(why orders)"

equal "nobody is named who gave it away" "$(of orders "$giver" .name)" ""
equal "the idle one's silence" "$(of orders "$idle" '.idle_seconds >= 1 and .idle_seconds < 30 and .oldest_seconds >= .idle_seconds - 0.1')" true
equal "all are somebody's" "$(ctl get clients orders -o json | jq '[.items[].connections] | add')" 12
equal "none is open nowhere" "$(ctl get clients orders -o json | jq '[.items[].detached] | add')" 0
ctl get clients | sed 's/^/    /'
ctl get clients orders -o wide | grep -q "$ID/idle.service *$" || fail "wide: $(ctl get clients orders -o wide)"
equal "names" "$(ctl get clients orders -o name | grep -c '^client/.*client\[')" 4
equal "lines" "$(ctl get clients orders -o jsonl | grep -c '"kind":"Client"')" 4
equal "yaml" "$(ctl get clients orders -o yaml | grep -c 'close_wait: ')" 4
equal "of an endpoint" "$(ctl get clients $S4:7001 -o json | jq '[.items[].connections] | add')" 12
equal "no such service" "$(ctl get clients nobody 2>&1 > /dev/null; echo $?)" \
	"weirctl: get clients nobody: no service and no endpoint is named 'nobody'; weirctl get services, or get endpoints, lists what there is
4"

# The culprit is gone: what is told of that moment stays beside what is now.
end KILL "$leaky"
expect "its four are free" 10 in_use_is orders 8
equal "then" "$(why orders | jq '.held.full.holders[0].pid')" "$leaky"
equal "now" "$(why orders | jq -c '.held.now | [.connections, .processes]')" '[8,3]'
equal "the dead hold nothing" "$(of orders "$leaky" .connections)" ""

# Observing: nobody is refused, the same is said.
from late "$CLIENT" hold $S4 7002 5
late=$LAST
expect "three would have been refused" 5 held seen "$late" 5
expect "an event" 3 told seen "cap of 2 is full: held by late/client\[$late\] .*client \(pid $late, .*would be refused"
equal "over the cap" "$(of seen "$late" .over)" 3
equal "observed" "$(why seen | jq -c '.held.full | [.enforced, .limit]')" '[false,2]'

# The next agent finds them all in the sockets, without any capability, although
# one process is of another user: /proc/PID/fd would say nothing.
kill_agent
from other.service setpriv --reuid=nobody --clear-groups "$CLIENT" hold $S4 7001 2
other=$LAST
expect "two of another user" 5 grep -q 'ok 2' "$T/out.other.service"
mapfile -t command < <(agent_command)
nsenter --net="/run/netns/$ID-c" setpriv --inh-caps=-all --bounding-set=-all,+bpf,+perfmon,+net_admin \
	"${command[@]}" 2>> "$T/agent.log" &
AGENT_PID=$!
expect "ready" 20 ready
equal "no capability" "$(awk '$1 == "CapEff:" {print $2}' "/proc/$AGENT_PID/status")" 0000000000000000
equal "after a take-over" "$(ctl get clients orders -o json | jq -r '[.items[] | "\(.pid) \(.connections)"] | sort | join(", ")')" \
	"$(printf '%s\n' "$idle 3" "$taker 3" "$old 2" "$other 2" | sort | paste -sd, | sed 's/,/, /g')"
equal "of another user" "$(of orders "$other" '"\(.name) \(.uid)"')" "other.service/client[$other] $(id -u nobody)"
grep -q 'pid="' <<< "$(api /metrics)" && fail "a pid among the labels"
no_drift
stop_agent
