# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
. "$(dirname "$0")/lib.sh"
sandbox
start_server :: 7001
start_agent
equal "IPv6" "$(results "$(client blocking $S6 7001 5)" ok)" 5
equal "IPv4 as ::ffff:" "$(results "$(client blocking "::ffff:$S4" 7001 4)" ok)" 4
equal "plain IPv4" "$(results "$(client blocking $S4 7001 3)" ok)" 3
equal "IPv6 endpoint" "$(service "[$S6]:7001" .connections.opened)" 5
equal "mapped and plain are one" "$(service $S4:7001 .connections.opened)" 7
equal "answers" "$(service "[$S6]:7001" .calls.turn.success)" 5
all_released "$S4:7001"
