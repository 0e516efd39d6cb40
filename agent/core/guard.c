/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guard.c - see guard.h.
 */
#include "agent/core/guard.h"

enum breaker_guard guard_ejection(uint32_t open, uint32_t n,
				  uint32_t ejection_max_percent)
{
	bool first_of_several = open == 0 && n >= 2;

	/* One endpoint alone behaves as scope: service does. */
	if (n <= 1 || first_of_several ||
	    100ull * (open + 1) <= (uint64_t)ejection_max_percent * n)
		return BREAKER_GUARD_ALLOW;
	return BREAKER_GUARD_SUPPRESS;
}

bool guard_panic(uint32_t open, uint32_t n, uint32_t panic_threshold_percent)
{
	return n >= 3 && open <= n &&
	       100ull * (n - open) < (uint64_t)panic_threshold_percent * n;
}

bool guard_local_fault(uint32_t tripped, uint32_t active)
{
	return active >= 3 && 2ull * tripped >= active;
}
