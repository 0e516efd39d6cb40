# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server 0.0.0.0 7001 7002
start_agent

equal "connects" "$(results "$(client blocking $S4 7001 20)" ok)" 20
equal "turns" "$(results "$(client turns $S4 7002 15)" ok)" 15
equal "failing connects" "$(results "$(client blocking $S4 7009 7)" ECONNREFUSED)" 7
backend answer 50 > /dev/null
client turns $S4 7002 5 > /dev/null
spawn_in_cgroup "$CLIENT" hold $S4 7001 6 > /dev/null
expect "six connections held" 5 in_use_is "$S4:7001" 6

equal "opened" "$(service $S4:7001 .connections.opened)" 26
equal "answered" "$(service $S4:7001 .calls.turn.success)" 20
equal "turns on one connection" "$(service $S4:7002 .calls.turn.success)" 20
equal "refused by the peer" "$(service $S4:7009 .failures.refused)" 7
equal "failed connects" "$(service $S4:7009 .calls.connect.failure)" 7
equal "mode" "$(service $S4:7001 .mode)" observe
equal "refused by Weir" "$(service $S4:7001 .connections.refused)" 0
equal "no breaker" "$(service $S4:7001 .breaker)" null
# 5 of 20 answers took 50 ms: the 99th percentile says so, the median does not.
equal "p99 of the slow one" "$(service $S4:7002 '.response.p99_seconds > 0.045')" true
equal "p50 of the slow one" "$(service $S4:7002 '.response.p50_seconds < 0.045')" true
equal "endpoints" "$(api /v1/endpoints | jq '.items | length')" 3

metrics=$(on_client curl -s http://127.0.0.1:19347/metrics)
grep -q "weir_connections_opened_total{service=\"$S4:7001\",direction=\"egress\"} 26" <<< "$metrics" ||
	fail "the metric does not say 26 opened: $(grep opened <<< "$metrics")"
grep -q "weir_connection_failures_total{service=\"$S4:7009\",direction=\"egress\",reason=\"refused\"} 7" <<< "$metrics" ||
	fail "the metric does not say 7 refused"
grep -q "weir_connections_active{service=\"$S4:7001\",direction=\"egress\"} 6" <<< "$metrics" || fail "6 active"

ctl top --batch -n 1 | tee "$T/top"
grep -q "$S4:7002" "$T/top" || fail "top does not show the destination"
ctl get services | grep -q "$S4:7009" || fail "get services does not show the destination"
ctl get endpoints | grep -q "$S4:7001" || fail "get endpoints does not show the destination"
