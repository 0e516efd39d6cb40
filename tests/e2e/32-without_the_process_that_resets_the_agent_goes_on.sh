# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The process that resets connections is killed: the agent says so, once, keeps
# the connections, goes on refusing and closing, and takes no policy that wants
# what it cannot do any more. (What may be reset at all: tests/unit/inet_diag.c.)
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001
made() { # ESTABLISHED
	policy orders <<-EOF
	mode: enforce
	service: {destinations: [{address: $S4, ports: [7001]}]}
	circuitBreaker:
	  slidingWindow: {size: 1s, buckets: 10}
	  minimumNumberOfCalls: 5
	  minimumNumberOfFailures: 5
	  slowCallDurationThreshold: 200ms
	  slowCallRateThreshold: 50
	  waitDurationInOpenState: 60s
	  onOpen: {establishedConnections: $1, resetRate: 50}
	EOF
}
made resetStuck
start_agent
resetter() { pgrep -P "$AGENT_PID" -x weir-resetter; }
victim=$(resetter) || fail "there is no process that resets: $(pgrep -aP "$AGENT_PID")"
kill -9 "$victim"
for n in 1 2 3 4 5 6 7 8; do
	spawn_in_cgroup "$CLIENT" turns $S4 7001 1000 20 > "$T/turns.$n"
done
expect "8 connections" 5 in_use_is orders 8
said() { [ "$(grep -c 'the process that resets connections is gone' "$T/agent.log")" = "$1" ]; }
equal "before it is needed nobody asks for it" "$(grep -c 'is gone' "$T/agent.log")" 0
backend hang > /dev/null
expect "open" 6 state_is $S4:7001 open
expect "it is said" 5 said 1
sleep 1
said 1 || fail "it is said more than once"
equal "none was reset" "$(service orders .connections.active)" 8
equal "and none is counted as reset" \
	"$(metric 'weir_connections_reset_total{service="orders",direction="egress",reason="stuck"}')" 0
equal "new ones are refused" "$(results "$(client blocking $S4 7001 3)" ECONNREFUSED)" 3
ready || fail "the agent is not ready"
# Who waits is answered after all.
backend answer 0 > /dev/null
post /v1/reset '{"name":"orders"}' > /dev/null
equal "and traffic flows" "$(results "$(client blocking $S4 7001 3)" ok)" 3
# To enforce what cannot be done is an error; what is in force stays.
generation=$(status_of .generation)
post /v1/reload '' | jq -e '.kind == "Error" and (.message | test("cannot reset established connections"))' > /dev/null ||
	fail "reload: $(post /v1/reload '')"
equal "the generation stays" "$(status_of .generation)" "$generation"
made keep
equal "without resets it is taken" "$(post /v1/reload '' | jq -r .kind)" ApplyResult
# Started anew it resets again.
stop_agent
made resetStuck
start_agent
resetter > /dev/null || fail "there is no process that resets"
backend hang > /dev/null
for n in 1 2 3 4 5 6 7 8; do
	spawn_in_cgroup "$CLIENT" turns $S4 7001 1000 20 > "$T/turns.$n"
done
for n in 1 2 3 4 5 6 7 8; do
	wait_until 15 grep -q ECONNABORTED "$T/turns.$n" || fail "client $n was not reset: $(cat "$T/turns.$n"): $(api /v1/endpoints | jq -c .items[])"
done
no_drift
