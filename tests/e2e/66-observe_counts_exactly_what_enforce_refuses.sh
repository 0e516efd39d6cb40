# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Twins: the same policy and the same traffic, one in observe, one in enforce.
# What one refuses the other says it would have, with the same labels.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002
twins() {
	local mode port=7001
	for mode in enforce observe; do
		policy "$mode" <<-EOF
			mode: $mode
			service: {destinations: [{address: $S4, ports: [$port]}]}
			circuitBreaker:
			  consecutiveFailures: 4
			  waitDurationInOpenState: 4s
			  permittedNumberOfCallsInHalfOpenState: 3
			bulkhead: {maxConnections: 6}
		EOF
		port=7002
	done
}
twin_counts() { # COUNTER-OF-ENFORCE COUNTER-OF-OBSERVE WANT
	equal "enforce $1" "$(service enforce "$1")" "$3"
	equal "observe $2" "$(service observe "$2")" "$3"
}
both_are() { state_is $S4:7001 "$1" && state_is $S4:7002 "$1"; }
each() { # WAY COUNT [MS]: $enforced and $observed are the outputs
	enforced=$(client "$1" $S4 7001 "${@:2}")
	observed=$(client "$1" $S4 7002 "${@:2}")
}
twins
start_agent

# The bulkhead.
each parallel 10 500
equal "enforce admits" "$(results "$enforced" ok)" 6
equal "observe admits" "$(results "$observed" ok)" 10
twin_counts .decisions.refuse.cap .decisions.would_refuse.cap 4

# Open.
backend refuse > /dev/null
each blocking 4
expect "both open" 5 both_are open
backend listen > /dev/null
each blocking 25
equal "enforce refuses" "$(results "$enforced" ECONNREFUSED)" 25
equal "observe refuses nothing" "$(results "$observed" ok)" 25
twin_counts .decisions.refuse.breaker .decisions.would_refuse.breaker 25

# Half-open, beyond the tokens.
expect "both half-open" 10 both_are half_open
each parallel 20 200
equal "enforce admits the probes" "$(results "$enforced" ok)" 3
equal "observe admits everybody" "$(results "$observed" ok)" 20
expect "both closed by their probes" 10 both_are closed
twin_counts '.decisions.refuse.half_open + .decisions.refuse.cap' \
	'.decisions.would_refuse.half_open + .decisions.would_refuse.cap' 21
twin_counts '[.decisions.would_refuse, .decisions.refuse | to_entries[].value] | add' \
	'[.decisions.would_refuse, .decisions.refuse | to_entries[].value] | add' 46
equal "observe has refused" "$(service observe '[.decisions.refuse[]] | add')" 0
equal "enforce would have refused" "$(service enforce '[.decisions.would_refuse[]] | add')" 0

# The labels are the same, but for the name and the verdict; so are the
# breaker's transitions, with their counts.
metrics=$(on_client curl -s http://127.0.0.1:19347/metrics)
labels() { # SERVICE
	grep "service=\"$1\"" <<< "$metrics" | grep -v '^weir_decisions_total.*"allow"' |
		sed "s/service=\"$1\"//; s/:700[12]\"/\"/; s/verdict=\"[a-z_]*\"//; s/ [^ ]*\$//" | sort -u
}
diff <(labels enforce) <(labels observe) || fail "series that only one of the two has"
transitions() { grep "^weir_breaker_transitions_total.*service=\"$1\"" <<< "$metrics" | sed "s/\"$1\"//" | sort; }
diff <(transitions enforce) <(transitions observe) || fail "their breakers did not do the same"
at_least "transitions" "$(transitions observe | grep -c ' [1-9]')" 3
refusals() { grep "^weir_decisions_total.*service=\"$1\".*verdict=\"$2\"" <<< "$metrics" | sed "s/\"$1\"//; s/\"$2\"//" | grep -v ' 0$' | sort; }
diff <(refusals enforce refuse) <(refusals observe would_refuse) || fail "other reasons or other counts"
all_released enforce
all_released observe
