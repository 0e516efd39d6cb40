/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * arguments.h - what a command takes, as rows, and the words a person typed.
 *
 * The rows are parser, usage text and completion in one. getopt is not used:
 * which options are valid depends on the command, and the command may come
 * after options.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ARGUMENTS_WORDS_MAX	64u
#define ARGUMENTS_GIVEN_MAX	256u
#define ARGUMENTS_PROBLEM_BYTES 320u

enum format {
	FORMAT_TABLE,
	FORMAT_WIDE,
	FORMAT_JSON,
	FORMAT_JSONL,
	FORMAT_YAML,
	FORMAT_NAME,
	FORMAT_COUNT,
};

enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* What a shell offers where a value belongs. */
enum completion {
	COMPLETE_NOTHING,
	COMPLETE_WORDS, /* the row's own words */
	COMPLETE_FILES,
	COMPLETE_SERVICES,
	COMPLETE_SUBJECTS, /* services and endpoints */
	COMPLETE_POLICIES,
	COMPLETE_OBJECTS, /* of the kind the first operand names */
	COMPLETE_FIELDS,
	COMPLETE_COMMANDS,
};

struct option {
	const char *name;  /* NULL ends the rows */
	const char *value; /* what it takes; NULL: it is a flag */
	const char *help;
	const char *words; /* "a|b": it must be one of them */
	enum completion completion;
	char letter; /* 0: none */
};

struct operand {
	const char *name; /* NULL ends the rows */
	const char *words;
	enum completion completion;
	bool optional;
};

#define OPERANDS_MAX 3

struct cli;

struct command {
	const char *name;
	const char *help;    /* one line */
	const char *details; /* further lines of `help COMMAND`; may be NULL */
	const struct option *options;
	struct operand operands[OPERANDS_MAX];
	/* FORMAT_BIT()s; 0: it prints text and -o means nothing */
	unsigned formats;
	enum format format; /* without -o */
	bool hidden;
	bool raw;     /* its words are not read as options */
	bool changes; /* a failure says that nothing was changed */
	int (*run)(struct cli *cli); /* returns an enum cli_exit */
};

#define FORMAT_BIT(name) (1u << FORMAT_##name)
#define FORMATS_OBJECT	 (FORMAT_BIT(TABLE) | FORMAT_BIT(JSON) | FORMAT_BIT(YAML))
#define FORMATS_LIST                                             \
	(FORMATS_OBJECT | FORMAT_BIT(WIDE) | FORMAT_BIT(JSONL) | \
	 FORMAT_BIT(NAME))

struct given {
	const struct option *option;
	const char *value;
};

struct arguments {
	const struct command *command;		/* NULL: none was named */
	const char *words[ARGUMENTS_WORDS_MAX]; /* its operands */
	size_t word_count;
	struct given given[ARGUMENTS_GIVEN_MAX];
	size_t given_count;
	const char *socket;
	enum format format;
	enum colour colour;
	bool headers;
	bool help;
	bool version;
};

/*
 * Reads what was typed. -EINVAL: `problem` says what is wrong, and `out` what
 * was understood before it. The texts of argv are borrowed.
 */
int arguments_parse(struct arguments *out, int argc, char *const *argv,
		    char problem[ARGUMENTS_PROBLEM_BYTES]);

/* An option of the command; NULL or false: not given. */
const char *arguments_value(const struct arguments *arguments,
			    const char *name);
bool arguments_has(const struct arguments *arguments, const char *name);

/* A repeated option: its values one by one, NULL after the last. */
const char *arguments_next(const struct arguments *arguments, const char *name,
			   size_t *cursor);

/* The options every command has. */
const struct option *arguments_globals(void);

const char *arguments_format_name(enum format format);

/* The words of "a|b|c" one by one: its length, 0 after the last. */
size_t arguments_word(const char **words, const char **out);

/*
 * The word of "a|b|c" that `text` is, also in the other number (service,
 * services; policy, policies); -1: none. *out points into `words`.
 */
int arguments_match(const char *words, const char *text);
