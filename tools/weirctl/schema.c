/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schema.c - see schema.h. Planned keys are left out: the parser rejects them.
 */
#include "tools/weirctl/schema.h"

#include <stdbool.h>
#include <string.h>

#include "common/fields.h"
#include "common/policy.h"
#include "common/scan.h"

/* Go's form without a sign, as scan_duration() reads it. */
#define DURATION_PATTERN \
	"^((0|[1-9][0-9]*)(\\.[0-9]+)?(ns|us|\\u00b5s|ms|s|m|h))+$"
#define LABEL_PATTERN "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
#define PORTS_PATTERN "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$"
#define CHILDREN_MAX  64

static json_t *object_schema(const char *path);

static json_t *typed(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *patterned(const char *pattern)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *word_schema(const struct field *field)
{
	json_t *words = json_array();

	for (const struct field_word *w = field->words; w && w->word; w++)
		if (!w->planned)
			json_array_append_new(words, json_string(w->word));
	return json_pack("{s:o}", "enum", words);
}

static json_t *count_schema(const struct field *field)
{
	return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
			 (json_int_t)field->min, "maximum",
			 (json_int_t)field->max);
}

static json_t *factor_schema(const struct field *field)
{
	return json_pack("{s:s, s:f, s:f}", "type", "number", "minimum",
			 field->min, "maximum", field->max);
}

static json_t *duration_schema(const struct field *field)
{
	(void)field;
	return patterned(DURATION_PATTERN);
}

static json_t *wait_schema(const struct field *field)
{
	return json_pack("{s:[o, o]}", "oneOf", patterned(DURATION_PATTERN),
			 object_schema(field->path));
}

static json_t *block_schema(const struct field *field)
{
	return object_schema(field->path);
}

static json_t *list_schema(const struct field *field)
{
	bool clients = strstr(field->path, "clients");
	json_t *items;
	char path[128];

	snprintf(path, sizeof(path), "%s[]", field->path);
	items = object_schema(path);
	/* A client is named in one way. */
	if (clients) {
		json_object_set_new(items, "minProperties", json_integer(1));
		json_object_set_new(items, "maxProperties", json_integer(1));
	}
	return json_pack("{s:s, s:i, s:i, s:o}", "type", "array", "minItems", 1,
			 "maxItems",
			 clients ? (int)POLICY_CLIENTS_MAX
				 : (int)POLICY_DESTINATIONS_MAX,
			 "items", items);
}

static json_t *name_schema(const struct field *field)
{
	(void)field;
	return patterned(LABEL_PATTERN);
}

static json_t *labels_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:s, s:i, s:o}", "type", "object", "maxProperties",
			 (int)POLICY_LABELS_MAX, "additionalProperties",
			 typed("string"));
}

static json_t *ports_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:s, s:i, s:i, s:{s:[{s:s, s:i, s:i}, o]}}", "type",
			 "array", "minItems", 1, "maxItems",
			 (int)POLICY_PORTS_MAX, "items", "oneOf", "type",
			 "integer", "minimum", 1, "maximum", 65535,
			 patterned(PORTS_PATTERN));
}

static json_t *text_schema(const struct field *field)
{
	(void)field;
	return typed("string");
}

static json_t *user_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:[s, s]}", "type", "string", "integer");
}

static json_t *(*const makers[FIELD_TYPES])(const struct field *) = {
	[FIELD_BLOCK] = block_schema,	    [FIELD_LIST] = list_schema,
	[FIELD_WORD] = word_schema,	    [FIELD_NAME] = name_schema,
	[FIELD_LABELS] = labels_schema,	    [FIELD_COUNT] = count_schema,
	[FIELD_PERCENT] = count_schema,	    [FIELD_FACTOR] = factor_schema,
	[FIELD_DURATION] = duration_schema, [FIELD_WAIT] = wait_schema,
	[FIELD_ADDRESS] = text_schema,	    [FIELD_PORTS] = ports_schema,
	[FIELD_UNIT] = text_schema,	    [FIELD_CGROUP] = text_schema,
	[FIELD_USER] = user_schema,	    [FIELD_NETWORK] = text_schema,
};

/* The default as its own type: 50 is a number, 10s a text. */
static json_t *default_of(const struct field *field)
{
	double number;

	if ((field->type == FIELD_COUNT || field->type == FIELD_PERCENT) &&
	    !scan_decimal(field->initial, &number))
		return json_integer((json_int_t)number);
	if (field->type == FIELD_FACTOR &&
	    !scan_decimal(field->initial, &number))
		return json_real(number);
	return json_string(field->initial);
}

static json_t *field_schema(const struct field *field)
{
	json_t *schema = makers[field->type](field);

	json_object_set_new(schema, "description", json_string(field->help));
	if (field->initial)
		json_object_set_new(schema, "default", default_of(field));
	return schema;
}

/* The supported key that may stand for a required one, or NULL. */
static const struct field *alternative(const struct field *field,
				       const struct field **children,
				       size_t count)
{
	for (size_t i = 0; field->instead && i < count; i++)
		if (!children[i]->planned &&
		    !strcmp(fields_key(children[i]), field->instead))
			return children[i];
	return NULL;
}

static void require(json_t *schema, json_t *required, const struct field *field,
		    const struct field *opt_instead)
{
	if (!opt_instead) {
		json_array_append_new(required, json_string(fields_key(field)));
		return;
	}
	json_object_set_new(schema, "allOf",
			    json_pack("[{s:[{s:[s]}, {s:[s]}]}]", "oneOf",
				      "required", fields_key(field), "required",
				      fields_key(opt_instead)));
}

static json_t *object_schema(const char *path)
{
	const struct field *children[CHILDREN_MAX];
	size_t count = fields_children(path, children, CHILDREN_MAX);
	json_t *properties = json_object(), *required = json_array();
	json_t *schema =
		json_pack("{s:s, s:O, s:b}", "type", "object", "properties",
			  properties, "additionalProperties", 0);

	for (size_t i = 0; i < count; i++) {
		if (children[i]->planned)
			continue;
		json_object_set_new(properties, fields_key(children[i]),
				    field_schema(children[i]));
		if (children[i]->required)
			require(schema, required, children[i],
				alternative(children[i], children, count));
	}
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(properties);
	json_decref(required);
	return schema;
}

json_t *schema_make(void)
{
	json_t *schema = json_pack(
		"{s:s, s:s, s:s}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title",
		"ResiliencePolicy of Weir (weir/v1)", "description",
		"One document is one policy: what may happen to connections "
		"that belong to one service.");
	json_t *document = object_schema("");

	json_object_update(schema, document);
	json_decref(document);
	return schema;
}
