/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mechanisms.c - the hooks' arithmetic under sanitizers, from the same table
 * that tests/bpf/run.c runs in the kernel; and properties of the histogram.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/bpf/table.h"

static void every_row_of_the_table_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_ROWS; i++) {
		struct case_io io = {.op = case_rows[i].op};

		memcpy(io.in, case_rows[i].in, sizeof(io.in));
		case_run(&io);
		if (memcmp(io.out, case_rows[i].out, sizeof(io.out)))
			fail_msg("%s: got {%llx, %llx}", case_rows[i].promise,
				 (unsigned long long)io.out[0],
				 (unsigned long long)io.out[1]);
	}
}

static void hist_buckets_are_within_an_eighth(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < WEIR_HIST_BUCKETS - 1; i++) {
		double low = hist_upper_us(i - 1), high = hist_upper_us(i);

		assert_true(high > low);
		assert_true((high - low) / low <= 0.125 + 1e-9);
	}
}

static void hist_every_duration_is_inside_its_bucket(void **state)
{
	(void)state;
	for (uint64_t us = 1; us < 200000000; us += us / 97 + 1) {
		uint32_t bucket = hist_bucket(us);

		assert_true(bucket < WEIR_HIST_BUCKETS);
		assert_true((double)us <= hist_upper_us(bucket));
		if (bucket)
			assert_true((double)us > hist_upper_us(bucket - 1));
	}
}

static void hist_prometheus_edges_are_bucket_edges(void **state)
{
	static const uint32_t edges_us[] = {
		500,	1000,	2500,	5000,	 10000,	  25000,   50000,
		100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(edges_us) / sizeof(edges_us[0]); i++)
		assert_true(hist_upper_us(hist_bucket(edges_us[i])) ==
			    (double)edges_us[i]);
}

static void verdict_word_comes_back_in_parts(void **state)
{
	uint64_t word = verdict_word(0xfffffffe, 1000, WEIR_GATE_FORCED,
				     VERDICT_ADVISORY);

	(void)state;
	assert_int_equal(verdict_epoch(word), 0xfffffffe);
	assert_int_equal(verdict_permitted(word), 1000);
	assert_int_equal(verdict_gate(word), WEIR_GATE_FORCED);
	assert_int_equal(verdict_flags(word), VERDICT_ADVISORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_holds),
		cmocka_unit_test(hist_buckets_are_within_an_eighth),
		cmocka_unit_test(hist_every_duration_is_inside_its_bucket),
		cmocka_unit_test(hist_prometheus_edges_are_bucket_edges),
		cmocka_unit_test(verdict_word_comes_back_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
