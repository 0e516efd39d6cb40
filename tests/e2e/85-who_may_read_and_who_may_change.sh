# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# uid and group against every operation, on the running agent: exactly the
# documented cells. On TCP nothing changes anything. Changes are logged.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
READERS=$(getent group games | cut -d: -f3) || { echo "needs the group games"; exit 77; }
ADMINS=$(getent group mail | cut -d: -f3) || { echo "needs the group mail"; exit 77; }
sandbox
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
circuitBreaker: {consecutiveFailures: 5}
EOF
sed 's/name: orders/name: extra/; s/7001/7009/' "$T/policies/orders.yaml" > "$T/extra.yaml"
EXTRA=$(jq -Rs '{files: [{name: "extra.yaml", text: .}]}' "$T/extra.yaml")
printf 'readGroup: games\nadminGroup: mail\n' > "$T/weir.yaml"
start_agent --config "$T/weir.yaml"
equal "the socket" "$(stat -c '%a %U %g' "$T/weir.sock")" "660 root $READERS"
equal "the pins" "$(find "$T/bpf/weir" -type d -printf '%m %U\n' | sort -u)" "700 0"

stranger=(setpriv --reuid=65534 --regid=65534 --clear-groups)
reader=(setpriv --reuid=65534 --regid=65534 --groups="$READERS")
reader_by_gid=(setpriv --reuid=65534 --regid="$READERS" --clear-groups)
admin=(setpriv --reuid=65534 --regid=65534 --groups="$READERS,$ADMINS")
root=(env)

ask() { # METHOD PATH BODY WHO...
	local method=$1 path=$2 body=$3
	shift 3
	"$@" curl -s -m 10 -o /dev/null -w '%{http_code}' -X "$method" ${body:+-d "$body"} \
		--unix-socket "$T/weir.sock" "http://weir$path" || :
}
row() { # METHOD PATH BODY then the answers to stranger, reader, reader by gid, admin, root
	local who got=()
	for who in stranger reader reader_by_gid admin root; do
		local -n command=$who
		got+=("$(ask "$1" "$2" "$3" "${command[@]}")")
	done
	equal "$1 ${2%%\?*}" "${got[*]}" "${*:4}"
}
reads=(/v1/status /v1/services /v1/endpoints /v1/clients /v1/policies /v1/overrides /v1/generations
	'/v1/why?name=orders' '/v1/events?wait=0' /v1/check /metrics /healthz /readyz /version)
matrix() { # STRANGER's answer
	local path
	for path in "${reads[@]}"; do row GET "$path" '' "$1" 200 200 200 200; done
	row POST /v1/policies "$EXTRA" "$1" 403 403 200 200
	row DELETE '/v1/policies?name=extra' '' "$1" 403 403 200 404
	row POST /v1/force '{"name":"orders","state":"open","ttl_seconds":60,"reason":"x"}' "$1" 403 403 200 200
	row POST /v1/force '{"name":"orders","state":"auto"}' "$1" 403 403 200 200
	row POST /v1/reset '{"name":"orders"}' "$1" 403 403 200 200
	row POST /v1/reload '' "$1" 403 403 200 200
}
echo "--- stranger, reader, reader by gid, admin, root"
matrix 000
echo "--- if the file's mode let everybody in"
chmod 666 "$T/weir.sock"
matrix 403

generation=$(status_of .generation)
tcp() { on_client curl -s -o /dev/null -w '%{http_code}' -X "$1" ${3:+-d "$3"} "http://127.0.0.1:19347$2"; }
for path in /v1/status /v1/services /v1/policies /v1/reload /v1/force /v1/reset / /v1 //metrics /metrics/../v1/reload; do
	for method in GET POST PUT DELETE PATCH; do
		case $(tcp "$method" "$path" '{}') in
		404 | 405) ;;
		*) fail "TCP: $method $path is answered $(tcp "$method" "$path" '{}')" ;;
		esac
	done
done
for method in POST PUT DELETE PATCH OPTIONS; do
	equal "TCP: $method /metrics" "$(tcp "$method" /metrics '{}')" 405
done
equal "generation" "$(status_of .generation)" "$generation"
for what in "force orders open for 60 s by uid 65534, pid [0-9]+, reason: x: done" \
	"apply asked for by uid 65534, pid [0-9]+: done" "delete asked for by uid 65534, .*: done" \
	"reload asked for by uid 0, .*: done" "reset orders by uid 65534, pid [0-9]+: done"; do
	grep -Eq "info: $what" "$T/agent.log" || fail "not in the log: $what"
done
stop_agent
