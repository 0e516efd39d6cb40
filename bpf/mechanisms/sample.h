/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.h - which outcomes count, and failures in a row.
 *
 * Decided where the outcome happens: the sample that may trip must wake the
 * agent at once, and an outcome of an older epoch must not be taken for one.
 */
#pragma once

#include "weir/words.h"

/* Does a call's outcome belong to the breaker's present epoch? */
static __always_inline int sample_counts(__u64 verdict, __u64 epoch_us,
					 __u64 call_us, int probe,
					 __u32 conn_epoch)
{
	switch (verdict_gate(verdict)) {
	case WEIR_GATE_ADMIT:
		return call_us >= epoch_us;
	case WEIR_GATE_PROBE:
		return probe && conn_epoch == verdict_epoch(verdict);
	default:
		return 0;
	}
}

/* A success: the row of failures is over. */
static __always_inline void consecutive_reset(__u64 *word, __u32 epoch)
{
	__u64 seen = *(volatile __u64 *)word;

	/* Two CPUs may end the row at once: either store is right. */
	if (seen != pair_word(epoch, 0))
		*(volatile __u64 *)word = pair_word(epoch, 0);
}

/* A failure; `silent`: the last sample is older than the window. */
static __always_inline __u32 consecutive_add(__u64 *word, __u32 epoch,
					     int silent)
{
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)word;
		__u64 next = seen + 1;

		if (silent || pair_high(seen) != epoch)
			next = pair_word(epoch, 1);
		if (__sync_val_compare_and_swap(word, seen, next) == seen)
			return pair_low(next);
	}
	return pair_low(*(volatile __u64 *)word);
}

/* Wake the agent for every whole multiple: a lost hint is made up for. */
static __always_inline int consecutive_hints(__u32 row, __u32 row_max)
{
	return row_max && row >= row_max && row % row_max == 0;
}
