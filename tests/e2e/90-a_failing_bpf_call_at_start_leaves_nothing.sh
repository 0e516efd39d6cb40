# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A bpf() call of a start fails, each in a start of its own: all that attach, some
# that pin, a sample of the others (WEIR_TEST_EVERY=1: all). Either it was only a
# question about the kernel, or the agent says in a line what failed and exits
# 1; links, programs, maps and pins are gone in both cases.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
need strace
sandbox
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 4}
circuitBreaker: {slowCallDurationThreshold: 100ms, slowCallRateThreshold: 50}
EOF
printf 'limits: {services: 2, endpoints: 2}\n' > "$T/weir.yaml"

# A start of which call N fails; N of `none` counts them. The agent's log is n.N.
attempt() { # N
	local n=$1 inject=(-e trace=bpf) rc=0 agent
	[ "$n" = none ] || inject+=(-e "inject=bpf:error=EPERM:when=$n")
	mkdir "$CGROUP/$n" "$T/state.$n"
	nsenter --net="/run/netns/$ID-c" strace -o "$T/trace.$n" "${inject[@]}" \
		"$AGENT" --config "$T/weir.yaml" --cgroup "$CGROUP/$n" --pin-dir "$T/bpf/$n" \
		--state-dir "$T/state.$n" --policy-dir "$T/policies" \
		--socket "$T/sock.$n" --metrics off 2> "$T/log.$n" &
	tracer=$!
	while kill -0 $tracer 2> /dev/null && ! grep -qs ' is ready: ' "$T/log.$n"; do sleep 0.1; done
	agent=$(pgrep -P $tracer || :)
	# From here on nothing is started any more: what it stops with is not counted.
	[ "$n" != none ] || wc -l < "$T/trace.$n" > "$T/calls"
	[ -z "$agent" ] || kill -TERM "$agent" 2> /dev/null || :
	wait $tracer || rc=$?
	echo $rc > "$T/rc.$n"
}

remember_host
attempt none
calls=$(cat "$T/calls")
at_least "bpf() calls of a start" "$calls" 60
equal "a start without faults: exit" "$(cat "$T/rc.none")" 0
every=${WEIR_TEST_EVERY:-24}
mapfile -t chosen < <(head -n "$calls" "$T/trace.none" | awk -v every="$every" -v from=${WEIR_TEST_FROM:-$((RANDOM % every))} '
	/LINK_CREATE/ || /OBJ_PIN.*\/links\/weir_(release|connect6)/ || NR % every == from {print NR}')
running=0
for n in "${chosen[@]}"; do
	attempt "$n" &
	running=$((running + 1))
	[ $running -lt 5 ] || { wait -n || :; running=$((running - 1)); }
done
wait

survived=0 refused=0
for n in "${chosen[@]}"; do
	call=$(sed -n 's/^bpf(\([A-Z_]*\).*INJECTED.*/\1/p' "$T/trace.$n")
	[ -n "$call" ] || fail "call $n was not made"
	case $(cat "$T/rc.$n") in
	0)
		survived=$((survived + 1))
		grep -q ' is ready: ' "$T/log.$n" || fail "$n $call: stopped, but never ready"
		# What a policy needs and cannot have: the policy is refused, aloud. What
		# only shows something: said, and gone without.
		case $call in
		BPF_LINK_CREATE | BPF_OBJ_PIN)
			grep -Eq 'error: .*Operation not permitted; generation 0 stays in force|warning: who holds .*: Operation not permitted' "$T/log.$n" ||
				fail "$n $call: nobody cared: $(cat "$T/log.$n")"
			;;
		esac
		;;
	1)
		refused=$((refused + 1))
		errors=$(grep ' error: ' "$T/log.$n" || :)
		[ "$(grep -c . <<< "$errors")" = 1 ] || fail "$n $call: not one line: $(cat "$T/log.$n")"
		# Some loads only ask the kernel what it can: libbpf goes on without
		# types or global functions, and it is the verifier that refuses then.
		what='Operation not permitted'
		case $call in BPF_BTF_LOAD | BPF_PROG_LOAD) what='loading the BPF programs' ;; esac
		grep -q "$what.*; nothing was changed" <<< "$errors" || fail "$n $call: $errors"
		echo "$n $call: ${errors#* }"
		;;
	*) fail "$n $call: exit $(cat "$T/rc.$n"): $(cat "$T/log.$n")" ;;
	esac
	equal "$n: programs" "$(bpftool cgroup show "$CGROUP/$n" | grep -c weir_)" 0 > /dev/null
	[ ! -e "$T/bpf/$n" ] || fail "$n $call: pins stayed: $(find "$T/bpf/$n" | xargs)"
	[ ! -e "$T/sock.$n" ] || fail "$n $call: its socket stayed"
done
echo "$refused refused, $survived went on without it"
at_least "refused" $refused 7
host_is_as_before
