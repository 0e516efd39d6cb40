/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * usage.c - see usage.h.
 */
#include "tools/weirctl/usage.h"

#include "common/text.h"
#include "tools/weirctl/commands.h"

char *usage_synopsis(const struct command *command)
{
	struct text text = {0};

	text_add(&text, "%s", command->name);
	for (size_t i = 0; i < OPERANDS_MAX && command->operands[i].name; i++) {
		const struct operand *operand = &command->operands[i];
		const char *name =
			operand->words ? operand->words : operand->name;

		text_add(&text, operand->optional ? " [%s]" : " %s", name);
	}
	for (const struct option *option = command->options;
	     option && option->name; option++) {
		if (option->letter)
			text_add(&text, " [-%c", option->letter);
		else
			text_add(&text, " [--%s", option->name);
		text_add(&text, "%s%s]", option->value ? " " : "",
			 option->value ? option->value : "");
	}
	return text_take(&text, NULL);
}

static void print_options(FILE *to, const struct option *rows)
{
	for (; rows && rows->name; rows++) {
		char left[48], letter[8] = "    ";

		if (rows->letter)
			snprintf(letter, sizeof(letter), "-%c, ", rows->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, rows->name,
			 rows->value ? " " : "",
			 rows->value ? rows->value : "");
		fprintf(to, "  %-26s %s\n", left, rows->help);
	}
}

static void print_formats(FILE *to, const struct command *command)
{
	const char *comma = "";

	if (!command->formats)
		return;
	fprintf(to, "\nOutput (-o): ");
	for (int format = 0; format < FORMAT_COUNT; format++) {
		if (!(command->formats & 1u << format))
			continue;
		fprintf(to, "%s%s", comma, arguments_format_name(format));
		comma = ", ";
	}
	fprintf(to, "\n");
}

static void print_command(FILE *to, const struct command *command)
{
	scoped(text) char *synopsis = usage_synopsis(command);

	fprintf(to, "usage: weirctl %s\n\n%s.\n", synopsis ? synopsis : "",
		command->help);
	if (command->details)
		fprintf(to, "\n%s", command->details);
	if (command->options)
		fprintf(to, "\nOptions:\n");
	print_options(to, command->options);
	print_formats(to, command);
	fprintf(to, "\nOptions of every command:\n");
	print_options(to, arguments_globals());
}

static void print_all(FILE *to)
{
	const struct command *command = NULL;

	fprintf(to, "usage: weirctl [OPTION]... COMMAND [ARGUMENT]...\n\n"
		    "Asks and directs the Weir agent of this host.\n\n");
	while ((command = commands_next(command)))
		if (!command->hidden)
			fprintf(to, "  %-11s %s\n", command->name,
				command->help);
	fprintf(to, "\nOptions of every command:\n");
	print_options(to, arguments_globals());
	fprintf(to,
		"\nExit codes: 0 done or healthy, 1 the answer is no, 2 usage, "
		"3 agent not reachable,\n4 no such object, 5 input rejected, "
		"6 not permitted, 7 timed out, 8 somebody else\nwas first, "
		"70 a bug.\n\nSee weirctl(1), and weirctl help COMMAND.\n");
}

void usage_print(struct cli *cli, const struct command *opt_command)
{
	if (opt_command)
		print_command(cli->out, opt_command);
	else
		print_all(cli->out);
}

void usage_print_short(struct cli *cli)
{
	print_all(cli->err);
}
