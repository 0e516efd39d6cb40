# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The agent is killed at one system call of an apply after the other. What the
# kernel then enforces, and what the next agent does, is all of the old set or
# all of the new one, never a part of each.
. "$(dirname "$0")/lib.sh"
need strace
sandbox
start_server 0.0.0.0 7001 7002
printf 'limits: {services: 6, endpoints: 8}\n' > "$T/weir.yaml"
part() { # NAME PORT CAP
	printf 'apiVersion: weir/v1\nkind: ResiliencePolicy\nmetadata: {name: %s}\nspec:\n' "$1"
	printf '  mode: enforce\n  service: {destinations: [{address: %s, ports: [%s]}]}\n' "$S4" "$2"
	printf '  bulkhead: {maxConnections: %s}\n---\n' "$3"
}
body() { jq -Rs '{files: [{name: "x.yaml", text: .}]}'; }
OLD=$({ part one 7001 3; part two 7002 9; } | body)
NEW=$({ part one 7001 5; part three 7002 6; } | body)

caps() { # of both ports, by what is admitted
	echo "$(results "$(client parallel $S4 7001 12 100)" ok) $(results "$(client parallel $S4 7002 12 100)" ok)"
}
explained() { # WHAT CAPS
	case $2 in
	"3 9") echo "$1: the old set" ;;
	"5 6") echo "$1: the new set" && new=$((new + 1)) ;;
	*) fail "$1: caps $2 are neither those of the old set nor those of the new one" ;;
	esac
}
gone() { ! kill -0 "$AGENT_PID" 2> /dev/null || grep -q '^State:.*zombie' "/proc/$AGENT_PID/status"; }
apply() { curl -s -m 10 --unix-socket "$T/weir.sock" -X POST -d "$1" 'http://weir/v1/policies?prune=1'; }

die_at() { # SYSTEM-CALL N: its Nth in the thread that applies
	local tracer
	equal "before" "$(apply "$OLD" | jq -r .kind)" ApplyResult > /dev/null
	strace -f -p "$AGENT_PID" -o "$T/trace" -e trace="$1" -e inject="$1:signal=KILL:when=$2" 2> "$T/strace" &
	tracer=$!
	expect "strace is there" 10 grep -q attached "$T/strace"
	apply "$NEW" > /dev/null || :
	expect "$1 number $2: it dies" 15 gone
	wait "$AGENT_PID" 2> /dev/null || :
	wait $tracer 2> /dev/null || :
	AGENT_PID=
	explained "$1 number $2: without an agent" "$(caps)"
	start_agent --config "$T/weir.yaml"
	explained "$1 number $2: with the next one" "$(caps)"
	[ "$(status_of .drift_total)" = 0 ] || fail "drift"
}

new=0
start_agent --config "$T/weir.yaml"
# The records of the next generation, which nobody looks at yet.
die_at openat 3
die_at bpf 5
die_at bpf 11
# The file is written, synced, renamed: the next agent has the new set.
die_at write 1
die_at rename 1
equal "starts with the new set so far" $new 0
die_at fsync 2
at_least "the next agent has the new set: seen" $new 1
# The generation is flipped: what was accepted is kept, connections move over.
new=0
die_at openat 6
die_at rename 2
die_at write 3
equal "the new set, without an agent and with the next one" $new 6
stop_agent
