# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Each way to be wrong: the generation in force stays, the metric says so, the
# log has file, line and column. A start over a broken file goes on with what
# was last accepted.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
sandbox
start_server 0.0.0.0 7001
policy good <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 3}
EOF
start_agent
BAD=$T/policies/bad.yaml
kept=0
metric() { on_client curl -s http://127.0.0.1:19347/metrics | awk -v m="$1" '$1 == m {print $2}'; }
in_kernel() { bpftool -j map dump pinned "$T/bpf/weir/v1/maps/weir_rule" | jq -cS "map({key, value}) | sort" | md5sum; }
before=$(in_kernel)

# The bad file is there; a reload by HTTP, then one by SIGHUP.
rejected() { # WHAT PLACE PATTERN
	local answer
	: > "$T/agent.log"
	answer=$(post /v1/reload '')
	jq -e '.code == "rejected" and (.diagnostics | length) > 0' <<< "$answer" > /dev/null ||
		fail "$1: answered $answer"
	grep -Eq "error: $2: $3" "$T/agent.log" || fail "$1: not in the log: $2: $3"
	[ "$(status_of .generation)" = 1 ] || fail "$1: generation $(status_of .generation)"
	[ "$(status_of .reload.ok)" = false ] || fail "$1: reload is ok"
	kept=$((kept + 1))
	echo "$1: $(grep -Eo "error: $2: $3.*" "$T/agent.log" | head -1 | cut -c 8- | sed "s|$T/policies/||g")"
	rm -rf "$BAD"
}
text() { printf '%b' "$1" > "$BAD"; chmod 644 "$BAD"; }
# A policy with one line of its own, which is line 6.
bad() { text "apiVersion: weir/v1\nkind: ResiliencePolicy\nmetadata: {name: bad}\nspec:\n  service: {destinations: [{address: 192.0.2.1, ports: [80]}]}\n$1"; }

bad '  bulkhead: {maxConnections: 5\n'
rejected "malformed" "$BAD:[67]:[0-9]+" "."
text 'a: b\n\tc: d\n'
rejected "tabs" "$BAD:2:[0-9]+" "."
bad '  bulkhaed: {maxConnections: 5}\n'
rejected "an unknown key" "$BAD:6:3" ".*bulkhaed.*hint: .*bulkhead"
bad '  bulkhead: {maxConnections: 5, maxConnections: 6}\n'
rejected "a key twice" "$BAD:6:33" ".*maxConnections"
bad '  circuitBreaker: {slowCallDurationThreshold: 100}\n'
rejected "no unit" "$BAD:6:[0-9]+" ".*slowCallDurationThreshold.*(unit|duration)"
bad '  circuitBreaker: {slowCallDurationThreshold: 100 parsecs}\n'
rejected "a wrong unit" "$BAD:6:[0-9]+" ".*slowCallDurationThreshold"
bad '  circuitBreaker: {failureRateThreshold: 150}\n'
rejected "out of range" "$BAD:6:[0-9]+" ".*failureRateThreshold: 150.*1..100"
bad '  bulkhead: {maxConnections: lots}\n'
rejected "no number" "$BAD:6:[0-9]+" ".*maxConnections"
sed "s/name: good/name: bad/" "$T/policies/good.yaml" > "$BAD"
rejected "a tie" "($BAD|$T/policies/good.yaml):[0-9]+:[0-9]+" "policy (bad ties with policy good|good ties with policy bad) at .*:[0-9]+"
cp "$T/policies/good.yaml" "$BAD"
rejected "the same name" "($BAD|$T/policies/good.yaml):3:[0-9]+" "metadata.name: good is also the name of the policy at "
{ cat "$T/policies/good.yaml"; head -c 2097152 /dev/zero | tr '\0' '#'; } > "$BAD"
rejected "2 MiB" "$BAD:[0-9]+:[0-9]+" ".*(1048576|1 MiB|large)"
truncate -s 100G "$BAD"
rejected "100 GB" "$BAD:[0-9]+:[0-9]+" ".*(1048576|1 MiB|large)"
text "$(printf '[%.0s' {1..40})$(printf ']%.0s' {1..40})\n"
rejected "40 levels" "$BAD:1:[0-9]+" ".*(deep|depth|levels|nested)"
text 'a: &a [x, x]\nb: [*a, *a]\n'
rejected "aliases" "$BAD:1:[0-9]+" ".*(anchor|alias)"
head -c 4096 /dev/urandom > "$BAD"; chmod 644 "$BAD"
rejected "noise" "$BAD:[0-9]+:[0-9]+" "."
mkfifo "$BAD"
rejected "a fifo" "$BAD:0:0" "not a regular file"
ln -s /nowhere "$BAD"
rejected "a dangling link" "$BAD:0:0" "opening: No such file"
bad ''; chmod 666 "$BAD"
rejected "writable by everybody" "$BAD:0:0" "everyone may write this file.*chmod o-w"
equal "every one was rejected" $kept 18

bad '  bulkhaed: {}\n'
: > "$T/agent.log"
kill -HUP "$AGENT_PID"
expect "SIGHUP says file, line, column" 5 grep -q "error: $BAD:6:3: " "$T/agent.log"
equal "generation" "$(status_of .generation)" 1
equal "metric" "$(metric weir_policy_last_reload_successful)" 0
equal "problem" "$(status_of '.problems[0].text' | grep -c 'last reload failed, generation 1 stays')" 1
equal "what the kernel knows" "$(in_kernel)" "$before"
equal "the cap" "$(results "$(client parallel $S4 7001 20 300)" ok)" 3
equal "applied by hand: refused too" "$(post /v1/policies "$(jq -Rs '{files: [{name: "bad.yaml", text: .}]}' "$BAD")" | jq -r .code)" rejected
equal "nothing was written" "$(ls "$T/state/applied")" ""

stop_agent
start_agent
equal "a start over a broken file" "$(status_of '.policies.enforce')" 1
equal "says so" "$(metric weir_policy_last_reload_successful)" 0
equal "and keeps the cap" "$(results "$(client parallel $S4 7001 20 300)" ok)" 3
rm "$BAD"
reload
equal "mended" "$(metric weir_policy_last_reload_successful)" 1
stop_agent

# Unreadable, for an agent that may not read what is not its own.
install -m 600 -o 65534 "$T/policies/good.yaml" "$BAD"
mapfile -t command < <(agent_command)
nsenter --net="/run/netns/$ID-c" setpriv --inh-caps=-all --bounding-set=-all,+bpf,+perfmon,+net_admin \
	"${command[@]}" 2>> "$T/agent.log" &
AGENT_PID=$!
expect "ready" 20 ready
grep -q "error: $BAD:0:0: opening: Permission denied" "$T/agent.log" || fail "unreadable: no word"
equal "an unreadable file" "$(status_of '.policies.enforce')" 1
stop_agent
