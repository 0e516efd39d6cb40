/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ready_made.c - what lies in policies/ can be copied as it is: it lints clean,
 * refuses nothing and says what it is for. Run at the root of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lang.h"

static int load(void **state)
{
	struct reading *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->err = policies_load(&r->policies, &r->errors, "policies");
	*state = r;
	return 0;
}

static int clear(void **state)
{
	reading_clear(*state);
	free(*state);
	return 0;
}

/* All together: several may be copied into one directory. */
static void ready_made_policies_lint_clean(void **state)
{
	struct reading *r = *state;
	int err = r->err ? r->err : policies_check(&r->policies, &r->errors);
	scoped(text) char *said = errors_render(&r->errors);

	if (err)
		fail_msg("%s", said);
	assert_true(r->policies.count >= 5);
}

static void ready_made_policies_only_observe(void **state)
{
	const struct reading *r = *state;

	for (size_t i = 0; i < r->policies.count; i++) {
		const struct weir_policy *policy = r->policies.items[i];

		assert_int_equal(policy->mode, WEIR_MODE_OBSERVE);
		/* Written out: there is a word to change. */
		assert_non_null(policy_position(policy, "spec.mode"));
	}
}

static void ready_made_policies_say_what_they_are_for(void **state)
{
	static const char *const words[] = {
		"\n# For:  ", "\n# Does: ", "\n# Undo: "};
	const struct reading *r = *state;

	for (size_t i = 0; i < r->policies.count; i++) {
		const struct weir_policy *policy = r->policies.items[i];
		const char *before = policy->text;

		for (size_t k = 0; k < ROWS(words); k++) {
			const char *at = strstr(before, words[k]);

			if (!at || at > strstr(policy->text, "apiVersion"))
				fail_msg("%s: no \"%s\"", policy->file,
					 words[k] + 1);
			before = at;
		}
	}
}

/* postgres is policies/postgres.yaml. */
static void a_ready_made_policy_has_its_file_s_name(void **state)
{
	const struct reading *r = *state;

	for (size_t i = 0; i < r->policies.count; i++) {
		char file[128];

		snprintf(file, sizeof(file), "policies/%s.yaml",
			 r->policies.items[i]->name);
		assert_string_equal(r->policies.items[i]->file, file);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ready_made_policies_lint_clean),
		TEST(ready_made_policies_only_observe),
		TEST(ready_made_policies_say_what_they_are_for),
		TEST(a_ready_made_policy_has_its_file_s_name),
	};

	return cmocka_run_group_tests_name("ready_made", tests, NULL, NULL);
}
