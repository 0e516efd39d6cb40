# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A web server that speaks TLS and hangs behind it: connects and handshakes go
# well all the time, and none of that may hide that no request is answered.
. "$(dirname "$0")/servers.sh"
need nginx
need openssl
sandbox
start_server 0.0.0.0 7001
backend hang > /dev/null
make_certificate
serve_nginx "https://$S4:7443/" <<EOF
server {
	listen $S4:7443 ssl;
	ssl_certificate $T/cert;
	ssl_certificate_key $T/key;
	ssl_protocols TLSv1.2 TLSv1.3;
	location = / { return 200 "well\n"; }
	location = /hang { proxy_pass http://$S4:7001; proxy_read_timeout 60s; }
}
EOF
policy web <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7443]}]}
circuitBreaker:
  slidingWindow: {size: 30s, buckets: 10}
  minimumNumberOfCalls: 4
  minimumNumberOfFailures: 4
  slowCallDurationThreshold: 300ms
  slowCallRateThreshold: 90
  waitDurationInOpenState: 1s
  permittedNumberOfCallsInHalfOpenState: 1
EOF
start_agent
# TLS 1.3 servers send session tickets that can cross the first request; with
# 1.2 it is exact from the first request on.
ask() { in_cgroup curl -sk --tls-max 1.2 --max-time "$2" "${@:3}" -o /dev/null "https://$S4:7443$1"; }

ask / 5 || fail "TLS does not work"
# Two turns for the handshake, one for the request.
equal "answers on the wire" "$(service web .calls.turn.success)" 3
post /v1/reset '{"name":"web"}' > /dev/null
for _ in 1 2 3 4; do ! ask /hang 1 || fail "/hang answered"; done
wait_until 3 state_is $S4:7443 open || fail "not open: $(api /v1/endpoints | jq -c .items[])"
opened() { api "/v1/events?service=web" | jq -r '[.items[] | select(.to == "open")][0] | '"$1"; }
equal "by the slow rate" "$(opened .trip)" slow_rate
equal "of all calls: no connect and no handshake hides one" "$(opened .value)" 100
# A probe's handshake is no success: only its request decides.
expect "half-open" 5 state_is $S4:7443 half_open
! ask /hang 1 || fail "/hang answered"
reopened() { api "/v1/events?service=web" | jq -e '[.items[] | select(.to == "open" and .trip == "probe_failed")] | length == 1'; }
expect "the probe failed" 3 reopened
closed() { ask / 5; state_is $S4:7443 closed; }
expect "a request that is answered closes it" 15 closed
all_released web
