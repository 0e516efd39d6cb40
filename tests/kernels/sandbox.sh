# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# sandbox.sh - that of tests/e2e, with the patience an emulated processor needs.
[ -n "${ID:-}" ] || . tests/e2e/lib.sh

# SECONDS COMMAND...: ten times what would be enough on this host.
wait_until() {
	local deadline=$((SECONDS + $1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.2
	done
}
