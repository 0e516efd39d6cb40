/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * values.c - the value of every knob of a policy, as a person would write it,
 * and where it was written. From the field table: a new knob needs no line here.
 */
#include <stdio.h>
#include <string.h>

#include "agent/view/parts.h"
#include "agent/view/render.h"
#include "common/fields.h"
#include "common/scan.h"

static const struct policy_position *
find_written(const struct snapshot_service *service, const char *path)
{
	for (size_t i = 0; i < service->position_count; i++)
		if (!strcmp(service->positions[i].path, path))
			return &service->positions[i];
	return NULL;
}

/* `waitDurationInOpenState: 5s` writes the whole block in one place. */
static const struct policy_position *
find_short_form(const struct snapshot_service *service, const char *path)
{
	char parent[128];
	const struct field *block;
	size_t bytes = strlen(path) - strlen(fields_key(fields_find(path)));

	if (!bytes || bytes > sizeof(parent))
		return NULL;
	snprintf(parent, sizeof(parent), "%.*s", (int)bytes - 1, path);
	block = fields_find(parent);
	if (!block || block->type != FIELD_WAIT)
		return NULL;
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))
		if (fields_is_child(f, parent) &&
		    find_written(service, f->path))
			return NULL;
	return find_written(service, parent);
}

static const struct policy_position *
find_position(const struct snapshot_service *service, const char *path)
{
	const struct policy_position *at = find_written(service, path);

	return at ? at : find_short_form(service, path);
}

static json_t *word_of(const struct field *field, int value)
{
	const struct field_word *word = field->words;

	for (; word && word->word; word++)
		if (word->value == value)
			return json_string(word->word);
	return json_null();
}

static json_t *duration_text(uint64_t ns)
{
	char text[64];

	if (!ns)
		return json_null();
	scan_duration_text(ns, text, sizeof(text));
	return json_string(text);
}

/* null: not set, and there is no default. */
static json_t *value_of(const struct field *field, const void *at)
{
	switch (field->type) {
	case FIELD_WORD:
		return word_of(field, *(const int *)at);
	case FIELD_COUNT:
	case FIELD_PERCENT:
		/* What could not be written stands for no limit. */
		return *(const uint32_t *)at == WEIR_NONE ||
				       *(const uint32_t *)at < field->min
			       ? json_null()
			       : json_integer(*(const uint32_t *)at);
	case FIELD_FACTOR:
		return json_real(*(const double *)at);
	case FIELD_DURATION:
		return duration_text(*(const uint64_t *)at);
	default:
		return json_null();
	}
}

/* Below a block that is absent nothing is in force. */
static bool in_force(const struct weir_policy *policy, const char *path)
{
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		size_t bytes = strlen(f->path);

		if (f->type == FIELD_BLOCK && fields_bytes(f) &&
		    !strncmp(path, f->path, bytes) && path[bytes] == '.' &&
		    !*(const bool *)((const char *)policy + f->offset))
			return false;
	}
	return true;
}

#define IS_IN(member, offset)                                \
	((offset) >= offsetof(struct weir_policy, member) && \
	 (offset) < offsetof(struct weir_policy, member) +   \
			    sizeof(((struct weir_policy *)0)->member))

/* Has the snapshot the part of a policy that the row is in? */
static bool is_known(const struct field *f)
{
	return f->type != FIELD_BLOCK && fields_bytes(f) &&
	       (IS_IN(mode, f->offset) || IS_IN(breaker, f->offset) ||
		IS_IN(bulkhead, f->offset) || IS_IN(rate, f->offset));
}

static json_t *values_of(const struct snapshot_service *service)
{
	const struct weir_policy policy = {
		.mode = service->mode,
		.breaker = service->breaker,
		.bulkhead = service->bulkhead,
		.rate = service->rate,
	};
	json_t *values = json_array();

	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		const struct policy_position *at =
			find_position(service, f->path);

		if (!is_known(f) || !in_force(&policy, f->path))
			continue;
		json_array_append_new(
			values,
			json_pack(
				"{s:s, s:o, s:o, s:o}", "path", f->path,
				"value",
				value_of(f, (const char *)&policy + f->offset),
				"line",
				at && at->line ? json_integer(at->line)
					       : json_null(),
				"column",
				at && at->line ? json_integer(at->column)
					       : json_null()));
	}
	return values;
}

void json_add_values(json_t *policies, const struct snapshot *s)
{
	json_t *policy;
	size_t i;

	json_array_foreach (json_object_get(policies, "items"), i, policy) {
		const char *name =
			json_string_value(json_object_get(policy, "name"));
		const struct snapshot_service *service =
			name ? snapshot_find_service(s, name) : NULL;
		bool masked =
			!json_is_null(json_object_get(policy, "overridden_by"));

		json_object_set_new(policy, "values",
				    service && !service->observed && !masked
					    ? values_of(service)
					    : json_array());
	}
}
