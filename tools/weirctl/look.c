/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * look.c - see look.h.
 */
#include "tools/weirctl/look.h"

#include <math.h>
#include <string.h>

json_t *look_at(const json_t *object, const char *path)
{
	json_t *found = NULL;

	while (*path) {
		size_t bytes = strcspn(path, ".");
		char key[64];

		if (bytes >= sizeof(key))
			return NULL;
		memcpy(key, path, bytes);
		key[bytes] = '\0';
		object = found = json_object_get(object, key);
		path += bytes + (path[bytes] == '.');
	}
	return found;
}

const char *look_text(const json_t *object, const char *path)
{
	return json_string_value(look_at(object, path));
}

const char *look_text_or_empty(const json_t *object, const char *path)
{
	const char *text = look_text(object, path);

	return text ? text : "";
}

double look_number(const json_t *object, const char *path)
{
	const json_t *value = look_at(object, path);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

json_int_t look_count(const json_t *object, const char *path)
{
	return json_integer_value(look_at(object, path));
}

bool look_true(const json_t *object, const char *path)
{
	return json_is_true(look_at(object, path));
}

size_t look_size(const json_t *object, const char *path)
{
	const json_t *value = look_at(object, path);

	return json_is_object(value) ? json_object_size(value)
				     : json_array_size(value);
}

json_t *look_named(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (!strcmp(look_text_or_empty(item, "name"), name))
			return item;
	return NULL;
}
