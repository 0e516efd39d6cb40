/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rate.h - so many connections a second, and a burst.
 *
 * GCRA (ITU-T I.371): the word is the theoretical arrival time of the next
 * connection. One that comes more than the burst ahead of it does not conform
 * and moves nothing. There is no bucket that could underflow and no refill that
 * could come late; over any time t at most burst + t * rate are admitted.
 */
#pragma once

#include "weir/abi.h"

enum rate_result {
	RATE_TAKEN,
	RATE_NONE_LEFT,
	RATE_LOST, /* lost WEIR_CAS_TRIES races: nothing was taken */
};

static __always_inline enum rate_result
rate_take(__u64 *at_ns, __u64 interval_ns, __u64 burst_ns, __u64 now_ns)
{
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)at_ns;
		__u64 start = (__s64)(seen - now_ns) > 0 ? seen : now_ns;

		if (start - now_ns > burst_ns)
			return RATE_NONE_LEFT;
		if (__sync_val_compare_and_swap(at_ns, seen,
						start + interval_ns) == seen)
			return RATE_TAKEN;
	}
	return RATE_LOST;
}

/* Would it be none left? Nothing is taken. */
static __always_inline int rate_is_used_up(const __u64 *at_ns, __u64 burst_ns,
					   __u64 now_ns)
{
	__u64 seen = *(const volatile __u64 *)at_ns;

	return (__s64)(seen - now_ns) > 0 && seen - now_ns > burst_ns;
}
