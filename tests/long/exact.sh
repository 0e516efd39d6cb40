# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make test-exact: story 57 with 100,000 connects, then 100,000 connections that
# are opened and killed, a few thousand at once, while the agent is killed, too.
. "$(dirname "$0")/../e2e/lib.sh"
. tests/e2e/hammer.sh
CAP=5000
AT_ONCE=4500
ROUNDS=${EXACT_ROUNDS:-23}

HAMMER_CONNECTS=${EXACT_CONNECTS:-100000} bash tests/e2e/57-*.sh

hammer_sandbox
ulimit -n "$(ulimit -Hn)"
watch_peak
opened=0
for round in $(seq "$ROUNDS"); do
	spawn_in clients c "$CLIENT" hold $S4 7001 $AT_ONCE > "$T/held"
	# Every third time it dies while connections are opened, else when all are.
	if [ $((round % 3)) = 0 ]; then sleep 0.05; else
		expect "round $round: $AT_ONCE connections" 60 in_use_is orders $AT_ONCE
	fi
	[ $((round % 4)) != 0 ] || kill_agent
	end KILL "$LAST"
	[ $((round % 4)) != 0 ] || start_agent
	expect "round $round: all of them released: $(service orders .connections)" 60 in_use_is orders 0
done
end TERM "$peak_pid"
opened=$(counted server total)
at_least "opened and killed" "$opened" $((AT_ONCE * ROUNDS * 2 / 3))
at_most "at once" "$(counted server peak)" $CAP
nothing_held
equal "corrections, in all lives of the agent" "$(grep -c 'the count was off' "$T/agent.log" || :)" 0
stop_agent
