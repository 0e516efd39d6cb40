# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# HAProxy and curl. The proxy itself is well; what it stands for is slow or
# gone. In TCP mode it closes without an answer: a failure each, and a row of
# them, for a connect that leads to nothing is no success. In HTTP mode it
# answers 503: that is an answer, and Weir does not read answers.
. "$(dirname "$0")/servers.sh"
need haproxy
need nginx
NAME=proxy
PORT=7200
HTTP_PORT=7201
WEB=

call() { ask_web "$1" "$PORT" /; }
slow() { ask_web "$1" "$PORT" "/slow?$1"; }

start() {
	serve haproxy -db -f "$T/haproxy"
	SERVER_PID=$LAST
	expect "HAProxy does not answer" 10 on_server curl -sf -o /dev/null "http://[$S6]:$PORT/"
}
stop() { end TERM "$SERVER_PID"; }

start_web() {
	start_nginx 127.0.0.1:7081
	WEB=$LAST
}

says_503() { # ADDRESS
	! ask_web "$1" "$HTTP_PORT" / > "$T/call" 2>&1 || fail "nobody is there and yet it answers"
	grep -q '^status 503' "$T/call" || fail "HTTP mode does not answer 503: $(cat "$T/call")"
}

loses_its_backend() {
	local family
	end TERM "$WEB"
	for family in $FAMILIES; do
		for _ in 1 2 3 4; do
			! call "$(address_of "$family")" > /dev/null 2>&1 || fail "nobody is there and yet it answers"
		done
	done
	refuses "backend gone" consecutive
	for family in $FAMILIES; do
		equal "$family: connections that failed" "$(service "$NAME-$family" '.failures.closed + .failures.reset')" 4
		equal "$family: of these refused" "$(service "$NAME-$family" .failures.refused)" 0
	done
	for family in $FAMILIES; do
		for _ in 1 2 3 4 5 6; do says_503 "$(address_of "$family")"; done
		equal "$family: a 503 is an answer" "$(service "$NAME-http-$family" .endpoints.by_state.closed)" 1
		equal "$family: answers" "$(service "$NAME-http-$family" .calls.turn.success)" 6
	done
	start_web
	recovers "backend gone"
}

sandbox
cat > "$T/haproxy" <<EOF
global
	maxconn 200
	nbthread 1
defaults
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	retries 0
frontend tcp
	mode tcp
	bind $S4:$PORT
	bind $S6:$PORT
	default_backend web-tcp
backend web-tcp
	mode tcp
	server web 127.0.0.1:7081
frontend http
	mode http
	bind $S4:$HTTP_PORT
	bind $S6:$HTTP_PORT
	default_backend web-http
backend web-http
	mode http
	server web 127.0.0.1:7081
EOF
start_web
start
protect
( PORT=$HTTP_PORT; NAME=$NAME-http; protect )
start_agent
call_well healthy 2
becomes_slow
loses_its_backend
is_suspended
is_stopped
released
