/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guard.c - how much of a service breakers may take away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/core/guard.h"

#define A BREAKER_GUARD_ALLOW
#define S BREAKER_GUARD_SUPPRESS

static void every_row_of_the_ejection_rule_holds(void **state)
{
	static const struct {
		uint32_t open, n, percent;
		enum breaker_guard want;
		const char *promise;
	} rows[] = {
		{0, 1, 50, A, "alone behaves as scope service"},
		{0, 1, 1, A, "alone, whatever the percentage"},
		{0, 0, 50, A, "no endpoint counted yet: as alone"},
		{0, 2, 10, A, "T9: the first of two, though 50 > 10 percent"},
		{0, 9, 10, A, "T9: the first of nine, though 11 > 10 percent"},
		{1, 9, 10, S, "only the first is free"},
		{1, 2, 50, S, "both of two is 100 percent"},
		{1, 2, 100, A, "unless all may go"},
		{1, 4, 50, A, "the second of four is exactly 50 after it"},
		{2, 4, 50, S, "the third of four would be 75"},
		{1, 3, 50, S, "judged after the ejection: 66, not 33"},
		{4, 10, 50, A, "the fifth of ten"},
		{5, 10, 50, S, "the sixth of ten"},
		{3, 3, 100, S, "more than all is never allowed"},
		{UINT32_MAX, UINT32_MAX, 100, S, "no overflow at the top"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (guard_ejection(rows[i].open, rows[i].n, rows[i].percent) !=
		    rows[i].want)
			fail_msg("%s", rows[i].promise);
}

static void every_row_of_the_panic_rule_holds(void **state)
{
	static const struct {
		uint32_t open, n, percent;
		bool want;
		const char *promise;
	} rows[] = {
		{0, 0, 50, false, "nobody to panic about"},
		{1, 1, 50, false, "one endpoint never panics"},
		{2, 2, 50, false, "two endpoints never panic"},
		{2, 3, 50, true, "33 of 50 percent left"},
		{1, 3, 50, false, "66 left"},
		{2, 4, 50, false, "exactly the threshold is enough"},
		{3, 4, 50, true, "25 left"},
		{4, 4, 0, false, "0 turns it off"},
		{0, 5, 100, false, "all healthy"},
		{1, 5, 100, true, "80 of 100"},
		{9, 5, 50, true, "more open than counted: none is left"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (guard_panic(rows[i].open, rows[i].n, rows[i].percent) !=
		    rows[i].want)
			fail_msg("%s", rows[i].promise);
}

static void every_row_of_the_local_fault_rule_holds(void **state)
{
	static const struct {
		uint32_t tripped, active;
		bool want;
	} rows[] = {
		{0, 0, false}, {1, 1, false}, {2, 2, false},
		{1, 3, false}, {2, 3, true},  {1, 4, false},
		{2, 4, true},  {2, 5, false}, {3, 5, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (guard_local_fault(rows[i].tripped, rows[i].active) !=
		    rows[i].want)
			fail_msg("%u of %u", rows[i].tripped, rows[i].active);
}

/* Opening one by one never takes more than the percentage, or the one. */
static void opening_one_by_one_stops_within_the_percentage(void **state)
{
	(void)state;
	for (uint32_t n = 2; n <= 40; n++)
		for (uint32_t percent = 1; percent <= 100; percent++) {
			uint32_t open = 0, allowed = n * percent / 100;

			while (open < n &&
			       guard_ejection(open, n, percent) == A)
				open++;
			assert_int_equal(open, allowed ? allowed : 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_ejection_rule_holds),
		cmocka_unit_test(every_row_of_the_panic_rule_holds),
		cmocka_unit_test(every_row_of_the_local_fault_rule_holds),
		cmocka_unit_test(
			opening_one_by_one_stops_within_the_percentage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
