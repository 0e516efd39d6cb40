# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# In order, refused, given up, timing out, again on one socket, forked, killed:
# neither the server nor the kernel's sockets ever see one above the cap.
# make test-exact does the same with 100,000 connects.
. "$(dirname "$0")/lib.sh"
. tests/e2e/hammer.sh
hammer_sandbox

# At rest all three agree, so what is counted is the same thing.
watch_peak
spawn_in clients c "$CLIENT" hold $S4 7001 $CAP > /dev/null
holder=$LAST
expect "a full cap" 10 in_use_is orders $CAP
equal "sockets of the client" "$(on_client ss -Htn state established "dport = :7001" | wc -l)" $CAP
equal "sockets of the server" "$(on_server ss -Htn state established "sport = :7001" | wc -l)" $CAP
end TERM "$holder"
end TERM "$peak_pid"
cat "$T/peak"
equal "counted at the server" "$(counted server peak)" $CAP
equal "counted at the client" "$(counted client peak)" $CAP
all_released orders

backend clear > /dev/null
watch_peak
touch "$T/asking"
in_background ask_in_use
asking=$LAST
begun=$EPOCHREALTIME
hammer 64 "${HAMMER_CONNECTS:-40000}"
wait "$LAST" || fail "hammer: $?"
awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN {printf "seconds: %.1f\n", b - a}'
rm "$T/asking"
wait "$asking" || :
end TERM "$peak_pid"
cat "$T/hammer" "$T/peak"

at_most "peak seen by the server" "$(peak)" $CAP
at_least "peak seen by the server" "$(peak)" $((CAP * 9 / 10))
at_most "peak of its sockets" "$(counted server peak)" $CAP
at_least "peak of its sockets" "$(counted server peak)" $((CAP * 9 / 10))
at_most "peak of the client's sockets" "$(counted client peak)" $CAP
at_most "peak of $(wc -l < "$T/in_use") looks at Weir" "$(sort -n "$T/in_use" | tail -1)" $CAP
at_least "refused by the cap" "$(service orders .decisions.refuse.cap)" 100
for way in orderly exchange again forked killed; do
	at_least "$way, established" "$(hammered $way ok)" 10
done
at_least "refused by the kernel over there" "$(service orders .failures.refused)" 100
at_least "given up" "$(hammered given-up EINPROGRESS)" 20
at_least "timed out" "$(hammered timed-out ETIMEDOUT)" 1
opened=$(service orders .connections.opened)
equal "each connect was let through or refused" "$(service orders '.decisions.refuse.cap + .decisions.allow.none')" \
	"$((opened + $(service orders .connections.refused)))"
nothing_held
