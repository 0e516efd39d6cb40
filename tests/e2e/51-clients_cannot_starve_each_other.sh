# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Each client has a cap and a rate of its own, told apart by cgroup, user or
# process, exact under contention; one that leaves makes room for itself only.
. "$(dirname "$0")/lib.sh"
need setpriv
sandbox
mkdir -p "$CGROUP/greedy/worker" "$CGROUP/modest"
start_server :: 7001 7002 7003 7004 7005
limited() { # NAME PORT MODE BLOCKS...
	policy "$1" <<-EOF
		mode: $3
		service: {destinations: [{address: $S4, ports: [$2]}, {address: "$S6", ports: [$2]}]}
		$(printf '%s\n' "${@:4}")
	EOF
}
limited groups 7001 enforce "bulkhead: {maxConnections: 30, perClient: {by: cgroup, maxConnections: 20}}"
limited users 7002 enforce "bulkhead: {perClient: {by: user, maxConnections: 3}}"
limited processes 7003 enforce "bulkhead: {perClient: {by: process, maxConnections: 2}}" \
	"rateLimit: {perClient: {by: user, connectionsPerSecond: 1, burst: 12}}"
limited seen 7004 observe "bulkhead: {perClient: {by: cgroup, maxConnections: 4}}"
start_agent
inside() { # CGROUP COMMAND...
	( echo "$BASHPID" > "$CGROUP/$1/cgroup.procs"; shift; exec nsenter --net="/run/netns/$ID-c" "$@" )
}
spawn_inside() {
	( echo "$BASHPID" > "$CGROUP/$1/cgroup.procs"; shift; exec nsenter --net="/run/netns/$ID-c" "$@" ) &
	spawned
}
refused() { service "$1" ".decisions.refuse.$2"; }

# One takes all it may get; the other still has its share of the service.
out=$(inside greedy "$CLIENT" parallel $S4 7001 64 400)
equal "greedy gets" "$(results "$out" ok)" 20
equal "greedy is refused" "$(results "$out" ECONNREFUSED)" 44
equal "said to be the client's cap" "$(refused groups client_cap)" 44
spawn_inside greedy "$CLIENT" hold $S4 7001 20 > "$T/greedy"
expect "greedy holds its share" 5 in_use_is groups 20
equal "a cgroup below is another client, over IPv6 too" \
	"$(results "$(inside greedy/worker "$CLIENT" blocking $S6 7001 2)" ok)" 2
out=$(inside modest "$CLIENT" parallel $S4 7001 12 400)
equal "modest gets the rest of the service" "$(results "$out" ok)" 10
equal "which is full then" "$(refused groups cap)" 2
kill "$LAST"
expect "greedy has gone" 10 in_use_is groups 0
equal "and finds all its room again" "$(results "$(inside greedy "$CLIENT" parallel $S4 7001 20 200)" ok)" 20

# Users, whatever their cgroup.
out=$(inside greedy setpriv --reuid=4242 "$CLIENT" parallel $S4 7002 6 300)
equal "a user gets" "$(results "$out" ok)" 3
spawn_inside greedy setpriv --reuid=4242 "$CLIENT" hold $S4 7002 3 > "$T/held"
expect "it holds" 5 in_use_is users 3
equal "the same user elsewhere" "$(results "$(inside modest setpriv --reuid=4242 "$CLIENT" blocking $S4 7002 1)" ECONNREFUSED)" 1
equal "another user" "$(results "$(inside modest setpriv --reuid=4243 "$CLIENT" parallel $S4 7002 3 100)" ok)" 3

# Processes; and the rate of their user, which what the cap refuses does not use.
out=$(inside modest "$CLIENT" parallel $S4 7003 8 200)
equal "a process gets" "$(results "$out" ok)" 2
equal "each process" "$(results "$(inside modest "$CLIENT" parallel $S4 7003 8 200)" ok)" 2
equal "by the client's cap" "$(refused processes client_cap)" 12
out=$(inside modest "$CLIENT" blocking $S4 7003 30)
at_most "then the user's rate" "$(results "$out" ok)" 10
at_least "but not less" "$(results "$out" ok)" 8
equal "the rest is over it" "$(refused processes client_rate)" "$(results "$out" ECONNREFUSED)"
equal "another user has its own" "$(results "$(inside modest setpriv --reuid=4243 "$CLIENT" patient $S4 7003 5)" ok)" 5

# Observe lets all through and counts what enforce would refuse.
out=$(inside greedy "$CLIENT" parallel $S4 7004 10 300)
equal "observe lets through" "$(results "$out" ok)" 10
equal "and counts" "$(service seen .decisions.would_refuse.client_cap)" 6

# A limit that comes later counts what is open already.
spawn_inside greedy "$CLIENT" hold $S4 7005 5 > "$T/early"
established() { [ "$(on_client ss -Htn state established "( dport = :7005 )" | wc -l)" = 5 ]; }
expect "five are open before the policy" 5 established
limited late 7005 enforce "bulkhead: {perClient: {by: cgroup, maxConnections: 5}}"
reload
expect "they are its own" 10 in_use_is late 5
equal "no sixth" "$(results "$(inside greedy "$CLIENT" blocking $S4 7005 1)" ECONNREFUSED)" 1
equal "others may" "$(results "$(inside modest "$CLIENT" blocking $S4 7005 1)" ok)" 1

# Without the agent the limits go on; the next one knows who holds what.
kill_agent
equal "no sixth without agent" "$(results "$(inside greedy "$CLIENT" blocking $S4 7005 1)" ECONNREFUSED)" 1
start_agent
equal "nor after it" "$(results "$(inside greedy "$CLIENT" blocking $S4 7005 1)" ECONNREFUSED)" 1
kill "${PIDS[@]}" 2> /dev/null || :
for name in groups users processes seen late; do
	expect "$name: comes back" 10 in_use_is $name 0
done
no_drift
