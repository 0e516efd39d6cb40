/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weirctl.h - one run of weirctl inside a test: words in, texts and code out.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tools/weirctl/cli.h"
#include "tools/weirctl/look.h"

#define RUN_WORDS_MAX 16

struct run {
	char *out, *err;
	size_t out_bytes, err_bytes;
	int code;
};

static inline void run_clear(struct run *run)
{
	free(run->out);
	free(run->err);
}

DEFINE_SCOPED(run, struct run, run_clear(it))

/* Words end with NULL. No test may reach an agent of the host. */
#define RUN(...) run_weirctl((const char *const[]){__VA_ARGS__, NULL})

static inline struct run run_weirctl(const char *const *words)
{
	struct run run = {0};
	struct cli cli = {0};
	char *argv[RUN_WORDS_MAX + 2] = {(char *)"weirctl"};
	int argc = 1;

	for (; words[argc - 1]; argc++) {
		assert_true(argc <= RUN_WORDS_MAX);
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	}
	setenv("WEIR_SOCKET", "/nonexistent/weir.sock", 0);
	cli.out = open_memstream(&run.out, &run.out_bytes);
	cli.err = open_memstream(&run.err, &run.err_bytes);
	assert_non_null(cli.out);
	assert_non_null(cli.err);
	run.code = cli_execute(&cli, argc, argv);
	fclose(cli.out);
	fclose(cli.err);
	return run;
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

static inline json_t *read_json(const char *text)
{
	json_error_t at;
	json_t *value = json_loads(text, 0, &at);

	if (!value)
		fail_msg("line %d: %s in:\n%s", at.line, at.text, text);
	return value;
}
