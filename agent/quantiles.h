/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quantiles.h - recent p50 and p99 from the kernel's ever-growing histograms.
 *
 * Two baselines, taken QUANTILES_SPAN_NS apart, make the answer cover between
 * one and two spans. Interpolated inside a bucket, so off by at most 12.5 %.
 */
#pragma once

#include "agent/registry.h"
#include "agent/view/snapshot.h"

#define QUANTILES_SPAN_NS (10ull * 1000000000)

/* Time for a new baseline of this endpoint. */
void quantiles_rotate(struct subject *endpoint,
		      const struct weir_endpoint_hist *now);

/* Adds what happened on the endpoint recently to connect[] and response[]. */
void quantiles_collect(const struct subject *endpoint,
		       const struct weir_endpoint_hist *now,
		       uint64_t connect[WEIR_HIST_BUCKETS],
		       uint64_t response[WEIR_HIST_BUCKETS]);

struct snapshot_quantiles
quantiles_of(const uint64_t bucket[WEIR_HIST_BUCKETS]);

/* The mean of a bucket in microseconds, where only counts are known. */
double quantiles_middle_us(uint32_t bucket);
