/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text.c - a text that grows is whole, and times and spans read well.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/scoped.h"
#include "common/text.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void what_was_added_is_there_in_order(void **state)
{
	struct text text = {0};
	scoped(text) char *whole = NULL;
	size_t bytes = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		text_add(&text, "%04d,", i);
	whole = text_take(&text, &bytes);
	assert_non_null(whole);
	assert_int_equal(bytes, 5000);
	assert_int_equal(strlen(whole), 5000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(strtol(whole + i * 5, NULL, 10), i);
}

/* Longer than what is there at first, and exactly as long. */
static void one_long_addition_is_whole(void **state)
{
	static const int widths[] = {63, 64, 255, 256, 257, 511, 512, 100000};

	(void)state;
	for (size_t i = 0; i < ROWS(widths); i++) {
		struct text text = {0};
		scoped(text) char *whole = NULL;
		size_t bytes = 0;

		text_add(&text, "%*s", widths[i], "x");
		text_add(&text, "y");
		whole = text_take(&text, &bytes);
		assert_int_equal(bytes, widths[i] + 1);
		assert_string_equal(whole + bytes - 2, "xy");
	}
}

static void bytes_are_added_as_they_are(void **state)
{
	struct text text = {0};
	scoped(text) char *taken = NULL;
	char many[1000];
	size_t bytes = 0;

	(void)state;
	memset(many, 'x', sizeof(many));
	text_add_bytes(&text, "a\0b", 3);
	text_add_bytes(&text, many, sizeof(many));
	text_add(&text, "%s", "c");
	taken = text_take(&text, &bytes);
	assert_int_equal(bytes, 1004);
	assert_memory_equal(taken, "a\0bxx", 5);
	assert_string_equal(taken + 1002, "xc");
}

static void a_text_without_additions_is_empty(void **state)
{
	struct text text = {0};
	scoped(text) char *whole = text_take(&text, NULL);

	(void)state;
	assert_string_equal(whole, "");
	assert_null(text.data);
}

static void a_taken_text_begins_anew(void **state)
{
	struct text text = {0};
	scoped(text) char *first = NULL;
	scoped(text) char *second = NULL;

	(void)state;
	text_add(&text, "first");
	first = text_take(&text, NULL);
	text_add(&text, "second");
	second = text_take(&text, NULL);
	assert_string_equal(first, "first");
	assert_string_equal(second, "second");
}

static void a_failed_text_yields_nothing(void **state)
{
	struct text text = {0};

	(void)state;
	text_add(&text, "half");
	text.failed = true;
	text_add(&text, " a sentence");
	assert_null(text_take(&text, NULL));
	assert_null(text.data);
	assert_false(text.failed);
}

static void a_copy_ends_between_two_characters(void **state)
{
	static const struct {
		const char *text;
		size_t bytes;
		const char *copy;
	} rows[] = {
		{"", 1, ""},
		{"abc", 4, "abc"},
		{"abc", 3, "ab"},
		{"abc", 1, ""},
		{"a\u00fcb", 5, "a\u00fcb"},
		{"a\u00fcb", 4, "a\u00fc"},
		{"a\u00fcb", 3, "a"},
		{"\u20ac", 3, ""},
		{"\u20ac\u20ac", 6, "\u20ac"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[8];

		memset(out, 'x', sizeof(out));
		text_copy(out, rows[i].bytes, rows[i].text);
		assert_string_equal(out, rows[i].copy);
		assert_int_equal(out[rows[i].bytes], 'x');
	}
}

static void times_are_utc_with_milliseconds(void **state)
{
	static const struct {
		int64_t ns;
		const char *time, *clock;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000Z", "00:00:00.000Z"},
		{1999999, "1970-01-01T00:00:00.001Z", "00:00:00.001Z"},
		{-1, "1969-12-31T23:59:59.999Z", "23:59:59.999Z"},
		{-1000000000, "1969-12-31T23:59:59.000Z", "23:59:59.000Z"},
		{1795528931204000000, "2026-11-24T14:02:11.204Z",
		 "14:02:11.204Z"},
		{INT64_MAX, "2262-04-11T23:47:16.854Z", "23:47:16.854Z"},
		{INT64_MIN, "1677-09-21T00:12:43.145Z", "00:12:43.145Z"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[TEXT_TIME_BYTES];

		text_time(rows[i].ns, text);
		assert_string_equal(text, rows[i].time);
		text_clock(rows[i].ns, text);
		assert_string_equal(text, rows[i].clock);
	}
}

static void spans_have_two_figures_at_most(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} rows[] = {
		{0, "0ms"},
		{-5, "0ms"},
		{0.0004, "0ms"},
		{0.35, "350ms"},
		{0.9994, "999ms"},
		{0.9996, "1s"},
		{1, "1s"},
		{2.25, "2.3s"},
		{9.94, "9.9s"},
		{9.95, "10s"},
		{12.4, "12s"},
		{59.4, "59s"},
		{59.5, "1m"},
		{60, "1m"},
		{303, "5m3s"},
		{3599, "59m59s"},
		{3599.5, "1h"},
		{7500, "2h5m"},
		{86399, "23h59m"},
		{86400, "1d"},
		{273600, "3d4h"},
		{273659, "3d4h"},
		{1e12, "11574074d1h"},
		{2e12, "unknown"},
		{NAN, "unknown"},
		{INFINITY, "unknown"},
		{-INFINITY, "unknown"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[TEXT_SPAN_BYTES];

		text_span(rows[i].seconds, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_there_in_order),
		cmocka_unit_test(one_long_addition_is_whole),
		cmocka_unit_test(bytes_are_added_as_they_are),
		cmocka_unit_test(a_text_without_additions_is_empty),
		cmocka_unit_test(a_taken_text_begins_anew),
		cmocka_unit_test(a_failed_text_yields_nothing),
		cmocka_unit_test(a_copy_ends_between_two_characters),
		cmocka_unit_test(times_are_utc_with_milliseconds),
		cmocka_unit_test(spans_have_two_figures_at_most),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
