/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * arguments.c - see arguments.h.
 */
#include "tools/weirctl/arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/count_of.h"
#include "common/synonyms.h"
#include "tools/weirctl/commands.h"

#define WORD_BYTES_MAX 64u
#define FORMAT_WORDS   "table|wide|json|jsonl|yaml|name"
#define COLOUR_WORDS   "auto|always|never"

/* clang-format off */
static const struct option globals[] = {
	{.name = "socket", .value = "PATH", .completion = COMPLETE_FILES,
	 .help = "control socket (WEIR_SOCKET; /run/weir/weir.sock)"},
	{.name = "output", .letter = 'o', .value = "FORMAT", .words = FORMAT_WORDS,
	 .completion = COMPLETE_WORDS, .help = FORMAT_WORDS},
	{.name = "color", .value = "WHEN", .words = COLOUR_WORDS,
	 .completion = COMPLETE_WORDS, .help = COLOUR_WORDS " (NO_COLOR is honoured)"},
	{.name = "no-headers", .help = "tables without their first line"},
	{.name = "help", .letter = 'h', .help = "say how the command is used"},
	{.name = "version", .help = "say which weirctl this is"},
	{0},
};
/* clang-format on */

static const char *const format_names[FORMAT_COUNT] = {
	[FORMAT_TABLE] = "table", [FORMAT_WIDE] = "wide",
	[FORMAT_JSON] = "json",	  [FORMAT_JSONL] = "jsonl",
	[FORMAT_YAML] = "yaml",	  [FORMAT_NAME] = "name",
};

struct reader {
	struct arguments *out;
	int argc;
	char *const *argv;
	int at;
	bool operands_only; /* after -- */
	bool format_given;
	char *problem;
};

const struct option *arguments_globals(void)
{
	return globals;
}

const char *arguments_format_name(enum format format)
{
	return format_names[format];
}

__attribute__((format(printf, 2, 3))) static int refuse(struct reader *reader,
							const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(reader->problem, ARGUMENTS_PROBLEM_BYTES, format, values);
	va_end(values);
	return -EINVAL;
}

/* ---- words ------------------------------------------------------------------ */

size_t arguments_word(const char **words, const char **out)
{
	size_t bytes;

	if (!*words)
		return 0;
	bytes = strcspn(*words, "|");
	*out = *words;
	*words += bytes;
	*words += **words == '|';
	return bytes;
}

/* "policies" and "policy" become "policy", "services" becomes "service". */
static void singular(const char *word, size_t bytes, char out[WORD_BYTES_MAX])
{
	if (bytes >= WORD_BYTES_MAX)
		bytes = WORD_BYTES_MAX - 1;
	memcpy(out, word, bytes);
	out[bytes] = '\0';
	if (bytes > 4 && !strcmp(out + bytes - 3, "ies"))
		memcpy(out + bytes - 3, "y", 2);
	else if (bytes > 2 && out[bytes - 1] == 's')
		out[bytes - 1] = '\0';
}

int arguments_match(const char *words, const char *text)
{
	char wanted[WORD_BYTES_MAX], word[WORD_BYTES_MAX];
	const char *at = "";
	size_t bytes;

	if (!text)
		return -1;
	singular(text, strlen(text), wanted);
	for (int i = 0; (bytes = arguments_word(&words, &at)); i++) {
		singular(at, bytes, word);
		if (!strcmp(word, wanted))
			return i;
	}
	return -1;
}

static int check_word(struct reader *reader, const char *what,
		      const char *words, const char *text)
{
	unsigned nearest = 3;
	const char *at, *best = NULL;
	char word[WORD_BYTES_MAX];
	const char *rest = words;
	size_t bytes;

	if (!words || arguments_match(words, text) >= 0)
		return 0;
	while ((bytes = arguments_word(&rest, &at))) {
		singular(at, bytes, word);
		if (synonyms_distance(word, text) < nearest) {
			nearest = synonyms_distance(word, text);
			best = at;
		}
	}
	if (best)
		return refuse(reader, "%s: '%s' is not %s; did you mean %.*s?",
			      what, text, words, (int)strcspn(best, "|"), best);
	return refuse(reader, "%s: '%s' is not one of %s", what, text, words);
}

/* ---- options ------------------------------------------------------------------ */

static const struct option *
find_row(const struct option *rows, const char *name, size_t bytes, char letter)
{
	for (; rows && rows->name; rows++) {
		if (letter && rows->letter == letter)
			return rows;
		if (!letter && strlen(rows->name) == bytes &&
		    !strncmp(rows->name, name, bytes))
			return rows;
	}
	return NULL;
}

static const struct option *find_option(const struct reader *reader,
					const char *name, size_t bytes,
					char letter)
{
	const struct command *command = reader->out->command;
	const struct option *row = NULL;

	/* A command's own letter wins over a global one. */
	if (command)
		row = find_row(command->options, name, bytes, letter);
	return row ? row : find_row(globals, name, bytes, letter);
}

static void look_nearer(const struct option *rows, const char *name,
			unsigned *nearest, const char **best)
{
	for (; rows && rows->name; rows++) {
		unsigned distance = synonyms_distance(rows->name, name);

		if (distance < *nearest) {
			*nearest = distance;
			*best = rows->name;
		}
	}
}

static int unknown_option(struct reader *reader, const char *text)
{
	const struct command *command = reader->out->command;
	const char *best = NULL;
	char name[WORD_BYTES_MAX];
	unsigned nearest = 3;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text + 2, "="),
		 text + 2);
	if (command)
		look_nearer(command->options, name, &nearest, &best);
	look_nearer(globals, name, &nearest, &best);
	return refuse(reader, "unknown option '%s'%s%s%s%s%s", text,
		      command ? " of " : " before the command",
		      command ? command->name : "",
		      best ? "; did you mean --" : "", best ? best : "",
		      best ? "?" : "");
}

static int take_format(struct reader *reader, const char *value)
{
	reader->out->format = (enum format)arguments_match(FORMAT_WORDS, value);
	reader->format_given = true;
	return 0;
}

/* A global option is known by its row; a command's own is only remembered. */
static int take_option(struct reader *reader, const struct option *option,
		       const char *value)
{
	struct arguments *out = reader->out;
	const char *name = option->name;

	if (value && check_word(reader, name, option->words, value))
		return -EINVAL;
	if (option >= globals && option < globals + COUNT_OF(globals)) {
		if (!strcmp(name, "output"))
			return take_format(reader, value);
		if (!strcmp(name, "socket"))
			out->socket = value;
		else if (!strcmp(name, "color"))
			out->colour = (enum colour)arguments_match(COLOUR_WORDS,
								   value);
		else if (!strcmp(name, "no-headers"))
			out->headers = false;
		else if (!strcmp(name, "help"))
			out->help = true;
		else
			out->version = true;
		return 0;
	}
	if (out->given_count == ARGUMENTS_GIVEN_MAX)
		return refuse(reader, "more than %u options",
			      ARGUMENTS_GIVEN_MAX);
	out->given[out->given_count++] = (struct given){option, value};
	return 0;
}

/* The value of an option is the rest of its word or the next one. */
static int read_value(struct reader *reader, const struct option *option,
		      const char *attached, const char **out)
{
	if (!option->value) {
		*out = NULL;
		return 0;
	}
	if (attached) {
		*out = attached;
		return 0;
	}
	if (reader->at + 1 >= reader->argc)
		return refuse(reader, "--%s needs a value: %s", option->name,
			      option->value);
	*out = reader->argv[++reader->at];
	return 0;
}

static int read_long(struct reader *reader, const char *text)
{
	size_t bytes = strcspn(text + 2, "=");
	const char *attached = text[2 + bytes] ? text + 2 + bytes + 1 : NULL;
	const struct option *option =
		find_option(reader, text + 2, bytes, '\0');
	const char *value;

	if (!option)
		return unknown_option(reader, text);
	if (attached && !option->value)
		return refuse(reader, "--%s takes no value", option->name);
	if (read_value(reader, option, attached, &value))
		return -EINVAL;
	return take_option(reader, option, value);
}

/* "-f", "-n3", "-n 3" and flags together: "-fw". */
static int read_short(struct reader *reader, const char *text)
{
	for (const char *at = text + 1; *at; at++) {
		const struct option *option = find_option(reader, NULL, 0, *at);
		const char *value = NULL;

		if (!option)
			return refuse(reader, "unknown option '-%c' in '%s'",
				      *at, text);
		if (read_value(reader, option, at[1] ? at + 1 : NULL, &value) ||
		    take_option(reader, option, value))
			return -EINVAL;
		if (option->value)
			break;
	}
	return 0;
}

/* ---- operands ------------------------------------------------------------------ */

static int take_command(struct reader *reader, const char *name)
{
	const struct command *command = commands_find(name);

	if (!command) {
		command = commands_nearest(name);
		return refuse(reader, "'%s' is not a command%s%s%s", name,
			      command ? "; did you mean " : "",
			      command ? command->name : "", command ? "?" : "");
	}
	reader->out->command = command;
	return 0;
}

static const struct operand *operand_at(const struct command *command,
					size_t index)
{
	for (size_t i = 0; i <= index && i < OPERANDS_MAX; i++) {
		if (!command->operands[i].name)
			return NULL;
		if (i == index)
			return &command->operands[i];
	}
	return NULL;
}

static int take_word(struct reader *reader, const char *text)
{
	struct arguments *out = reader->out;
	const struct operand *operand;

	if (!out->command)
		return take_command(reader, text);
	operand = operand_at(out->command, out->word_count);
	if (!operand && !out->command->raw)
		return refuse(reader, "%s: '%s' is too much",
			      out->command->name, text);
	if (out->word_count == ARGUMENTS_WORDS_MAX)
		return refuse(reader, "more than %u words",
			      ARGUMENTS_WORDS_MAX);
	if (operand && !text[0] && !out->command->raw)
		return refuse(reader, "%s: %s must not be empty",
			      out->command->name, operand->name);
	if (operand && check_word(reader, operand->name, operand->words, text))
		return -EINVAL;
	out->words[out->word_count++] = text;
	return 0;
}

static int refuse_format(struct reader *reader)
{
	const struct command *command = reader->out->command;
	char valid[64] = "";
	size_t used = 0;

	for (int format = 0; format < FORMAT_COUNT; format++)
		if (command->formats & 1u << format)
			used += (size_t)snprintf(
				valid + used, sizeof(valid) - used, "%s%s",
				used ? "|" : "", format_names[format]);
	return refuse(reader, "%s has no -o %s%s%s", command->name,
		      format_names[reader->out->format], used ? ", only " : "",
		      valid);
}

static int check_complete(struct reader *reader)
{
	const struct arguments *out = reader->out;
	const struct command *command = out->command;
	const struct operand *operand;

	if (out->help || out->version || !command)
		return 0;
	operand = operand_at(command, out->word_count);
	if (operand && !operand->optional)
		return refuse(reader, "%s needs %s", command->name,
			      operand->words ? operand->words : operand->name);
	if (reader->format_given && !(command->formats & 1u << out->format))
		return refuse_format(reader);
	return 0;
}

static int read_one(struct reader *reader, const char *text)
{
	const struct command *command = reader->out->command;

	if (reader->operands_only || text[0] != '-' || !text[1] ||
	    (command && command->raw))
		return take_word(reader, text);
	if (!strcmp(text, "--")) {
		reader->operands_only = true;
		return 0;
	}
	return text[1] == '-' ? read_long(reader, text)
			      : read_short(reader, text);
}

int arguments_parse(struct arguments *out, int argc, char *const *argv,
		    char problem[ARGUMENTS_PROBLEM_BYTES])
{
	struct reader reader = {
		.out = out,
		.argc = argc,
		.argv = argv,
		.problem = problem,
	};
	int err = 0;

	*out = (struct arguments){.headers = true};
	for (reader.at = 1; reader.at < argc && !err; reader.at++)
		err = read_one(&reader, argv[reader.at]);
	if (!err)
		err = check_complete(&reader);
	if (!reader.format_given && out->command)
		out->format = out->command->format;
	return err;
}

/* ---- what was given -------------------------------------------------------------- */

const char *arguments_next(const struct arguments *arguments, const char *name,
			   size_t *cursor)
{
	while (*cursor < arguments->given_count) {
		const struct given *given = &arguments->given[(*cursor)++];

		if (!strcmp(given->option->name, name))
			return given->value ? given->value : "";
	}
	return NULL;
}

/* The last one counts, so that an alias can be overridden. */
const char *arguments_value(const struct arguments *arguments, const char *name)
{
	const char *value = NULL, *next;
	size_t cursor = 0;

	while ((next = arguments_next(arguments, name, &cursor)))
		value = next;
	return value;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
	return arguments_value(arguments, name) != NULL;
}
