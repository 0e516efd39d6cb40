/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_apply.c - what changes the policies in force: apply, delete, reload.
 *
 * The agent judges; all is in force or nothing is. What it finds wrong is shown
 * where the person wrote it.
 */
#include <string.h>
#include <time.h>

#include "common/count_of.h"
#include "common/policy.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/diagnostics.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/input.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

#define WAIT_SECONDS 30

DEFINE_SCOPED(policies, struct weir_policies, policies_clear(it))

/* ---- a rejection --------------------------------------------------------------- */

static json_int_t generation_in_force(struct cli *cli)
{
	const struct ask_request request = {.path = "/v1/status",
					    .quiet = true};
	scoped(json) json_t *status = NULL;

	return ask(cli, &request, &status) ? 0
					   : look_count(status, "generation");
}

/* Nothing can be quoted: one line says it all. */
static int print_short(struct cli *cli, int code, const struct weir_error *e,
		       const char *now)
{
	struct text text = {0};
	scoped(text) char *place = NULL;

	if (e->file)
		text_add(&text, "%s:", e->file);
	if (e->file && e->line)
		text_add(&text, "%u:", e->line);
	text_add(&text, "%s", e->file ? " " : "");
	place = text_take(&text, NULL);
	return cli_fail(cli, code, "%s: %s%s%s%s; %s",
			cli->arguments.command->name, place ? place : "",
			e->message, e->hint ? ": " : "", e->hint ? e->hint : "",
			now);
}

/* The mistakes, and what is in force in spite of them. */
static int print_rejection(struct cli *cli, int code,
			   const struct weir_errors *errors)
{
	json_int_t generation = generation_in_force(cli);
	char count[FIGURE_BYTES], now[64] = "nothing was changed";

	if (generation)
		snprintf(now, sizeof(now), "generation %lld stays in force",
			 (long long)generation);
	if (errors->count == 1 && !errors->items[0].excerpt)
		return print_short(cli, code, &errors->items[0], now);
	diagnostics_print(cli, cli->err, errors);
	figures_number_of((json_int_t)errors->count +
				  (json_int_t)errors->dropped,
			  "mistake|mistakes", count);
	fputc('\n', cli->err);
	return cli_fail(cli, code, "%s: %s; %s", cli->arguments.command->name,
			count, now);
}

static int reject(struct cli *cli, int code, json_t *error,
		  const struct input *opt_input)
{
	scoped(errors) struct weir_errors errors = {0};

	if (diagnostics_read(&errors, error, opt_input ? input_path : NULL,
			     opt_input))
		return cli_out_of_memory(cli);
	if (show_wanted(cli))
		show(cli, error, NULL);
	return print_rejection(cli, code, &errors);
}

/* ---- the answer ------------------------------------------------------------------ */

static const char *const outcomes[] = {"created", "updated", "unchanged",
				       "deleted"};

static void print_outcome(struct cli *cli, json_t *result, const char *outcome)
{
	json_t *name;
	size_t i;

	json_array_foreach (look_at(result, outcome), i, name)
		cli_line(cli, "policy %s %s", json_string_value(name) ?: "",
			 outcome);
}

static int print_result(struct cli *cli, json_t *result)
{
	long long generation = (long long)look_count(result, "generation");

	if (show_wanted(cli))
		return show(cli, result, NULL);
	for (size_t i = 0; i < COUNT_OF(outcomes); i++)
		print_outcome(cli, result, outcomes[i]);
	if (look_true(result, "dry_run"))
		cli_line(cli,
			 "dry run: nothing was changed; generation %lld stays "
			 "in force",
			 generation);
	else
		cli_line(cli, "generation %lld is in force", generation);
	return CLI_OK;
}

static int change(struct cli *cli, const struct ask_request *wanted,
		  const struct input *opt_input, json_t **out)
{
	scoped(json) json_t *error = NULL;
	struct ask_request request = *wanted;
	int code;

	request.timeout_ms = ASK_CHANGE_TIMEOUT_MS;
	request.opt_error = &error;
	code = ask(cli, &request, out);
	return error ? reject(cli, code, error, opt_input) : code;
}

/* ---- apply ------------------------------------------------------------------------- */

/* Text that is not text cannot be sent; the parser says where it is not. */
static int reject_text(struct cli *cli, const struct input_file *file)
{
	scoped(errors) struct weir_errors errors = {0};
	scoped(policies) struct weir_policies none = {0};

	policies_parse(&none, &errors, file->path, file->text, file->bytes);
	if (!errors.count)
		return cli_out_of_memory(cli);
	return print_rejection(cli, CLI_REJECTED, &errors);
}

static int make_body(struct cli *cli, const struct input *input, json_t **out)
{
	scoped(json) json_t *body = json_pack("{s:[]}", "files");
	json_t *files = json_object_get(body, "files");

	for (size_t i = 0; i < input->count; i++) {
		const struct input_file *file = &input->files[i];
		json_t *text = memchr(file->text, '\0', file->bytes)
				       ? NULL
				       : json_stringn(file->text, file->bytes);

		if (!text)
			return reject_text(cli, file);
		json_array_append_new(files,
				      json_pack("{s:s, s:o}", "name",
						file->name, "text", text));
	}
	if (json_array_size(files) != input->count)
		return cli_out_of_memory(cli);
	*out = TAKE_PTR(body);
	return CLI_OK;
}

/* Somebody else's later generation means that ours was in force before it. */
static int wait_for(struct cli *cli, json_int_t generation)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	for (int tries = 0; tries < WAIT_SECONDS * 10; tries++) {
		json_int_t now = generation_in_force(cli);

		if (now >= generation)
			return CLI_OK;
		nanosleep(&pause, NULL);
	}
	return cli_fail(cli, CLI_TIMED_OUT,
			"apply: generation %lld is not in force after %d s; "
			"weirctl status says what is",
			(long long)generation, WAIT_SECONDS);
}

static int send(struct cli *cli, const struct input *input, json_t **out)
{
	scoped(json) json_t *body = NULL;
	struct ask_request request = {.method = "POST"};
	char path[64];
	int code = make_body(cli, input, &body);

	if (code)
		return code;
	snprintf(path, sizeof(path), "/v1/policies?dry_run=%d&prune=%d",
		 arguments_has(&cli->arguments, "dry-run"),
		 arguments_has(&cli->arguments, "prune"));
	request.path = path;
	request.body = body;
	return change(cli, &request, input, out);
}

int cmd_apply(struct cli *cli)
{
	scoped(input) struct input input = {0};
	scoped(json) json_t *result = NULL;
	int code = input_read(cli, &input);

	if (!code)
		code = send(cli, &input, &result);
	if (!code)
		code = print_result(cli, result);
	if (!code && arguments_has(&cli->arguments, "wait") &&
	    !look_true(result, "dry_run"))
		code = wait_for(cli, look_count(result, "generation"));
	return code;
}

int cmd_delete(struct cli *cli)
{
	struct ask_request request = {.method = "DELETE"};
	scoped(json) json_t *result = NULL;
	scoped(text) char *path = NULL;
	struct text text = {0};
	int code;

	text_add(&text, "/v1/policies");
	ask_argument(&text, "name", cli_operand(cli, 0));
	path = text_take(&text, NULL);
	if (!path)
		return cli_out_of_memory(cli);
	request.path = path;
	code = change(cli, &request, NULL, &result);
	return code ? code : print_result(cli, result);
}

int cmd_reload(struct cli *cli)
{
	const struct ask_request request = {.method = "POST",
					    .path = "/v1/reload"};
	scoped(json) json_t *result = NULL;
	int code = change(cli, &request, NULL, &result);

	return code ? code : print_result(cli, result);
}
