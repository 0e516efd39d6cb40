/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cli.h - one run of weirctl: what was asked for, where the answer goes.
 *
 * stdout is data, stderr is talk. Whatever others wrote (names, reasons, file
 * names) passes through these functions, which take out what a terminal would
 * obey.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/error.h"
#include "common/scoped.h"
#include "tools/weirctl/arguments.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_NEGATIVE = 1, /* asked, and the answer is no */
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3, /* no agent */
	CLI_NOT_FOUND = 4,
	CLI_REJECTED = 5,
	CLI_FORBIDDEN = 6,
	CLI_TIMED_OUT = 7,
	CLI_CONFLICT = 8, /* somebody else was first */
	CLI_BUG = 70,
	CLI_READER_GONE = 141, /* as if SIGPIPE had ended us; says nothing */
};

/* Never the only carrier of a meaning. */
enum tint {
	TINT_NONE,
	TINT_GOOD,
	TINT_WARN,
	TINT_BAD,
	TINT_STRONG,
	TINT_DIM,
};

struct ask;

struct cli {
	struct arguments arguments;
	FILE *out;
	FILE *err;
	struct ask *ask; /* the agent, once it was asked */
	bool utf8;	 /* the locale's encoding */
	bool terminal;	 /* out is one */
	bool colour;	 /* of out */
	unsigned width;	 /* of the terminal; 0: no limit */
};

DEFINE_SCOPED(json, json_t *, json_decref(*it))
DEFINE_SCOPED(errors, struct weir_errors, errors_clear(it))

int cli_run(int argc, char *const *argv);

/* The same with out and err of one's own; the rest of *cli is zero. */
int cli_execute(struct cli *cli, int argc, char *const *argv);

/* Printable in this locale; the caller frees it. NULL: out of memory. */
char *cli_clean(const struct cli *cli, const char *text);

/* A piece of a line, and the end of one. */
void cli_add(struct cli *cli, enum tint tint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void cli_line(struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How many bytes of a text go on a line of `room` characters. */
size_t cli_break_at(const char *text, size_t room);

/* Text over several columns of the terminal, later lines indented. */
void cli_wrapped(struct cli *cli, unsigned indent, const char *text);

/* Something on stderr, one line. */
void cli_note(struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As cli_note(); returns the exit code. */
int cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A mistake in what was typed. */
int cli_misused(struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

int cli_out_of_memory(struct cli *cli);

/* Has whoever reads our output gone away? */
bool cli_broken(const struct cli *cli);

/* The escape sequence that starts a tint; "" when there is no colour. */
const char *cli_tint_code(const struct cli *cli, enum tint tint);

/* The operand's text or NULL. */
const char *cli_operand(const struct cli *cli, size_t index);
