/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * told.h - what a `why` tells, for tests of its lines.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/view/render.h"
#include "common/scoped.h"
#include "common/text.h"
#include "tests/unit/rich.h"

DEFINE_SCOPED(json, json_t *, json_decref(*it))

static inline int make_rich(void **state)
{
	*state = rich_snapshot();
	return 0;
}

static inline int free_rich(void **state)
{
	snapshot_free(*state);
	return 0;
}

/* "label: text" lines, as a reader sees them. */
static inline char *tell(const struct snapshot *s, const char *name)
{
	scoped(json) json_t *why = json_why(s, name);
	struct text text = {0};
	json_t *line;
	size_t i;

	assert_non_null(why);
	json_array_foreach (json_object_get(why, "lines"), i, line)
		text_add(&text, "%s: %s\n",
			 json_string_value(json_object_get(line, "label")),
			 json_string_value(json_object_get(line, "text")));
	return text_take(&text, NULL);
}

static inline void assert_told(const struct snapshot *s, const char *name,
			       const char *const *parts, size_t count)
{
	scoped(text) char *text = tell(s, name);

	for (size_t i = 0; i < count; i++)
		if (!strstr(text, parts[i]))
			fail_msg("'%s' is not in:\n%s", parts[i], text);
}

#define ASSERT_TOLD(s, name, ...)                                \
	do {                                                     \
		const char *const parts_[] = {__VA_ARGS__};      \
		assert_told(s, name, parts_,                     \
			    sizeof(parts_) / sizeof(parts_[0])); \
	} while (0)

/* No line of this label. */
static inline void assert_untold(const struct snapshot *s, const char *name,
				 const char *label)
{
	scoped(text) char *text = tell(s, name);
	char start[64];

	snprintf(start, sizeof(start), "\n%s: ", label);
	if (strstr(text, start))
		fail_msg("'%s' is told in:\n%s", label, text);
}
