# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# With a queue a connect that finds no slot is held: no SYN leaves until one is
# free, then it goes at once and in turn; after maxWait it fails with ETIMEDOUT.
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001 7002 7003 7004 7005
held() { # NAME PORT BULKHEAD
	policy "$1" <<-EOF
		mode: ${4:-enforce}
		service: {destinations: [{address: $S4, ports: [$2]}, {address: "$S6", ports: [$2]}]}
		bulkhead: {$3}
	EOF
}
held turn 7001 "maxConnections: 1, queue: {maxWait: 20s, maxLength: 8}"
held brief 7002 "maxConnections: 1, queue: {maxWait: 300ms, maxLength: 4}"
held each 7003 "perEndpoint: {maxConnections: 1}, queue: {maxWait: 20s}"
held calls 7004 "maxConcurrentCalls: 1, maxConnecting: 1, queue: {maxWait: 20s}"
held seen 7005 "maxConnections: 1, queue: {maxWait: 20s, maxLength: 2}" observe
start_agent
waiting_is() { [ "$(service "$1" .queue.waiting)" = "$2" ]; }
queued() { service "$1" .decisions.queue.cap; }
hold() { # PORT COUNT [ADDRESS]
	spawn_in_cgroup "$CLIENT" hold "${3:-$S4}" "$1" "$2" > "$T/hold.$1"
	HOLDER=$LAST
}

# All are served, one after another; each sends the one SYN that is let go.
count_syns 7001
for address in $S4 "$S6" "::ffff:$S4"; do
	out=$(client parallel "$address" 7001 6 60)
	equal "served, $address" "$(results "$out" ok)" 6
done
equal "one at a time" "$(peak)" 1
equal "SYNs" "$(syns)" 18
equal "have waited" "$(queued turn)" 15
equal "waits that ended" "$(service turn .queue.wait.count)" 15
equal "nobody was refused" "$(service turn .decisions.refuse.cap)" 0
equal "nor waited in vain" "$(metric 'weir_bulkhead_queue_abandoned_total{service="turn",direction="egress",reason="expired"}')" 0

# Whatever way an application connects: it is only slower.
for way in blocking nonblocking uring fastopen fork dup linger halfclose turns; do
	crowd=()
	for n in 1 2 3 4; do
		spawn_in_cgroup "$CLIENT" $way $S4 7001 4 > "$T/crowd.$n"
		crowd+=("$LAST")
	done
	wait "${crowd[@]}" || :
	cat "$T"/crowd.* | sort | uniq -c | xargs
	equal "$way" "$(awk '$1 == "ok" {n += $2} END {print n + 0}' "$T"/crowd.*)" 16
done
# (The backend's own count lags: it may read a FIN after the slot was handed on.)
equal "nobody was refused" "$(service turn .decisions.refuse.cap)" 0
# A socket that connects again gives up its place and gets a new one.
out=$(client retry $S4 7001 5)
equal "retry" "$(results "$out" ok)" 5

# Who came first is served first.
hold 7001 1
expect "the slot is taken" 5 in_use_is turn 1
for n in 1 2 3 4; do
	spawn_in_cgroup sh -c "'$CLIENT' parallel $S4 7001 1 50 > /dev/null; echo $n >> '$T/order'"
	expect "number $n waits" 5 waiting_is turn "$n"
done
length_is() { [ "$(metric 'weir_bulkhead_queue_length{service="turn",direction="egress"}')" = "$1" ]; }
expect "the metric says so, too" 5 length_is 4
ctl why turn | grep -q '4 of 8 wait' || fail "why does not tell of the queue: $(ctl why turn)"
ctl describe service turn | grep -q '^queue  *4 of 8 wait; waits p50 .*; 0 in vain, 0 left' ||
	fail "describe does not tell of the queue: $(ctl describe service turn)"
kill "$HOLDER"
all_served() { [ "$(wc -l < "$T/order")" = 4 ]; }
expect "all four are served" 10 all_served
equal "in turn" "$(xargs < "$T/order")" "1 2 3 4"

# maxWait: ETIMEDOUT, no SYN; more than maxLength are refused at once.
count_syns 7002
hold 7002 1
expect "the slot is taken" 5 in_use_is brief 1
out=$(client parallel $S4 7002 7 10)
equal "waited in vain" "$(results "$out" ETIMEDOUT)" 4
equal "found no place" "$(results "$out" ECONNREFUSED)" 3
equal "no SYN of them left" "$(syns)" 1
equal "expired" "$(service brief .queue.expired)" 4
equal "is nobody's failure" "$(service brief '.calls.connect.failure // 0')" 0
# Those who give up, or die, leave the queue.
for signal in TERM KILL; do
	spawn_in_cgroup "$CLIENT" parallel $S6 7002 3 10 > /dev/null
	expect "three wait" 5 waiting_is brief 3
	end "$signal" "$LAST" 2> /dev/null
	expect "and are gone" 5 waiting_is brief 0
done
at_least "left, or expired" "$(($(service brief .queue.left) + $(service brief .queue.expired)))" 10
kill "$HOLDER"
expect "the slot is free" 5 in_use_is brief 0
equal "for the next" "$(results "$(client parallel $S4 7002 1 10)" ok)" 1

# Who waits for one endpoint lets those for another pass.
hold 7003 1 $S4
expect "one endpoint is full" 5 in_use_is each 1
spawn_in_cgroup "$CLIENT" parallel $S4 7003 3 10 > "$T/behind"
BEHIND=$LAST
expect "three wait for it" 5 waiting_is each 3
equal "the other one is free" "$(results "$(client blocking "$S6" 7003 5)" ok)" 5
waiting_is each 3 || fail "somebody was let go to the full endpoint"
kill "$HOLDER"
wait "$BEHIND" || :
equal "then they go" "$(results "$(cat "$T/behind")" ok)" 3

# Calls in flight and connections being made are waited for, too.
backend hang > /dev/null
spawn_in_cgroup "$CLIENT" turns $S4 7004 1 > /dev/null
in_flight() { [ "$(service calls .calls.active)" = 1 ]; }
expect "a call is in flight" 5 in_flight
spawn_in_cgroup "$CLIENT" parallel $S4 7004 4 10 > "$T/later"
LATER=$LAST
expect "others wait" 5 waiting_is calls 4
backend answer 0 > /dev/null
wait "$LATER" || :
equal "until it is answered" "$(results "$(cat "$T/later")" ok)" 4

# Observe holds nobody and counts who would have been.
hold 7005 5
expect "observe lets through" 5 in_use_is seen 5
equal "two would have waited" "$(service seen .decisions.would_queue.cap)" 2
equal "two would have been refused" "$(service seen .decisions.would_refuse.cap)" 2

# A higher limit, and no policy at all, let those go who wait.
hold 7001 1
expect "the slot is taken" 5 in_use_is turn 1
spawn_in_cgroup "$CLIENT" hold $S4 7001 1 > /dev/null
expect "one waits" 5 waiting_is turn 1
held turn 7001 "maxConnections: 2, queue: {maxWait: 20s, maxLength: 8}"
reload
expect "there is room for it" 5 in_use_is turn 2
spawn_in_cgroup "$CLIENT" hold $S4 7001 1 > /dev/null
expect "one waits" 5 waiting_is turn 1
rm "$T/policies/turn.yaml"
reload
three() { [ "$(on_client ss -Htn state established "( dport = :7001 )" | wc -l)" = 3 ]; }
expect "it need not any more" 5 three

# Without the agent nobody is woken: what was granted goes when its timer is due.
hold 7002 1
expect "the slot is taken" 5 in_use_is brief 1
kill_agent
spawn_in_cgroup "$CLIENT" parallel $S4 7002 1 10 > "$T/alone"
ALONE=$LAST
kill "$HOLDER"
wait "$ALONE" || :
equal "served without the agent" "$(results "$(cat "$T/alone")" ok)" 1
start_agent
kill "${PIDS[@]}" 2> /dev/null || :
for name in brief each calls seen; do
	expect "$name: all is given back" 10 in_use_is $name 0
	waiting_is $name 0 || fail "$name: somebody still waits"
done
no_drift
