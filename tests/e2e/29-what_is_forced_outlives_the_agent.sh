# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002
for n in 1 2; do
	policy svc-$n <<-EOF
	mode: enforce
	service: {destinations: [{address: 10.77.0.0/24, ports: [700$n]}]}
	circuitBreaker: {consecutiveFailures: 3}
	EOF
done
start_agent
client blocking $S4 7001 1 > /dev/null
expect "seen" 3 state_is $S4:7001 closed
post /v1/force '{"name":"svc-2","state":"closed","ttl_seconds":0,"reason":"false alarm"}' > /dev/null
post /v1/force "{\"name\":\"$S4:7001\",\"state\":\"open\",\"ttl_seconds\":600,\"reason\":\"maintenance\"}" > /dev/null
equal "open now" "$(results "$(client blocking $S4 7001 3)" ECONNREFUSED)" 3
held() { # HOW: what is to be true after each restart
	equal "$1: the service" "$(service svc-2 .state)" forced_closed
	equal "$1: says why" "$(service svc-2 '.breaker.override.reason')" "false alarm"
	equal "$1: no end" "$(service svc-2 '.breaker.until')" null
	# Nobody has connected to that endpoint since: it is put back when somebody does.
	client blocking $S4 7001 1 > /dev/null
	expect "$1: the endpoint" 5 state_is $S4:7001 forced_open
	equal "$1: says why" "$(endpoint $S4:7001 .breaker.override.reason)" maintenance
	at_most "$1: what is left of it" "$(endpoint $S4:7001 '.breaker.until_seconds | floor')" 599
	at_least "$1: what is left of it" "$(endpoint $S4:7001 '.breaker.until_seconds | floor')" 500
	equal "$1: refused" "$(results "$(client blocking $S4 7001 3)" ECONNREFUSED)" 3
}
kill_agent
start_agent
held "after kill -9"
stop_agent
start_agent
held "after a clean restart"
stop_agent
# As after a boot: the monotonic clock began anew, the wall clock counts.
jq '.boot_id = "another" | .overrides[].until_monotonic_ns |= (if . > 0 then 1 else 0 end)' "$T/state/overrides.json" > "$T/o"
cat "$T/o" > "$T/state/overrides.json"
start_agent
held "after a boot"
stop_agent
# What has run out meanwhile does not come back.
jq '.overrides[].until_realtime_ns |= (if . > 0 then 1 else 0 end)' "$T/o" > "$T/state/overrides.json"
start_agent
client blocking $S4 7001 1 > /dev/null
sleep 1.5
equal "its time was over" "$(endpoint $S4:7001 .breaker.state)" closed
equal "no end is no end" "$(service svc-2 .state)" forced_closed
post /v1/force '{"name":"svc-2","state":"auto"}' > /dev/null
stop_agent
start_agent
equal "handed back" "$(service svc-2 .state)" closed
stop_agent
echo garbage > "$T/state/overrides.json"
start_agent
expect "a broken file is said" 3 grep -q 'overrides.json: not readable' "$T/agent.log"
