# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What /metrics says while breakers open and close: promtool finds nothing to
# object to, OpenMetrics and gzip are served to who asks, and no scrape ever
# shows a breaker in two states or in none.
. "$(dirname "$0")/lib.sh"
need promtool
sandbox
start_server :: 7001 7002 7003
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker:
  consecutiveFailures: 3
  slowCallDurationThreshold: 1s
  waitDurationInOpenState: {initial: 200ms, multiplier: 1, jitter: 0}
  permittedNumberOfCallsInHalfOpenState: 1
bulkhead: {maxConnections: 50, perEndpoint: {maxConnections: 40}}
EOF
policy watched <<EOF
service: {destinations: [{address: "$S6", ports: [7000-7009]}]}
circuitBreaker: {scope: service, consecutiveFailures: 3}
bulkhead: {maxConnections: 2}
EOF
start_agent
URL=http://127.0.0.1:19347/metrics
OPEN="Accept: application/openmetrics-text; version=1.0.0"
scrape() { on_client curl -sf "$@" $URL; }

one_state() { # TEXT: of each service with a breaker exactly one state is 1
	awk '/^weir_breaker_state\{/ {match($0, /service="[^"]*"/); sum[substr($0, RSTART, RLENGTH)] += $NF}
		END {for (s in sum) {n++; if (sum[s] != 1) bad = 1}; exit n != 2 || bad}' <<< "$1"
}
checked() { # TEXT
	promtool check metrics <<< "$1" > "$T/promtool" 2>&1 || fail "promtool: $(cat "$T/promtool")"
	one_state "$1" || fail "not one state: $(grep ^weir_breaker_state <<< "$1")"
}

# Load in the background: slow, fast, refused, and a backend that comes and goes.
touch "$T/busy"
busy() {
	while [ -e "$T/busy" ]; do
		client blocking $S4 7001 20
		client parallel $S6 7002 5 20
		client blocking $S4 7009 3
		client turns $S4 7003 10
	done
}
in_background busy > /dev/null
scrapes=0
opened=0
for _ in 1 2 3 4 5 6; do
	backend refuse > /dev/null
	expect "it opens" 10 state_is $S4:7001 open
	text=$(scrape)
	checked "$text"
	backend listen > /dev/null
	one_state "$(scrape)" || fail "a scrape without one state"
	# And as many as fit until it is closed again.
	until state_is $S4:7001 closed; do
		one_state "$(scrape)" || fail "a scrape without one state"
		scrapes=$((scrapes + 1))
		[ $scrapes -lt 2000 ] || fail "it does not close again"
	done
done
opened=$(scrape | sed -n 's/^weir_breaker_transitions_total{service="orders".*to="open".*reason="consecutive"} //p')
at_least "opened" "$opened" 6
echo "more scrapes on the way: $scrapes"

# OpenMetrics.
checked "$(scrape)"
open=$(scrape -D "$T/headers" -H "$OPEN")
grep -qi '^content-type: application/openmetrics-text; version=1.0.0' "$T/headers" || fail "$(cat "$T/headers")"
equal "last line" "$(tail -1 <<< "$open")" "# EOF"
grep -q '^# TYPE weir_connections_opened counter$' <<< "$open" || fail "a counter's family is named without _total"
grep -q '^weir_connections_opened_total{' <<< "$open" || fail "its samples are named with it"
scrape -D "$T/headers" > /dev/null
grep -qi '^content-type: text/plain; version=0.0.4' "$T/headers" || fail "$(cat "$T/headers")"

# gzip, and only for who asks.
! grep -qi '^content-encoding' "$T/headers" || fail "encoded without being asked"
for accept in "Accept: text/plain" "$OPEN"; do
	scrape -D "$T/headers" -H "$accept" -H 'Accept-Encoding: gzip' > "$T/packed"
	grep -qi '^content-encoding: gzip' "$T/headers" || fail "not gzipped: $(cat "$T/headers")"
	gzip -dc "$T/packed" > "$T/plain" || fail "not gzip"
	grep -q '^weir_breaker_state{' "$T/plain" || fail "what comes out of gzip is not the metrics"
	at_most "gzipped bytes" "$(wc -c < "$T/packed")" $(($(wc -c < "$T/plain") / 2))
done
rm "$T/busy"
backend listen > /dev/null
wait "$LAST"
for name in orders watched; do all_released $name; done
