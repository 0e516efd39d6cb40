/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * window.c - see window.h.
 *
 * Buckets are numbered from the start of the clock, so which bucket a moment
 * belongs to depends on nothing but the moment, and a silent hour costs one
 * comparison. The sum is kept beside the ring: reading it is free.
 */
#include "agent/core/window.h"

#include <string.h>

static struct window_counts *bucket_at(struct window *w, uint64_t number)
{
	return &w->ring[number % w->buckets];
}

static void plus(struct window_counts *to, const struct window_counts *more)
{
	to->calls += more->calls;
	to->failures += more->failures;
	to->slow += more->slow;
}

static void minus(struct window_counts *from, const struct window_counts *less)
{
	from->calls -= less->calls;
	from->failures -= less->failures;
	from->slow -= less->slow;
}

/* Empties the buckets that time has moved past; never goes back. */
static void advance(struct window *w, uint64_t now_ns)
{
	uint64_t number = now_ns / w->bucket_ns;

	if (number <= w->head)
		return;
	if (number - w->head >= w->buckets)
		window_reset(w);
	else
		for (uint64_t i = w->head + 1; i <= number; i++) {
			struct window_counts *old = bucket_at(w, i);

			minus(&w->sum, old);
			memset(old, 0, sizeof(*old));
		}
	w->head = number;
}

void window_init(struct window *w, uint64_t size_ns, uint32_t buckets)
{
	memset(w, 0, sizeof(*w));
	if (buckets < 1)
		buckets = 1;
	if (buckets > WINDOW_BUCKETS_MAX)
		buckets = WINDOW_BUCKETS_MAX;
	w->buckets = buckets;
	w->bucket_ns = size_ns / buckets + (size_ns % buckets != 0);
	if (w->bucket_ns == 0)
		w->bucket_ns = 1;
}

void window_resize(struct window *w, uint64_t size_ns, uint32_t buckets,
		   uint64_t now_ns)
{
	struct window old = *w;

	advance(&old, now_ns);
	window_init(w, size_ns, buckets);
	/* What the old clock had seen, this one has seen too. */
	if (now_ns < old.head * old.bucket_ns)
		now_ns = old.head * old.bucket_ns;
	advance(w, now_ns);
	for (uint64_t i = 0; i < old.buckets && i <= old.head; i++) {
		/* A bucket's samples are as young as its youngest may be. */
		uint64_t at_ns = (old.head - i + 1) * old.bucket_ns - 1;
		uint64_t number;

		if (at_ns > now_ns)
			at_ns = now_ns;
		number = at_ns / w->bucket_ns;
		if (w->head - number >= w->buckets)
			break;
		plus(bucket_at(w, number), bucket_at(&old, old.head - i));
		plus(&w->sum, bucket_at(&old, old.head - i));
	}
}

void window_add(struct window *w, const struct window_counts *add,
		uint64_t now_ns)
{
	advance(w, now_ns);
	plus(bucket_at(w, w->head), add);
	plus(&w->sum, add);
}

struct window_counts window_sum(struct window *w, uint64_t now_ns)
{
	advance(w, now_ns);
	return w->sum;
}

void window_reset(struct window *w)
{
	memset(w->ring, 0, sizeof(w->ring));
	memset(&w->sum, 0, sizeof(w->sum));
}
