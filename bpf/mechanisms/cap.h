/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cap.h - an exact bulkhead: compare, then swap, never add and look after.
 *
 * Adding first and undoing on overflow also never exceeds the cap, but refuses
 * connections that had room while another CPU is undoing (measured: 4520
 * against 3162 admitted at cap 4 with 8 threads).
 */
#pragma once

#include "weir/abi.h"

enum cap_result {
	CAP_TAKEN,
	CAP_FULL, /* nothing was taken */
	CAP_LOST, /* lost WEIR_CAS_TRIES races: nothing was taken */
};

static __always_inline enum cap_result cap_take(__u32 *in_use, __u32 cap)
{
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u32 seen = *(volatile __u32 *)in_use;

		if (seen >= cap)
			return CAP_FULL;
		if (__sync_val_compare_and_swap(in_use, seen, seen + 1) == seen)
			return CAP_TAKEN;
	}
	return CAP_LOST;
}

/* Gives one back. A count of 0 stays 0: the audit will have found the drift. */
static __always_inline void cap_give(__u32 *in_use)
{
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u32 seen = *(volatile __u32 *)in_use;

		if (seen == 0)
			return;
		if (__sync_val_compare_and_swap(in_use, seen, seen - 1) == seen)
			return;
	}
	/* Losing here would leak a slot for ever: take the unguarded way. */
	__sync_fetch_and_add(in_use, -1);
}

/* Observe: would an enforced cap have been full? Shadows hold no slot there. */
static __always_inline int cap_would_be_full(__u32 in_use, __u32 shadow,
					     __u32 cap)
{
	return in_use >= shadow && in_use - shadow >= cap;
}
