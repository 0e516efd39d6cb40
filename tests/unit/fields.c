/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fields.c - the table of the language agrees with itself: what it shows as an
 * example or a default, the binder takes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bind.h"
#include "common/fields.h"
#include "common/scan.h"
#include "tests/unit/compose.h"
#include "tests/unit/lang.h"

#define EACH(f) \
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))

static void parents_stand_before_their_children(void **state)
{
	(void)state;
	EACH(f)
	{
		char parent[128];
		const struct field *above;
		size_t bytes = (size_t)(fields_key(f) - f->path);

		if (!bytes)
			continue;
		bytes -= f->path[bytes - 2] == ']' ? 3 : 1;
		snprintf(parent, sizeof(parent), "%.*s", (int)bytes, f->path);
		above = fields_find(parent);
		if (!above || above >= f)
			fail_msg("%s: no %s before it", f->path, parent);
		assert_true(above->type == FIELD_BLOCK ||
			    above->type == FIELD_LIST ||
			    above->type == FIELD_WAIT);
		assert_int_equal(above->type == FIELD_LIST,
				 f->path[bytes] == '[');
		assert_false(above->planned);
	}
}

static void no_path_is_there_twice(void **state)
{
	size_t count = 0;

	(void)state;
	EACH(f)
	{
		assert_ptr_equal(fields_find(f->path), f);
		assert_int_equal(fields_index(f), count++);
	}
	assert_int_equal(count, fields_count());
	assert_true(count <= BIND_FIELDS_MAX);
	assert_null(fields_find("spec.nothing"));
	assert_null(fields_find(""));
}

static void every_row_is_explained(void **state)
{
	(void)state;
	EACH(f)
	{
		if (!f->help || !*f->help)
			fail_msg("%s: no help", f->path);
		if (f->planned)
			continue;
		if (!f->example || !*f->example)
			fail_msg("%s: no example", f->path);
		/* What happens without it: required, a default, or words. */
		if (f->required + (f->initial != NULL) + (f->unset != NULL) !=
		    1)
			fail_msg("%s: one of required, initial, unset",
				 f->path);
		assert_non_null(fields_type_name(f->type));
		if (f->type == FIELD_WORD)
			assert_non_null(f->words);
	}
}

/* A row that is planned says nothing that would have to be kept. */
static void planned_rows_promise_nothing(void **state)
{
	(void)state;
	EACH(f)
	{
		if (!f->planned)
			continue;
		assert_null(f->initial);
		assert_false(f->required);
		assert_int_equal(f->offset, FIELDS_NOT_STORED);
	}
}

static void every_example_binds(void **state)
{
	(void)state;
	EACH(f)
	{
		char text[COMPOSE_BYTES];

		if (f->planned)
			continue;
		compose(text, f->path, f->example);
		scoped(reading) struct reading r = lang_accept(text);
		assert_int_equal(r.policies.count, 1);
	}
}

/* Written out or left away: a default is the same value. */
static void every_default_binds_to_itself(void **state)
{
	size_t looked_at = 0;

	(void)state;
	EACH(f)
	{
		struct weir_policy defaults = {0};
		char text[COMPOSE_BYTES];

		if (!f->initial)
			continue;
		compose(text, f->path, f->initial);
		scoped(reading) struct reading r = lang_accept(text);
		if (!fields_bytes(f))
			continue;
		bind_defaults(&defaults);
		assert_memory_equal((char *)r.policies.items[0] + f->offset,
				    (char *)&defaults + f->offset,
				    fields_bytes(f));
		looked_at++;
	}
	assert_true(looked_at > 15);
}

/* The words a default of a whole block is told in. */
static void a_block_is_told_with_its_children_s_defaults(void **state)
{
	static const char *const blocks[] = {
		"spec.circuitBreaker.slidingWindow",
		"spec.circuitBreaker.waitDurationInOpenState",
		"spec.circuitBreaker.onOpen",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(blocks); i++) {
		const struct field *rows[16];
		const struct field *block = fields_find(blocks[i]);
		size_t count = fields_children(blocks[i], rows, 16);

		for (size_t k = 0; k < count; k++) {
			char told[96];

			snprintf(told, sizeof(told), "%s: %s",
				 fields_key(rows[k]),
				 rows[k]->initial ? rows[k]->initial : "");
			/* keep is nothing that happens: it is not told. */
			if (rows[k]->planned ||
			    !strcmp(rows[k]->initial, "keep"))
				continue;
			if (!strstr(block->unset, told))
				fail_msg("%s: %s", blocks[i], told);
		}
	}
}

static void stored_values_do_not_overlap(void **state)
{
	static bool taken[sizeof(struct weir_policy)];

	(void)state;
	EACH(f)
	{
		for (size_t i = 0; i < fields_bytes(f); i++) {
			if (taken[f->offset + i])
				fail_msg("%s overlaps", f->path);
			taken[f->offset + i] = true;
		}
	}
}

static void ranges_hold_their_examples_and_defaults(void **state)
{
	(void)state;
	EACH(f)
	{
		const char *const texts[] = {f->example, f->initial};

		if (f->type != FIELD_COUNT && f->type != FIELD_PERCENT &&
		    f->type != FIELD_FACTOR)
			continue;
		assert_true(f->min < f->max);
		for (size_t i = 0; i < ROWS(texts); i++) {
			double value;

			if (!texts[i])
				continue;
			assert_int_equal(scan_decimal(texts[i], &value), 0);
			assert_true(value >= f->min && value <= f->max);
		}
	}
}

static void children_are_listed_supported_ones_first(void **state)
{
	const struct field *rows[32];
	size_t count = fields_children("spec", rows, 32);
	bool planned = false;

	(void)state;
	assert_int_equal(count, 9);
	for (size_t i = 0; i < count; i++) {
		assert_true(fields_is_child(rows[i], "spec"));
		assert_false(planned && !rows[i]->planned);
		planned |= rows[i]->planned;
	}
	assert_int_equal(fields_children("spec", rows, 2), 2);
	assert_int_equal(fields_children("spec.mode", rows, 32), 0);
	assert_int_equal(fields_children("", rows, 32), 4);
	assert_string_equal(rows[0]->path, "apiVersion");
}

static void a_grandchild_is_no_child(void **state)
{
	const struct field *mode = fields_find("spec.mode");
	const struct field *ports =
		fields_find("spec.service.destinations[].ports");

	(void)state;
	assert_true(fields_is_child(mode, "spec"));
	assert_false(fields_is_child(mode, ""));
	assert_false(fields_is_child(mode, "metadata"));
	assert_true(fields_is_child(ports, "spec.service.destinations[]"));
	assert_false(fields_is_child(ports, "spec.service"));
	assert_string_equal(fields_key(ports), "ports");
	assert_string_equal(fields_key(fields_find("kind")), "kind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents_stand_before_their_children),
		cmocka_unit_test(no_path_is_there_twice),
		cmocka_unit_test(every_row_is_explained),
		cmocka_unit_test(planned_rows_promise_nothing),
		cmocka_unit_test(every_example_binds),
		cmocka_unit_test(every_default_binds_to_itself),
		cmocka_unit_test(a_block_is_told_with_its_children_s_defaults),
		cmocka_unit_test(stored_values_do_not_overlap),
		cmocka_unit_test(ranges_hold_their_examples_and_defaults),
		cmocka_unit_test(children_are_listed_supported_ones_first),
		cmocka_unit_test(a_grandchild_is_no_child),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
