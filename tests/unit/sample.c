/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.c - the difference between two looks at the kernel's totals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/sample.h"
#include "weir/words.h"

#define SHIFT	 10u
#define SLICE_US (1ull << SHIFT)
#define NOW_US	 (100000 * SLICE_US)

/* A subject with a slow threshold of 8 slices, and the kernel's record. */
struct bed {
	struct service service;
	struct weir_subject k;
	struct weir_recount recount;
	struct breaker_sample sample;
};

static void make(struct bed *bed)
{
	memset(bed, 0, sizeof(*bed));
	bed->service.slice_shift = SHIFT;
	bed->service.rules.slow_ns = 8 * SLICE_US * NS_PER_US;
	bed->service.subject.service = &bed->service;
}

static void take(struct bed *bed, uint64_t now_us)
{
	sample_take(&bed->sample, &bed->service.subject, &bed->k, &bed->recount,
		    false, now_us * NS_PER_US);
}

/* `count` calls in flight that started in the slice `age` slices ago. */
static void in_flight(struct bed *bed, uint32_t age, uint32_t count)
{
	uint32_t slice = (uint32_t)(NOW_US >> SHIFT) - age;

	bed->k.slices[slice % WEIR_SLICES] = pair_word(slice, count);
	bed->k.calls_active += count;
}

static void totals_become_differences(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.k.judged[WEIR_RESULT_SUCCESS] = 7;
	bed.k.judged[WEIR_RESULT_FAILURE] = 2;
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.success, 7);
	assert_int_equal(bed.sample.failure, 2);
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.success, 0);
	assert_int_equal(bed.sample.failure, 0);
}

static void neutral_is_no_sample(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.k.judged[WEIR_RESULT_NEUTRAL] = 9;
	take(&bed, NOW_US);
	assert_int_equal(
		bed.sample.success + bed.sample.failure + bed.sample.slow, 0);
}

static void a_call_counts_as_slow_when_it_becomes_overdue(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	in_flight(&bed, 5, 2);	/* young */
	in_flight(&bed, 10, 3); /* older than the threshold */
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.slow, 3);
}

static void a_call_at_the_threshold_is_not_overdue(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	/* The end of its slice is exactly the threshold ago: strictly more. */
	in_flight(&bed, 9, 1);
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.slow, 0);
	take(&bed, NOW_US + 1);
	assert_int_equal(bed.sample.slow, 1);
	/* Once a sample; hanging for as long as it hangs. */
	take(&bed, NOW_US + 2);
	assert_int_equal(bed.sample.slow, 0);
	assert_int_equal(bed.sample.overdue, 1);
}

static void an_overdue_call_counts_once_when_it_ends(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	in_flight(&bed, 10, 1);
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.slow, 1);
	memset(bed.k.slices, 0, sizeof(bed.k.slices));
	bed.k.calls_active = 0;
	bed.k.judged[WEIR_RESULT_SLOW] = 1;
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.slow, 0);
}

static void calls_from_before_the_epoch_are_not_judged(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	in_flight(&bed, 20, 2);
	in_flight(&bed, 10, 1);
	bed.service.subject.fresh_us = NOW_US - 15 * SLICE_US;
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.slow, 1);
}

static void stale_calls_that_fell_off_the_ring_are_not_judged(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.k.older = 5;
	bed.k.calls_active = 5;
	bed.service.subject.fresh_us = NOW_US - 1;
	bed.service.subject.stale_calls = 4;
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.slow, 1);
}

static void stale_calls_are_forgotten_as_they_end(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.service.subject.fresh_us = NOW_US - 1;
	bed.service.subject.stale_calls = 4;
	bed.k.calls_active = 1;
	bed.k.older = 1;
	take(&bed, NOW_US);
	assert_int_equal(bed.service.subject.stale_calls, 1);
	assert_int_equal(bed.sample.slow, 0);
}

static void a_tag_of_another_shift_is_no_call_of_ours(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.k.slices[3] = pair_word((uint32_t)(NOW_US >> SHIFT) + 70000, 9);
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.slow, 0);
}

static void the_row_counts_in_its_epoch_only(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.service.subject.breaker.epoch = 4;
	bed.k.consecutive = pair_word(3, 9);
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.consecutive, 0);
	bed.k.consecutive = pair_word(4, 9);
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.consecutive, 9);
}

static void probes_are_reported_while_half_open(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.service.subject.breaker.epoch = 4;
	bed.k.probe = pair_word(4, 3u << 20 | 2u << 10 | 1u);
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.probes_taken, 0);
	bed.service.subject.breaker.state = WEIR_STATE_HALF_OPEN;
	take(&bed, NOW_US);
	assert_int_equal(bed.sample.probes_taken, 3);
	assert_int_equal(bed.sample.probes_ok, 2);
	assert_int_equal(bed.sample.probes_bad, 1);
}

static void calls_of_the_slice_an_epoch_starts_in_are_told_apart(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	in_flight(&bed, 0, 2);
	/* The epoch starts now; three more start in the same slice. */
	sample_refresh(&bed.service.subject, &bed.k, (NOW_US + 1) * NS_PER_US);
	in_flight(&bed, 0, 5);
	take(&bed, NOW_US + 10 * SLICE_US);
	assert_int_equal(bed.sample.slow, 3);
}

static void a_recount_of_another_moment_is_not_used(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.recount.overdue = 4;
	sample_take(&bed.sample, &bed.service.subject, &bed.k, NULL, true,
		    NOW_US * NS_PER_US);
	assert_int_equal(bed.sample.slow, 0);
	sample_take(&bed.sample, &bed.service.subject, &bed.k, &bed.recount,
		    true, NOW_US * NS_PER_US);
	assert_int_equal(bed.sample.slow, 4);
}

static void
attempts_and_samples_are_use_and_neutral_outcomes_are_not(void **state)
{
	struct bed bed;

	(void)state;
	make(&bed);
	bed.k.judged[WEIR_RESULT_NEUTRAL] = 1;
	take(&bed, NOW_US);
	assert_int_equal(bed.service.subject.active_ns, 0);
	bed.k.refused = 1;
	take(&bed, NOW_US);
	assert_int_equal(bed.service.subject.active_ns, NOW_US * NS_PER_US);
	bed.k.judged[WEIR_RESULT_SLOW] = 1;
	take(&bed, NOW_US + 1);
	assert_int_equal(bed.service.subject.active_ns,
			 (NOW_US + 1) * NS_PER_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_become_differences),
		cmocka_unit_test(neutral_is_no_sample),
		cmocka_unit_test(a_call_counts_as_slow_when_it_becomes_overdue),
		cmocka_unit_test(a_call_at_the_threshold_is_not_overdue),
		cmocka_unit_test(an_overdue_call_counts_once_when_it_ends),
		cmocka_unit_test(calls_from_before_the_epoch_are_not_judged),
		cmocka_unit_test(
			stale_calls_that_fell_off_the_ring_are_not_judged),
		cmocka_unit_test(stale_calls_are_forgotten_as_they_end),
		cmocka_unit_test(a_tag_of_another_shift_is_no_call_of_ours),
		cmocka_unit_test(the_row_counts_in_its_epoch_only),
		cmocka_unit_test(probes_are_reported_while_half_open),
		cmocka_unit_test(
			calls_of_the_slice_an_epoch_starts_in_are_told_apart),
		cmocka_unit_test(a_recount_of_another_moment_is_not_used),
		cmocka_unit_test(
			attempts_and_samples_are_use_and_neutral_outcomes_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
