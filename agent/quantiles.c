/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quantiles.c - see quantiles.h.
 */
#include "agent/quantiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "weir/histogram.h"

void quantiles_rotate(struct subject *endpoint,
		      const struct weir_endpoint_hist *now)
{
	struct weir_endpoint_hist *spare = endpoint->older;

	if (!spare)
		spare = malloc(sizeof(*spare));
	if (!spare)
		return;
	memcpy(spare, now, sizeof(*spare));
	endpoint->older = endpoint->newer;
	endpoint->newer = spare;
}

void quantiles_collect(const struct subject *endpoint,
		       const struct weir_endpoint_hist *now,
		       uint64_t connect[WEIR_HIST_BUCKETS],
		       uint64_t response[WEIR_HIST_BUCKETS])
{
	/* None before the second baseline: then it is everything so far. */
	const struct weir_endpoint_hist *base = endpoint->older;

	/* 32-bit counts may wrap: the difference does not care. */
	for (uint32_t i = 0; i < WEIR_HIST_BUCKETS; i++) {
		connect[i] += (uint32_t)(now->connect[i] -
					 (base ? base->connect[i] : 0));
		response[i] += (uint32_t)(now->response[i] -
					  (base ? base->response[i] : 0));
	}
}

static double lower_us(uint32_t bucket)
{
	return bucket ? hist_upper_us(bucket - 1) : 0;
}

double quantiles_middle_us(uint32_t bucket)
{
	if (bucket >= WEIR_HIST_BUCKETS - 1)
		return lower_us(bucket);
	return (lower_us(bucket) + hist_upper_us(bucket)) / 2;
}

static double quantile(const uint64_t bucket[WEIR_HIST_BUCKETS], uint64_t count,
		       double q)
{
	double rank = q * (double)count, seen = 0;

	for (uint32_t i = 0; i < WEIR_HIST_BUCKETS; i++) {
		double here = (double)bucket[i];

		if (here > 0 && seen + here >= rank) {
			double low = lower_us(i);
			double high = i < WEIR_HIST_BUCKETS - 1
					      ? hist_upper_us(i)
					      : low;

			return (low + (high - low) * (rank - seen) / here) /
			       1e6;
		}
		seen += here;
	}
	return NAN;
}

struct snapshot_quantiles quantiles_of(const uint64_t bucket[WEIR_HIST_BUCKETS])
{
	struct snapshot_quantiles out = {.p50_seconds = NAN,
					 .p99_seconds = NAN};

	for (uint32_t i = 0; i < WEIR_HIST_BUCKETS; i++)
		out.count += bucket[i];
	if (!out.count)
		return out;
	out.p50_seconds = quantile(bucket, out.count, 0.50);
	out.p99_seconds = quantile(bucket, out.count, 0.99);
	return out;
}
