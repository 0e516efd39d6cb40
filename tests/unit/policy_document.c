/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_document.c - docs/POLICY.md and weir-policy(5) say what the tables in
 * common/ say, and their examples are true. Run at the root of the tree.
 *
 * To write the tables anew: WEIR_REWRITE=1 build/debug/tests/unit/policy_document
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/fields.h"
#include "common/scan.h"
#include "common/synonyms.h"
#include "common/text.h"
#include "tests/unit/lang.h"

#define DOCUMENT "docs/POLICY.md"
#define MANUAL	 "docs/man/weir-policy.5.scd"

#define EACH(f) \
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))

static char *read_document(const char *path)
{
	scoped(file) FILE *file = fopen(path, "re");
	char *text = calloc(1, 256 * 1024);

	if (!file)
		fail_msg("%s: run at the root of the tree", path);
	assert_non_null(text);
	assert_true(fread(text, 1, 256 * 1024 - 1, file) > 0);
	return text;
}

/* ---- sections that are made --------------------------------------------------------- */

/* The text between the lines that hold "NAME: begin" and "NAME: end". */
static char *find_section(char *text, const char *name, char **end)
{
	char mark[32];
	char *begin;

	snprintf(mark, sizeof(mark), "%s: begin", name);
	begin = strstr(text, mark);
	assert_non_null(begin);
	begin = strchr(begin, '\n') + 1;
	snprintf(mark, sizeof(mark), "%s: end", name);
	*end = strstr(begin, mark);
	assert_non_null(*end);
	while ((*end)[-1] != '\n')
		(*end)--;
	return begin;
}

static void rewrite(const char *path, const char *text, const char *begin,
		    const char *end, const char *want)
{
	scoped(file) FILE *file = fopen(path, "we");

	assert_non_null(file);
	fprintf(file, "%.*s%s%s", (int)(begin - text), text, want, end);
}

static void expect_section(const char *path, const char *name,
			   struct text *made)
{
	scoped(text) char *text = read_document(path);
	scoped(text) char *want = text_take(made, NULL);
	char *end, *begin = find_section(text, name, &end);

	assert_non_null(want);
	if (getenv("WEIR_REWRITE")) {
		rewrite(path, text, begin, end, want);
		return;
	}
	if ((size_t)(end - begin) != strlen(want) ||
	    memcmp(begin, want, strlen(want)) != 0)
		fail_msg("%s: the section \"%s\" is not what the tables say; "
			 "WEIR_REWRITE=1 writes it anew",
			 path, name);
}

static void add_words(struct text *out, const struct field *f,
		      const char *quote)
{
	bool more = false;

	for (const struct field_word *it = f->words; it->word; it++) {
		if (it->planned)
			continue;
		text_add(out, "%s%s%s%s", more ? ", " : "", quote, it->word,
			 quote);
		more = true;
	}
}

/* What may stand there, in words. */
static void add_value(struct text *out, const struct field *f,
		      const char *quote)
{
	char min[32], max[32];

	switch (f->type) {
	case FIELD_WORD:
		add_words(out, f, quote);
		break;
	case FIELD_COUNT:
	case FIELD_FACTOR:
		text_add(out, "%.0f..%.0f", f->min, f->max);
		break;
	case FIELD_PERCENT:
		text_add(out, "percent, %.0f..%.0f", f->min, f->max);
		break;
	case FIELD_DURATION:
		scan_duration_text((uint64_t)f->min, min, sizeof(min));
		scan_duration_text((uint64_t)f->max, max, sizeof(max));
		text_add(out, "duration, %s..%s", min, max);
		break;
	default:
		text_add(out, "%s", fields_type_name(f->type));
	}
}

static void add_absence(struct text *out, const struct field *f,
			const char *quote)
{
	if (f->required)
		text_add(out, "required");
	else if (f->initial)
		text_add(out, "%s%s%s", quote, f->initial, quote);
	else
		text_add(out, "%s", f->unset);
}

static void the_document_lists_every_key(void **state)
{
	struct text made = {0};

	(void)state;
	text_add(&made, "| key | value | without it | |\n|---|---|---|---|\n");
	EACH(f)
	{
		if (f->planned)
			continue;
		assert_null(strchr(f->help, '|'));
		text_add(&made, "| `%s` | ", f->path);
		add_value(&made, f, "`");
		text_add(&made, " | ");
		add_absence(&made, f, "`");
		text_add(&made, " | %s |\n", f->help);
	}
	expect_section(DOCUMENT, "fields", &made);
}

/* What scdoc takes for a change of font. */
static void add_escaped(struct text *out, struct text *from)
{
	scoped(text) char *text = text_take(from, NULL);

	assert_non_null(text);
	for (const char *it = text; *it; it++)
		text_add(out, "%s%c", strchr("*_\\", *it) ? "\\" : "", *it);
}

static void add_manual(struct text *out, const struct field *f)
{
	struct text about = {0}, help = {0};

	add_value(&about, f, "");
	text_add(&about, "; ");
	if (f->initial)
		text_add(&about, "default ");
	else if (!f->required)
		text_add(&about, "without it: ");
	add_absence(&about, f, "");
	text_add(&help, "%c%s.", toupper(f->help[0]), f->help + 1);
	text_add(out, "*%s*++\n(", f->path);
	add_escaped(out, &about);
	text_add(out, ")++\n");
	add_escaped(out, &help);
	text_add(out, "\n\n");
}

static void the_manual_lists_every_key(void **state)
{
	struct text made = {0};

	(void)state;
	EACH(f)
	{
		if (!f->planned)
			add_manual(&made, f);
	}
	expect_section(MANUAL, "fields", &made);
}

static void list_planned(struct text *made, const char *format)
{
	EACH(f)
	{
		if (f->planned)
			text_add(made, format, f->path, f->help);
	}
	EACH(f)
	{
		for (const struct field_word *it = f->words; it && it->word;
		     it++) {
			char value[128];

			snprintf(value, sizeof(value), "%s: %s", f->path,
				 it->word);
			if (it->planned)
				text_add(made, format, value,
					 "a value of that key");
		}
	}
}

static void the_document_lists_what_is_not_built(void **state)
{
	struct text made = {0};

	(void)state;
	list_planned(&made, "- `%s`: %s\n");
	expect_section(DOCUMENT, "planned", &made);
}

static void the_document_translates_every_word(void **state)
{
	struct text made = {0};

	(void)state;
	text_add(&made, "| their word | here |\n|---|---|\n");
	for (const struct synonym *s = synonyms_next(NULL); s;
	     s = synonyms_next(s)) {
		assert_null(strchr(s->hint, '|'));
		text_add(&made, "| `%s` | %s |\n", s->word, s->hint);
	}
	expect_section(DOCUMENT, "words", &made);
}

/* ---- examples ------------------------------------------------------------------------- */

/* The next block of code that begins with `first`; NULL: there is none. */
static char *next_block(char **at, const char *first)
{
	char mark[128];
	char *begin, *end;

	snprintf(mark, sizeof(mark), "\n```%s", first);
	begin = strstr(*at, mark);
	if (!begin)
		return NULL;
	begin = strchr(begin + 1, '\n') + 1;
	end = strstr(begin, "```");
	assert_non_null(end);
	*end = '\0';
	*at = end + 3;
	return begin;
}

static void the_example_is_a_policy_with_every_key(void **state)
{
	scoped(text) char *text = read_document(DOCUMENT);
	char *at = text, *block = next_block(&at, "yaml\napiVersion");

	(void)state;
	assert_non_null(block);
	scoped(reading) struct reading r = lang_accept(block);
	EACH(f)
	{
		char key[64];

		if (f->planned)
			continue;
		snprintf(key, sizeof(key), "%s:", fields_key(f));
		if (!strchr(f->path, '[') &&
		    !policy_position(r.policies.items[0], f->path))
			fail_msg("%s is not in the example", f->path);
		assert_non_null(strstr(block, key));
	}
}

/* The mistakes of the document, made here. */
static void the_mistakes_look_as_shown(void **state)
{
	static const char bad[] = LANG_LEAST "#\n#\n#\n"
					     "  circuitBreaker:\n"
					     "    failureRateThreshold: 0.5\n"
					     "    max_fails: 3\n";
	scoped(text) char *text = read_document(DOCUMENT);
	char *at = text, *block = next_block(&at, "\nerror: ");
	struct weir_policies none = {0};
	struct weir_errors errors = {0};

	(void)state;
	assert_non_null(block);
	policies_parse(&none, &errors, "20-orders.yaml", bad, strlen(bad));
	scoped(text) char *want = errors_render(&errors);
	assert_string_equal(block, want);
	errors_clear(&errors);
}

/* Where the document says what governs: so does policy_rank(). */
static void limits_are_those_of_the_header(void **state)
{
	scoped(text) char *text = read_document(DOCUMENT);
	char want[80];

	(void)state;
	snprintf(want, sizeof(want), "%u policies; %u destinations of a policy",
		 POLICIES_MAX, POLICY_DESTINATIONS_MAX);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "with %u port ranges each;\n%u clients; ",
		 POLICY_PORTS_MAX, POLICY_CLIENTS_MAX);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "%u labels; %u destinations of all",
		 POLICY_LABELS_MAX, WEIR_RULES_MAX);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "%u different prefix lengths",
		 WEIR_CLASSES_MAX);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "%u port ranges or client lists",
		 WEIR_RULES_PER_KEY);
	assert_non_null(strstr(text, want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_lists_every_key),
		cmocka_unit_test(the_manual_lists_every_key),
		cmocka_unit_test(the_document_lists_what_is_not_built),
		cmocka_unit_test(the_document_translates_every_word),
		cmocka_unit_test(the_example_is_a_policy_with_every_key),
		cmocka_unit_test(the_mistakes_look_as_shown),
		cmocka_unit_test(limits_are_those_of_the_header),
	};

	return cmocka_run_group_tests_name("policy_document", tests, NULL,
					   NULL);
}
