/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * window.c - see window.h.
 */
#include "agent/core/window.h"

#include <string.h>

void window_init(struct window *w, uint64_t size_ns, uint32_t buckets)
{
	memset(w, 0, sizeof(*w));
	if (buckets < 1)
		buckets = 1;
	if (buckets > WINDOW_BUCKETS_MAX)
		buckets = WINDOW_BUCKETS_MAX;
	w->buckets = buckets;
	w->bucket_ns = (size_ns + buckets - 1) / buckets;
	if (!w->bucket_ns)
		w->bucket_ns = 1;
}

static void subtract(struct window_counts *from,
		     const struct window_counts *what)
{
	from->calls -= what->calls;
	from->failures -= what->failures;
	from->slow -= what->slow;
}

static void add(struct window_counts *to, const struct window_counts *what)
{
	to->calls += what->calls;
	to->failures += what->failures;
	to->slow += what->slow;
}

static void advance(struct window *w, uint64_t now_ns)
{
	uint64_t number = now_ns / w->bucket_ns;

	if (number <= w->head)
		return;
	if (number - w->head >= w->buckets) {
		window_reset(w);
		w->head = number;
		return;
	}
	while (w->head < number) {
		struct window_counts *old = &w->ring[++w->head % w->buckets];

		subtract(&w->sum, old);
		memset(old, 0, sizeof(*old));
	}
}

void window_add(struct window *w, const struct window_counts *what,
		uint64_t now_ns)
{
	advance(w, now_ns);
	add(&w->ring[w->head % w->buckets], what);
	add(&w->sum, what);
}

struct window_counts window_sum(struct window *w, uint64_t now_ns)
{
	advance(w, now_ns);
	return w->sum;
}

void window_resize(struct window *w, uint64_t size_ns, uint32_t buckets,
		   uint64_t now_ns)
{
	struct window old = *w;

	window_init(w, size_ns, buckets);
	if (w->bucket_ns == old.bucket_ns && w->buckets == old.buckets) {
		*w = old;
		return;
	}
	if (!old.bucket_ns)
		return;
	advance(&old, now_ns);
	/* Oldest first; each at the time its bucket began. */
	for (uint32_t i = old.buckets; i-- > 0;) {
		uint64_t number = old.head - i;

		if (old.head < i)
			continue;
		window_add(w, &old.ring[number % old.buckets],
			   number * old.bucket_ns);
	}
	advance(w, now_ns);
}

void window_reset(struct window *w)
{
	memset(w->ring, 0, sizeof(w->ring));
	memset(&w->sum, 0, sizeof(w->sum));
}
