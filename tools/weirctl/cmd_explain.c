/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_explain.c - what a key of the policy language means. From the same rows
 * that the parser walks: what is explained here is what is accepted.
 */
#include <string.h>

#include "common/count_of.h"
#include "common/fields.h"
#include "common/scan.h"
#include "common/synonyms.h"
#include "common/text.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/field_text.h"
#include "tools/weirctl/grid.h"
#include "tools/weirctl/show.h"

#define DOCUMENT "ResiliencePolicy"

/* ---- which key ------------------------------------------------------------------- */

/* "spec.service.destinations[].ports" and "...destinations.ports" are one. */
static bool same_path(const char *path, const char *wanted)
{
	for (;; path++, wanted++) {
		path += strncmp(path, "[]", 2) ? 0 : 2;
		wanted += strncmp(wanted, "[]", 2) ? 0 : 2;
		if (*path != *wanted)
			return false;
		if (!*path)
			return true;
	}
}

/* The end of a path, from a dot on: "onOpen.errno". */
static bool ends_with(const char *path, const char *wanted)
{
	for (const char *at = path; at; at = strchr(at, '.')) {
		at += *at == '.';
		if (same_path(at, wanted))
			return true;
	}
	return false;
}

static const struct field *find_unique(const char *wanted, size_t *count)
{
	const struct field *found = NULL;

	*count = 0;
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		if (same_path(f->path, wanted)) {
			*count = 1;
			return f;
		}
		if (ends_with(f->path, wanted)) {
			found = f;
			++*count;
		}
	}
	return found;
}

static int say_unknown(struct cli *cli, const char *wanted)
{
	const char *dot = strrchr(wanted, '.');
	char hint[SYNONYMS_HINT_BYTES], parent[128] = "";

	if (dot)
		snprintf(parent, sizeof(parent), "%.*s", (int)(dot - wanted),
			 wanted);
	synonyms_suggest(parent, dot ? dot + 1 : wanted, hint, sizeof(hint));
	return cli_fail(cli, CLI_NOT_FOUND,
			"explain %s: there is no such key; %s", wanted, hint);
}

static int say_ambiguous(struct cli *cli, const char *wanted)
{
	struct text text = {0};
	scoped(text) char *list = NULL;

	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))
		if (ends_with(f->path, wanted))
			text_add(&text, "%s%s", text.bytes ? ", " : "",
				 f->path);
	list = text_take(&text, NULL);
	return cli_fail(cli, CLI_NOT_FOUND, "explain %s: which one: %s?",
			wanted, list ? list : "");
}

/* *out NULL: the whole document. */
static int find_key(struct cli *cli, const struct field **out)
{
	const char *wanted = cli_operand(cli, 0);
	size_t count;

	*out = NULL;
	if (wanted && !strncmp(wanted, DOCUMENT, strlen(DOCUMENT)))
		wanted += strlen(DOCUMENT);
	if (wanted)
		wanted += strspn(wanted, ".");
	if (!wanted || !*wanted)
		return CLI_OK;
	*out = find_unique(wanted, &count);
	if (!count)
		return say_unknown(cli, wanted);
	return count > 1 ? say_ambiguous(cli, wanted) : CLI_OK;
}

/* Rows below `path`, children only or everything. */
static bool is_below(const struct field *f, const char *path, bool recursive)
{
	char list[160];
	size_t bytes = strlen(path);

	snprintf(list, sizeof(list), "%s[]", path);
	if (!recursive)
		return fields_is_child(f, path) || fields_is_child(f, list);
	return !bytes || (!strncmp(f->path, path, bytes) &&
			  (f->path[bytes] == '.' || f->path[bytes] == '['));
}

/* ---- for people --------------------------------------------------------------------- */

static void print_row(struct cli *cli, const char *label, const char *text)
{
	if (!text || !text[0])
		return;
	cli_add(cli, TINT_STRONG, "%-10s", label);
	cli_wrapped(cli, 10, text);
}

static void print_key(struct cli *cli, const struct field *f)
{
	char range[FIELD_TEXT_BYTES], words[FIELD_TEXT_BYTES];
	char example[FIELD_TEXT_BYTES] = "";

	field_text_range(f, range);
	field_text_words(f, words);
	if (f->example)
		snprintf(example, sizeof(example), "%s: %s", fields_key(f),
			 f->example);
	cli_line(cli, "%s", f->path);
	cli_line(cli, "%s", "");
	cli_wrapped(cli, 0, f->help);
	cli_line(cli, "%s", "");
	if (f->planned) {
		cli_line(cli,
			 "not supported yet: a policy with it is rejected");
		return;
	}
	print_row(cli, "type", fields_type_name(f->type));
	print_row(cli, "words", words);
	print_row(cli, "range", range);
	print_row(cli, "default", f->initial ? f->initial : NULL);
	print_row(cli, "if absent", f->initial ? NULL : f->unset);
	print_row(cli, "required", f->required ? "yes" : NULL);
	print_row(cli, "example", example);
}

static const char *name_below(const struct field *f, const char *path)
{
	const char *name = f->path + strlen(path);

	name += strncmp(name, "[]", 2) ? 0 : 2;
	return name + (*name == '.');
}

static void key_row(struct grid *grid, const struct field *f, const char *path)
{
	const char *initial = f->initial ? f->initial : f->unset;
	char type[FIELD_TEXT_BYTES];

	grid_row(grid);
	grid_cell(grid, TINT_NONE, "%s", name_below(f, path));
	field_text_type(f, type);
	grid_cell(grid, f->planned ? TINT_DIM : TINT_NONE, "%s", type);
	grid_cell(grid, TINT_NONE, "%s",
		  f->required ? "required"
		  : initial   ? initial
			      : "");
	grid_cell(grid, TINT_NONE, "%s", f->help);
}

/* A terminal is narrow and keys are long: two lines a key. */
static void print_listed(struct cli *cli, const struct field *f,
			 const char *path)
{
	const char *initial = f->initial ? f->initial : f->unset;
	char type[FIELD_TEXT_BYTES];

	field_text_type(f, type);
	cli_add(cli, TINT_STRONG, "%s", name_below(f, path));
	cli_add(cli, TINT_NONE, "  %s", type);
	if (f->required)
		cli_add(cli, TINT_NONE, ", required");
	else if (initial)
		cli_add(cli, TINT_NONE, "%s%s",
			f->initial ? ", default " : ", if absent: ", initial);
	cli_line(cli, "%s", "");
	cli_add(cli, TINT_NONE, "    ");
	cli_wrapped(cli, 4, f->help);
}

static int print_below(struct cli *cli, const char *path, bool recursive)
{
	static const struct grid_column columns[] = {
		{.title = "KEY"},
		{.title = "TYPE"},
		{.title = "DEFAULT"},
		{.title = "MEANING", .wrap = true},
	};
	struct grid grid;

	if (!cli->width)
		grid_begin(&grid, cli, columns, COUNT_OF(columns));
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		if (!is_below(f, path, recursive))
			continue;
		if (cli->width)
			print_listed(cli, f, path);
		else
			key_row(&grid, f, path);
	}
	return cli->width ? CLI_OK : grid_print(&grid);
}

static bool has_below(const char *path)
{
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))
		if (is_below(f, path, true))
			return true;
	return false;
}

/* ---- for programs ------------------------------------------------------------------------ */

static json_t *text_or_null(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

static json_t *key_object(const struct field *f)
{
	char range[FIELD_TEXT_BYTES];
	json_t *words = json_array();

	field_text_range(f, range);
	for (const struct field_word *w = f->words; w && w->word; w++)
		json_array_append_new(words,
				      json_pack("{s:s, s:b}", "word", w->word,
						"supported", !w->planned));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b}",
			 "path", f->path, "help", f->help, "type",
			 fields_type_name(f->type), "default",
			 text_or_null(f->initial), "ifAbsent",
			 text_or_null(f->unset), "range", text_or_null(range),
			 "words", words, "example", text_or_null(f->example),
			 "required", f->required, "supported", !f->planned);
}

static int show_keys(struct cli *cli, const struct field *opt_field,
		     bool recursive)
{
	const char *path = opt_field ? opt_field->path : "";
	json_t *below = json_array();
	scoped(json) json_t *result = NULL;

	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))
		if (is_below(f, path, recursive))
			json_array_append_new(below, key_object(f));
	result = json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "weir/v1",
			   "kind", "Explanation", "key",
			   opt_field ? key_object(opt_field) : json_null(),
			   "below", below);
	return result ? show(cli, result, NULL) : cli_out_of_memory(cli);
}

int cmd_explain(struct cli *cli)
{
	bool recursive = arguments_has(&cli->arguments, "recursive");
	const struct field *field;
	int code = find_key(cli, &field);

	if (code)
		return code;
	if (show_wanted(cli))
		return show_keys(cli, field, recursive);
	if (field)
		print_key(cli, field);
	if (!has_below(field ? field->path : ""))
		return CLI_OK;
	if (field)
		cli_line(cli, "%s", "");
	return print_below(cli, field ? field->path : "", recursive);
}
