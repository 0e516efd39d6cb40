# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A real Prometheus scrapes the agent while breakers open and close, and its API
# answers what an operator would ask it.
. "$(dirname "$0")/lib.sh"
need prometheus
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 3
  slowCallDurationThreshold: 500ms
  waitDurationInOpenState: 6s
  permittedNumberOfCallsInHalfOpenState: 2
bulkhead: {maxConnections: 8}
EOF
start_agent
mkdir "$T/prometheus"
cat > "$T/prometheus/config.yml" <<EOF
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: weir
    static_configs: [{targets: ["127.0.0.1:19347"]}]
EOF
nsenter --net="/run/netns/$ID-c" prometheus --config.file="$T/prometheus/config.yml" \
	--storage.tsdb.path="$T/prometheus/data" --web.listen-address=127.0.0.1:9090 \
	--log.level=warn > "$T/prometheus/log" 2>&1 &
PIDS+=($!)

ask() { # QUERY: the values of its result, one a line
	on_client curl -sf --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query | jq -r '.data.result[].value[1]'
}
answers() { [ "$(ask "$1")" = "$2" ]; }
told() { expect "Prometheus does not say $2 to $1: $(ask "$1"), $(cat "$T/prometheus/log")" 20 answers "$1" "$2"; }
open='weir_breaker_state{service="orders",state="open"}'
closed='weir_breaker_state{service="orders",state="closed"}'

told 'up{job="weir"}' 1
told "$closed" 1
told "$open" 0
client turns $S4 7001 20 > /dev/null
told 'weir_calls_total{service="orders",phase="turn",result="success"}' 20
backend refuse > /dev/null
client blocking $S4 7001 3 > /dev/null
expect "open" 5 state_is $S4:7001 open
told "$open" 1
told "$closed" 0
client blocking $S4 7001 12 > /dev/null
told 'weir_decisions_total{service="orders",verdict="refuse",reason="breaker"}' 12
equal "what is open, as in docs/METRICS.md" "$(ask 'weir_breaker_state{state=~"open|forced_open"} == 1')" 1
backend listen > /dev/null
expect "half-open" 15 state_is $S4:7001 half_open
client blocking $S4 7001 2 > /dev/null
told "$closed" 1
told "$open" 0
told 'max_over_time(weir_breaker_state{service="orders",state="open"}[5m])' 1
told 'histogram_quantile(0.5, sum by (service, le) (weir_response_duration_seconds_bucket{service="orders"})) < bool 0.1' 1
told 'weir_bulkhead_in_use{resource="connections"} / on (service, resource) weir_bulkhead_limit{service="orders"}' 0
told 'count(weir_policy_value{service="orders",knob="consecutiveFailures"} == 3)' 1
# Every scrape was taken in whole: none failed, none had a sample twice.
told 'min_over_time(up{job="weir"}[5m])' 1
equal "problems in Prometheus' log" "$(grep -cE 'level=(warn|error)' "$T/prometheus/log" || :)" 0
at_least "scrapes" "$(ask 'count_over_time(up{job="weir"}[5m])')" 5
all_released orders
