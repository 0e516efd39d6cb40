/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * window.c - the rolling window against a list of samples that forgets nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/core/window.h"

#define S  1000000000ull
#define T0 (1000 * S) /* a host is not at the start of its clock */

static void add(struct window *w, uint64_t failures, uint64_t now_ns)
{
	const struct window_counts counts = {
		.calls = failures + 1,
		.failures = failures,
		.slow = 1,
	};

	window_add(w, &counts, now_ns);
}

static uint64_t failures(struct window *w, uint64_t now_ns)
{
	return window_sum(w, now_ns).failures;
}

static void
a_sample_stays_for_nine_buckets_and_leaves_with_the_tenth(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 10 * S, 10);
	add(&w, 3, T0 + S - 1);
	assert_int_equal(failures(&w, T0 + 10 * S - 1), 3);
	assert_int_equal(failures(&w, T0 + 10 * S), 0);
	assert_int_equal(window_sum(&w, T0 + 10 * S).calls, 0);
	assert_int_equal(window_sum(&w, T0 + 10 * S).slow, 0);
}

/* T11: a burst astride an edge is one burst, not two halves. */
static void a_burst_across_a_bucket_edge_is_seen_whole(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 10 * S, 10);
	add(&w, 10, T0 + S - 1);
	add(&w, 9, T0 + S);
	assert_int_equal(failures(&w, T0 + S), 19);
}

static void a_far_jump_forward_empties_it(void **state)
{
	static const uint64_t jumps[] = {
		10 * S,
		11 * S,
		3600 * S,
		UINT64_MAX - T0,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct window w;

		window_init(&w, 10 * S, 10);
		add(&w, 5, T0);
		assert_int_equal(failures(&w, T0 + jumps[i]), 0);
		add(&w, 2, T0 + jumps[i]);
		assert_int_equal(failures(&w, T0 + jumps[i]), 2);
	}
}

static void a_step_backward_is_taken_as_the_latest_time(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 10 * S, 10);
	add(&w, 1, T0 + 5 * S);
	add(&w, 2, T0);
	assert_int_equal(failures(&w, 0), 3);
	/* Both belong to the later bucket. */
	assert_int_equal(failures(&w, T0 + 14 * S), 3);
	assert_int_equal(failures(&w, T0 + 15 * S), 0);
}

static void a_size_that_does_not_divide_is_rounded_up(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 10, 3);
	assert_int_equal(w.bucket_ns, 4);
	window_init(&w, 0, 0);
	assert_int_equal(w.bucket_ns, 1);
	assert_int_equal(w.buckets, 1);
	window_init(&w, 100 * S, 1000);
	assert_int_equal(w.buckets, WINDOW_BUCKETS_MAX);
}

static void reset_forgets_all_and_goes_on(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 10 * S, 10);
	add(&w, 7, T0);
	window_reset(&w);
	assert_int_equal(failures(&w, T0), 0);
	add(&w, 1, T0);
	assert_int_equal(failures(&w, T0), 1);
}

/* T14: an edit of the window keeps what it holds. */
static void resize_keeps_the_samples_that_still_belong(void **state)
{
	static const struct {
		uint64_t size_ns;
		uint32_t buckets;
		uint64_t kept;	/* of 1 failure in each of ten seconds */
		uint64_t later; /* the same, five seconds later */
	} rows[] = {
		{10 * S, 10, 10, 5}, {20 * S, 20, 10, 10}, {20 * S, 10, 10, 10},
		{5 * S, 5, 5, 0},    {10 * S, 1, 10, 0},   {10 * S, 40, 10, 6},
		{1 * S, 10, 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct window w;

		window_init(&w, 10 * S, 10);
		for (uint64_t s = 0; s < 10; s++)
			add(&w, 1, T0 + s * S + S / 2);
		window_resize(&w, rows[i].size_ns, rows[i].buckets,
			      T0 + 9 * S + S / 2);
		if (failures(&w, T0 + 9 * S + S / 2) != rows[i].kept)
			fail_msg("row %zu: kept %llu", i,
				 (unsigned long long)w.sum.failures);
		if (failures(&w, T0 + 14 * S + S / 2) != rows[i].later)
			fail_msg("row %zu: later %llu", i,
				 (unsigned long long)w.sum.failures);
	}
}

static void resize_in_a_row_loses_and_invents_nothing(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 10 * S, 10);
	for (uint64_t s = 0; s < 10; s++)
		add(&w, s, T0 + s * S);
	for (uint32_t buckets = 1; buckets <= WINDOW_BUCKETS_MAX; buckets++) {
		window_resize(&w, 60 * S, buckets, T0 + 9 * S);
		assert_int_equal(failures(&w, T0 + 9 * S), 45);
		assert_int_equal(window_sum(&w, T0 + 9 * S).calls, 55);
	}
}

struct sample {
	uint64_t at_ns;
	uint64_t failures;
};

static uint64_t recount(const struct sample *samples, size_t count,
			uint64_t bucket_ns, uint32_t buckets, uint64_t now_ns)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		if (samples[i].at_ns / bucket_ns + buckets > now_ns / bucket_ns)
			sum += samples[i].failures;
	return sum;
}

static void the_sum_is_that_of_a_recount(void **state)
{
	static struct sample samples[400];
	uint64_t seed = 7;

	(void)state;
	for (uint32_t buckets = 1; buckets <= 60; buckets += 7) {
		uint64_t bucket_ns = 5 * S / buckets + 1, now_ns = T0;
		struct window w;

		window_init(&w, bucket_ns * buckets, buckets);
		for (size_t i = 0; i < 400; i++) {
			seed = seed * 6364136223846793005ull +
			       1442695040888963407ull;
			now_ns += (seed >> 33) % (S / 2);
			samples[i] = (struct sample){now_ns, seed >> 60};
			add(&w, seed >> 60, now_ns);
			assert_int_equal(failures(&w, now_ns),
					 recount(samples, i + 1, bucket_ns,
						 buckets, now_ns));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_sample_stays_for_nine_buckets_and_leaves_with_the_tenth),
		cmocka_unit_test(a_burst_across_a_bucket_edge_is_seen_whole),
		cmocka_unit_test(a_far_jump_forward_empties_it),
		cmocka_unit_test(a_step_backward_is_taken_as_the_latest_time),
		cmocka_unit_test(a_size_that_does_not_divide_is_rounded_up),
		cmocka_unit_test(reset_forgets_all_and_goes_on),
		cmocka_unit_test(resize_keeps_the_samples_that_still_belong),
		cmocka_unit_test(resize_in_a_row_loses_and_invents_nothing),
		cmocka_unit_test(the_sum_is_that_of_a_recount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
