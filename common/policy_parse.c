/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_parse.c - a text of one or more documents becomes policies.
 *
 * All or nothing: the policies of a text are appended together, after its last
 * document was found to be right.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/bind.h"
#include "common/policy.h"
#include "common/scoped.h"
#include "common/tree.h"

DEFINE_SCOPED(tree, struct tree *, tree_free(*it))
DEFINE_SCOPED(reader, struct tree_reader, tree_close(it))
DEFINE_SCOPED(policy, struct weir_policy *, policy_free(*it))
DEFINE_SCOPED(policies, struct weir_policies, policies_clear(it))

static size_t mistakes(const struct weir_errors *errors)
{
	return errors->count + errors->dropped;
}

static int make_policy(struct binder *b, struct weir_policy **out)
{
	const struct tree *tree = b->tree;
	scoped(policy) struct weir_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return -ENOMEM;
	policy->file = strdup(b->reader->file);
	policy->text = strndup(b->reader->text + tree->at, tree->bytes);
	if (!policy->file || !policy->text)
		return -ENOMEM;
	policy->line = tree->line;
	bind_defaults(policy);
	b->policy = policy;
	bind_document(b);
	if (b->out_of_memory)
		return -ENOMEM;
	*out = TAKE_PTR(policy);
	return 0;
}

/* An empty document is no policy, and no mistake. */
static int take_document(const struct tree_reader *reader,
			 const struct tree *tree,
			 struct weir_policies *policies)
{
	struct binder b = {.reader = reader, .tree = tree};
	scoped(policy) struct weir_policy *policy = NULL;
	size_t before = mistakes(reader->errors);
	int err;

	if (!tree->root || tree_is_null(tree->root))
		return 0;
	err = make_policy(&b, &policy);
	if (err || mistakes(reader->errors) > before)
		return err;
	err = policies_append(policies, policy);
	if (!err)
		policy = NULL;
	return err;
}

static int take_documents(struct tree_reader *reader,
			  struct weir_policies *policies)
{
	for (;;) {
		scoped(tree) struct tree *tree = NULL;
		int err = tree_next(reader, &tree);

		if (err || !tree)
			return err;
		err = take_document(reader, tree, policies);
		if (err)
			return err;
	}
}

static int by_place(const void *left, const void *right)
{
	const struct weir_error *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return 0;
}

static int refuse_size(struct weir_errors *errors, const char *file)
{
	struct weir_place place = {.file = file};

	errors_add(errors, &place, "split it into several files",
		   "the text is larger than 1 MiB");
	return -E2BIG;
}

int policies_parse(struct weir_policies *out, struct weir_errors *errors,
		   const char *file, const char *text, size_t bytes)
{
	scoped(reader) struct tree_reader reader = {0};
	scoped(policies) struct weir_policies found = {0};
	size_t count = errors->count, before = mistakes(errors);
	int err;

	if (bytes > POLICY_FILE_BYTES_MAX)
		return refuse_size(errors, file);
	err = tree_open(&reader, file, text, bytes, errors);
	if (!err)
		err = take_documents(&reader, &found);
	qsort(errors->items + count, errors->count - count,
	      sizeof(errors->items[0]), by_place);
	if (err)
		return err;
	if (mistakes(errors) > before)
		return -EINVAL;
	return policies_move(out, &found);
}
