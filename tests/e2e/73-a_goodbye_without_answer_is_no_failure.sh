# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# psql says goodbye in five bytes that PostgreSQL answers with a FIN. Here that
# FIN comes before psql closes, as it may on a busy host. Nothing has failed; a
# request that gets a FIN for an answer has.
. "$(dirname "$0")/servers.sh"
need initdb
need psql
need strace
NAME=database
PORT=7432
sandbox
make_postgres
start_postgres
start_server :: 7001
protect
policy other <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {}
EOF
start_agent
for family in $FAMILIES; do
	for _ in 1 2 3; do
		in_cgroup strace -f -o /dev/null -e trace=close -e inject=close:delay_enter=10000 \
			psql -X -q -t -A -h "$(address_of "$family")" -p "$PORT" -U postgres -d postgres -c 'select 1' > "$T/answer"
		equal "$family: answer" "$(cat "$T/answer")" 1
	done
	equal "$family: turns that failed" "$(service "$NAME-$family" .calls.turn.failure)" 0
	equal "$family: closed by the server, each a goodbye" "$(service "$NAME-$family" .failures.local)" 3
	equal "$family: state" "$(endpoint "$(endpoint_of "$family")" .breaker.state)" closed
done
backend close > /dev/null
equal "no answer at all" "$(results "$(client blocking $S4 7001 4)" ENODATA)" 4
equal "turns that failed" "$(service other .calls.turn.failure)" 4
equal "closed by the server" "$(service other .failures.closed)" 4
end INT "$SERVER_PID"
released
