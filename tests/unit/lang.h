/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lang.h - reading a policy in a test: what came of it, and what was said.
 *
 * Include after <cmocka.h>.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/policy.h"
#include "common/scoped.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define LANG_HEAD                  \
	"apiVersion: weir/v1\n"    \
	"kind: ResiliencePolicy\n" \
	"metadata: {name: orders-db}\n"
#define LANG_PLACE "{address: 10.0.8.0/24, ports: [5432]}"
#define LANG_SPEC \
	"spec:\n" \
	"  service: {destinations: [" LANG_PLACE "]}\n"
#define LANG_LEAST LANG_HEAD LANG_SPEC

struct reading {
	struct weir_policies policies;
	struct weir_errors errors;
	int err;
};

static inline void reading_clear(struct reading *r)
{
	policies_clear(&r->policies);
	errors_clear(&r->errors);
}

DEFINE_SCOPED(reading, struct reading, reading_clear(it))

/* What tests read is where fuzzing begins: see tests/fuzz/policy.seeds. */
static inline void lang_keep(const char *text, size_t bytes)
{
	static unsigned count;
	const char *directory = getenv("WEIR_SEEDS_DIR");
	char path[512];

	if (!directory || bytes > 4096)
		return;
	snprintf(path, sizeof(path), "%s/%s-%u", directory,
		 program_invocation_short_name, count++);
	scoped(file) FILE *file = fopen(path, "we");
	if (file)
		fwrite(text, 1, bytes, file);
}

static inline struct reading lang_read_bytes(const char *text, size_t bytes)
{
	struct reading r = {0};

	lang_keep(text, bytes);
	r.err = policies_parse(&r.policies, &r.errors, "t.yaml", text, bytes);
	return r;
}

static inline struct reading lang_read(const char *text)
{
	return lang_read_bytes(text, strlen(text));
}

/* Fails, with what was said, unless the text is without mistakes. */
static inline struct reading lang_accept(const char *text)
{
	struct reading r = lang_read(text);

	if (r.err || r.errors.count) {
		scoped(text) char *said = errors_render(&r.errors);

		fail_msg("refused (%d):\n%s\n%s", r.err, text,
			 said ? said : "");
	}
	return r;
}

/* Fails unless the text has at least one mistake, and yields nothing. */
static inline struct reading lang_refuse(const char *text)
{
	struct reading r = lang_read(text);

	if (!r.err || !r.errors.count)
		fail_msg("accepted:\n%s", text);
	assert_int_equal(r.policies.count, 0);
	return r;
}

/* What is wrong, where, and what is advised. */
struct finding {
	const char *message;
	unsigned line, column, length; /* 0: not looked at */
	const char *hint;	       /* NULL: not looked at; "": none */
};

static inline void lang_compare(const char *text, const struct weir_error *e,
				const struct finding *want)
{
	const char *hint = e->hint ? e->hint : "";

	if (strcmp(e->message, want->message) ||
	    (want->hint && strcmp(hint, want->hint)) ||
	    (want->line && e->line != want->line) ||
	    (want->column && e->column != want->column) ||
	    (want->length && e->length != want->length))
		fail_msg("of\n%s\n%u:%u+%u: %s\n  (%s)\nnot %u:%u+%u: %s\n"
			 "  (%s)",
			 text, e->line, e->column, e->length, e->message, hint,
			 want->line, want->column, want->length, want->message,
			 want->hint ? want->hint : "any");
}

/* Exactly these mistakes are found, in this order. */
static inline void lang_expect(const char *text, const struct finding *want,
			       size_t count)
{
	scoped(reading) struct reading r = lang_refuse(text);

	for (size_t i = 0; i < count && i < r.errors.count; i++)
		lang_compare(text, &r.errors.items[i], &want[i]);
	if (r.errors.count != count) {
		scoped(text) char *said = errors_render(&r.errors);

		fail_msg("%zu mistakes, not %zu:\n%s\n%s", r.errors.count,
			 count, text, said);
	}
}
