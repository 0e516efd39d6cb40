/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weirctl_figures.c - numbers, states and times as people read them.
 */
#include "tests/unit/weirctl.h"

#include <math.h>

#include "tools/weirctl/figures.h"
#include "tools/weirctl/grid.h"
#include "tools/weirctl/show.h"

struct expectation {
	double value;
	const char *text;
};

static void check(void (*write)(double, char out[FIGURE_BYTES]),
		  const struct expectation *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[FIGURE_BYTES];

		write(rows[i].value, text);
		assert_string_equal(text, rows[i].text);
	}
}

#define CHECK(write, rows) check(write, rows, sizeof(rows) / sizeof((rows)[0]))

static void rates_have_three_digits(void **state)
{
	static const struct expectation rows[] = {
		{0, "0"},	 {0.01, "<0.1"}, {0.3, "0.3"},
		{99.94, "99.9"}, {99.96, "100"}, {1234.5, "1234"},
		{INFINITY, "-"}, {NAN, "-"},
	};

	(void)state;
	CHECK(figures_rate, rows);
}

static void ratios_become_percent(void **state)
{
	static const struct expectation rows[] = {
		{0, "0.0"}, {0.631, "63.1"}, {0.9996, "100"},
		{1, "100"}, {NAN, "-"},
	};

	(void)state;
	CHECK(figures_percent, rows);
}

static void latencies_never_read_as_zero(void **state)
{
	static const struct expectation rows[] = {
		{0.000085, "85us"}, {0.00043, "430us"}, {0.0009996, "1.0ms"},
		{0.0042, "4.2ms"},  {0.00999, "10ms"},	{0.038, "38ms"},
		{1.5, "1.5s"},	    {65, "1m5s"},	{NAN, "-"},
	};

	(void)state;
	CHECK(figures_latency, rows);
}

static void states_are_words_and_the_worst_is_known(void **state)
{
	static const char *const order[] = {
		"closed",	   "forced_closed", "half_open",
		"open_suppressed", "forced_open",   "open",
	};
	char text[FIGURE_BYTES];

	(void)state;
	figures_state("half_open", text);
	assert_string_equal(text, "HALF-OPEN");
	figures_state(NULL, text);
	assert_string_equal(text, "-");
	for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		assert_true(figures_state_severity(order[i - 1]) <
			    figures_state_severity(order[i]));
	/* A state of a newer agent is no reason to fail. */
	figures_state("melted", text);
	assert_string_equal(text, "MELTED");
	assert_int_equal(figures_state_tint("melted"), TINT_NONE);
}

static void counts_and_limits(void **state)
{
	scoped(json) json_t *limit = json_integer(100);
	scoped(json) json_t *none = json_null();
	char text[FIGURE_BYTES];

	(void)state;
	figures_in_use(41, limit, text);
	assert_string_equal(text, "41/100");
	figures_in_use(3, none, text);
	assert_string_equal(text, "3/-");
	figures_number_of(1, "policy|policies", text);
	assert_string_equal(text, "1 policy");
	figures_number_of(0, "policy|policies", text);
	assert_string_equal(text, "0 policies");
}

static void times_are_read_with_their_offset(void **state)
{
	(void)state;
	assert_true(figures_time("1970-01-01T00:00:10Z") == 10);
	assert_true(fabs(figures_time("1970-01-01T00:00:10.25Z") - 10.25) <
		    1e-6);
	assert_true(figures_time("1970-01-01T02:00:10+02:00") == 10);
	assert_true(figures_time("1969-12-31T23:00:10-0100") == 10);
	assert_true(isnan(figures_time("1970-01-01T00:00:10")));
	assert_true(isnan(figures_time("1970-01-01T00:00:10Zulu")));
	assert_true(isnan(figures_time("1970-01-01T00:00:10 02:00")));
	assert_true(isnan(figures_time("1970-01-01")));
	assert_true(isnan(figures_time("")));
}

/* ---- tables and machine formats ------------------------------------------------- */

static char *table(unsigned width, bool colour)
{
	static const struct grid_column columns[] = {
		{.title = "NAME", .cut = true},
		{.title = "STATE"},
		{.title = "FIRST", .right = true, .spare = 2},
		{.title = "SECOND", .right = true, .spare = 1},
	};
	char *text = NULL;
	size_t bytes;
	struct cli cli = {.width = width, .colour = colour, .utf8 = true};
	struct grid grid;

	cli.arguments.headers = true;
	cli.out = open_memstream(&text, &bytes);
	grid_begin(&grid, &cli, columns, 4);
	grid_row(&grid);
	grid_cell(&grid, TINT_NONE, "a-name-of-thirty-characters-xxx");
	grid_cell(&grid, TINT_BAD, "OPEN");
	grid_cell(&grid, TINT_NONE, "1");
	grid_cell(&grid, TINT_NONE, "\033[2J");
	assert_int_equal(grid_print(&grid), CLI_OK);
	fclose(cli.out);
	return text;
}

static void without_a_terminal_nothing_is_cut(void **state)
{
	scoped(text) char *text = table(0, false);

	(void)state;
	assert_has(text, "NAME                             STATE  FIRST  "
			 "SECOND\n");
	assert_has(text, "a-name-of-thirty-characters-xxx  OPEN       1    "
			 "?[2J\n");
}

static void a_narrow_terminal_loses_figures_before_names(void **state)
{
	scoped(text) char *some = table(48, false);
	scoped(text) char *few = table(40, false);
	scoped(text) char *cut = table(20, false);

	(void)state;
	assert_has_not(some, "FIRST");
	assert_has(some, "SECOND");
	assert_has_not(few, "SECOND");
	assert_has(few, "a-name-of-thirty-characters-xxx");
	assert_has(cut, "OPEN");
	assert_has_not(cut, "characters");
}

static void colour_comes_with_the_word(void **state)
{
	scoped(text) char *text = table(0, true);

	(void)state;
	assert_has(text, "\033[31mOPEN");
}

static char *yaml_of(const char *json)
{
	scoped(json) json_t *value = read_json(json);
	char *text = NULL;
	size_t bytes;
	struct cli cli = {.utf8 = true};

	cli.arguments.format = FORMAT_YAML;
	cli.out = open_memstream(&text, &bytes);
	assert_int_equal(show(&cli, value, NULL), CLI_OK);
	fclose(cli.out);
	return text;
}

static void yaml_keeps_texts_texts(void **state)
{
	scoped(text) char *text = yaml_of(
		"{\"a\": \"yes\", \"b\": \"1.5\", \"c\": 1.5, \"d\": null, "
		"\"e\": \"10.0.7.3:5432\", \"f\": [], \"g\": \"x: y\", "
		"\"h\": \"\", \"i\": true, \"j\": \"weir/v1\"}");

	(void)state;
	assert_string_equal(text, "a: \"yes\"\nb: \"1.5\"\nc: 1.5\nd: null\n"
				  "e: \"10.0.7.3:5432\"\nf: []\ng: \"x: y\"\n"
				  "h: \"\"\ni: true\nj: weir/v1\n");
}

static void other_locales_get_ascii(void **state)
{
	const struct cli plain = {.utf8 = false};
	const struct cli utf8 = {.utf8 = true};
	scoped(text) char *ascii = cli_clean(&plain, "gr\303\274n\033[31m");
	scoped(text) char *full = cli_clean(&utf8, "gr\303\274n\033[31m");

	(void)state;
	assert_string_equal(ascii, "gr?n?[31m");
	assert_string_equal(full, "gr\303\274n?[31m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_have_three_digits),
		cmocka_unit_test(ratios_become_percent),
		cmocka_unit_test(latencies_never_read_as_zero),
		cmocka_unit_test(states_are_words_and_the_worst_is_known),
		cmocka_unit_test(counts_and_limits),
		cmocka_unit_test(times_are_read_with_their_offset),
		cmocka_unit_test(without_a_terminal_nothing_is_cut),
		cmocka_unit_test(a_narrow_terminal_loses_figures_before_names),
		cmocka_unit_test(colour_comes_with_the_word),
		cmocka_unit_test(yaml_keeps_texts_texts),
		cmocka_unit_test(other_locales_get_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
