# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A real server: 64 clients at one instant, a cap of 16, time and again, the
# agent killed in between. What nginx itself has accepted is asked of the kernel.
. "$(dirname "$0")/servers.sh"
. "$(dirname "$0")/listeners.sh"
need nginx
sandbox
# Ours: in the cgroup, where the agent is.
serve() { spawn_in_cgroup "$@" >> "$T/server.log" 2>&1; }
on_visitor() { on_server "$@"; }
start_nginx "$C4:7080" "[$C6]:7080"
cat > "$T/ready" <<< "$C4"
policy web <<EOF
mode: enforce
service: {listen: [{address: $C4, ports: [7080]}, {address: "$C6", ports: [7080]}]}
bulkhead: {maxConnections: 16}
EOF
start_agent
established() { on_client ss -Htn state established '( sport = :7080 )' | wc -l; }
settles() { [ "$(established)" = 16 ] && in_use_is web 16; }
for address in $C4 $C6 $C4; do
	spawn_visitor parallel $address 7080 64 1500 > "$T/out"
	expect "sixteen are connected, and no more: $(established)" 1 settles
	for _ in 1 2 3 4 5; do at_most "established" "$(established)" 16; sleep 0.1; done
	wait "$LAST" || :
	expect "all closed" 10 in_use_is web 0
done
# Every one of them was let in, refused, or reset at once.
equal "let in" "$(decided web .allow.none)" 48
equal "not let in" "$(decided web '.refuse.cap + .decisions.reset.cap')" 144
resets() { metric 'weir_connections_reset_total{service="web",direction="ingress",reason="full"}'; }
equal "reset" "$(resets)" "$(decided web .reset.cap)"
equal "it answers" "$(on_visitor curl -gsf "http://$C4:7080/")" fast

# Without an agent the cap goes on.
spawn_visitor hold $C4 7080 16 > /dev/null
expect "full" 5 in_use_is web 16
kill_agent
for _ in 1 2 3; do
	equal "refused" "$(results "$(visitor blocking $C4 7080 30)" ECONNREFUSED)" 30
	sleep 1.5
done
equal "established" "$(established)" 16
end TERM "$LAST"
sleep 0.5
equal "it answers" "$(on_visitor curl -gsf "http://$C4:7080/")" fast
start_agent
expect "none in use" 5 in_use_is web 0
all_released web
