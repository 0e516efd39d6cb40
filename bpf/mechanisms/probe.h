/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * probe.h - half-open tokens: exactly `permitted` connections an epoch.
 *
 * The word carries the epoch, so an epoch change needs no reset that could
 * race with a taker, and a straggler of an older epoch cannot touch it.
 */
#pragma once

#include "weir/words.h"

enum probe_result { PROBE_TAKEN, PROBE_NONE_LEFT };

static __always_inline enum probe_result probe_take(__u64 *word, __u32 epoch,
						    __u32 permitted)
{
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)word;
		__u64 next = seen;

		if (probe_epoch(seen) != epoch)
			next = pair_word(epoch, 0);
		if (probe_taken(next) >= permitted)
			return PROBE_NONE_LEFT;
		next += PROBE_ONE_TAKEN;
		if (__sync_val_compare_and_swap(word, seen, next) == seen)
			return PROBE_TAKEN;
	}
	return PROBE_NONE_LEFT;
}

/* Adds `change` (PROBE_ONE_OK, PROBE_ONE_BAD) if the epoch still holds. */
static __always_inline void probe_settle(__u64 *word, __u32 epoch, __u64 change)
{
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)word;

		if (probe_epoch(seen) != epoch)
			return;
		if (__sync_val_compare_and_swap(word, seen, seen + change) ==
		    seen)
			return;
	}
}

/* A neutral probe gives its token back. */
static __always_inline void probe_give(__u64 *word, __u32 epoch)
{
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u64 seen = *(volatile __u64 *)word;

		if (probe_epoch(seen) != epoch || probe_taken(seen) == 0)
			return;
		if (__sync_val_compare_and_swap(word, seen,
						seen - PROBE_ONE_TAKEN) == seen)
			return;
	}
}
