/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * log.c - one message is one line, whoever is quoted in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "agent/log.h"
#include "common/scoped.h"

#define LINES_BYTES 16384

DEFINE_SCOPED(json, json_t *, json_decref(*it))

static char lines[LINES_BYTES];

/* What was written to stderr when `message` was logged. */
static const char *logged(bool json, const char *message)
{
	scoped(fd) int saved = dup(STDERR_FILENO);
	scoped(file) FILE *file = tmpfile();
	size_t bytes;

	assert_true(saved >= 0 && file);
	assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
	log_open(json);
	log_info("%s", message);
	log_open(false);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	rewind(file);
	bytes = fread(lines, 1, sizeof(lines) - 1, file);
	lines[bytes] = '\0';
	return lines;
}

static void assert_one_line(const char *text)
{
	size_t bytes = strlen(text);

	assert_true(bytes > 0);
	assert_ptr_equal(strchr(text, '\n'), text + bytes - 1);
}

static char *message_of(const char *line)
{
	scoped(json) json_t *object = json_loads(line, 0, NULL);
	const char *text =
		json_string_value(json_object_get(object, "message"));

	assert_non_null(text);
	return strdup(text);
}

/* A reason with a line break would be a line that nobody logged. */
static void what_is_quoted_writes_no_lines(void **state)
{
	(void)state;
	assert_one_line(logged(false, "reason: a\nerror: forged\x1b[2J"));
	assert_non_null(strstr(lines, "info: reason: a?error: forged?[2J"));
	assert_one_line(logged(true, "reason: a\nerror: forged"));
}

/* Cut in the middle of a character: the line is not to vanish for it. */
static void a_message_that_is_no_text_is_logged(void **state)
{
	scoped(text) char *message = NULL;

	(void)state;
	assert_one_line(logged(true, "reason: \xc3"));
	message = message_of(lines);
	assert_string_equal(message, "reason: ?");
}

static void a_message_that_grows_by_quoting_is_whole(void **state)
{
	char quotes[2000];
	scoped(text) char *message = NULL;

	(void)state;
	memset(quotes, '"', sizeof(quotes) - 1);
	quotes[sizeof(quotes) - 1] = '\0';
	assert_one_line(logged(true, quotes));
	message = message_of(lines);
	assert_string_equal(message, quotes);
	memset(quotes, 1, sizeof(quotes) - 1);
	assert_one_line(logged(true, quotes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_quoted_writes_no_lines),
		cmocka_unit_test(a_message_that_is_no_text_is_logged),
		cmocka_unit_test(a_message_that_grows_by_quoting_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
