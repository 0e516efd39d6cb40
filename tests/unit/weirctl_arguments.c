/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weirctl_arguments.c - what may be typed, in which order, and what is said
 * about what may not.
 */
#include "tests/unit/weirctl.h"

#include <errno.h>

#include "tools/weirctl/commands.h"

static struct arguments parsed;
static char problem[ARGUMENTS_PROBLEM_BYTES];

#define PARSE(...) parse((const char *const[]){"weirctl", __VA_ARGS__, NULL})

static int parse(const char *const *words)
{
	char *argv[RUN_WORDS_MAX + 2];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	problem[0] = '\0';
	return arguments_parse(&parsed, argc, argv, problem);
}

static void global_options_stand_anywhere(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--socket", "/a", "get", "-o", "json",
			       "services", "--no-headers"),
			 0);
	assert_string_equal(parsed.command->name, "get");
	assert_string_equal(parsed.socket, "/a");
	assert_int_equal(parsed.format, FORMAT_JSON);
	assert_false(parsed.headers);
	assert_int_equal(parsed.word_count, 1);
	assert_string_equal(parsed.words[0], "services");
}

static void a_value_is_attached_or_follows(void **state)
{
	(void)state;
	assert_int_equal(PARSE("top", "-n3", "--delay=2", "--sort", "name"), 0);
	assert_string_equal(arguments_value(&parsed, "count"), "3");
	assert_string_equal(arguments_value(&parsed, "delay"), "2");
	assert_string_equal(arguments_value(&parsed, "sort"), "name");
	assert_int_equal(PARSE("lint", "-f-"), 0);
	assert_string_equal(arguments_value(&parsed, "file"), "-");
}

static void flags_go_together_with_a_value_last(void **state)
{
	(void)state;
	assert_int_equal(PARSE("top", "-bn", "4"), 0);
	assert_true(arguments_has(&parsed, "batch"));
	assert_string_equal(arguments_value(&parsed, "count"), "4");
}

static void a_letter_means_what_the_command_says(void **state)
{
	(void)state;
	assert_int_equal(PARSE("events", "-f"), 0);
	assert_true(arguments_has(&parsed, "follow"));
	assert_int_equal(PARSE("apply", "-f", "a", "-f", "b"), 0);
	assert_int_equal(parsed.given_count, 2);
	assert_string_equal(arguments_value(&parsed, "file"), "b");
}

static void after_two_dashes_all_are_words(void **state)
{
	(void)state;
	assert_int_equal(PARSE("why", "--", "-odd"), 0);
	assert_string_equal(parsed.words[0], "-odd");
}

static void kinds_are_known_in_either_number(void **state)
{
	(void)state;
	assert_int_equal(PARSE("get", "policy"), 0);
	assert_int_equal(PARSE("get", "policies"), 0);
	assert_int_equal(PARSE("describe", "services", "x"), 0);
	assert_int_equal(arguments_match("open|closed|auto", "closed"), 1);
	assert_int_equal(arguments_match("open|closed|auto", "clos"), -1);
	assert_int_equal(arguments_match("services|policies", "policy"), 1);
}

static const struct {
	const char *words[6];
	const char *says;
} mistakes[] = {
	{{"staus"}, "'staus' is not a command; did you mean status?"},
	{{"frobnicate"}, "'frobnicate' is not a command"},
	{{"__completed", "x"}, "'__completed' is not a command"},
	{{"status", "--exitcode"}, "did you mean --exit-code?"},
	{{"--sock", "x", "status"}, "did you mean --socket?"},
	{{"status", "-x"}, "unknown option '-x'"},
	{{"status", "--exit-code=1"}, "--exit-code takes no value"},
	{{"status", "--socket"}, "--socket needs a value: PATH"},
	{{"status", "-o", "jsn"}, "did you mean json?"},
	{{"status", "-o", "name"},
	 "status has no -o name, only table|json|yaml"},
	{{"status", "more"}, "status: 'more' is too much"},
	{{"get"}, "get needs services|endpoints"},
	{{"get", "servces"}, "did you mean services?"},
	{{"why"}, "why needs SERVICE|ENDPOINT"},
	{{"why", ""}, "must not be empty"},
	{{"force", "a", "shut"},
	 "STATE: 'shut' is not one of open|closed|auto"},
	{{"events", "--type", "brake"}, "'brake' is not"},
	{{"--color=pink", "status"}, "'pink' is not one of auto|always|never"},
};

static void a_mistake_says_what_would_be_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		scoped(run) struct run run = run_weirctl(mistakes[i].words);

		assert_int_equal(run.code, CLI_USAGE);
		assert_has(run.err, mistakes[i].says);
		assert_has(run.err, "; try: weirctl help");
		assert_string_equal(run.out, "");
		/* One line. */
		assert_ptr_equal(strchr(run.err, '\n'),
				 run.err + run.err_bytes - 1);
	}
}

static void too_many_words_are_refused(void **state)
{
	char *argv[ARGUMENTS_WORDS_MAX + 4] = {(char *)"weirctl",
					       (char *)"__complete"};

	(void)state;
	for (size_t i = 2; i < ARGUMENTS_WORDS_MAX + 3; i++)
		argv[i] = (char *)"x";
	assert_int_equal(arguments_parse(&parsed, ARGUMENTS_WORDS_MAX + 3, argv,
					 problem),
			 -EINVAL);
	assert_has(problem, "more than 64 words");
}

static void help_needs_nothing_else(void **state)
{
	(void)state;
	scoped(run) struct run all = RUN("--help");
	scoped(run) struct run one = RUN("force", "-h");
	scoped(run) struct run same = RUN("help", "force");
	scoped(run) struct run none = RUN(NULL);

	assert_int_equal(all.code, CLI_OK);
	assert_has(all.out, "usage: weirctl [OPTION]... COMMAND");
	assert_int_equal(one.code, CLI_OK);
	assert_has(one.out, "force SERVICE|ENDPOINT open|closed|auto");
	assert_string_equal(one.out, same.out);
	assert_int_equal(none.code, CLI_USAGE);
	assert_string_equal(none.out, "");
}

static void help_lists_every_command_but_hidden_ones(void **state)
{
	scoped(run) struct run all = RUN("help");
	const struct command *command = NULL;

	(void)state;
	while ((command = commands_next(command))) {
		char row[64];

		snprintf(row, sizeof(row), "\n  %-11s ", command->name);
		if (command->hidden)
			assert_has_not(all.out, row);
		else
			assert_has(all.out, row);
		assert_non_null(command->run);
		/* What it prints without -o is one of what it can print. */
		if (command->formats)
			assert_true(command->formats & 1u << command->format);
	}
}

static void force_wants_an_end_and_a_reason(void **state)
{
	static const char *const wrong[][9] = {
		{"force", "a", "open", "--reason", "x"},
		{"force", "a", "open", "--ttl", "5m"},
		{"force", "a", "open", "--permanent"},
		{"force", "a", "open", "--ttl", "5", "--reason", "x"},
		{"force", "a", "open", "--ttl", "0s", "--reason", "x"},
		{"force", "a", "open", "--ttl", "5m", "--permanent", "--reason",
		 "x"},
		{"force", "a", "auto", "--permanent"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *words[10] = {0};

		memcpy(words, wrong[i], sizeof(wrong[i]));
		scoped(run) struct run run = run_weirctl(words);
		assert_int_equal(run.code, CLI_USAGE);
	}
	scoped(run) struct run right =
		RUN("force", "a", "open", "--ttl", "5m", "--reason", "x");
	assert_int_equal(right.code, CLI_UNREACHABLE);
}

static void endless_output_is_lines_or_tables(void **state)
{
	(void)state;
	scoped(run) struct run events = RUN("events", "-f", "-o", "json");
	scoped(run) struct run get = RUN("get", "services", "-w", "-o", "yaml");
	scoped(run) struct run top = RUN("top", "-n", "2", "-o", "json");
	scoped(run) struct run since = RUN("events", "--since", "yesterday");
	scoped(run) struct run last = RUN("events", "--last", "many");

	assert_int_equal(events.code, CLI_USAGE);
	assert_int_equal(get.code, CLI_USAGE);
	assert_int_equal(top.code, CLI_USAGE);
	assert_int_equal(since.code, CLI_USAGE);
	assert_int_equal(last.code, CLI_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(global_options_stand_anywhere),
		cmocka_unit_test(a_value_is_attached_or_follows),
		cmocka_unit_test(flags_go_together_with_a_value_last),
		cmocka_unit_test(a_letter_means_what_the_command_says),
		cmocka_unit_test(after_two_dashes_all_are_words),
		cmocka_unit_test(kinds_are_known_in_either_number),
		cmocka_unit_test(a_mistake_says_what_would_be_right),
		cmocka_unit_test(too_many_words_are_refused),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(help_lists_every_command_but_hidden_ones),
		cmocka_unit_test(force_wants_an_end_and_a_reason),
		cmocka_unit_test(endless_output_is_lines_or_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
