/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guard.c - see guard.h.
 */
#include "agent/core/guard.h"

enum breaker_guard guard_ejection(uint32_t open, uint32_t n,
				  uint32_t ejection_max_percent)
{
	uint64_t after = (uint64_t)open + 1;

	/* Alone there is nobody else to take the load: the classic breaker. */
	if (n <= 1)
		return BREAKER_GUARD_ALLOW;
	if (open == 0)
		return BREAKER_GUARD_ALLOW;
	return 100 * after <= (uint64_t)ejection_max_percent * n
		       ? BREAKER_GUARD_ALLOW
		       : BREAKER_GUARD_SUPPRESS;
}

bool guard_panic(uint32_t open, uint32_t n, uint32_t panic_threshold_percent)
{
	uint64_t healthy = open < n ? n - open : 0;

	return n >= 3 && 100 * healthy < (uint64_t)panic_threshold_percent * n;
}

bool guard_local_fault(uint32_t tripped, uint32_t active)
{
	return active >= 3 && 2 * (uint64_t)tripped >= active;
}
