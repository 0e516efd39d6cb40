/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weir/histogram.h - which bucket a duration belongs to, on both sides.
 *
 * Log-linear, as abi.h draws it: bucket 0 ends at 10 us, then 28 buckets for
 * each of 7 decades, the last one takes the rest. An upper edge belongs to its
 * bucket (Prometheus' `le`). Edges are whole sixteenths of a microsecond, so
 * the arithmetic is exact in integers.
 */
#pragma once

#include "weir/abi.h"

#define HIST_DECADES	     7u
#define HIST_DECADE_BUCKETS  28u
#define HIST_BASE_SIXTEENTHS 160u /* 10 us */

/* 0..WEIR_HIST_BUCKETS - 1 */
static inline __u32 hist_bucket(__u64 us)
{
	__u64 base = HIST_BASE_SIXTEENTHS;
	__u64 value = us * 16;
	__u32 first = 1;

	if (us > 100000000ull)
		return WEIR_HIST_BUCKETS - 1;
	if (value <= base)
		return 0;
	for (__u32 decade = 0; decade < HIST_DECADES; decade++) {
		if (value <= base * 10)
			break;
		base *= 10;
		first += HIST_DECADE_BUCKETS;
	}
	if (2 * value <= 5 * base)
		return first - 1 + ((value - base) * 8 + base - 1) / base;
	if (value <= 5 * base)
		return first + 11 +
		       ((2 * value - 5 * base) * 8 + 5 * base - 1) / (5 * base);
	return first + 19 +
	       ((value - 5 * base) * 8 + 5 * base - 1) / (5 * base);
}

/*
 * The upper edge in sixteenths of a microsecond; ~0 for the last bucket. The
 * lower edge of a bucket is the upper edge of the one before.
 */
static inline __u64 hist_upper_sixteenths(__u32 bucket)
{
	__u64 base = HIST_BASE_SIXTEENTHS;
	__u32 decade, step;

	if (bucket == 0)
		return base;
	if (bucket >= WEIR_HIST_BUCKETS - 1)
		return ~0ull;
	decade = (bucket - 1) / HIST_DECADE_BUCKETS;
	step = (bucket - 1) % HIST_DECADE_BUCKETS + 1;
	/* The constant bound is for the verifier. */
	for (__u32 i = 0; i < HIST_DECADES; i++)
		if (i < decade)
			base *= 10;
	if (step <= 12)
		return base + base * step / 8;
	if (step <= 20)
		return base * 5 / 2 + base * 5 * (step - 12) / 16;
	return base * 5 + base * 5 * (step - 20) / 8;
}

#ifndef __BPF__
/* The upper edge in microseconds; infinite for the last bucket. */
static inline double hist_upper_us(__u32 bucket)
{
	if (bucket >= WEIR_HIST_BUCKETS - 1)
		return __builtin_inf();
	return (double)hist_upper_sixteenths(bucket) / 16.0;
}
#endif
