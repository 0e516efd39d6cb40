/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tree.c - YAML is read strictly, within bounds, and every node knows where it
 * stands.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/tree.h"
#include "tests/unit/lang.h"

DEFINE_SCOPED(tree, struct tree *, tree_free(*it))

/* A text being read; the first document is in `tree`. */
struct bed {
	struct tree_reader reader;
	struct weir_errors errors;
	struct tree *tree;
	int err;
};

static void clear_bed(struct bed *bed)
{
	tree_free(bed->tree);
	tree_close(&bed->reader);
	errors_clear(&bed->errors);
}

DEFINE_SCOPED(bed, struct bed, clear_bed(it))

static void open_bed(struct bed *bed, const char *text, size_t bytes)
{
	*bed = (struct bed){0};
	bed->err = tree_open(&bed->reader, "t.yaml", text, bytes, &bed->errors);
	if (!bed->err)
		bed->err = tree_next(&bed->reader, &bed->tree);
}

static void expect(const char *text, size_t bytes, const struct finding *want,
		   size_t count)
{
	scoped(bed) struct bed bed;

	open_bed(&bed, text, bytes);
	for (size_t i = 0; i < count && i < bed.errors.count; i++)
		lang_compare(text, &bed.errors.items[i], &want[i]);
	assert_int_equal(bed.errors.count, count);
}

/* ---- what is not part of the language ----------------------------------------- */

static void what_hides_a_value_is_refused(void **state)
{
	static const struct {
		const char *text;
		struct finding want;
	} rows[] = {
		{"a: 1\nb: *x\n",
		 {"aliases (*) are not allowed", 2, 4, 2,
		  "write the value out"}},
		{"a: &x 1\n",
		 {"anchors (&) are not allowed", 1, 4, 4,
		  "write the value where it is needed"}},
		{"a: &x {b: 1}\n",
		 {"anchors (&) are not allowed", 1, 4, 0, NULL}},
		{"a: &x [1]\n", {"anchors (&) are not allowed", 1, 4, 0, NULL}},
		{"a: !!str 1\n",
		 {"tags (!) are not allowed", 1, 4, 0, "remove the tag"}},
		{"a: !x {b: 1}\n", {"tags (!) are not allowed", 1, 4, 0, NULL}},
		{"a: ! 1\n", {"tags (!) are not allowed", 1, 4, 0, NULL}},
		{"a:\n  <<: {b: 1}\n",
		 {"<<: merge keys are not allowed", 2, 3, 2,
		  "write the values out"}},
		{"a: 1\nb: 2\na: 3\n",
		 {"a: this key is there twice", 3, 1, 1,
		  "one of the two must go"}},
		{"{a: 1, \"a\": 3}\n",
		 {"a: this key is there twice", 1, 8, 3, NULL}},
		{"? [a, b]\n: 1\n",
		 {"a list or a block cannot be a key", 1, 3, 0,
		  "a key is a plain word"}},
		{"? {a: b}\n: 1\n",
		 {"a list or a block cannot be a key", 1, 3, 0, NULL}},
		{"*x : 1\n", {"aliases (*) are not allowed", 1, 1, 2, NULL}},
		{"a: \"x\\0y\"\n", {"a text cannot hold a NUL", 1, 4, 6, NULL}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect(rows[i].text, strlen(rows[i].text), &rows[i].want, 1);
}

static void a_quoted_arrow_is_a_key_like_others(void **state)
{
	scoped(bed) struct bed bed;

	(void)state;
	open_bed(&bed, "\"<<\": 1\n", 8);
	assert_int_equal(bed.errors.count, 0);
	assert_non_null(tree_get(bed.tree->root, "<<"));
}

/* What else is wrong in the text is found in the same run. */
static void reading_goes_on_after_a_mistake(void **state)
{
	static const char text[] = "a: *x\nb: &y 1\nc: !z 2\na: 3\n";
	static const struct finding want[] = {
		{"aliases (*) are not allowed", 1, 4, 2, NULL},
		{"anchors (&) are not allowed", 2, 4, 0, NULL},
		{"tags (!) are not allowed", 3, 4, 0, NULL},
		{"a: this key is there twice", 4, 1, 1, NULL},
	};
	scoped(bed) struct bed bed;

	(void)state;
	expect(text, strlen(text), want, ROWS(want));
	open_bed(&bed, text, strlen(text));
	assert_int_equal(bed.err, 0);
	assert_int_equal(tree_get(bed.tree->root, "a")->type, TREE_BROKEN);
	assert_string_equal(tree_get(bed.tree->root, "c")->text, "2");
}

static void what_is_not_text_is_refused_before_it_is_read(void **state)
{
	static const struct {
		const char *text;
		size_t bytes;
		struct finding want;
	} rows[] = {
		{"a: \0b\n",
		 6,
		 {"character U+0000 is not allowed", 1, 4, 1,
		  "a policy is plain UTF-8 text"}},
		{"a: b\nc: \x1b[2J\n",
		 13,
		 {"character U+001B is not allowed", 2, 4, 1, NULL}},
		{"a: \x7f\n",
		 5,
		 {"character U+007F is not allowed", 1, 4, 1, NULL}},
		{"a: \xc2\x9b\n",
		 6,
		 {"character U+009B is not allowed", 1, 4, 1, NULL}},
		{"a: \xef\xbb\xbf\n",
		 7,
		 {"character U+FEFF is not allowed", 1, 4, 1, NULL}},
		{"a: \xef\xbf\xbe\n",
		 7,
		 {"character U+FFFE is not allowed", 1, 4, 1, NULL}},
		{"\xc3\xa4: \xff\n",
		 6,
		 {"byte 0xff is not valid UTF-8", 1, 4, 1,
		  "save the file as UTF-8"}},
		{"a: \xc0\x80\n",
		 6,
		 {"byte 0xc0 is not valid UTF-8", 1, 4, 1, NULL}},
		{"a: \xed\xa0\x80\n",
		 7,
		 {"byte 0xed is not valid UTF-8", 1, 4, 1, NULL}},
		{"a: \xe2\x82",
		 5,
		 {"byte 0xe2 is not valid UTF-8", 1, 4, 1, NULL}},
		{"\xff\xfe"
		 "a\0",
		 4,
		 {"byte 0xff is not valid UTF-8", 1, 1, 1, NULL}},
		{"a: \r\nb: \n\r\x01",
		 11,
		 {"character U+0001 is not allowed", 4, 1, 1, NULL}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect(rows[i].text, rows[i].bytes, &rows[i].want, 1);
}

static void broken_yaml_is_explained_at_its_place(void **state)
{
	static const struct {
		const char *text;
		struct finding want;
	} rows[] = {
		{"a:\n\tb: 1\n",
		 {"not valid YAML: a value cannot start with this character", 2,
		  1, 1,
		  "indent with spaces, not tabs; put quotes around text that "
		  "starts with @ ` or %"}},
		{"a: b: c\n",
		 {"not valid YAML: a key cannot start here", 1, 5, 1, NULL}},
		{"a: 1\n b: 2\n",
		 {"not valid YAML: a key cannot start here", 2, 3, 1, NULL}},
		{"a: {b: 1\nc: 2\n",
		 {"not valid YAML: this {...} is not closed before here", 2, 2,
		  1, NULL}},
		{"a: [1, 2\n",
		 {"not valid YAML: this [...] is not closed before here", 2, 1,
		  1, NULL}},
		{"a: \"b\n",
		 {"not valid YAML: a quoted text is not closed", 2, 1, 1,
		  "add the missing quote"}},
		{"- a\nb: 1\n",
		 {"not valid YAML: a list item was expected here", 2, 1, 1,
		  NULL}},
		{"a: 1\nb\nc: 2\n",
		 {"not valid YAML: this key has no colon", 3, 1, 1, NULL}},
		{"%YAML 3.0\n---\na: 1\n",
		 {"not valid YAML: found incompatible YAML document", 1, 1, 1,
		  ""}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		scoped(bed) struct bed bed;

		expect(rows[i].text, strlen(rows[i].text), &rows[i].want, 1);
		open_bed(&bed, rows[i].text, strlen(rows[i].text));
		assert_int_equal(bed.err, -EINVAL);
		assert_null(bed.tree);
	}
}

/* ---- bounds ------------------------------------------------------------------- */

static void depth_32_is_read_and_33_is_not(void **state)
{
	static const struct finding want = {"nested deeper than 32 levels", 1,
					    33, 1,
					    "a policy needs less than ten"};
	char text[80];

	(void)state;
	for (size_t depth = 32; depth <= 33; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		expect(text, 2 * depth, &want, depth == 33);
	}
	/* The root counts, and blocks as well as lists. */
	for (size_t i = 0; i < 32; i++)
		memcpy(text + i * 2, "- ", 2);
	expect(text, 64, NULL, 0);
	memcpy(text + 64, "- 1", 3);
	expect(text, 67, &(struct finding){want.message, 1, 65, 1, NULL}, 1);
}

/* Far beyond the limit: neither the stack nor the time may run out. */
static void a_tower_of_brackets_is_only_refused(void **state)
{
	size_t bytes = 1024 * 1024;
	scoped(memory) void *text = malloc(bytes);
	static const char *const towers[] = {"[", "{", "- ", "? ", "[{"};

	(void)state;
	for (size_t i = 0; i < ROWS(towers); i++) {
		size_t step = strlen(towers[i]);
		scoped(bed) struct bed bed;

		for (size_t at = 0; at + step <= bytes; at += step)
			memcpy((char *)text + at, towers[i], step);
		open_bed(&bed, text, bytes - bytes % step);
		assert_int_equal(bed.err, -EINVAL);
		assert_int_equal(bed.errors.count, 1);
	}
}

/* A list of `count` short texts, as bytes. */
static char *list_of(size_t count, size_t *bytes)
{
	char *text = malloc(count * 2 + 3), *at = text;

	assert_non_null(text);
	*at++ = '[';
	for (size_t i = 0; i < count; i++) {
		*at++ = 'a';
		*at++ = ',';
	}
	*at++ = ']';
	*at++ = '\n';
	*bytes = (size_t)(at - text);
	return text;
}

static void a_document_has_65536_values_at_most(void **state)
{
	static const struct finding want = {
		"this document has more than 65536 values", 1, 131072, 1,
		"split it into several files"};

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		size_t bytes;
		scoped(text) char *text =
			list_of(TREE_NODES_MAX - 1 + more, &bytes);

		expect(text, bytes, &want, more);
	}
}

static void a_block_has_128_keys_at_most(void **state)
{
	static const struct finding want = {
		"k128: more than 128 keys in one block", 129, 1, 4, ""};
	char text[2048] = "";
	size_t used = 0;

	(void)state;
	for (unsigned i = 0; i < 129; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "k%u: 1\n", i);
		if (i == 127)
			expect(text, used, NULL, 0);
	}
	expect(text, used, &want, 1);
}

/* ---- places and documents ------------------------------------------------------- */

static void every_node_knows_its_place(void **state)
{
	static const char text[] = "top:\n"
				   "  - {\xc3\xa4: 'x y', b: [1, 22]}\n"
				   "  - |\n"
				   "    long\n";
	const struct tree_node *top, *item, *list;
	scoped(bed) struct bed bed;

	(void)state;
	open_bed(&bed, text, strlen(text));
	top = tree_get(bed.tree->root, "top");
	assert_int_equal(top->key->line * 100 + top->key->column, 101);
	assert_int_equal(top->key->length, 3);
	assert_int_equal(top->count, 2);
	item = top->first;
	assert_int_equal(item->line * 100 + item->column, 205);
	assert_int_equal(item->length, strlen("{a: 'x y', b: [1, 22]}"));
	assert_string_equal(item->first->text, "x y");
	assert_false(item->first->plain);
	assert_int_equal(item->first->column, 9);
	assert_int_equal(item->first->length, 5);
	list = tree_get(item, "b");
	assert_int_equal(list->last->column, 23);
	assert_int_equal(list->last->length, 2);
	assert_true(list->last->plain);
	assert_string_equal(top->last->text, "long\n");
}

static void documents_are_read_one_by_one(void **state)
{
	static const struct {
		const char *text; /* of the document, as it was written */
		unsigned line;
	} documents[] = {
		{"# first\na: 1\n", 1},
		{"b: 2\n# its end\n", 4},
		{"--- {c: 3}\n", 6},
		{"d: 4\n...", 8},
	};
	static const char text[] = "# first\na: 1\n---\nb: 2\n# its end\n"
				   "--- {c: 3}\n---\nd: 4\n...\n";
	scoped(bed) struct bed bed;

	(void)state;
	open_bed(&bed, text, strlen(text));
	for (size_t i = 0; i < ROWS(documents); i++) {
		assert_non_null(bed.tree);
		assert_int_equal(bed.tree->line, documents[i].line);
		assert_int_equal(bed.tree->bytes, strlen(documents[i].text));
		assert_memory_equal(text + bed.tree->at, documents[i].text,
				    bed.tree->bytes);
		tree_free(bed.tree);
		bed.tree = NULL;
		assert_int_equal(tree_next(&bed.reader, &bed.tree), 0);
	}
	assert_null(bed.tree);
	assert_int_equal(bed.errors.count, 0);
}

/* Whatever ends a line ends it for everybody who counts lines. */
static void lines_are_counted_alike_everywhere(void **state)
{
	static const char *const breaks[] = {"\n", "\r", "\r\n", "\xc2\x85",
					     "\xe2\x80\xa8"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ROWS(breaks); i++) {
		scoped(bed) struct bed bed;
		scoped(tree) struct tree *second = NULL;
		int bytes = snprintf(text, sizeof(text), "a: 1%s---%sb: *x%s",
				     breaks[i], breaks[i], breaks[i]);

		open_bed(&bed, text, (size_t)bytes);
		assert_int_equal(tree_next(&bed.reader, &second), 0);
		assert_int_equal(second->line, 3);
		assert_int_equal(bed.errors.items[0].line, 3);
		assert_int_equal(bed.errors.items[0].column, 4);
		assert_string_equal(bed.errors.items[0].excerpt, "b: *x");
	}
}

static void a_byte_order_mark_moves_nothing(void **state)
{
	scoped(bed) struct bed bed;

	(void)state;
	open_bed(&bed,
		 "\xef\xbb\xbf"
		 "a: *x\n",
		 9);
	assert_int_equal(bed.errors.count, 1);
	assert_int_equal(bed.errors.items[0].line, 1);
	assert_int_equal(bed.errors.items[0].column, 4);
	assert_string_equal(bed.errors.items[0].excerpt, "a: *x");
}

static void an_empty_text_has_no_document(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# nothing\n",
					    "\xef\xbb\xbf"};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		scoped(bed) struct bed bed;

		open_bed(&bed, texts[i], strlen(texts[i]));
		assert_int_equal(bed.err, 0);
		assert_null(bed.tree);
	}
}

static void nothing_is_written_in_five_ways(void **state)
{
	static const struct {
		const char *text;
		bool nothing;
	} rows[] = {
		{"a:\n", true},	     {"a: ~\n", true},	   {"a: null\n", true},
		{"a: Null\n", true}, {"a: NULL\n", true},  {"a: \"\"\n", false},
		{"a: '~'\n", false}, {"a: nULL\n", false}, {"a: []\n", false},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		scoped(bed) struct bed bed;

		open_bed(&bed, rows[i].text, strlen(rows[i].text));
		assert_int_equal(tree_is_null(bed.tree->root->first),
				 rows[i].nothing);
	}
}

static void what_is_no_block_has_no_keys(void **state)
{
	scoped(bed) struct bed bed;

	(void)state;
	open_bed(&bed, "[a, b]\n", 7);
	assert_null(tree_get(bed.tree->root, "a"));
	assert_null(tree_get(bed.tree->root->first, "a"));
	assert_null(tree_get(NULL, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_hides_a_value_is_refused),
		cmocka_unit_test(a_quoted_arrow_is_a_key_like_others),
		cmocka_unit_test(reading_goes_on_after_a_mistake),
		cmocka_unit_test(what_is_not_text_is_refused_before_it_is_read),
		cmocka_unit_test(broken_yaml_is_explained_at_its_place),
		cmocka_unit_test(depth_32_is_read_and_33_is_not),
		cmocka_unit_test(a_tower_of_brackets_is_only_refused),
		cmocka_unit_test(a_document_has_65536_values_at_most),
		cmocka_unit_test(a_block_has_128_keys_at_most),
		cmocka_unit_test(every_node_knows_its_place),
		cmocka_unit_test(documents_are_read_one_by_one),
		cmocka_unit_test(lines_are_counted_alike_everywhere),
		cmocka_unit_test(a_byte_order_mark_moves_nothing),
		cmocka_unit_test(an_empty_text_has_no_document),
		cmocka_unit_test(nothing_is_written_in_five_ways),
		cmocka_unit_test(what_is_no_block_has_no_keys),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
