# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every command as a user types it, against a live agent: answers, exit codes,
# JSON that is JSON, mistakes shown where they were made.
. "$(dirname "$0")/lib.sh"
need jq
need setpriv

exits() { # CODE WORDS...: runs weirctl; what it said is in $T/out and $T/err
	local want=$1 got=0
	shift
	ctl "$@" > "$T/out" 2> "$T/err" || got=$?
	[ "$got" = "$want" ] ||
		fail "weirctl $*: exit $got, want $want: $(cat "$T/out" "$T/err")"
	echo "weirctl $*: exit $got"
}
says() { grep -qF -- "$1" "$T/out" || fail "'$1' is not in the answer: $(cat "$T/out")"; }
complains() { # TEXT: on stderr, and nothing is taken for data
	grep -qF -- "$1" "$T/err" || fail "'$1' is not in the complaint: $(cat "$T/err")"
}
in_one_line() { equal "lines of the complaint" "$(wc -l < "$T/err")" 1; }
is_json() { jq -e "${1:-.}" "$T/out" > /dev/null || fail "not JSON with $1: $(head -c 300 "$T/out")"; }
generation() { status_of .generation; }

document() { # NAME PORT [FURTHER SPEC LINE...]
	printf 'apiVersion: weir/v1\nkind: ResiliencePolicy\nmetadata: {name: %s}\nspec:\n' "$1"
	printf '  service: {destinations: [{address: %s, ports: [%s]}]}\n' "$S4" "$2"
	shift 2
	[ $# = 0 ] || printf '  %s\n' "$@"
}

# ---- without an agent ------------------------------------------------------------
equal "root" "$(id -u)" 0
exits 3 status
complains "$T/weir.sock does not exist: is weir-agent running?"
in_one_line
exits 3 reload
complains "nothing was changed"
: > "$T/weir.sock"
exits 3 status
complains "is not a socket"
rm "$T/weir.sock"
exits 0 version
exits 0 help
exits 0 help force
exits 2 frobnicate
exits 2 staus
complains "did you mean status?"
in_one_line
exits 2
exits 0 schema
is_json '.properties.spec.properties.circuitBreaker.properties.failureRateThreshold.maximum == 100'
exits 0 explain spec.circuitBreaker
says "failureRateThreshold"
exits 0 explain spec.timeouts
says "not supported yet"
exits 4 explain spec.bulkhead.nothing
exits 0 check
says "BTF"
complains "no agent answers"
for shell in bash zsh fish; do exits 0 completion $shell; done
ctl completion bash > "$T/completion"
equal "bash completes" "$(bash -c '. "$1"; COMP_WORDS=("$2" get en); COMP_CWORD=2
	_weirctl; echo "${COMPREPLY[*]}"' - "$T/completion" "$WEIRCTL")" endpoints

# The manual knows every command and every option.
for command in $(ctl __complete '' | cut -f1); do
	grep -q "\*$command\*" docs/man/weirctl.1.scd || fail "weirctl(1) does not know $command"
	for option in $(ctl __complete "$command" -- | cut -f1); do
		grep -qe "\*$option\*" docs/man/weirctl.1.scd ||
			fail "weirctl(1) does not know $command $option"
	done
done

document bad 7003 'circuitBreaker:' '  failureRateThreshold: 150' > "$T/bad.yaml"
document good 7003 'bulkhead: {maxConnections: 7}' > "$T/good.yaml"
cat > "$T/want" <<EOF
error: failureRateThreshold: 150 is not in 1..100
 --> $T/bad.yaml:7:27
  |
7 |     failureRateThreshold: 150
  |                           ^^^
EOF
exits 5 lint -f "$T/bad.yaml"
head -5 "$T/out" | diff "$T/want" - || fail "lint does not point at the mistake"
exits 5 lint -f "$T/bad.yaml" -o json
is_json '.valid == false and .diagnostics[0].line == 7 and .diagnostics[0].column == 27'
exits 0 lint -f "$T/good.yaml"
exits 5 lint -f "$T"
exits 5 lint -f "$T/none.yaml"
ctl lint -f - < "$T/good.yaml" > /dev/null || fail "lint from standard input"
ctl lint -f <(cat "$T/good.yaml") > /dev/null || fail "lint from a pipe"
exits 2 lint

# ---- with one ---------------------------------------------------------------------
sandbox
start_server 0.0.0.0 7001 7002
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {consecutiveFailures: 3, waitDurationInOpenState: 60s}
bulkhead: {maxConnections: 30}
EOF
start_agent
client blocking $S4 7001 10 > /dev/null
client turns $S4 7002 5 > /dev/null

exits 0 status
equal "healthy comes first" "$(head -1 "$T/out" | cut -c1-7)" healthy
exits 0 status --exit-code
exits 0 version
says "weir-agent"
exits 0 check
says "CAP_BPF"
for kind in services endpoints clients policies overrides generations; do
	exits 0 get $kind
	exits 0 get $kind -o json
	is_json '.items | type == "array"'
	exits 0 get $kind -o yaml
	exits 0 get $kind -o wide
done
exits 0 get services orders -o name
equal "name" "$(cat "$T/out")" service/orders
exits 0 get endpoints -o jsonl
is_json .name
exits 4 get services nobody
exits 0 describe service orders
says "$T/policies/orders.yaml:7:41"
exits 0 describe endpoint $S4:7001
exits 0 describe policy orders -o json
is_json '.values | map(select(.path == "spec.bulkhead.maxConnections"))[0] | .value == 30 and .line == 8'
exits 4 describe policy nobody
exits 0 why orders
says "CLOSED"
exits 4 why nobody
in_one_line
exits 0 top
says "$S4:7002"
exits 0 top --batch -n 2 -d 0.1 --sort name
equal "two tables" "$(grep -c '^NAME' "$T/out")" 2
exits 0 top -o jsonl
is_json .kind
exits 2 status -o name
rc=0
ctl status > /dev/full 2> "$T/err" || rc=$?
equal "an answer that cannot be written" "$rc" 70
complains "No space left on device"
rc=0
ctl status >&- 2> "$T/err" || rc=$?
equal "an answer nobody can take" "$rc" 70

# A watcher prints a list again when a state changes, and not for mere figures.
ctl get endpoints orders -w -o jsonl > "$T/watched" 2>&1 &
watcher=$!
PIDS+=("$watcher")
watched() { [ "$(jq -r .breaker.state "$T/watched" | paste -sd ' ')" = "$1" ]; }
expect "the watcher has begun" 3 watched closed
client blocking $S4 7001 5 > /dev/null
sleep 1.5

# ---- trouble -------------------------------------------------------------------------
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "open" 2 state_is $S4:7001 open
expect "the watcher saw one change" 5 watched "closed open"
kill "$watcher"
exits 0 status
says "weirctl why orders"
exits 1 status --exit-code
exits 0 get services orders
says "OPEN"
exits 0 why orders -o json
is_json '.lines | map(select(.label == "because")) | length > 0'
exits 0 why $S4:7001
says "3 failures in a row >= consecutiveFailures 3"
says "orders.yaml:7:41"
exits 0 events --service orders --type breaker
says "CLOSED -> OPEN"
exits 0 events --last 1 -o json
is_json '.items | length == 1'
exits 0 events --since 1h
exits 0 events --since 2001-01-01T00:00:00Z --last 3 -o jsonl
exits 2 events --since lately

# A follower sees what happens, and ends without a word when nobody reads on.
ctl events -f --last 0 > "$T/followed" 2>&1 &
follower=$!
PIDS+=("$follower")
sleep 0.3
exits 0 reset orders
expect "the follower saw the reset" 5 grep -q 'reset by uid 0' "$T/followed"
kill -INT "$follower"
backend listen > /dev/null
timeout 20 "$WEIRCTL" --socket "$T/weir.sock" events -f 2> "$T/err" | head -1 > "$T/out"
rc=${PIPESTATUS[0]}
[ "$rc" != 124 ] || fail "a follower whose reader left waits on"
equal "complaints about a reader that left" "$(wc -c < "$T/err")" 0

# ---- changes -------------------------------------------------------------------------
before=$(generation)
exits 5 apply -f "$T/bad.yaml"
head -5 "$T/err" | diff "$T/want" - || fail "apply does not point at the mistake"
complains "generation $before stays in force"
equal "generation" "$(generation)" "$before"
exits 5 apply -f "$T/bad.yaml" -o json
is_json '.diagnostics[0].line == 7'
exits 5 apply -f "$T/none.yaml"
in_one_line
exits 0 apply -f "$T/good.yaml" --dry-run
says "policy good created"
equal "generation after a dry run" "$(generation)" "$before"
exits 0 apply -f "$T/good.yaml" --wait
says "policy good created"
says "generation $((before + 1)) is in force"
exits 0 apply -f "$T/good.yaml"
says "policy good unchanged"
document good 7003 'bulkhead: {maxConnections: 8}' | ctl apply -f - -o json > "$T/out" || fail "apply from standard input"
is_json '.updated == ["good"]'
mkdir "$T/set"
document other 7004 > "$T/set/other.yaml"
exits 0 apply -f "$T/set" --prune
says "policy other created"
says "policy good deleted"
exits 8 delete orders
complains "comes from a file"
in_one_line
exits 0 delete other
exits 4 delete other
exits 0 reload
cp "$T/bad.yaml" "$T/policies/broken.yaml"
exits 5 reload
complains "$T/policies/broken.yaml:7:27"
exits 1 status --exit-code
says "the last reload failed"
rm "$T/policies/broken.yaml"
exits 0 reload

exits 2 force orders open --reason x
exits 2 force orders open --ttl 1m
exits 4 force nobody open --ttl 1m --reason x
exits 5 force $S4:7002 open --ttl 1m --reason x
in_one_line
exits 0 force orders open --ttl 1m --reason "a drill"
says "FORCED-OPEN for"
exits 0 get overrides
says "a drill"
exits 0 why orders
says "uid 0 asked for it: a drill"
exits 0 force orders auto
exits 0 reset orders
exits 4 reset nobody
equal "names for completion" "$(ctl __complete get policies '')" "$(printf 'orders\tpolicy')"

# ---- who may not, and who does not answer -----------------------------------------------
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$WEIRCTL" --socket "$T/weir.sock" "$@"; }
rc=0
nobody status 2> "$T/err" || rc=$?
equal "a user without rights" "$rc" 6
complains "permission denied"
in_one_line
chmod 666 "$T/weir.sock"
rc=0
nobody reload 2> "$T/err" || rc=$?
equal "a user who reaches the socket" "$rc" 6
complains "nothing was changed"
nobody check > "$T/out" 2> "$T/err" && fail "check says that a user without capabilities can do everything"
says "failed"

kill -STOP "$AGENT_PID"
exits 3 status
complains "did not answer within 10 s"
equal "completion without an answer" "$(timeout 2 "$WEIRCTL" --socket "$T/weir.sock" __complete why '' 2>&1)" ""
kill -CONT "$AGENT_PID"
stop_agent
exits 3 status
