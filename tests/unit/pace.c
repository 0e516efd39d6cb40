/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pace.c - so many a second, and never many more at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/core/pace.h"

#define MS 1000000ull
#define S  PACE_NS_PER_S

static void never_more_than_rate_and_burst(void **state)
{
	static const uint32_t rates[] = {1, 7, 50, 1000, 10000};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t next_ns = 0, taken = 0;

		for (uint64_t now = 5 * S; now < 15 * S; now += 100 * MS)
			taken += pace_take(&next_ns, rates[i], 1000000, now);
		assert_true(taken <= 10 * rates[i] + rates[i] / 10 + 2);
		assert_true(taken + 1 >= 10 * rates[i]);
	}
}

static void a_pause_saves_up_no_more_than_the_burst(void **state)
{
	uint64_t next_ns = 0;

	(void)state;
	assert_int_equal(pace_take(&next_ns, 50, 100, S), 7);
	assert_int_equal(pace_take(&next_ns, 50, 100, 3600 * S), 7);
	assert_int_equal(pace_take(&next_ns, 50, 100, 3600 * S), 0);
}

static void what_is_not_wanted_is_not_taken(void **state)
{
	uint64_t next_ns = 0;

	(void)state;
	assert_int_equal(pace_take(&next_ns, 50, 2, S), 2);
	assert_int_equal(pace_take(&next_ns, 50, 100, S), 5);
}

static void what_is_returned_can_be_taken_again(void **state)
{
	uint64_t next_ns = 0;

	(void)state;
	assert_int_equal(pace_take(&next_ns, 50, 100, S), 7);
	pace_return(&next_ns, 50, 5);
	assert_int_equal(pace_take(&next_ns, 50, 100, S), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_more_than_rate_and_burst),
		cmocka_unit_test(a_pause_saves_up_no_more_than_the_burst),
		cmocka_unit_test(what_is_not_wanted_is_not_taken),
		cmocka_unit_test(what_is_returned_can_be_taken_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
