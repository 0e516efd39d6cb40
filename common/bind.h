/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind.h - from a tree of YAML nodes to one struct weir_policy.
 *
 * bind.c walks blocks and lists by the field table; bind_values.c,
 * bind_numbers.c and bind_service.c read what stands at their ends;
 * bind_rules.c compares fields with each other. For use by these and
 * policy_parse.c only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/fields.h"
#include "common/policy.h"
#include "common/tree.h"

#define BIND_FIELDS_MAX	 128u
#define BIND_HINT_BYTES	 256u
#define BIND_SHOWN_BYTES 160u

/* One document being bound. */
struct binder {
	const struct tree_reader *reader;
	const struct tree *tree;
	struct weir_policy *policy;
	/* Rows whose value could not be used: they are not compared. */
	bool broken[BIND_FIELDS_MAX];
	bool out_of_memory;
};

/* One value: its row, its node, and the struct `offset` counts from. */
struct bind_value {
	const struct field *field;
	const struct tree_node *node;
	void *base;
	const char *shown; /* "spec.service.destinations[0].ports" */
};

/* Fills the policy with the defaults of the table. */
void bind_defaults(struct weir_policy *policy);

/* Binds the document into b->policy; every mistake is added to the errors. */
void bind_document(struct binder *b);

typedef void bind_function(struct binder *b, const struct bind_value *value);

/* One a type of field: reads the value, or says what is wrong with it. */
bind_function bind_count, bind_factor, bind_duration, bind_wait;
bind_function bind_address, bind_ports, bind_unit, bind_cgroup, bind_user;
bind_function bind_network;
bind_function bind_word, bind_name, bind_labels;

/* Reads one value that is neither block nor list of blocks. */
void bind_leaf(struct binder *b, const struct bind_value *value);

/* What can only be said about several fields together. */
void bind_rules(struct binder *b);

/* Adds a mistake at a node (its key, when the value is not visible). */
void bind_error(struct binder *b, const struct tree_node *node,
		const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* As bind_error(), and the row is marked broken. */
#define BIND_REJECT(b, value, hint, ...)                   \
	((b)->broken[fields_index((value)->field)] = true, \
	 bind_error((b), (value)->node, (hint), __VA_ARGS__))

/* "failureRateThreshold: a list where a percentage belongs". */
void bind_wrong_type(struct binder *b, const struct bind_value *value);

/* Remembers where a value was written. */
void bind_position(struct binder *b, const struct bind_value *value);

/* The last part of the value's path: "ports". */
static inline const char *bind_key_of(const struct bind_value *value)
{
	return fields_key(value->field);
}

static inline const char *bind_text_of(const struct bind_value *value)
{
	return value->node->text;
}

static inline void *bind_stored(const struct bind_value *value)
{
	return (char *)value->base + value->field->offset;
}

static inline bool bind_is_text(const struct bind_value *value)
{
	return value->node->type == TREE_SCALAR && !tree_is_null(value->node);
}

/* A copy the policy owns; remembers when there was no memory. */
char *bind_copy(struct binder *b, const char *text);

/* Nothing but ASCII letters, digits and `more`, at most `max` bytes. */
bool bind_is_plain(const char *text, const char *more, size_t max);
