/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tree.h - YAML text as a tree of nodes that know where they stand.
 *
 * The strict subset policies are written in: no aliases, anchors, tags or
 * merge keys, no duplicate keys, bounded depth and size. libyaml's events are
 * used instead of its documents, because those have forgotten which anchors
 * and aliases the text held.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define TREE_NODES_MAX 65536u /* of one document */
#define TREE_KEYS_MAX  128u   /* of one mapping */

enum tree_type {
	TREE_SCALAR,
	TREE_MAPPING,
	TREE_SEQUENCE,
	TREE_BROKEN, /* its mistake has been reported already */
};

struct tree_node {
	enum tree_type type;
	char *text; /* TREE_SCALAR, without quotes; never NULL there */
	bool plain; /* written without quotes */
	unsigned line, column;
	unsigned length;       /* characters on its first line */
	struct tree_node *key; /* when its parent is a mapping */
	struct tree_node *first, *last, *next;
	size_t count;		 /* children */
	struct tree_node *chain; /* every node of the tree, for tree_free() */
};

struct tree {
	struct tree_node *root; /* NULL: an empty document */
	struct tree_node *chain;
	size_t nodes;
	unsigned line; /* of `text` */
	size_t at;     /* the document as written: [at, at + bytes) */
	size_t bytes;
};

/* A file being read; tree_open() fills it. */
struct tree_reader {
	const char *file;
	const char *text;
	size_t bytes;
	struct weir_errors *errors;
	void *parser;  /* libyaml's */
	size_t mark;   /* characters before `offset` */
	size_t offset; /* bytes */
	unsigned line; /* at line_offset */
	size_t line_offset;
};

/*
 * Starts reading. -EINVAL with errors when the text is not text (NUL bytes,
 * control characters, malformed UTF-8), -ENOMEM. `file`, `text` and `errors`
 * are borrowed. Always tree_close() it.
 */
int tree_open(struct tree_reader *reader, const char *file, const char *text,
	      size_t bytes, struct weir_errors *errors);

void tree_close(struct tree_reader *reader);

/*
 * The next document; *out is NULL after the last. Mistakes that leave a tree
 * to look at are only added to the errors. -EINVAL: one was reported after
 * which the text cannot be read on; -ENOMEM.
 */
int tree_next(struct tree_reader *reader, struct tree **out);

void tree_free(struct tree *tree);

/* The value of a key, or NULL. `node` may be NULL or no mapping. */
struct tree_node *tree_get(const struct tree_node *node, const char *key);

/* True for a plain scalar that means nothing: empty, ~ or null. */
bool tree_is_null(const struct tree_node *node);
