# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Pipelining, one-way streams and pushes cannot be told into requests: they are
# found out, and no silence of theirs opens a breaker. What takes turns stays in
# turns, also after a greeting, and with HTTP/2 one request at a time; it still
# opens the breaker when it hangs.
. "$(dirname "$0")/servers.sh"
need tc
need nginx
need openssl
sandbox
# On a wire that takes time an answer meets what is still on its way.
on_client tc qdisc add dev c0 root tbf rate 8mbit burst 2kb latency 2s 2> /dev/null ||
	{ echo "needs the kernel's sch_tbf"; exit 77; }
start_server 0.0.0.0 7001 7002 7003 7004 7005
make_certificate
serve_nginx "https://$S4:7007/" <<EOF
ssl_certificate $T/cert;
ssl_certificate_key $T/key;
server { listen $S4:7006 http2; location = / { return 200 "well\n"; } }
server { listen $S4:7007 ssl http2; location = / { return 200 "well\n"; } }
EOF
for n in 1 2 3 4 5 6 7; do
	policy svc-$n <<-EOF
	mode: enforce
	service: {destinations: [{address: $S4, ports: [700$n]}]}
	circuitBreaker:
	  slidingWindow: {size: 60s, buckets: 10}
	  minimumNumberOfCalls: 4
	  minimumNumberOfFailures: 2
	  slowCallDurationThreshold: 300ms
	  slowCallRateThreshold: 30
	  waitDurationInOpenState: 60s
	EOF
done
start_agent
takes_turns() { [ "$(endpoint "$S4:$1" .network.takes_turns)" = "$2" ]; }
slow() { endpoint "$S4:$1" .breaker.window.slow; }
calm() { # PORT: nobody reads what was held against it while it was found out
	post /v1/reset "{\"name\":\"svc-${1#700}\"}" > /dev/null
}
why() { api "/v1/why?name=$S4:$1" | jq -r '.lines[] | .label + ": " + .text'; }

# Twelve at once of a WAY; each came to its end, and none was slow but perhaps the
# one of sixteen that is looked at again.
twelve() { # PORT WAY COUNT MS
	local n pids=()
	calm "$1"
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		spawn_in_cgroup "$CLIENT" "$2" $S4 "$1" "$3" "$4" > "$T/$2.$n"
		pids+=("$LAST")
	done
	wait "${pids[@]}"
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		equal "$2 $n" "$(cat "$T/$2.$n")" "ok $3" > "$T/equal" || fail "$(cat "$T/equal")"
	done
	at_most "$2: slow of twelve" "$(slow "$1")" 1
	equal "$2: the breaker" "$(endpoint "$S4:$1" .breaker.state)" closed
	why "$1" | grep -q 'calls: its connections do not take turns' || fail "why does not say so: $(why "$1")"
}

# Requests in a row: their answers come while the next ones are on their way.
backend each 0 > /dev/null
for _ in 1 2; do client pipeline $S4 7001 1 > /dev/null; done
expect "pipelining is found out" 3 takes_turns 7001 false
backend each 4 > /dev/null
twelve 7001 pipeline 1 0

# A stream in one direction: nobody answers.
backend hang > /dev/null
client stream $S4 7002 3 250 > /dev/null
equal "two pauses are no habit" "$(endpoint $S4:7002 .network.takes_turns)" true
for _ in 1 2; do client stream $S4 7002 4 250 > /dev/null; done
expect "a stream is found out" 3 takes_turns 7002 false
twelve 7002 stream 6 400

# One question and answers for ever, with silence between them.
backend push 1100 > /dev/null
for _ in 1 2; do spawn_in_cgroup "$CLIENT" subscribe $S4 7003 5 > /dev/null; done
expect "pushes are found out" 15 takes_turns 7003 false
twelve 7003 subscribe 2 0

# A greeting is no answer, and what follows takes turns.
backend answer 0 > /dev/null
backend banner > /dev/null
for _ in 1 2 3 4; do client greeted $S4 7004 3 250 > /dev/null; done
equal "greeted" "$(service svc-4 .calls.greeting.success)" 4
equal "answered" "$(service svc-4 .calls.turn.success)" 12
equal "greeted: turns" "$(endpoint $S4:7004 .network.takes_turns)" true
equal "greeted: slow" "$(slow 7004)" 0
backend hang > /dev/null
for _ in 1 2 3 4 5 6; do spawn_in_cgroup "$CLIENT" greeted $S4 7004 1 > /dev/null; done
expect "it hangs: $(endpoint $S4:7004 .breaker)" 5 state_is $S4:7004 open
equal "greeted: opened by" "$(endpoint $S4:7004 .breaker.trip)" slow_rate
backend quiet > /dev/null

# Request, answer, pause.
backend answer 0 > /dev/null
for _ in 1 2 3 4; do client turns $S4 7005 4 250 > /dev/null; done
equal "turns with pauses" "$(endpoint $S4:7005 .network.takes_turns)" true
equal "turns with pauses: slow" "$(slow 7005)" 0
why 7005 | grep 'do not take turns' && fail "why says that they do not"
backend hang > /dev/null
for _ in 1 2 3 4 5 6 7 8; do spawn_in_cgroup "$CLIENT" turns $S4 7005 1 > /dev/null; done
expect "they hang: $(endpoint $S4:7005 .breaker)" 5 state_is $S4:7005 open
equal "turns: opened by" "$(endpoint $S4:7005 .breaker.trip)" slow_rate

# HTTP/2: what acknowledges the settings is not answered, and the connection
# idles for a second. (curl 7.88 does not use a plain one twice: never mind.)
idle_http2() { # PORT CURL-OPTIONS...
	local port=$1 n pids=()
	shift
	for n in 1 2 3 4 5 6; do
		spawn_in_cgroup curl -sk --rate 60/m "$@" -o /dev/null -o /dev/null -w '%{http_version}\n' > "$T/http2.$n"
		pids+=("$LAST")
	done
	for n in "${pids[@]}"; do wait "$n" || :; done
	for n in 1 2 3 4 5 6; do equal "$port: spoken" "$(head -1 "$T/http2.$n")" 2; done
	at_least "$port: answers" "$(endpoint "$S4:$port" .calls.turn.success)" 6
	equal "$port: slow" "$(slow "$port") of $(endpoint "$S4:$port" .calls.turn.slow)" "0 of 0"
	equal "$port: the breaker" "$(endpoint "$S4:$port" .breaker.state)" closed
}
idle_http2 7006 --http2-prior-knowledge "http://$S4:7006/" "http://$S4:7006/"
idle_http2 7007 --http2 --tls-max 1.2 "https://$S4:7007/" "https://$S4:7007/"
idle_http2 7007 --http2 "https://$S4:7007/" "https://$S4:7007/"
no_drift
