/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tree.c - builds the tree from libyaml's events, without recursion.
 *
 * What a policy must not contain is reported here with its place, and then
 * left out or marked TREE_BROKEN, so that the rest of the file is still
 * checked. Only a scanner error, too much depth or too many nodes end it.
 */
#include "common/tree.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/count_of.h"
#include "common/policy.h"
#include "common/scan.h"
#include "common/scoped.h"

DEFINE_SCOPED(tree, struct tree *, tree_free(*it))
DEFINE_SCOPED(event, yaml_event_t, yaml_event_delete(it))

struct builder {
	struct tree_reader *reader;
	struct tree *tree;
	struct tree_node *open[POLICY_DEPTH_MAX];
	struct tree_node *keys[POLICY_DEPTH_MAX]; /* waiting for its value */
	size_t depth;
};

struct spelling {
	const char *problem; /* how libyaml says it */
	const char *message;
	const char *hint;
};

/* clang-format off */
static const struct spelling spellings[] = {
	{"found character that cannot start any token",
	 "a value cannot start with this character",
	 "indent with spaces, not tabs; put quotes around text that starts with @ ` or %"},
	{"mapping values are not allowed in this context",
	 "a key cannot start here",
	 "check the indentation; put quotes around text that holds a colon and a space"},
	{"did not find expected key",
	 "a key was expected here",
	 "keys of one block start in the same column"},
	{"could not find expected ':'",
	 "this key has no colon",
	 "write key: value, with a space after the colon"},
	{"did not find expected ',' or '}'",
	 "this {...} is not closed before here",
	 "separate its entries by commas and end it with }"},
	{"did not find expected ',' or ']'",
	 "this [...] is not closed before here",
	 "separate its items by commas and end it with ]"},
	{"did not find expected '-' indicator",
	 "a list item was expected here",
	 "items of one list start with - in the same column"},
	{"found unexpected end of stream",
	 "a quoted text is not closed",
	 "add the missing quote"},
	{"did not find expected <document start>",
	 "nothing may follow here but another document",
	 "separate documents by a line with ---"},
};
/* clang-format on */

static const struct spelling *find_spelling(const char *problem)
{
	for (size_t i = 0; i < COUNT_OF(spellings); i++) {
		if (!strcmp(spellings[i].problem, problem))
			return &spellings[i];
	}
	return NULL;
}

static struct weir_place place_at(const struct tree_reader *reader,
				  const yaml_mark_t *start)
{
	return (struct weir_place){
		.file = reader->file,
		.text = reader->text,
		.text_bytes = reader->bytes,
		.line = (unsigned)start->line + 1,
		.column = (unsigned)start->column + 1,
		.length = 1,
	};
}

/* Characters of the span on its first line. */
static unsigned span_length(const yaml_mark_t *start, const yaml_mark_t *end)
{
	if (end->line == start->line && end->column > start->column)
		return (unsigned)(end->column - start->column);
	return 1;
}

static int add_at(struct tree_reader *reader, const yaml_event_t *event,
		  const char *hint, const char *message)
{
	struct weir_place place = place_at(reader, &event->start_mark);

	place.length = span_length(&event->start_mark, &event->end_mark);
	return errors_add(reader->errors, &place, hint, "%s", message);
}

static int add_at_node(struct tree_reader *reader, const struct tree_node *node,
		       const char *hint, const char *message)
{
	struct weir_place place = {
		.file = reader->file,
		.text = reader->text,
		.text_bytes = reader->bytes,
		.line = node->line,
		.column = node->column,
		.length = node->length,
	};

	if (!node->text)
		return errors_add(reader->errors, &place, hint, "%s", message);
	return errors_add(reader->errors, &place, hint, "%s: %s", node->text,
			  message);
}

/* libyaml's own complaint, in our form. */
static int add_problem(struct tree_reader *reader)
{
	const yaml_parser_t *parser = reader->parser;
	const char *problem = parser->problem ? parser->problem : "";
	const struct spelling *spelling = find_spelling(problem);
	struct weir_place place = place_at(reader, &parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (spelling)
		return errors_add(reader->errors, &place, spelling->hint,
				  "not valid YAML: %s", spelling->message);
	return errors_add(reader->errors, &place, NULL, "not valid YAML: %s",
			  *problem ? problem : "unreadable");
}

/* YAML's printable characters; the rest has no business in a policy. */
static bool printable(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) ||
	       c == 0x85 ||
	       (c >= 0xa0 && c != 0xfeff && c != 0xfffe && c != 0xffff);
}

static int check_characters(struct tree_reader *reader)
{
	struct weir_place place = {
		.file = reader->file,
		.text = reader->text,
		.text_bytes = reader->bytes,
		.line = 1,
		.column = 1,
	};

	for (size_t at = 0; at < reader->bytes;) {
		const char *text = reader->text + at;
		size_t left = reader->bytes - at;
		size_t line_break = scan_line_break(text, left);
		uint32_t c = 0;
		size_t step = scan_character(text, left, &c);

		if (!step)
			return errors_add(reader->errors, &place,
					  "save the file as UTF-8",
					  "byte 0x%02x is not valid UTF-8",
					  (unsigned)(uint8_t)*text);
		if (!printable(c))
			return errors_add(reader->errors, &place,
					  "a policy is plain UTF-8 text",
					  "character U+%04X is not allowed", c);
		at += line_break ? line_break : step;
		place.line += line_break > 0;
		place.column = line_break ? 1 : place.column + 1;
	}
	return 0;
}

/* Bytes from the start of the text to a mark; marks never run backwards. */
static size_t seek_mark(struct tree_reader *reader, const yaml_mark_t *mark)
{
	while (reader->mark < mark->index && reader->offset < reader->bytes) {
		uint32_t unused;
		size_t step =
			scan_character(reader->text + reader->offset,
				       reader->bytes - reader->offset, &unused);

		reader->offset += step ? step : 1;
		reader->mark++;
	}
	return reader->offset;
}

int tree_open(struct tree_reader *reader, const char *file, const char *text,
	      size_t bytes, struct weir_errors *errors)
{
	bool marked = bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3);
	yaml_parser_t *parser;
	int err;

	/* libyaml does not count a byte order mark, so neither do we. */
	*reader = (struct tree_reader){
		.file = file,
		.text = bytes ? text + (marked ? 3 : 0) : "",
		.bytes = bytes - (marked ? 3 : 0),
		.errors = errors,
		.line = 1,
	};
	err = check_characters(reader);
	if (err)
		return err;
	parser = malloc(sizeof(*parser));
	if (!parser)
		return -ENOMEM;
	if (!yaml_parser_initialize(parser)) {
		free(parser);
		return -ENOMEM;
	}
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const uint8_t *)reader->text,
				     reader->bytes);
	reader->parser = parser;
	return 0;
}

void tree_close(struct tree_reader *reader)
{
	if (!reader->parser)
		return;
	yaml_parser_delete(reader->parser);
	free(reader->parser);
	reader->parser = NULL;
}

void tree_free(struct tree *tree)
{
	struct tree_node *node = tree ? tree->chain : NULL;

	while (node) {
		struct tree_node *next = node->chain;

		free(node->text);
		free(node);
		node = next;
	}
	free(tree);
}

static int make_node(struct builder *b, enum tree_type type,
		     const yaml_event_t *event, struct tree_node **out)
{
	struct tree_node *node;

	if (b->tree->nodes == TREE_NODES_MAX)
		return add_at(b->reader, event, "split it into several files",
			      "this document has more than 65536 values");
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	*node = (struct tree_node){
		.type = type,
		.line = (unsigned)event->start_mark.line + 1,
		.column = (unsigned)event->start_mark.column + 1,
		.length = span_length(&event->start_mark, &event->end_mark),
		.chain = b->tree->chain,
	};
	b->tree->chain = node;
	b->tree->nodes++;
	*out = node;
	return 0;
}

static bool is_merge(const struct tree_node *key)
{
	return key->plain && !strcmp(key->text, "<<");
}

/* True when the key may stay; what is wrong with it is reported. */
static bool accept_key(struct builder *b, const struct tree_node *parent,
		       const struct tree_node *key)
{
	const struct tree_node *twin;

	if (key->type == TREE_BROKEN)
		return false;
	if (key->type != TREE_SCALAR) {
		add_at_node(b->reader, key, "a key is a plain word",
			    "a list or a block cannot be a key");
		return false;
	}
	if (is_merge(key)) {
		add_at_node(b->reader, key, "write the values out",
			    "merge keys are not allowed");
		return false;
	}
	twin = tree_get(parent, key->text);
	if (twin) {
		add_at_node(b->reader, key, "one of the two must go",
			    "this key is there twice");
		return false;
	}
	if (parent->count == TREE_KEYS_MAX) {
		add_at_node(b->reader, key, NULL,
			    "more than 128 keys in one block");
		return false;
	}
	return true;
}

static void append(struct tree_node *parent, struct tree_node *node)
{
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
}

/* Puts a finished scalar or a node that opens into its parent. */
static void attach(struct builder *b, struct tree_node *node)
{
	struct tree_node *parent, **key;

	if (!b->depth) {
		b->tree->root = node;
		return;
	}
	parent = b->open[b->depth - 1];
	key = &b->keys[b->depth - 1];
	if (parent->type == TREE_SEQUENCE) {
		append(parent, node);
	} else if (!*key) {
		*key = node;
	} else {
		node->key = TAKE_PTR(*key);
		if (accept_key(b, parent, node->key))
			append(parent, node);
	}
}

static int take_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct tree_node *node = NULL;
	int err = make_node(b, TREE_SCALAR, event, &node);

	if (err)
		return err;
	/* "\0" in double quotes: a C string would silently end there. */
	if (strlen(value) != event->data.scalar.length) {
		node->type = TREE_BROKEN;
		add_at(b->reader, event, NULL, "a text cannot hold a NUL");
	}
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strdup(value);
	if (!node->text)
		return -ENOMEM;
	attach(b, node);
	return 0;
}

static int take_open(struct builder *b, enum tree_type type,
		     const yaml_event_t *event)
{
	struct tree_node *node = NULL;
	int err;

	if (b->depth == POLICY_DEPTH_MAX)
		return add_at(b->reader, event, "a policy needs less than ten",
			      "nested deeper than 32 levels");
	err = make_node(b, type, event, &node);
	if (err)
		return err;
	attach(b, node);
	b->keys[b->depth] = NULL;
	b->open[b->depth++] = node;
	return 0;
}

/* An alias stands for a value we refuse to copy; its place stays taken. */
static int take_alias(struct builder *b, const yaml_event_t *event)
{
	struct tree_node *node = NULL;
	int err = make_node(b, TREE_BROKEN, event, &node);

	if (err)
		return err;
	add_at(b->reader, event, "write the value out",
	       "aliases (*) are not allowed");
	attach(b, node);
	return 0;
}

/* Flow collections are one event at each end: complete the caret's length. */
static void take_close(struct builder *b, const yaml_event_t *event)
{
	struct tree_node *node = b->open[--b->depth];

	if (event->end_mark.line + 1 == node->line &&
	    event->end_mark.column + 1 > node->column)
		node->length =
			(unsigned)event->end_mark.column + 1 - node->column;
}

static void refuse_marks(struct builder *b, const yaml_event_t *event,
			 const void *anchor, const void *tag)
{
	if (anchor)
		add_at(b->reader, event, "write the value where it is needed",
		       "anchors (&) are not allowed");
	if (tag)
		add_at(b->reader, event, "remove the tag",
		       "tags (!) are not allowed");
}

static int take_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		refuse_marks(b, event, event->data.scalar.anchor,
			     event->data.scalar.tag);
		return take_scalar(b, event);
	case YAML_MAPPING_START_EVENT:
		refuse_marks(b, event, event->data.mapping_start.anchor,
			     event->data.mapping_start.tag);
		return take_open(b, TREE_MAPPING, event);
	case YAML_SEQUENCE_START_EVENT:
		refuse_marks(b, event, event->data.sequence_start.anchor,
			     event->data.sequence_start.tag);
		return take_open(b, TREE_SEQUENCE, event);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		take_close(b, event);
		return 0;
	case YAML_ALIAS_EVENT:
		return take_alias(b, event);
	default:
		return 0;
	}
}

/* After "---" the document starts on the next line, unless it shares its own. */
static void start_slice(struct tree_reader *reader, struct tree *tree,
			const yaml_event_t *event)
{
	size_t at = reader->offset, end;

	tree->at = at;
	if (event->data.document_start.implicit)
		return;
	end = seek_mark(reader, &event->end_mark);
	tree->at = end - 3;
	while (end < reader->bytes && reader->text[end] == ' ')
		end++;
	at = scan_line_break(reader->text + end, reader->bytes - end);
	if (at)
		tree->at = end + at;
}

/* The line of a byte offset; like marks, offsets never run backwards. */
static unsigned count_lines(struct tree_reader *reader, size_t offset)
{
	while (reader->line_offset < offset) {
		size_t at = reader->line_offset;
		size_t step =
			scan_line_break(reader->text + at, reader->bytes - at);

		reader->line += step > 0;
		reader->line_offset += step ? step : 1;
	}
	return reader->line;
}

static int read_document(struct builder *b)
{
	for (;;) {
		scoped(event) yaml_event_t event = {0};
		int err;

		if (!yaml_parser_parse(b->reader->parser, &event))
			return add_problem(b->reader);
		if (event.type == YAML_DOCUMENT_END_EVENT) {
			size_t end = seek_mark(b->reader, &event.end_mark);

			b->tree->bytes =
				end > b->tree->at ? end - b->tree->at : 0;
			return 0;
		}
		err = take_event(b, &event);
		if (err)
			return err;
	}
}

static int start_document(struct tree_reader *reader, const yaml_event_t *event,
			  struct tree **out)
{
	scoped(tree) struct tree *tree = calloc(1, sizeof(*tree));
	struct builder b = {.reader = reader, .tree = tree};
	int err;

	if (!tree)
		return -ENOMEM;
	start_slice(reader, tree, event);
	err = read_document(&b);
	if (err)
		return err;
	tree->line = count_lines(reader, tree->at);
	*out = TAKE_PTR(tree);
	return 0;
}

int tree_next(struct tree_reader *reader, struct tree **out)
{
	for (;;) {
		scoped(event) yaml_event_t event = {0};

		if (!yaml_parser_parse(reader->parser, &event))
			return add_problem(reader);
		if (event.type == YAML_DOCUMENT_START_EVENT)
			return start_document(reader, &event, out);
		if (event.type == YAML_STREAM_END_EVENT ||
		    event.type == YAML_NO_EVENT) {
			*out = NULL;
			return 0;
		}
	}
}

struct tree_node *tree_get(const struct tree_node *node, const char *key)
{
	if (!node || node->type != TREE_MAPPING)
		return NULL;
	for (struct tree_node *it = node->first; it; it = it->next) {
		if (!strcmp(it->key->text, key))
			return it;
	}
	return NULL;
}

bool tree_is_null(const struct tree_node *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	if (node->type != TREE_SCALAR || !node->plain)
		return false;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (!strcmp(node->text, words[i]))
			return true;
	}
	return false;
}
