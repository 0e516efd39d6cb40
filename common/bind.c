/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind.c - walks a document along the field table.
 *
 * Nothing stops at the first mistake: a value that cannot be used keeps its
 * default, is marked broken, and the walk goes on, so that one run of lint
 * shows everything there is to correct.
 */
#include "common/bind.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/count_of.h"
#include "common/scan.h"
#include "common/synonyms.h"

#define CHILDREN_MAX 32u

static bool is_visible(const struct tree_node *node)
{
	return !tree_is_null(node) || *node->text;
}

void bind_error(struct binder *b, const struct tree_node *node,
		const char *hint, const char *format, ...)
{
	const struct tree_node *at = node;
	struct weir_place place = {
		.file = b->reader->file,
		.text = b->reader->text,
		.text_bytes = b->reader->bytes,
	};
	char message[512];
	va_list values;

	/* A block starts at its first key; its own key says more. */
	if (node->key && (!is_visible(node) ||
			  (node->type != TREE_SCALAR && node->length == 1)))
		at = node->key;
	place.line = at->line;
	place.column = at->column;
	place.length = at->length;
	va_start(values, format);
	vsnprintf(message, sizeof(message), format, values);
	va_end(values);
	errors_add(b->reader->errors, &place, hint, "%s", message);
}

void bind_position(struct binder *b, const struct bind_value *value)
{
	struct weir_policy *policy = b->policy;

	/* Items of a list have many places and carry their own. */
	if (strchr(value->field->path, '['))
		return;
	if (policy->position_count == POLICY_POSITIONS_MAX)
		return;
	policy->positions[policy->position_count++] = (struct policy_position){
		.path = value->field->path,
		.line = value->node->line,
		.column = value->node->column,
	};
}

static const char *describe_node(const struct tree_node *node)
{
	double unused;

	if (node->type == TREE_MAPPING)
		return "a block of keys";
	if (node->type == TREE_SEQUENCE)
		return "a list";
	if (tree_is_null(node))
		return "nothing";
	if (node->plain && !scan_decimal(node->text, &unused))
		return "a number";
	return "a text";
}

void bind_wrong_type(struct binder *b, const struct bind_value *value)
{
	const struct field *field = value->field;
	char hint[128] = "";

	if (field->example)
		snprintf(hint, sizeof(hint), "for example %s: %s",
			 fields_key(field), field->example);
	BIND_REJECT(b, value, *hint ? hint : NULL, "%s: %s where %s belongs",
		    fields_key(field), describe_node(value->node),
		    fields_type_name(field->type));
}

static void reject_unknown(struct binder *b, const char *path,
			   const char *shown, const struct tree_node *node)
{
	char hint[SYNONYMS_HINT_BYTES];

	synonyms_suggest(path, node->key->text, hint, sizeof(hint));
	if (*shown)
		bind_error(b, node->key, hint, "%s: unknown key in %s",
			   node->key->text, shown);
	else
		bind_error(b, node->key, hint, "%s: unknown key",
			   node->key->text);
}

static void bind_block(struct binder *b, const struct bind_value *value);
static bool fill_list(struct binder *b, const struct bind_value *value);

static void bind_field(struct binder *b, const struct bind_value *value)
{
	const struct tree_node *node = value->node;

	if (node->type == TREE_BROKEN) {
		b->broken[fields_index(value->field)] = true;
		return;
	}
	if (value->field->planned) {
		bind_error(b, node->key, NULL, "%s: not supported yet",
			   value->shown);
		return;
	}
	if (node->type == TREE_MAPPING && (value->field->type == FIELD_BLOCK ||
					   value->field->type == FIELD_WAIT)) {
		bind_block(b, value);
	} else if (value->field->type == FIELD_BLOCK) {
		bind_wrong_type(b, value);
	} else if (value->field->type == FIELD_LIST) {
		if (!fill_list(b, value))
			bind_wrong_type(b, value);
	} else {
		bind_leaf(b, value);
	}
}

/* One key of a mapping at `path`, which is `shown` to people. */
static void bind_key(struct binder *b, const char *path, const char *shown,
		     const struct tree_node *node, void *base)
{
	const char *dot = *path ? "." : "";
	char row[BIND_SHOWN_BYTES], full[BIND_SHOWN_BYTES];
	struct bind_value value = {
		.node = node,
		.base = base,
		.shown = full,
	};

	snprintf(row, sizeof(row), "%s%s%s", path, dot, node->key->text);
	snprintf(full, sizeof(full), "%s%s%s", shown, dot, node->key->text);
	value.field = fields_find(row);
	/* A key that holds dots may spell the path of a row elsewhere. */
	if (!value.field || !fields_is_child(value.field, path))
		reject_unknown(b, path, shown, node);
	else
		bind_field(b, &value);
}

static void require(struct binder *b, const struct field *field,
		    const char *shown, const struct tree_node *node)
{
	const struct tree_node *instead = NULL;
	char hint[160];

	if (field->instead)
		instead = tree_get(node, field->instead);
	if (tree_get(node, fields_key(field))) {
		if (instead)
			bind_error(b, instead->key, "one service, one place",
				   "%s and %s: write one of them",
				   fields_key(field), field->instead);
		return;
	}
	b->broken[fields_index(field)] = true;
	if (instead)
		return;
	snprintf(hint, sizeof(hint), "add %s: %s", fields_key(field),
		 field->example);
	if (*shown)
		bind_error(b, node, hint, "%s: %s is missing", shown,
			   fields_key(field));
	else
		bind_error(b, node, hint, "%s is missing", fields_key(field));
}

/* Binds the keys of `node` by the rows below `path`. */
static void bind_mapping(struct binder *b, const char *path, const char *shown,
			 const struct tree_node *node, void *base)
{
	const struct field *rows[CHILDREN_MAX];
	size_t count = fields_children(path, rows, CHILDREN_MAX);

	for (const struct tree_node *it = node->first; it; it = it->next)
		bind_key(b, path, shown, it, base);
	for (size_t i = 0; i < count; i++) {
		if (rows[i]->required)
			require(b, rows[i], shown, node);
	}
}

static void bind_block(struct binder *b, const struct bind_value *value)
{
	if (value->field->offset != FIELDS_NOT_STORED)
		*(bool *)((char *)value->base + value->field->offset) = true;
	bind_position(b, value);
	bind_mapping(b, value->field->path, value->shown, value->node,
		     value->base);
}

/* A client is named in exactly one way. */
static void finish_client(struct binder *b, const struct tree_node *node,
			  const char *shown, void *item)
{
	const struct policy_client *client = item;

	if (node->count == 1)
		return;
	if (!node->count)
		bind_error(b, node, "for example {systemdUnit: orders.service}",
			   "%s: names nobody", shown);
	else if (client->pattern)
		bind_error(b, node, "write one item for each",
			   "%s: more than one key", shown);
}

static void finish_destination(struct binder *b, const struct tree_node *node,
			       const char *shown, void *item)
{
	(void)b;
	(void)node;
	(void)shown;
	(void)item;
}

/* What the items of a list become. */
struct list_kind {
	const char *path;
	size_t items; /* offset of the array in struct weir_policy */
	size_t count; /* offset of its length */
	size_t bytes; /* of one item */
	size_t line;  /* offsets of its place in an item */
	size_t column;
	size_t max;
	const char *empty; /* hint for a list without items */
	void (*finish)(struct binder *b, const struct tree_node *node,
		       const char *shown, void *item);
};

static const struct list_kind list_kinds[] = {
	{
		.path = "spec.service.destinations",
		.items = offsetof(struct weir_policy, destinations),
		.count = offsetof(struct weir_policy, destination_count),
		.bytes = sizeof(struct policy_destination),
		.line = offsetof(struct policy_destination, line),
		.column = offsetof(struct policy_destination, column),
		.max = POLICY_DESTINATIONS_MAX,
		.empty = "name at least one destination",
		.finish = finish_destination,
	},
	{
		.path = "spec.service.listen",
		.items = offsetof(struct weir_policy, listen),
		.count = offsetof(struct weir_policy, listen_count),
		.bytes = sizeof(struct policy_destination),
		.line = offsetof(struct policy_destination, line),
		.column = offsetof(struct policy_destination, column),
		.max = POLICY_DESTINATIONS_MAX,
		.empty = "name at least one address",
		.finish = finish_destination,
	},
	{
		.path = "spec.service.clients",
		.items = offsetof(struct weir_policy, clients),
		.count = offsetof(struct weir_policy, client_count),
		.bytes = sizeof(struct policy_client),
		.line = offsetof(struct policy_client, line),
		.column = offsetof(struct policy_client, column),
		.max = POLICY_CLIENTS_MAX,
		.empty = "leave clients out to govern everyone",
		.finish = finish_client,
	},
	{
		.path = "spec.access.allow",
		.items = offsetof(struct weir_policy, allowed),
		.count = offsetof(struct weir_policy, allowed_count),
		.bytes = sizeof(struct policy_client),
		.line = offsetof(struct policy_client, line),
		.column = offsetof(struct policy_client, column),
		.max = POLICY_CLIENTS_MAX,
		.empty = "leave access out to let everyone in",
		.finish = finish_client,
	},
};

static const struct list_kind *find_list(const struct field *field)
{
	for (size_t i = 0; i < COUNT_OF(list_kinds); i++) {
		if (!strcmp(list_kinds[i].path, field->path))
			return &list_kinds[i];
	}
	return NULL;
}

static void bind_item(struct binder *b, const struct bind_value *value,
		      const struct list_kind *kind,
		      const struct tree_node *node, size_t index, void *item)
{
	char path[BIND_SHOWN_BYTES], shown[BIND_SHOWN_BYTES];

	snprintf(path, sizeof(path), "%s[]", kind->path);
	snprintf(shown, sizeof(shown), "%s[%zu]", value->shown, index);
	*(unsigned *)((char *)item + kind->line) = node->line;
	*(unsigned *)((char *)item + kind->column) = node->column;
	if (node->type == TREE_BROKEN)
		return;
	if (node->type != TREE_MAPPING) {
		char hint[128];

		snprintf(hint, sizeof(hint), "for example %s: %s",
			 fields_key(value->field), value->field->example);
		bind_error(b, node, hint,
			   "%s: %s where a block of keys belongs", shown,
			   describe_node(node));
		return;
	}
	bind_mapping(b, path, shown, node, item);
	kind->finish(b, node, shown, item);
}

/* False when the node is no list. */
static bool fill_list(struct binder *b, const struct bind_value *value)
{
	const struct list_kind *kind = find_list(value->field);
	char *policy = (char *)b->policy, *items;
	size_t i = 0;

	if (value->node->type != TREE_SEQUENCE)
		return false;
	if (!value->node->count || value->node->count > kind->max) {
		BIND_REJECT(b, value, value->node->count ? NULL : kind->empty,
			    "%s: %zu items, not 1..%zu",
			    fields_key(value->field), value->node->count,
			    kind->max);
		return true;
	}
	bind_position(b, value);
	items = calloc(value->node->count, kind->bytes);
	if (!items) {
		b->out_of_memory = true;
		return true;
	}
	*(void **)(policy + kind->items) = items;
	*(size_t *)(policy + kind->count) = value->node->count;
	for (const struct tree_node *it = value->node->first; it; it = it->next)
		bind_item(b, value, kind, it, i, items + i * kind->bytes), i++;
	return true;
}

void bind_document(struct binder *b)
{
	const struct tree_node *root = b->tree->root;

	if (root->type == TREE_MAPPING)
		bind_mapping(b, "", "", root, b->policy);
	else if (root->type != TREE_BROKEN)
		bind_error(b, root, "it begins with apiVersion: weir/v1",
			   "%s where a policy belongs", describe_node(root));
	bind_rules(b);
}
