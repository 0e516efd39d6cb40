# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The agent stands still while more happens than the ring can hold. When it
# goes on it knows it all the same; what was lost is counted, and said once.
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002 7003
printf 'lease: 60s\n' > "$T/weir.yaml"
for port in 7001 7002; do
	policy "p$port" <<-EOF
	mode: enforce
	service: {destinations: [{address: $S4, ports: [$port]}]}
	circuitBreaker: {consecutiveFailures: 1, waitDurationInOpenState: 60s}
	EOF
done
policy wide <<EOF
mode: enforce
service: {destinations: [{address: 10.77.0.0/24, ports: [7003-7009]}]}
EOF
start_agent --config "$T/weir.yaml"
backend refuse > /dev/null

# One failure in a row is enough: each of them wants to wake the agent.
overflow() { # PORT: stopped from the first failure to the last
	kill -STOP "$AGENT_PID"
	equal "$1: failures" "$(results "$(client blocking $S4 "$1" 6000)" ECONNREFUSED)" 6000
}
lost() { status_of .events_lost_total; }
said() { grep -c 'warning: ring_full: event ring full' "$T/agent.log"; }

overflow 7001
backend listen > /dev/null
# New destinations while the ring is full: their event is lost too.
equal "a new destination" "$(results "$(client blocking $S4 7003 3)" ok)" 3
kill -CONT "$AGENT_PID"
expect "open" 5 state_is $S4:7001 open
equal "refused" "$(results "$(client blocking $S4 7001 10)" ECONNREFUSED)" 10
equal "by the breaker" "$(service p7001 .decisions.refuse.breaker)" 10
equal "every failure counted" "$(service p7001 .calls.connect.failure)" 6000
known() { [ "$(endpoint $S4:7003 .calls.connect.success)" = 3 ]; }
expect "the new destination is known" 5 known
first=$(lost)
at_least "lost" "$first" 400
equal "faults" "$(status_of .faults.ring_full)" "$first"
equal "shown" "$(status_of '.problems[] | select(.text | test("kernel events were lost")) | "\(.severity): \(.hint)"')" \
	"warning: decisions are not affected"
expect "said" 5 said

backend refuse > /dev/null
overflow 7002
kill -CONT "$AGENT_PID"
expect "open" 5 state_is $S4:7002 open
at_least "lost more" "$(lost)" $((first + 400))
sleep 1.5
equal "lines in the log" "$(said)" 1
equal "no drift" "$(status_of .drift_total)" 0

# And it goes on as ever, without a restart.
backend listen > /dev/null
before=$(lost)
curl -s --unix-socket "$T/weir.sock" -X POST -d '{"name":"p7001"}' http://weir/v1/reset > /dev/null
expect "closed by reset" 5 state_is $S4:7001 closed
equal "traffic" "$(results "$(client blocking $S4 7001 50)" ok)" 50
equal "nothing more is lost" "$(lost)" "$before"
stop_agent
