# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The agent is killed or stopped at a random phase of its tick, with a breaker
# open, half-open, or forced open: no connect that begins a lease later is
# refused, the cap stays exact, and the agent takes up where it was.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002
LEASE=1.0
printf 'lease: 1s\n' > "$T/weir.yaml"
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 3
  waitDurationInOpenState: 100ms
  permittedNumberOfCallsInHalfOpenState: 1
  halfOpenTimeout: 120s
  onOpen: {newConnections: refuse, errno: EHOSTUNREACH}
EOF
sed 's/name: orders/name: long/; s/7001/7003/; s/waitDurationInOpenState: 100ms/waitDurationInOpenState: 60s/' \
	"$T/policies/orders.yaml" > "$T/policies/long.yaml"
policy capped <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7002]}]}
bulkhead: {maxConnections: 4}
EOF
start_agent --config "$T/weir.yaml"
client hold $S4 7002 3 > /dev/null &
PIDS+=($!)
expect "three held" 5 in_use_is capped 3
refuses() { [ "$(results "$(client early $S4 $PORT 1)" EHOSTUNREACH)" = 1 ]; }
now() { printf '%s' "$EPOCHREALTIME"; }

get_open() {
	PORT=7003
	client blocking $S4 7003 3 > /dev/null
	expect "open" 5 state_is $S4:7003 open
}
get_forced_open() {
	PORT=7001
	post /v1/force '{"name":"orders","state":"open","ttl_seconds":600,"reason":"a test"}' > /dev/null
	expect "forced open" 5 service_state_is orders forced_open
}
get_half_open() {
	PORT=7001
	backend refuse > /dev/null
	client blocking $S4 7001 3 > /dev/null
	backend listen > /dev/null
	backend hang > /dev/null
	expect "half-open" 10 state_is $S4:7001 half_open
	# The one probe waits for an answer: everybody else is refused.
	client request $S4 7001 1 100000 > /dev/null &
	PIDS+=($!)
	taken() { [ "$(endpoint $S4:7001 .breaker.probes.taken)" = 1 ]; }
	expect "the probe is taken" 5 taken
	backend answer 0 > /dev/null
}

# From the fault on, one connect after another, each with the time it began.
watch_refusals() { # WHAT FAULT-TIME
	local began out last=0 admitted=0
	for _ in {1..2000}; do
		began=$(now)
		out=$(client early $S4 "$PORT" 1)
		if [ "$(results "$out" EHOSTUNREACH)" = 1 ]; then
			last=$began
		else
			admitted=$((admitted + 1))
			[ "$admitted" -lt 10 ] || break
		fi
	done
	equal "$1: admitted again" "$admitted" 10
	awk -v last="$last" -v at="$2" -v lease=$LEASE 'BEGIN {exit !(last - at <= lease + 0.05)}' ||
		fail "$1: refused $(awk -v a="$last" -v b="$2" 'BEGIN {print a - b}') s after the fault"
	equal "$1: the cap" "$(results "$(client parallel $S4 7002 30 200)" ok)" 1
}

for state in open forced_open half_open; do
	for signal in STOP KILL; do
		"get_$state"
		what="$state, SIG$signal"
		sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
		expect "$what: refused before" 5 refuses
		kill -$signal "$AGENT_PID"
		watch_refusals "$what" "$(now)"
		if [ $signal = STOP ]; then
			kill -CONT "$AGENT_PID"
			expect "$what: it answers" 5 ready
		else
			wait "$AGENT_PID" 2> /dev/null || :
			start_agent --config "$T/weir.yaml"
		fi
		case $state in
		open) equal "$what: as before" "$(endpoint $S4:7003 .breaker.state)" open ;;
		forced_open) equal "$what: as before" "$(service orders .breaker.state)" forced_open ;;
		*) ;; # its probe has ended meanwhile, or not
		esac
		[ $state = half_open ] ||
			expect "$what: refused again" 5 refuses
		equal "$what: held connections" "$(service capped .connections.active)" 3
		post /v1/force '{"name":"orders","state":"auto"}' > /dev/null
		post /v1/reset '{"name":"orders"}' > /dev/null
		post /v1/reset '{"name":"long"}' > /dev/null
		expect "$what: closed" 5 state_is $S4:7001 closed
	done
done
no_drift
stop_agent
