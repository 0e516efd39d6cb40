# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make test-churn: CHURN_SECONDS (600) of everything at once. 64 threads connect
# in every way and are reset, forked and killed; the backend refuses, resets and
# hangs at times; policies are reloaded; the agent is killed, stopped for longer
# than its lease, and started again. In the end nothing is held, no count was
# ever off, and at no instant was there one connection too many.
. "$(dirname "$0")/../e2e/lib.sh"
. tests/e2e/hammer.sh
SECONDS_ALL=${CHURN_SECONDS:-600}

hammer_sandbox
watch_peak
touch "$T/asking" "$T/churning"
in_background ask_in_use
asking=$LAST
hammer 64 0 "$SECONDS_ALL"
hammering=$LAST

# Each disturbance in turn; what it changes it puts back.
moody() { backend "$1" > /dev/null; sleep 0.5; backend "$2" > /dev/null; }
restart() { kill_agent; sleep "$1"; start_agent; }
pause_agent() { kill -STOP "$AGENT_PID"; sleep 3.5; kill -CONT "$AGENT_PID"; }
change_policy() {
	sed -i "s/mode: enforce/&\nrateLimit: {connectionsPerSecond: 100000, burst: 1000}/" "$T/policies/orders.yaml"
	reload
	sleep 0.5
	sed -i '/^  *rateLimit/d; /^rateLimit/d' "$T/policies/orders.yaml"
	reload
}
mass() { # 30 connections of one process that is killed
	spawn_in clients c "$CLIENT" hold $S4 7002 30 > /dev/null
	sleep 0.3
	end KILL "$LAST"
}
round=0 lives=1 drift=0
while kill -0 "$hammering" 2> /dev/null; do
	sleep 1
	round=$((round + 1))
	case $((round % 8)) in
	1) moody reset 'answer 0' ;;
	2) mass ;;
	3) moody refuse listen ;;
	4) change_policy ;;
	5) moody 'answer 20' 'answer 0' ;;
	6) mass; ctl get clients orders > /dev/null || : ;;
	7) moody close 'answer 0' ;;
	0)
		drift=$((drift + $(status_of .drift_total)))
		if [ $((round % 16)) = 0 ]; then pause_agent; else restart 0.5; lives=$((lives + 1)); fi
		;;
	esac
done
wait "$hammering" || :
rm "$T/asking"
wait "$asking" || :
expect "nothing is in use" 20 in_use_is orders 0
end TERM "$peak_pid"
cat "$T/hammer" "$T/peak"

echo "rounds: $round, agents: $lives, connects: $(hammered '*' '*') turns in $SECONDS_ALL s"
at_least "let through" "$(hammered '*' ok)" $((SECONDS_ALL * 50))
at_most "peak of the client's sockets" "$(counted client peak)" $CAP
equal "sockets that are left" "$(counted client now)" 0
at_most "peak of $(grep -c . "$T/in_use") looks at Weir" "$(grep . "$T/in_use" | sort -n | tail -1)" $CAP
all_released orders
equal "connecting" "$(service orders .connections.connecting)" 0
equal "drift before each end of an agent" "$drift" 0
equal "corrections, in all lives of the agent" "$(grep -c 'the count was off' "$T/agent.log" || :)" 0
api /v1/status | jq -c '{faults: (.faults | with_entries(select(.value > 0))), drift_total}'
equal "no slot had to be looked for" "$(status_of .faults.stale_released)" 0
stop_agent
