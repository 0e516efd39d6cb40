/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan.c - a text has one meaning or none, and what is refused leaves no
 * trace.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/scan.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define UNTOUCHED   0xdeadbeefu

#define S  1000000000ull
#define MS 1000000ull

/* ---- numbers --------------------------------------------------------------- */

struct number_row {
	const char *text;
	int err;
	uint64_t value;
};

static const struct number_row counts[] = {
	{"0", 0, 0},
	{"20", 0, 20},
	{"18446744073709551615", 0, UINT64_MAX},
	{"18446744073709551616", -ERANGE, 0},
	{"99999999999999999999999999", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"00", -EINVAL, 0},
	{"020", -EINVAL, 0},
	{"+20", -EINVAL, 0},
	{"-20", -EINVAL, 0},
	{" 20", -EINVAL, 0},
	{"20 ", -EINVAL, 0},
	{"1_000", -EINVAL, 0},
	{"0x10", -EINVAL, 0},
	{"1e3", -EINVAL, 0},
	{"1.0", -EINVAL, 0},
	{"\xd9\xa1", -EINVAL, 0}, /* an Arabic digit one */
};

static const struct number_row durations[] = {
	{"1ns", 0, 1},
	{"1us", 0, 1000},
	{"1\xc2\xb5s", 0, 1000},
	{"1\xce\xbcs", 0, 1000},
	{"250ms", 0, 250 * MS},
	{"5s", 0, 5 * S},
	{"1m", 0, 60 * S},
	{"1h", 0, 3600 * S},
	{"1m30s", 0, 90 * S},
	{"1h0m0.5s", 0, 3600 * S + 500 * MS},
	{"0.5s", 0, 500 * MS},
	{"1.000000001s", 0, S + 1},
	{"1.0000000019s", 0, S + 1},
	{"0s", 0, 0},
	{"18446744073s", 0, 18446744073 * S},
	{"18446744074s", -ERANGE, 0},
	{"18446744073s709551615ns", 0, UINT64_MAX},
	{"18446744073s709551616ns", -ERANGE, 0},
	{"18446744073s1s", -ERANGE, 0},
	{"99999999999999999999s", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"0", -EINVAL, 0},
	{"5", -EINVAL, 0},
	{"s", -EINVAL, 0},
	{".5s", -EINVAL, 0},
	{"5.s", -EINVAL, 0},
	{"1.5.5s", -EINVAL, 0},
	{"-5s", -EINVAL, 0},
	{"+5s", -EINVAL, 0},
	{"05s", -EINVAL, 0},
	{"1m05s", -EINVAL, 0},
	{"00.5s", -EINVAL, 0},
	{"5 s", -EINVAL, 0},
	{"5s ", -EINVAL, 0},
	{" 5s", -EINVAL, 0},
	{"5S", -EINVAL, 0},
	{"5sec", -EINVAL, 0},
	{"5d", -EINVAL, 0},
	{"1e3s", -EINVAL, 0},
	{"1m30", -EINVAL, 0},
};

static void check_numbers(const struct number_row *rows, size_t count,
			  int (*scan)(const char *text, uint64_t *out))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;
		int err = scan(rows[i].text, &value);

		if (err != rows[i].err)
			fail_msg("\"%s\": %d, not %d", rows[i].text, err,
				 rows[i].err);
		if (value != (err ? UNTOUCHED : rows[i].value))
			fail_msg("\"%s\": read as %llu", rows[i].text,
				 (unsigned long long)value);
	}
}

static void a_count_is_digits_and_nothing_else(void **state)
{
	(void)state;
	check_numbers(counts, ROWS(counts), scan_count);
}

static void a_duration_has_a_unit_and_fits(void **state)
{
	(void)state;
	check_numbers(durations, ROWS(durations), scan_duration);
}

static void a_decimal_is_plain(void **state)
{
	static const struct {
		const char *text;
		int err;
		double value;
	} rows[] = {
		{"2", 0, 2},	       {"0.5", 0, 0.5},
		{"-1.25", 0, -1.25},   {"0", 0, 0},
		{"100.0", 0, 100},     {"0.0000000001", 0, 0},
		{"", -EINVAL, 0},      {".5", -EINVAL, 0},
		{"5.", -EINVAL, 0},    {"05", -EINVAL, 0},
		{"+1", -EINVAL, 0},    {"--1", -EINVAL, 0},
		{"-", -EINVAL, 0},     {"1e3", -EINVAL, 0},
		{"nan", -EINVAL, 0},   {"inf", -EINVAL, 0},
		{"0x1p3", -EINVAL, 0}, {"1,5", -EINVAL, 0},
		{"1.5 ", -EINVAL, 0},  {"99999999999999999999", -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		double value = -77;
		int err = scan_decimal(rows[i].text, &value);

		if (err != rows[i].err || value != (err ? -77 : rows[i].value))
			fail_msg("\"%s\": %d, %f", rows[i].text, err, value);
	}
}

static void a_duration_is_written_as_it_is_read(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{0, "0s"},
		{1, "1ns"},
		{90 * S, "1m30s"},
		{1500 * MS, "1s500ms"},
		{24 * 3600 * S, "24h"},
		{UINT64_MAX, "5124095h34m33s709ms551us615ns"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t back = 1;
		char text[64];

		scan_duration_text(rows[i].ns, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(scan_duration(text, &back), 0);
		assert_int_equal(back, rows[i].ns);
	}
}

static void a_duration_that_does_not_fit_is_cut(void **state)
{
	char text[8];

	(void)state;
	memset(text, 'x', sizeof(text));
	scan_duration_text(UINT64_MAX, text, 4);
	assert_string_equal(text, "512");
	assert_int_equal(text[4], 'x');
	scan_duration_text(1, text + 4, 0);
	assert_int_equal(text[4], 'x');
}

/* ---- ports and addresses ------------------------------------------------------ */

static void ports_are_one_or_a_range_in_order(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint16_t min, max;
	} rows[] = {
		{"1", 0, 1, 1},
		{"65535", 0, 65535, 65535},
		{"8000-8099", 0, 8000, 8099},
		{"1-65535", 0, 1, 65535},
		{"7-7", 0, 7, 7},
		{"0", -ERANGE, 0, 0},
		{"65536", -ERANGE, 0, 0},
		{"8099-8000", -ERANGE, 0, 0},
		{"0-10", -ERANGE, 0, 0},
		{"10-65536", -ERANGE, 0, 0},
		{"", -EINVAL, 0, 0},
		{"-", -EINVAL, 0, 0},
		{"80-", -EINVAL, 0, 0},
		{"-80", -EINVAL, 0, 0},
		{"80 - 90", -EINVAL, 0, 0},
		{"80-90-100", -EINVAL, 0, 0},
		{"080", -EINVAL, 0, 0},
		{"80,90", -EINVAL, 0, 0},
		{"http", -EINVAL, 0, 0},
		{"123456789012345-1", -EINVAL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint16_t min = 7, max = 7;
		int err = scan_ports(rows[i].text, &min, &max);

		if (err != rows[i].err || min != (err ? 7 : rows[i].min) ||
		    max != (err ? 7 : rows[i].max))
			fail_msg("\"%s\": %d, %u-%u", rows[i].text, err, min,
				 max);
	}
}

/* Address, the prefix it must have, and how it is written back. */
static const struct {
	const char *text;
	int err;
	uint8_t prefix;
	const char *back; /* NULL: as it was */
} addresses[] = {
	{"10.0.8.7", 0, 128, NULL},
	{"10.0.8.0/24", 0, 120, NULL},
	{"0.0.0.0/0", 0, 96, NULL},
	{"10.0.8.7/32", 0, 128, "10.0.8.7"},
	{"fd00::7", 0, 128, NULL},
	{"fd00::/8", 0, 8, NULL},
	{"::/0", 0, 0, NULL},
	{"::", 0, 128, NULL},
	{"FD00::7", 0, 128, "fd00::7"},
	{"::ffff:10.0.8.7", 0, 128, "10.0.8.7"},
	{"::ffff:10.0.8.0/120", 0, 120, "10.0.8.0/24"},
	{"10.0.8.7/33", -ERANGE, 0, NULL},
	{"fd00::/129", -ERANGE, 0, NULL},
	{"fd00::/99999999999999999999", -ERANGE, 0, NULL},
	{"", -EINVAL, 0, NULL},
	{"/24", -EINVAL, 0, NULL},
	{"10.0.8.0/", -EINVAL, 0, NULL},
	{"10.0.8.0/08", -EINVAL, 0, NULL},
	{"10.0.8.0/-1", -EINVAL, 0, NULL},
	{"10.0.8.0/24/24", -EINVAL, 0, NULL},
	{"10.0.8", -EINVAL, 0, NULL},
	{"10.0.8.256", -EINVAL, 0, NULL},
	{"10.0.08.1", -EINVAL, 0, NULL},
	{"010.0.8.1", -EINVAL, 0, NULL},
	{"0x0a000801", -EINVAL, 0, NULL},
	{" 10.0.8.7", -EINVAL, 0, NULL},
	{"10.0.8.7:5432", -EINVAL, 0, NULL},
	{"[fd00::7]", -EINVAL, 0, NULL},
	{"fe80::1%eth0", -EINVAL, 0, NULL},
	{"fd00::7::1", -EINVAL, 0, NULL},
	{"db.internal", -EINVAL, 0, NULL},
	{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", -EINVAL, 0, NULL},
};

static void an_address_is_read_and_written_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(addresses); i++) {
		const char *text = addresses[i].text;
		uint8_t address[16] = {7}, prefix = 7;
		char back[SCAN_ADDRESS_BYTES];
		int err = scan_address(text, address, &prefix);

		if (err != addresses[i].err)
			fail_msg("\"%s\": %d", text, err);
		assert_int_equal(prefix, err ? 7 : addresses[i].prefix);
		if (err) {
			assert_int_equal(address[0], 7);
			continue;
		}
		scan_address_text(address, prefix, back, sizeof(back));
		assert_string_equal(back, addresses[i].back ? addresses[i].back
							    : text);
	}
}

static void ipv4_is_kept_as_mapped_ipv6(void **state)
{
	static const uint8_t want[16] = {
		[10] = 0xff, [11] = 0xff, [12] = 10, [14] = 8, [15] = 7};
	uint8_t address[16], prefix;

	(void)state;
	assert_int_equal(scan_address("10.0.8.7", address, &prefix), 0);
	assert_memory_equal(address, want, sizeof(want));
}

static void a_mask_clears_what_is_below_the_prefix(void **state)
{
	static const struct {
		const char *text, *masked;
		bool cleared;
	} rows[] = {
		{"10.0.8.7/24", "10.0.8.0/24", true},
		{"10.0.8.0/24", "10.0.8.0/24", false},
		{"10.0.8.7/31", "10.0.8.6/31", true},
		{"10.0.8.7/0", "0.0.0.0/0", true},
		{"10.0.8.7", "10.0.8.7", false},
		{"fd00::7/127", "fd00::6/127", true},
		{"fd00::7/0", "::/0", true},
		{"fd0f::/12", "fd00::/12", true},
		{"fd00::/12", "fd00::/12", false},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t address[16], prefix;
		char text[SCAN_ADDRESS_BYTES];

		assert_int_equal(scan_address(rows[i].text, address, &prefix),
				 0);
		assert_int_equal(scan_mask(address, prefix), rows[i].cleared);
		scan_address_text(address, prefix, text, sizeof(text));
		assert_string_equal(text, rows[i].masked);
	}
}

static void a_label_is_what_dns_allows(void **state)
{
	static const struct {
		const char *text;
		bool label;
	} rows[] = {
		{"a", true},	   {"orders-db", true}, {"1a", true},
		{"0", true},	   {"a--b", true},	{"", false},
		{"-a", false},	   {"a-", false},	{"-", false},
		{"Orders", false}, {"a_b", false},	{"a.b", false},
		{"a b", false},	   {"a/b", false},	{"\xc3\xa4", false},
	};
	char text[65];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (scan_is_label(rows[i].text) != rows[i].label)
			fail_msg("\"%s\"", rows[i].text);
	memset(text, 'a', sizeof(text) - 1);
	text[64] = '\0';
	assert_false(scan_is_label(text));
	text[63] = '\0';
	assert_true(scan_is_label(text));
}

/* ---- characters ---------------------------------------------------------------- */

static void a_character_is_well_formed_or_nothing(void **state)
{
	static const struct {
		const char *text;
		size_t bytes, step;
		uint32_t value;
	} rows[] = {
		{"a", 1, 1, 'a'},
		{"\0", 1, 1, 0},
		{"\x7f", 1, 1, 0x7f},
		{"\xc2\x80", 2, 2, 0x80},
		{"\xc3\xa4x", 3, 2, 0xe4},
		{"\xe0\xa0\x80", 3, 3, 0x800},
		{"\xe2\x82\xac", 3, 3, 0x20ac},
		{"\xef\xbf\xbf", 3, 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
		{"", 0, 0, 0},
		{"\xc3", 1, 0, 0},		   /* ends too early */
		{"\xe2\x82", 2, 0, 0},		   /* ends too early */
		{"\x80", 1, 0, 0},		   /* a rest alone */
		{"\xbf", 1, 0, 0},		   /* a rest alone */
		{"\xc0\x80", 2, 0, 0},		   /* overlong */
		{"\xc1\xbf", 2, 0, 0},		   /* overlong */
		{"\xe0\x9f\xbf", 3, 0, 0},	   /* overlong */
		{"\xf0\x8f\xbf\xbf", 4, 0, 0},	   /* overlong */
		{"\xed\xa0\x80", 3, 0, 0},	   /* a surrogate */
		{"\xed\xbf\xbf", 3, 0, 0},	   /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 0, 0},	   /* beyond U+10FFFF */
		{"\xf8\x88\x80\x80\x80", 5, 0, 0}, /* five bytes */
		{"\xff", 1, 0, 0},
		{"\xc3\x28", 2, 0, 0},
		{"\xe2\x82\x28", 3, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint32_t value = UNTOUCHED;
		size_t step =
			scan_character(rows[i].text, rows[i].bytes, &value);

		if (step != rows[i].step ||
		    value != (step ? rows[i].value : UNTOUCHED))
			fail_msg("row %zu: %zu bytes, U+%04X", i, step, value);
	}
}

static void malformed_bytes_count_one_each(void **state)
{
	(void)state;
	assert_int_equal(scan_characters("", 0), 0);
	assert_int_equal(scan_characters("a\xc3\xa4\xe2\x82\xac", 6), 3);
	assert_int_equal(scan_characters("a\xff\xffz", 4), 4);
	assert_int_equal(scan_characters("\xe2\x82", 2), 2);
}

static void lines_break_where_yaml_breaks_them(void **state)
{
	static const struct {
		const char *text;
		size_t bytes, step;
	} rows[] = {
		{"\n", 1, 1},
		{"\n\n", 2, 1},
		{"\r", 1, 1},
		{"\r\n", 2, 2},
		{"\r", 1, 1},
		{"\xc2\x85", 2, 2},
		{"\xe2\x80\xa8", 3, 3},
		{"\xe2\x80\xa9", 3, 3},
		{"", 0, 0},
		{"a\n", 2, 0},
		{"\xc2", 1, 0},
		{"\xc2\xa0", 2, 0},
		{"\xe2\x80", 2, 0},
		{"\xe2\x80\xaa", 3, 0},
		{"\f", 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (scan_line_break(rows[i].text, rows[i].bytes) !=
		    rows[i].step)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_count_is_digits_and_nothing_else),
		cmocka_unit_test(a_duration_has_a_unit_and_fits),
		cmocka_unit_test(a_decimal_is_plain),
		cmocka_unit_test(a_duration_is_written_as_it_is_read),
		cmocka_unit_test(a_duration_that_does_not_fit_is_cut),
		cmocka_unit_test(ports_are_one_or_a_range_in_order),
		cmocka_unit_test(an_address_is_read_and_written_back),
		cmocka_unit_test(ipv4_is_kept_as_mapped_ipv6),
		cmocka_unit_test(a_mask_clears_what_is_below_the_prefix),
		cmocka_unit_test(a_label_is_what_dns_allows),
		cmocka_unit_test(a_character_is_well_formed_or_nothing),
		cmocka_unit_test(malformed_bytes_count_one_each),
		cmocka_unit_test(lines_break_where_yaml_breaks_them),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
