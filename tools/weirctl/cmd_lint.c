/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_lint.c - are these policies right? Asks nobody, needs no rights.
 *
 * The same parser and the same checks as the agent's; what only a running
 * agent knows (which other policies are in force) is not looked at.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/count_of.h"
#include "common/policy.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/diagnostics.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/input.h"
#include "tools/weirctl/show.h"

struct lint {
	struct weir_policies policies;
	struct weir_errors errors;
};

/* What is no file or directory is read here: a pipe has no owner to judge. */
static bool is_stream(const char *path)
{
	struct stat st;

	return !strcmp(path, "-") || (!stat(path, &st) && S_ISFIFO(st.st_mode));
}

static int load_stream(struct cli *cli, struct lint *lint, const char *path)
{
	scoped(input) struct input input = {0};
	int code = input_read_one(cli, path, &input);

	if (code)
		return code;
	policies_parse(&lint->policies, &lint->errors, input.files[0].path,
		       input.files[0].text, input.files[0].bytes);
	return CLI_OK;
}

static int load_all(struct cli *cli, struct lint *lint)
{
	const char *path;
	size_t cursor = 0;
	int code = CLI_OK;

	if (!arguments_has(&cli->arguments, "file"))
		return cli_misused(cli, "lint needs -f FILE, -f DIR or -f -");
	while (!code &&
	       (path = arguments_next(&cli->arguments, "file", &cursor))) {
		if (!path[0])
			code = cli_misused(cli, "--file: the name is empty");
		else if (is_stream(path))
			code = load_stream(cli, lint, path);
		else if (policies_load(&lint->policies, &lint->errors, path) ==
			 -ENOMEM)
			code = cli_out_of_memory(cli);
	}
	return code;
}

/* What is right, and may not do all that its name promises. */
static const struct {
	const char *path, *text;
} notes[] = {
	{"spec.bulkhead.maxConcurrentCalls",
	 "calls on connections that are open already cannot be refused: "
	 "clients that share few of them can have more in flight"},
};

static const struct policy_position *
note_place(const struct weir_policy *policy, size_t note)
{
	return policy_position(policy, notes[note].path);
}

static json_t *notes_json(const struct lint *lint)
{
	json_t *array = json_array();

	for (size_t i = 0; i < lint->policies.count; i++) {
		const struct weir_policy *policy = lint->policies.items[i];

		for (size_t n = 0; n < COUNT_OF(notes); n++)
			if (note_place(policy, n))
				json_array_append_new(
					array,
					json_pack("{s:s, s:s, s:s}", "policy",
						  policy->name, "key",
						  notes[n].path, "text",
						  notes[n].text));
	}
	return array;
}

static void print_notes(struct cli *cli, const struct weir_policy *policy)
{
	for (size_t n = 0; n < COUNT_OF(notes); n++) {
		const struct policy_position *at = note_place(policy, n);

		if (at)
			cli_line(cli, "note: %s:%u:%u: %s: %s", policy->file,
				 at->line, at->column,
				 strrchr(notes[n].path, '.') + 1,
				 notes[n].text);
	}
}

static int print_machine(struct cli *cli, const struct lint *lint)
{
	bool valid = !lint->errors.count;
	scoped(json) json_t *result = json_pack(
		"{s:s, s:s, s:b, s:I, s:o, s:I, s:o}", "apiVersion", "weir/v1",
		"kind", "LintResult", "valid", valid, "policies",
		(json_int_t)lint->policies.count, "diagnostics",
		diagnostics_json(&lint->errors), "diagnostics_dropped",
		(json_int_t)lint->errors.dropped, "notes", notes_json(lint));

	return result ? show(cli, result, NULL) : cli_out_of_memory(cli);
}

static int print(struct cli *cli, const struct lint *lint)
{
	char count[FIGURE_BYTES];
	int code;

	if (show_wanted(cli)) {
		code = print_machine(cli, lint);
		return code || !lint->errors.count ? code : CLI_REJECTED;
	}
	if (lint->errors.count) {
		diagnostics_print(cli, cli->out, &lint->errors);
		return CLI_REJECTED;
	}
	figures_number_of((json_int_t)lint->policies.count, "policy|policies",
			  count);
	cli_line(cli, "%s: no mistakes", count);
	for (size_t i = 0; i < lint->policies.count; i++)
		print_notes(cli, lint->policies.items[i]);
	return CLI_OK;
}

int cmd_lint(struct cli *cli)
{
	scoped(memory) void *memory = calloc(1, sizeof(struct lint));
	struct lint *lint = memory;
	int code;

	if (!lint)
		return cli_out_of_memory(cli);
	code = load_all(cli, lint);
	if (!code && !lint->errors.count &&
	    policies_check(&lint->policies, &lint->errors) == -ENOMEM)
		code = cli_out_of_memory(cli);
	if (!code)
		code = print(cli, lint);
	policies_clear(&lint->policies);
	errors_clear(&lint->errors);
	return code;
}
