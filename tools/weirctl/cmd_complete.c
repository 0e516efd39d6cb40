/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_complete.c - what may come next, for a shell that asks while somebody
 * waits for his cursor: silent on failure, and soon.
 *
 * The words are those after "weirctl"; the last is the one being typed, maybe
 * empty. Each answer is a line: the word, a tab, what it is.
 */
#include <string.h>

#include "common/fields.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/kinds.h"
#include "tools/weirctl/look.h"

#define PATIENCE_MS 300u

/* How far the line has been understood. */
struct typed {
	const struct command *command;
	const struct option *open; /* an option whose value is being typed */
	size_t operands;
	const char *kind; /* the first operand */
};

static const struct option *find_option(const struct command *command,
					const char *word)
{
	const struct option *lists[] = {command ? command->options : NULL,
					arguments_globals()};

	for (size_t i = 0; i < 2; i++)
		for (const struct option *o = lists[i]; o && o->name; o++)
			if ((word[1] == '-' && !strcmp(word + 2, o->name)) ||
			    (o->letter && word[1] == o->letter && !word[2]))
				return o;
	return NULL;
}

static void take_word(struct cli *cli, struct typed *typed, const char *word,
		      const char *next)
{
	if (word[0] == '-' && word[1]) {
		const struct option *option = find_option(typed->command, word);

		typed->open = option && option->value ? option : NULL;
		if (option && !strcmp(option->name, "socket") && next)
			cli->arguments.socket = next;
	} else if (typed->open) {
		typed->open = NULL;
	} else if (!typed->command) {
		typed->command = commands_find(word);
	} else {
		if (!typed->operands)
			typed->kind = word;
		typed->operands++;
	}
}

/* ---- answers --------------------------------------------------------------------- */

static void offer(struct cli *cli, const char *word, const char *help)
{
	if (help)
		cli_line(cli, "%s\t%s", word, help);
	else
		cli_line(cli, "%s", word);
}

static void offer_words(struct cli *cli, const char *words)
{
	const char *word;
	size_t bytes;

	while ((bytes = arguments_word(&words, &word)))
		cli_line(cli, "%.*s", (int)bytes, word);
}

static void offer_commands(struct cli *cli)
{
	const struct command *command = NULL;

	while ((command = commands_next(command)))
		if (!command->hidden)
			offer(cli, command->name, command->help);
}

static void offer_options(struct cli *cli, const struct option *options)
{
	for (; options && options->name; options++) {
		char word[64];

		snprintf(word, sizeof(word), "--%s", options->name);
		offer(cli, word, options->help);
	}
}

static void offer_fields(struct cli *cli)
{
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))
		if (!f->planned)
			offer(cli, f->path, f->help);
}

static void offer_names(struct cli *cli, const char *kind_name)
{
	const struct kind *kind = kind_name ? kinds_find(kind_name) : NULL;
	const struct ask_request request = {
		.path = kind ? kind->path : "",
		.timeout_ms = PATIENCE_MS,
		.quiet = true,
	};
	scoped(json) json_t *list = NULL;
	json_t *item;
	size_t i;

	if (!kind || ask(cli, &request, &list))
		return;
	json_array_foreach (look_at(list, "items"), i, item)
		if (look_text(item, "name"))
			offer(cli, look_text(item, "name"), kind->one);
}

static void offer_objects(struct cli *cli, const char *kind_name)
{
	const struct kind *kind = kind_name ? kinds_find(kind_name) : NULL;

	if (!kind || !kind->of_service) {
		offer_names(cli, kind_name);
		return;
	}
	offer_names(cli, "services");
	offer_names(cli, "endpoints");
}

static void offer_completion(struct cli *cli, const struct typed *typed,
			     enum completion completion, const char *words)
{
	switch (completion) {
	case COMPLETE_WORDS:
		offer_words(cli, words);
		break;
	case COMPLETE_FILES:
		cli_line(cli, ":files");
		break;
	case COMPLETE_SUBJECTS:
		offer_names(cli, "services");
		offer_names(cli, "endpoints");
		break;
	case COMPLETE_SERVICES:
		offer_names(cli, "services");
		break;
	case COMPLETE_POLICIES:
		offer_names(cli, "policies");
		break;
	case COMPLETE_OBJECTS:
		offer_objects(cli, typed->kind);
		break;
	case COMPLETE_FIELDS:
		offer_fields(cli);
		break;
	case COMPLETE_COMMANDS:
		offer_commands(cli);
		break;
	case COMPLETE_NOTHING:
		break;
	}
}

static void offer_next(struct cli *cli, const struct typed *typed,
		       const char *word)
{
	const struct command *command = typed->command;

	if (typed->open) {
		offer_completion(cli, typed, typed->open->completion,
				 typed->open->words);
	} else if (word[0] == '-') {
		offer_options(cli, command ? command->options : NULL);
		offer_options(cli, arguments_globals());
	} else if (!command) {
		offer_commands(cli);
	} else if (typed->operands < OPERANDS_MAX &&
		   command->operands[typed->operands].name) {
		offer_completion(cli, typed,
				 command->operands[typed->operands].completion,
				 command->operands[typed->operands].words);
	}
}

int cmd_complete(struct cli *cli)
{
	struct typed typed = {0};
	size_t count = cli->arguments.word_count;
	const char *const *words = cli->arguments.words;

	for (size_t i = 0; i + 1 < count; i++)
		take_word(cli, &typed, words[i],
			  i + 2 < count ? words[i + 1] : NULL);
	offer_next(cli, &typed, count ? words[count - 1] : "");
	return CLI_OK;
}
