# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The disk is full, or read-only: an apply is refused with the reason and
# changes nothing, breakers and reloads go on, and it recovers by itself.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
mount -t tmpfs -o size=64k tmpfs "$T/state"
unmount() { umount "$T/state" 2> /dev/null || umount -l "$T/state"; }
trap 'unmount; cleanup' EXIT
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {consecutiveFailures: 3, waitDurationInOpenState: 60s}
EOF
start_agent
one() { sed "s/name: orders/name: $1/; s/7001/$2/" "$T/policies/orders.yaml" | jq -Rs '{files: [{name: "x.yaml", text: .}]}'; }
apply() { post /v1/policies "$(one "$1" "$2")"; }
names() { api /v1/policies | jq -r '[.items[].name] | sort | join(" ")'; }
left() { find "$T/state" -type f -printf '%P %s\n' | sort; }

equal "applied" "$(apply first 7011 | jq .generation)" 2
# The rest of the disk goes to somebody else.
dd if=/dev/zero of="$T/state/hog" bs=4k 2> /dev/null || :
before=$(left)
answer=$(apply second 7012)
jq -e '.code != null and (.diagnostics[0].message | test("writing: No space left on device; generation 2 stays in force"))' \
	<<< "$answer" > /dev/null || fail "a full disk: $answer"
equal "generation" "$(status_of .generation)" 2
equal "policies" "$(names)" "first orders"
equal "files are those of before" "$(left)" "$before"
grep -q "error: $T/state/applied/policies.yaml:.*No space left" "$T/agent.log" || fail "the log does not say it"
equal "it is no failed reload" "$(status_of .reload.ok)" true

# What needs no disk goes on.
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "a breaker opens" 5 state_is $S4:7001 open
backend listen > /dev/null
post /v1/reset '{"name":"orders"}' > /dev/null
expect "and closes" 5 state_is $S4:7001 closed
sed -i 's/consecutiveFailures: 3/consecutiveFailures: 4/' "$T/policies/orders.yaml"
equal "a reload goes on" "$(post /v1/reload '' | jq .generation)" 3
grep -q "warning: $T/state/accepted.yaml: the accepted policies could not be kept" "$T/agent.log" ||
	fail "nobody was told that a restart would not know them"
rm "$T/state/hog"
equal "room again: applied" "$(apply second 7012 | jq .generation)" 4
equal "policies" "$(names)" "first orders second"

mount -o remount,ro "$T/state"
before=$(left)
answer=$(apply third 7013)
jq -e '.diagnostics[0].message | test("writing: Read-only file system; generation 4 stays in force")' \
	<<< "$answer" > /dev/null || fail "read-only: $answer"
answer=$(curl -s --unix-socket "$T/weir.sock" -X DELETE 'http://weir/v1/policies?name=first')
jq -e '.diagnostics[0].message | test("Read-only file system")' <<< "$answer" > /dev/null || fail "delete: $answer"
equal "policies" "$(names)" "first orders second"
equal "files are those of before" "$(left)" "$before"
equal "a reload goes on" "$(post /v1/reload '' | jq .generation)" 5
mount -o remount,rw "$T/state"
equal "writable again: applied" "$(apply third 7013 | jq .generation)" 6

kill_agent
start_agent
equal "after a crash" "$(names)" "first orders second third"
stop_agent
