/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind_values.c - reads words, names and labels, and picks the reader of
 * every other value by the type of its field.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bind.h"
#include "common/count_of.h"
#include "common/scan.h"
#include "common/synonyms.h"

/* A copy the policy owns; remembers when there was no memory. */
char *bind_copy(struct binder *b, const char *text)
{
	char *owned = strdup(text);

	b->out_of_memory |= !owned;
	return owned;
}
static bool looks_typed(const struct tree_node *node)
{
	static const char *const words[] = {"true",  "false", "True",
					    "False", "TRUE",  "FALSE"};
	double unused;

	if (!node->plain)
		return false;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (!strcmp(node->text, words[i]))
			return true;
	}
	return !scan_decimal(node->text, &unused);
}

static const struct field_word *find_word(const struct field *field,
					  const char *text)
{
	for (const struct field_word *it = field->words; it->word; it++) {
		if (!strcmp(it->word, text))
			return it;
	}
	return NULL;
}

static void reject_word(struct binder *b, const struct bind_value *value)
{
	const char *nearest = NULL;
	char valid[BIND_HINT_BYTES] = "", hint[BIND_HINT_BYTES];
	unsigned distance = 3;
	size_t used = 0;

	for (const struct field_word *it = value->field->words; it->word;
	     it++) {
		unsigned found =
			synonyms_distance(bind_text_of(value), it->word);

		if (it->planned)
			continue;
		used += (size_t)snprintf(valid + used, sizeof(valid) - used,
					 "%s%s", used ? ", " : "", it->word);
		if (found < distance ||
		    !strcasecmp(bind_text_of(value), it->word)) {
			distance = found;
			nearest = it->word;
		}
	}
	snprintf(hint, sizeof(hint), "did you mean %s?",
		 nearest ? nearest : "");
	BIND_REJECT(b, value, nearest ? hint : value->field->help,
		    "%s: %.60s is not %s%s", bind_key_of(value),
		    bind_text_of(value), strchr(valid, ',') ? "one of " : "",
		    valid);
}

void bind_word(struct binder *b, const struct bind_value *value)
{
	const struct field_word *word;

	if (!bind_is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	word = find_word(value->field, bind_text_of(value));
	if (!word)
		reject_word(b, value);
	else if (word->planned)
		BIND_REJECT(b, value, NULL, "%s: %s: not supported yet",
			    value->shown, word->word);
	else if (fields_bytes(value->field))
		*(int *)bind_stored(value) = word->value;
}
static bool reject_typed(struct binder *b, const struct bind_value *value)
{
	char hint[BIND_HINT_BYTES];

	if (!bind_is_text(value)) {
		bind_wrong_type(b, value);
		return true;
	}
	if (!looks_typed(value->node))
		return false;
	snprintf(hint, sizeof(hint), "quote it: \"%.60s\"",
		 bind_text_of(value));
	BIND_REJECT(b, value, hint, "%s: %.60s is not a text",
		    bind_key_of(value), bind_text_of(value));
	return true;
}

void bind_name(struct binder *b, const struct bind_value *value)
{
	if (reject_typed(b, value))
		return;
	if (!scan_is_label(bind_text_of(value))) {
		BIND_REJECT(b, value,
			    "1 to 63 of a-z, 0-9 and -, none of - at its ends",
			    "%s: %.80s is not an RFC 1123 label",
			    bind_key_of(value), bind_text_of(value));
		return;
	}
	b->policy->name = bind_copy(b, bind_text_of(value));
}

bool bind_is_plain(const char *text, const char *more, size_t max)
{
	size_t bytes = strlen(text);

	for (const char *it = text; *it; it++) {
		if (!isalnum((unsigned char)*it) && !strchr(more, *it))
			return false;
	}
	return bytes <= max;
}

static void bind_label(struct binder *b, const struct bind_value *value,
		       const struct tree_node *node)
{
	struct bind_value label = *value;
	const char *key = node->key->text;
	char *text;

	label.node = node;
	if (node->type == TREE_BROKEN || reject_typed(b, &label))
		return;
	if (!*key || !bind_is_plain(key, "-_./", 63) ||
	    !bind_is_plain(node->text, "-_.", 63)) {
		BIND_REJECT(b, &label,
			    "up to 63 letters, digits, - _ and .; / in the key",
			    "labels: %.60s: not a label", key);
		return;
	}
	if (asprintf(&text, "%s=%s", key, node->text) < 0) {
		b->out_of_memory = true;
		return;
	}
	b->policy->labels[b->policy->label_count++] = text;
}

void bind_labels(struct binder *b, const struct bind_value *value)
{
	const struct tree_node *it = value->node->first;

	if (value->node->type != TREE_MAPPING) {
		bind_wrong_type(b, value);
		return;
	}
	if (value->node->count > POLICY_LABELS_MAX) {
		BIND_REJECT(b, value, NULL, "labels: more than %u",
			    POLICY_LABELS_MAX);
		return;
	}
	for (; it; it = it->next)
		bind_label(b, value, it);
}

static bind_function *const functions[FIELD_TYPES] = {
	[FIELD_WORD] = bind_word,	  [FIELD_NAME] = bind_name,
	[FIELD_LABELS] = bind_labels,	  [FIELD_COUNT] = bind_count,
	[FIELD_PERCENT] = bind_count,	  [FIELD_FACTOR] = bind_factor,
	[FIELD_DURATION] = bind_duration, [FIELD_WAIT] = bind_wait,
	[FIELD_ADDRESS] = bind_address,	  [FIELD_PORTS] = bind_ports,
	[FIELD_UNIT] = bind_unit,	  [FIELD_CGROUP] = bind_cgroup,
	[FIELD_USER] = bind_user,	  [FIELD_NETWORK] = bind_network,
};

void bind_leaf(struct binder *b, const struct bind_value *value)
{
	bool was_broken = b->broken[fields_index(value->field)];

	functions[value->field->type](b, value);
	if (!was_broken && !b->broken[fields_index(value->field)])
		bind_position(b, value);
}

/* The same scanners as for a policy; a bad row fails the unit tests. */
static void set_default(const struct field *field, void *at)
{
	const struct field_word *word;
	uint64_t number = 0;

	switch (field->type) {
	case FIELD_WORD:
		word = find_word(field, field->initial);
		*(int *)at = word ? word->value : 0;
		break;
	case FIELD_DURATION:
		scan_duration(field->initial, at);
		break;
	case FIELD_FACTOR:
		scan_decimal(field->initial, at);
		break;
	default:
		if (!scan_count(field->initial, &number))
			*(uint32_t *)at = (uint32_t)number;
	}
}

void bind_defaults(struct weir_policy *policy)
{
	policy->bulkhead.connections_max = WEIR_NONE;
	policy->bulkhead.endpoint_connections_max = WEIR_NONE;
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		if (f->initial && fields_bytes(f))
			set_default(f, (char *)policy + f->offset);
	}
}
