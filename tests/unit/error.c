/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * error.c - a mistake is shown where it is, in one exact form, and nothing that
 * was quoted can play tricks on a terminal.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/lang.h"

/* One mistake in one line of text, rendered. */
static char *render(struct weir_place place, const char *hint,
		    const char *message)
{
	struct weir_errors errors = {0};
	char *text;

	if (place.text)
		place.text_bytes = strlen(place.text);
	assert_int_equal(errors_add(&errors, &place, hint, "%s", message),
			 -EINVAL);
	text = errors_render(&errors);
	assert_non_null(text);
	errors_clear(&errors);
	return text;
}

static void expect(struct weir_place place, const char *want)
{
	scoped(text) char *got = render(place, NULL, "wrong");

	assert_string_equal(got, want);
}

/* ---- the form of design/4-operator.md ---------------------------------------------- */

static void a_mistake_is_shown_in_the_documented_form(void **state)
{
	static const char text[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n"
				   "    failureRateThreshold: 150\n15\n";
	scoped(text) char *got = render(
		(struct weir_place){
			.file = "/etc/weir/policies.d/20-orders.yaml",
			.text = text,
			.line = 14,
			.column = 27,
			.length = 3,
		},
		"percent of calls; to open when half of them fail write 50",
		"failureRateThreshold: 150 is not in 1..100");

	(void)state;
	assert_string_equal(
		got,
		"error: failureRateThreshold: 150 is not in 1..100\n"
		"  --> /etc/weir/policies.d/20-orders.yaml:14:27\n"
		"   |\n"
		"14 |     failureRateThreshold: 150\n"
		"   |                           ^^^\n"
		"hint: percent of calls; to open when half of them fail write "
		"50\n");
}

/* What the parser says of such a file, from end to end. */
static void a_policy_s_mistake_is_shown_in_that_form(void **state)
{
	scoped(reading) struct reading r =
		lang_refuse(LANG_LEAST "  circuitBreaker:\n"
				       "    failureRateThreshold: 150\n");
	scoped(text) char *got = errors_render(&r.errors);

	(void)state;
	assert_string_equal(
		got, "error: failureRateThreshold: 150 is not in 1..100\n"
		     " --> t.yaml:7:27\n"
		     "  |\n"
		     "7 |     failureRateThreshold: 150\n"
		     "  |                           ^^^\n"
		     "hint: percent of calls; open when at least that many "
		     "failed; for example failureRateThreshold: 50\n");
}

static void without_a_position_the_file_is_named(void **state)
{
	(void)state;
	expect((struct weir_place){.file = "a.yaml"},
	       "error: wrong\n  --> a.yaml\n");
	expect((struct weir_place){0}, "error: wrong\n");
	expect((struct weir_place){.line = 3, .column = 4},
	       "error: wrong\n --> <text>:3:4\n");
	expect((struct weir_place){.file = "a.yaml", .line = 3, .column = 4},
	       "error: wrong\n --> a.yaml:3:4\n");
}

static void mistakes_are_apart_by_a_line(void **state)
{
	const struct weir_place place = {.file = "a.yaml"};
	struct weir_errors errors = {0};

	(void)state;
	errors_add(&errors, &place, "do this", "one");
	errors_add(&errors, &place, NULL, "two %d", 2);
	scoped(text) char *got = errors_render(&errors);
	assert_string_equal(got, "error: one\n  --> a.yaml\nhint: do this\n"
				 "\n"
				 "error: two 2\n  --> a.yaml\n");
	errors_clear(&errors);
	assert_int_equal(errors.count, 0);
}

static void no_mistakes_are_an_empty_text(void **state)
{
	struct weir_errors errors = {0};
	scoped(text) char *got = errors_render(&errors);

	(void)state;
	assert_string_equal(got, "");
}

static void mistakes_beyond_64_are_counted(void **state)
{
	const struct weir_place place = {0};
	struct weir_errors errors = {0};

	(void)state;
	for (unsigned i = 0; i < WEIR_ERRORS_MAX + 3; i++)
		errors_add(&errors, &place, NULL, "m%u", i);
	assert_int_equal(errors.count, WEIR_ERRORS_MAX);
	assert_int_equal(errors.dropped, 3);
	scoped(text) char *got = errors_render(&errors);
	assert_non_null(strstr(got, "error: m63\n\n"
				    "error: 3 more mistakes are not shown\n"));
	assert_null(strstr(got, "m64"));
	errors_clear(&errors);
	assert_int_equal(errors.dropped, 0);
}

/* ---- where the caret stands ----------------------------------------------------------- */

static const struct {
	const char *text;
	unsigned line, column, length;
	const char *want; /* below "error: wrong\n" */
} carets[] = {
	/* tabs are repeated, so that the caret stands below */
	{"\tkey:\tx\n", 1, 7, 1,
	 " --> f:1:7\n  |\n1 | \tkey:\tx\n  | \t    \t^\n"},
	/* characters, not bytes */
	{"\xc3\xa4\xe2\x82\xac: bad\n", 1, 5, 3,
	 " --> f:1:5\n  |\n1 | \xc3\xa4\xe2\x82\xac: bad\n  |     ^^^\n"},
	/* at the end of the line, and one behind it */
	{"abc\n", 1, 3, 1, " --> f:1:3\n  |\n1 | abc\n  |   ^\n"},
	{"abc\n", 1, 4, 1, " --> f:1:4\n  |\n1 | abc\n  |    ^\n"},
	/* a length beyond the line is cut */
	{"abc\n", 1, 2, 99, " --> f:1:2\n  |\n1 | abc\n  |  ^^\n"},
	{"abc\n", 1, 4, 99, " --> f:1:4\n  |\n1 | abc\n  |    ^\n"},
	/* a column beyond the line has no caret */
	{"abc\n", 1, 5, 1, " --> f:1:5\n  |\n1 | abc\n"},
	{"abc\n", 1, 4000000000u, 1, " --> f:1:4000000000\n  |\n1 | abc\n"},
	{"abc\n", 1, 0, 1, " --> f:1:0\n  |\n1 | abc\n"},
	/* an empty line, and one behind the last */
	{"a\n\nb\n", 2, 1, 1, " --> f:2:1\n  |\n2 | \n  | ^\n"},
	{"a\nb", 2, 1, 1, " --> f:2:1\n  |\n2 | b\n  | ^\n"},
	{"a\n", 2, 1, 1, " --> f:2:1\n"},
	{"a\n", 99, 1, 1, "  --> f:99:1\n"},
	{"", 1, 1, 1, " --> f:1:1\n  |\n1 | \n  | ^\n"},
	/* whatever ends a line */
	{"a\r\nb\r\n", 2, 1, 1, " --> f:2:1\n  |\n2 | b\n  | ^\n"},
	{"a\rb\r", 2, 1, 1, " --> f:2:1\n  |\n2 | b\n  | ^\n"},
	/* nothing that was quoted reaches the terminal */
	{"\x1b[31mred\n", 1, 6, 3,
	 " --> f:1:6\n  |\n1 | ?[31mred\n  |      ^^^\n"},
	{"a\xff"
	 "b\n",
	 1, 3, 1, " --> f:1:3\n  |\n1 | a?b\n  |   ^\n"},
	{"\xe2\x80\xae"
	 "a\n",
	 1, 2, 1, " --> f:1:2\n  |\n1 | ?a\n  |  ^\n"},
	{"\xc2\x9b"
	 "a\x7f\n",
	 1, 2, 1, " --> f:1:2\n  |\n1 | ?a?\n  |  ^\n"},
};

static void the_caret_stands_below_what_it_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(carets); i++) {
		scoped(text) char *got = render(
			(struct weir_place){
				.file = "f",
				.text = carets[i].text,
				.line = carets[i].line,
				.column = carets[i].column,
				.length = carets[i].length,
			},
			NULL, "wrong");

		assert_memory_equal(got, "error: wrong\n", 13);
		assert_string_equal(got + 13, carets[i].want);
	}
}

static void a_text_may_begin_with_a_later_line(void **state)
{
	(void)state;
	expect((struct weir_place){.file = "f",
				   .text = "seven\neight\n",
				   .text_line = 7,
				   .line = 8,
				   .column = 1,
				   .length = 5},
	       "error: wrong\n --> f:8:1\n  |\n8 | eight\n  | ^^^^^\n");
	expect((struct weir_place){.file = "f",
				   .text = "seven\n",
				   .text_line = 7,
				   .line = 6,
				   .column = 1},
	       "error: wrong\n --> f:6:1\n");
}

/* ---- long lines ------------------------------------------------------------------------ */

/* The line as it is quoted, without its number; `caret` likewise. */
static void quoted(char *got, char **line, char **caret)
{
	*line = strstr(got, "\n1 | ");
	assert_non_null(*line);
	*line += 5;
	*caret = strstr(*line, "\n  | ");
	assert_non_null(*caret);
	**caret = '\0';
	*caret += 5;
	(*caret)[strcspn(*caret, "\n")] = '\0';
}

/* JSON is one line: the part with the mistake is what has to be seen. */
static void of_a_long_line_the_part_around_the_mistake_is_shown(void **state)
{
	static const unsigned columns[] = {1, 2, 100, 150, 500, 4990, 5000};
	scoped(text) char *text = malloc(5001);

	(void)state;
	for (size_t i = 0; i < ROWS(columns); i++) {
		char *line, *caret;

		memset(text, '.', 5000);
		text[5000] = '\0';
		text[columns[i] - 1] = 'X';
		scoped(text) char *got =
			render((struct weir_place){.file = "f",
						   .text = text,
						   .line = 1,
						   .column = columns[i],
						   .length = 1},
			       NULL, "wrong");
		quoted(got, &line, &caret);
		assert_true(strlen(line) <= 250);
		assert_int_equal(strcspn(line, "X"), strlen(caret) - 1);
		assert_int_equal(line[strlen(caret) - 1], 'X');
		assert_int_equal(caret[strlen(caret) - 1], '^');
	}
}

static void no_character_is_cut_in_two(void **state)
{
	scoped(text) char *text = malloc(3001);

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		memcpy(text + i * 3, "\xe2\x82\xac", 3);
	text[3000] = '\0';
	for (unsigned column = 1; column <= 1000; column += 37) {
		char *line, *caret;
		scoped(text) char *got =
			render((struct weir_place){.file = "f",
						   .text = text,
						   .line = 1,
						   .column = column,
						   .length = 1},
			       NULL, "wrong");

		quoted(got, &line, &caret);
		assert_null(strchr(line, '?'));
	}
}

/* Found by fuzzing: it went back over all of them to find a first byte. */
static void malformed_bytes_are_no_character_to_keep_whole(void **state)
{
	scoped(text) char *text = malloc(501);
	char *line, *caret;

	(void)state;
	memset(text, '\x9a', 500);
	text[0] = '}';
	text[500] = '\0';
	scoped(text) char *got = render((struct weir_place){.file = "f",
							    .text = text,
							    .line = 1,
							    .column = 2,
							    .length = 1},
					NULL, "wrong");
	quoted(got, &line, &caret);
	assert_int_equal(strlen(line), 240);
	assert_string_equal(caret, " ^");
}

/* ---- other texts -------------------------------------------------------------------------- */

static void messages_hints_and_names_are_made_printable(void **state)
{
	scoped(text) char *got =
		render((struct weir_place){.file = "a\n\x1b[2J.yaml"},
		       "do\r\nthis\xe2\x80\xa8", "wrong\x07 \xff\xe2\x81\xa6");

	(void)state;
	assert_string_equal(got, "error: wrong? ??\n"
				 "  --> a??[2J.yaml\n"
				 "hint: do??this?\n");
}

static void a_long_message_is_cut_not_lost(void **state)
{
	scoped(text) char *message = malloc(100001);

	(void)state;
	memset(message, 'm', 100000);
	message[100000] = '\0';
	scoped(text) char *got = render((struct weir_place){0}, NULL, message);
	assert_true(strlen(got) > 500 && strlen(got) < 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistake_is_shown_in_the_documented_form),
		cmocka_unit_test(a_policy_s_mistake_is_shown_in_that_form),
		cmocka_unit_test(without_a_position_the_file_is_named),
		cmocka_unit_test(mistakes_are_apart_by_a_line),
		cmocka_unit_test(no_mistakes_are_an_empty_text),
		cmocka_unit_test(mistakes_beyond_64_are_counted),
		cmocka_unit_test(the_caret_stands_below_what_it_means),
		cmocka_unit_test(a_text_may_begin_with_a_later_line),
		cmocka_unit_test(
			of_a_long_line_the_part_around_the_mistake_is_shown),
		cmocka_unit_test(no_character_is_cut_in_two),
		cmocka_unit_test(
			malformed_bytes_are_no_character_to_keep_whole),
		cmocka_unit_test(messages_hints_and_names_are_made_printable),
		cmocka_unit_test(a_long_message_is_cut_not_lost),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
