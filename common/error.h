/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * error.h - what is wrong in something a person wrote, and where.
 *
 * Functions that read people's input return 0 or -errno and add one
 * weir_error for each mistake to a weir_errors list. common/ never prints:
 * errors_render() makes the text, the caller decides where it goes.
 */
#pragma once

#include <stddef.h>

#define WEIR_ERRORS_MAX 64 /* further mistakes are counted, not stored */

struct weir_error {
	char *file;	  /* as the user named it; NULL: no file */
	unsigned line;	  /* from 1; 0: no position */
	unsigned column;  /* from 1 */
	unsigned length;  /* characters the caret marks; at least 1 */
	char *excerpt;	  /* the quoted line, NULL if there is none */
	unsigned skipped; /* characters of a long line before its excerpt */
	char *message;	  /* "failureRateThreshold: 150 is not in 1..100" */
	char *hint;	  /* what would be valid; may be NULL */
};

struct weir_errors {
	struct weir_error items[WEIR_ERRORS_MAX];
	size_t count;
	size_t dropped; /* mistakes beyond WEIR_ERRORS_MAX */
};

/* A place in a text; `text` may be NULL when no line can be quoted. */
struct weir_place {
	const char *file;
	const char *text; /* the whole file, for the excerpt */
	size_t text_bytes;
	unsigned line;
	unsigned column;
	unsigned length;
	unsigned text_line; /* the line `text` starts with; 0: the first */
};

/*
 * Adds one mistake. `hint` may be NULL. Returns -EINVAL, always, so that the
 * caller can `return errors_add(...)`.
 */
int errors_add(struct weir_errors *errors, const struct weir_place *place,
	       const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Frees what the list holds and empties it. */
void errors_clear(struct weir_errors *errors);

/*
 * Renders the list in the form of design/4-operator.md (error:, -->, the
 * quoted line, caret, hint:). The caller frees the text. NULL: out of memory.
 */
char *errors_render(const struct weir_errors *errors);
