# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a policy says may change at any time; what is known about the backend,
# and who is connected to it, does not change with it.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
orders() { # KEY=VALUE...
	local mode=enforce row=3 wait=600s probes=3 errno=EHOSTUNREACH cap=50
	[ $# = 0 ] || local "$@"
	policy orders <<-EOF
		mode: $mode
		service: {destinations: [{address: $S4, ports: [7001]}]}
		circuitBreaker:
		  consecutiveFailures: $row
		  minimumNumberOfCalls: 1000
		  waitDurationInOpenState: $wait
		  permittedNumberOfCallsInHalfOpenState: $probes
		  onOpen: {errno: $errno}
		bulkhead: {maxConnections: $cap}
	EOF
}
change() {
	orders "$@"
	jq -e .generation <<< "$(post /v1/reload '')" > /dev/null || fail "reload: $(post /v1/reload '')"
}
connects() { results "$(client blocking $S4 7001 "$1")" "$2"; }
breaker() { endpoint $S4:7001 ".breaker.$1"; }

orders wait=6s
start_agent
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "open" 5 state_is $S4:7001 open
backend listen > /dev/null
epoch=$(breaker epoch)
opened=$(service orders .connections.opened)

# Open, and other thresholds, another errno, another number of probes.
change wait=60s row=40 errno=ENETUNREACH probes=2 cap=40
equal "still open" "$(breaker state)" open
equal "no transition" "$(breaker epoch)" "$epoch"
equal "refused with the new errno" "$(connects 5 ENETUNREACH)" 5
equal "counters go on" "$(service orders .connections.opened)" "$opened"
change wait=60s row=40 mode=observe probes=2
equal "observe: open as before, and lets through" "$(breaker state) $(connects 5 ok)" "open 5"
equal "would have refused" "$(service orders .decisions.would_refuse.breaker)" 5
change wait=60s row=40 probes=2
expect "half-open when the old wait is over" 15 state_is $S4:7001 half_open
equal "the new number of probes" "$(breaker probes.permitted)" 2
equal "both succeed" "$(connects 2 ok)" 2
expect "closed by two" 5 state_is $S4:7001 closed

# Samples that are there count for the new threshold.
backend refuse > /dev/null
equal "failures" "$(connects 4 ECONNREFUSED)" 4
equal "forty are not reached" "$(breaker state)" closed
change row=5
equal "an edit alone opens nothing" "$(breaker state)" closed
equal "the fifth" "$(connects 1 ECONNREFUSED)" 1
expect "opened by four old failures and a new one" 5 state_is $S4:7001 open
equal "value" "$(breaker value)" 5
backend listen > /dev/null
equal "refused" "$(connects 5 EHOSTUNREACH)" 5

# Removed: the very next connect goes out.
rm "$T/policies/orders.yaml"
reload
equal "admitted without a policy" "$(connects 10 ok)" 10
change
equal "a policy of that name begins anew" "$(service orders .endpoints.by_state.open) $(connects 5 ok)" "0 5"
expect "nothing in use" 5 in_use_is orders 0

# A cap below what is in use: refuses until it drains, and harms nobody.
talkers=()
for _ in 1 2 3 4 5 6; do
	spawn_in_cgroup "$CLIENT" turns $S4 7001 100000 20 > /dev/null
	talkers+=("$LAST")
done
expect "six in use" 10 in_use_is orders 6
change cap=2
equal "full" "$(connects 5 ECONNREFUSED) $(connects 5 EHOSTUNREACH)" "0 5"
equal "refused by the cap" "$(service orders .decisions.refuse.cap)" 10
equal "still six" "$(service orders .connections.active)" 6
turns=$(service orders .calls.turn.success)
more() { [ "$(service orders .calls.turn.success)" -gt $((turns + 60)) ]; }
expect "they go on talking" 10 more
for pid in "${talkers[@]}"; do kill -0 "$pid" || fail "a connection was cut"; done
end KILL "${talkers[0]}"
end KILL "${talkers[1]}"
end KILL "${talkers[2]}"
end KILL "${talkers[3]}"
expect "two in use" 10 in_use_is orders 2
equal "full to the cap" "$(connects 2 EHOSTUNREACH)" 2
end KILL "${talkers[4]}"
expect "one in use" 10 in_use_is orders 1
equal "there is room" "$(connects 1 ok)" 1
expect "one in use" 10 in_use_is orders 1
kill -0 "${talkers[5]}" || fail "a connection was cut"
change cap=30
equal "there is more room" "$(results "$(client parallel $S4 7001 29 500)" ok)" 29
equal "resets and failures of theirs" "$(service orders '.failures.reset + .failures.closed + .failures.local')" 0
end KILL "${talkers[5]}"
all_released orders
