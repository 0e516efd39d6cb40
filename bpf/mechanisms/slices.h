/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slices.h - calls in flight, counted by the slice of time they started in.
 *
 * "How many are older than the threshold" becomes a sum over a small ring, so
 * nobody walks sockets. What falls off the ring goes to `older`. A call leaves
 * the slice it started in; if that slice has left the ring, it leaves `older`.
 * The sum of ring and `older` is exact at rest; between the swap and the add a
 * reader may see a call missing for an instant, which only makes it later.
 */
#pragma once

#include "weir/words.h"

static __always_inline void slice_start(__u64 *ring, __s64 *older, __u32 slice)
{
	__u64 *entry = &ring[slice % WEIR_SLICES];

	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)entry;
		__u64 next;

		if (pair_high(seen) == slice)
			next = seen + 1;
		else if (pair_low(seen) && (__s32)(slice - pair_high(seen)) < 0)
			break; /* a late start: its slice is gone already */
		else
			next = pair_word(slice, 1);
		if (__sync_val_compare_and_swap(entry, seen, next) != seen)
			continue;
		if (pair_high(seen) != slice && pair_low(seen))
			__sync_fetch_and_add(older, (__s64)pair_low(seen));
		return;
	}
	__sync_fetch_and_add(older, 1);
}

static __always_inline void slice_end(__u64 *ring, __s64 *older, __u32 slice)
{
	__u64 *entry = &ring[slice % WEIR_SLICES];

	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)entry;

		if (pair_high(seen) != slice || pair_low(seen) == 0)
			break;
		if (__sync_val_compare_and_swap(entry, seen, seen - 1) == seen)
			return;
	}
	__sync_fetch_and_add(older, -1);
}
