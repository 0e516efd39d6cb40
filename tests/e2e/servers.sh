# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# servers.sh - the ways in which a real server fails, one after another, over
# IPv4 and IPv6: slow, suspended, stopped; each time the breaker opens for the
# right reason, refuses, tries again and closes. A story that sources this sets
# NAME and PORT and defines, with the server's own client program,
#
#   call ADDRESS    one call, true when it was answered
#   slow ADDRESS    one call that the server takes more than 500 ms for
#   start, stop     the server; start leaves its pid in $SERVER_PID

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FAMILIES="v4 v6"
SERVER_PID=

address_of() { [ "$1" = v4 ] && echo "$S4" || echo "$S6"; }
endpoint_of() { [ "$1" = v4 ] && echo "$S4:$PORT" || echo "[$S6]:$PORT"; }

# A policy for each family: alone in its service, no guard holds it back.
protect() {
	local family
	for family in $FAMILIES; do
		policy "$NAME-$family" <<-EOF
			mode: enforce
			service: {destinations: [{address: "$(address_of "$family")", ports: [$PORT]}]}
			circuitBreaker:
			  slidingWindow: {size: 20s, buckets: 20}
			  minimumNumberOfCalls: 6
			  minimumNumberOfFailures: 4
			  failureRateThreshold: 40
			  consecutiveFailures: 4
			  slowCallDurationThreshold: 400ms
			  slowCallRateThreshold: 10
			  waitDurationInOpenState: {initial: 4s, multiplier: 1, jitter: 0}
			  permittedNumberOfCallsInHalfOpenState: 2
			  halfOpenTimeout: 20s
			  onOpen: {newConnections: refuse, errno: EHOSTUNREACH}
			bulkhead: {maxConnections: 40}
		EOF
	done
}

call_well() { # WHAT TIMES: calls that must succeed, to both families
	local family i
	for family in $FAMILIES; do
		for ((i = 0; i < $2; i++)); do
			call "$(address_of "$family")" > "$T/call" 2>&1 ||
				fail "$1, $family: $(cat "$T/call")"
		done
	done
	echo "$1: answered"
}

CALLS=()
many() { # COMMAND: five at once to each family, in the background
	local family
	CALLS=()
	for family in $FAMILIES; do
		for _ in 1 2 3 4 5; do
			in_background "$1" "$(address_of "$family")" > /dev/null 2>&1
			CALLS+=("$LAST")
		done
	done
}

all_answered() { # WHAT: what was under way has not been cut
	local pid
	for pid in "${CALLS[@]}"; do wait "$pid" || fail "$1: a call in flight failed"; done
	echo "$1: every call in flight was answered"
}

refuses() { # WHAT TRIP: open, for this reason; the client reads the policy's errno
	local family name before
	for family in $FAMILIES; do
		name=$NAME-$family
		expect "$1, $family: does not open" 15 state_is "$(endpoint_of "$family")" open
		before=$(service "$name" .decisions.refuse.breaker)
		for _ in 1 2 3; do
			! call "$(address_of "$family")" > "$T/call" 2>&1 || fail "$1, $family: not refused"
			grep -q 'No route to host' "$T/call" || fail "$1, $family: $(cat "$T/call")"
		done
		equal "$1, $family: opened by" "$(endpoint "$(endpoint_of "$family")" .breaker.trip)" "$2"
		at_least "$1, $family: refused" "$(($(service "$name" .decisions.refuse.breaker) - before))" 3
	done
}

recovers() { # WHAT
	local family
	for family in $FAMILIES; do
		expect "$1, $family: half-open" 15 state_is "$(endpoint_of "$family")" half_open
	done
	call_well "$1, probes" 2
	for family in $FAMILIES; do
		expect "$1, $family: closes" 10 state_is "$(endpoint_of "$family")" closed
	done
	call_well "$1, closed again" 1
}

becomes_slow() {
	many slow
	refuses slow slow_rate
	all_answered slow
	recovers slow
}

is_suspended() {
	kill -STOP "$SERVER_PID"
	many call
	refuses suspended slow_rate
	kill -CONT "$SERVER_PID"
	all_answered suspended
	recovers suspended
}

is_stopped() {
	local family
	stop
	for family in $FAMILIES; do
		for _ in 1 2 3 4; do
			! call "$(address_of "$family")" > /dev/null 2>&1 || fail "stopped and yet it answers"
		done
	done
	refuses stopped consecutive
	for family in $FAMILIES; do
		equal "$family: refused by the server" "$(service "$NAME-$family" .failures.refused)" 4
	done
	start
	recovers stopped
}

released() {
	local family
	for family in $FAMILIES; do
		expect "$NAME-$family: in use does not come back to 0" 20 in_use_is "$NAME-$family" 0
	done
	all_released "$NAME-v4"
}

# nginx, one process, in $T/nginx, with what stdin says about http.
serve_nginx() { # URL: must answer
	mkdir -p "$T/nginx"
	cat - > "$T/nginx/http"
	cat > "$T/nginx/conf" <<-EOF
		daemon off;
		master_process off;
		pid $T/nginx/pid;
		error_log stderr;
		events { worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $T/nginx/body;
			proxy_temp_path $T/nginx/proxy;
			fastcgi_temp_path $T/nginx/fastcgi;
			uwsgi_temp_path $T/nginx/uwsgi;
			scgi_temp_path $T/nginx/scgi;
			include $T/nginx/http;
		}
	EOF
	serve nginx -e stderr -p "$T/nginx" -c "$T/nginx/conf"
	expect "nginx does not answer" 10 on_server curl -gsfk -o /dev/null "$1"
}

# Who it is does not matter: $T/cert and $T/key.
make_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=weir \
		-keyout "$T/key" -out "$T/cert" 2> /dev/null
}

# A site whose calls of /slow limit_req delays.
start_nginx() { # ADDRESS:PORT...: where it listens; the first must answer
	mkdir -p "$T/nginx"
	echo slow > "$T/nginx/answer"
	serve_nginx "http://$1/" <<-EOF
		limit_req_zone \$args zone=slow:64k rate=90r/m;
		server {
			$(printf 'listen %s;' "$@")
			root $T/nginx;
			location = / { return 200 "fast\n"; }
			location = /slow { limit_req zone=slow burst=100; try_files /answer =404; }
		}
	EOF
}

# curl, true when the status was 200; what it said goes to stderr.
ask_web() { # ADDRESS PORT PATH
	local host=$1
	[[ $host != *:* ]] || host="[$host]"
	in_cgroup curl -gsv --max-time 60 -o /dev/null -w 'status %{http_code}\n' "http://$host:$2$3" 2>&1 |
		tee /dev/stderr | grep -q '^status 200'
}

# PostgreSQL, in $T/pg, on $PORT. It refuses to be root.
as_postgres() { echo setpriv --reuid=postgres --regid=postgres --clear-groups; }

make_postgres() {
	install -d -o postgres -g postgres "$T/pg"
	$(as_postgres) initdb -D "$T/pg/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
		--no-instructions > "$T/initdb" 2>&1 || fail "initdb: $(cat "$T/initdb")"
	echo 'host all all all trust' >> "$T/pg/data/pg_hba.conf"
}

start_postgres() {
	# shellcheck disable=SC2046 # several words
	serve $(as_postgres) postgres -D "$T/pg/data" -c port="$PORT" -c listen_addresses="$S4,$S6" \
		-c unix_socket_directories="$T/pg" -c fsync=off -c max_connections=60 \
		-c shared_buffers=4MB -c autovacuum=off
	SERVER_PID=$LAST
	expect "PostgreSQL does not answer" 20 psql -X -h "$T/pg" -p "$PORT" -U postgres -d postgres -c 'select 1'
}
