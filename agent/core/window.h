/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * window.h - a rolling window of exact counts in buckets.
 *
 * No moving average: an average hides a short total outage behind its past.
 * Pure: now_ns is a parameter and may stand still, but not run backwards (a
 * smaller now_ns is taken as the latest one seen).
 */
#pragma once

#include <stdint.h>

#define WINDOW_BUCKETS_MAX 60u

struct window_counts {
	uint64_t calls; /* success + failure + slow */
	uint64_t failures;
	uint64_t slow;
};

struct window {
	uint64_t bucket_ns;
	uint32_t buckets; /* 1..WINDOW_BUCKETS_MAX */
	uint64_t head;	  /* number of the newest bucket: now / bucket_ns */
	struct window_counts ring[WINDOW_BUCKETS_MAX];
	struct window_counts sum;
};

/* size_ns is rounded up to a whole number of buckets. */
void window_init(struct window *w, uint64_t size_ns, uint32_t buckets);

/* Changes the geometry and keeps the samples, at bucket precision. */
void window_resize(struct window *w, uint64_t size_ns, uint32_t buckets,
		   uint64_t now_ns);

void window_add(struct window *w, const struct window_counts *add,
		uint64_t now_ns);

/* Drops what has left the window and returns what is in it. */
struct window_counts window_sum(struct window *w, uint64_t now_ns);

void window_reset(struct window *w);
