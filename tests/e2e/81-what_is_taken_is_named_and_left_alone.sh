# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A second agent, taken sockets and ports, directories that are none: one line
# that names it, exit 1, and the agent that runs notices nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
need socat
sandbox
start_server 0.0.0.0 7001
policy orders <<EOF
mode: enforce
service: {destinations: [{address: $S4, ports: [7001]}]}
bulkhead: {maxConnections: 4}
EOF
unchanged='; nothing was changed on this host$'
mkdir -p "$T/other/state" "$CGROUP/sub"

# The agent with some of its options replaced: later ones win.
other=()
again() { # OPTION...: a second agent with everything its own but what is given
	local command
	mapfile -t command < <(agent_command)
	other=(nsenter --net="/run/netns/$ID-c" "${command[@]}" --cgroup "$CGROUP/sub"
		--pin-dir "$T/bpf/other" --state-dir "$T/other/state"
		--socket "$T/other/sock" --metrics off "$@")
}

remember_host
again --policy-dir "$T/nowhere"
refused "no policy directory" "policy directory $T/nowhere: No such file.*$unchanged" "${other[@]}"
install -d -m 700 -o 65534 "$T/private"
again --policy-dir "$T/private"
refused "an unreadable policy directory" "policy directory $T/private: Permission denied.*$unchanged" \
	setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all "${other[@]}"
again --cgroup "$CGROUP/nowhere"
refused "no such cgroup" "cgroup $CGROUP/nowhere: No such file.*$unchanged" "${other[@]}"
again --cgroup "$T"
refused "not a cgroup" "cgroup $T: not a directory of the cgroup2 file system, .* $CGROUP_ROOT$unchanged" "${other[@]}"

: > "$T/file"
again --socket "$T/file"
refused "a file where the socket should be" "control socket $T/file: .*not a socket; it was left alone$unchanged" "${other[@]}"
equal "the file" "$(stat -c '%F %s' "$T/file")" "regular empty file 0"
again --socket "$T/no/such/sock"
refused "no directory for the socket" "control socket $T/no/such/sock: mkdir $T/no/such: No such file.*$unchanged" "${other[@]}"
again --socket "/$(printf 'x%.0s' {1..120})"
refused "too long a path" "a socket path has 1 to 107 bytes$unchanged" "${other[@]}"
in_background socat UNIX-LISTEN:"$T/taken",fork /dev/null
expect "somebody's server" 5 test -S "$T/taken"
again --socket "$T/taken"
refused "somebody's server" "control socket $T/taken: another server answers on it$unchanged" "${other[@]}"
in_background on_client socat TCP-LISTEN:19355,bind=127.0.0.1,fork /dev/null
expect "somebody's port" 5 on_client socat -u /dev/null TCP:127.0.0.1:19355
again --metrics 127.0.0.1:19355
refused "somebody's port" "metrics port 127.0.0.1:19355: Address already in use.*$unchanged" "${other[@]}"
again --metrics 10.77.0.99:19347
refused "an address that is not ours" "metrics port 10.77.0.99:19347: Cannot assign.*$unchanged" "${other[@]}"

again --state-dir "$T/file"
refused "a state directory that is a file" "state directory $T/file: Not a directory.*$unchanged" "${other[@]}"
mkdir "$T/ro"
mount -t tmpfs -o ro tmpfs "$T/ro"
own_objects > "$T/own.before"
again --state-dir "$T/ro"
refused "a state directory that cannot be written" "state directory $T/ro: Read-only file system.*$unchanged" "${other[@]}"
umount "$T/ro"
own_objects > "$T/own.before"
again --pin-dir "$T/file/pins"
refused "a pin directory below a file" "pin directory $T/file/pins: Not a directory; mount a bpf.*$unchanged" "${other[@]}"
host_is_as_before

# Everybody may lock a directory that everybody may read.
in_background setpriv --reuid=65534 --regid=65534 --clear-groups \
	flock --no-fork "$CGROUP" sleep 1000
locked() { ! flock --nonblock "$CGROUP" true; }
expect "a stranger's lock" 5 locked
start_agent
grep -q "warning: pid $LAST of uid 65534 locks what an agent locks" "$T/agent.log" || fail "no word of the stranger"
kill "$LAST"
wait "$LAST" 2> /dev/null || :
stop_agent

start_agent
client hold $S4 7001 3 > /dev/null &
PIDS+=($!)
expect "three held" 5 in_use_is orders 3
before=$(bpftool -j cgroup show "$CGROUP" | jq -c 'map(.id) | sort')
remember_host
again --cgroup "$CGROUP"
refused "a second agent on the cgroup" "cgroup $CGROUP: already managed by weir-agent, pid $AGENT_PID; .*$unchanged" "${other[@]}"
again --pin-dir "$T/bpf/weir"
refused "a second agent on the pins" "pin directory $T/bpf/weir: already managed by weir-agent, pid $AGENT_PID; .*$unchanged" "${other[@]}"
again --socket "$T/weir.sock"
refused "a second agent on the socket" "control socket $T/weir.sock: another server answers on it$unchanged" "${other[@]}"
again --metrics 127.0.0.1:19347
refused "a second agent on the port" "metrics port 127.0.0.1:19347: Address already in use.*$unchanged" "${other[@]}"
equal "the first one's programs" "$(bpftool -j cgroup show "$CGROUP" | jq -c 'map(.id) | sort')" "$before"
equal "the first one's books" "$(service orders .connections.active)" 3
equal "the first one's cap" "$(results "$(client parallel $S4 7001 20 300)" ok)" 1
host_is_as_before
again --metrics 127.0.0.1:19356
in_background "${other[@]}"
other_ready() { [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$T/other/sock" http://weir/readyz)" = 200 ]; }
expect "with everything its own a second agent runs" 20 other_ready
stop_agent
