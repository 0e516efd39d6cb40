/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy.c - two policies are equal when the kernel could not tell them apart,
 * and lists of them lose nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/fields.h"
#include "tests/unit/compose.h"
#include "tests/unit/lang.h"

#define EACH(f) \
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))

static bool equal_texts(const char *a, const char *b)
{
	scoped(reading) struct reading left = lang_accept(a);
	scoped(reading) struct reading right = lang_accept(b);
	bool equal =
		policy_equal(left.policies.items[0], right.policies.items[0]);

	assert_int_equal(
		policy_equal(right.policies.items[0], left.policies.items[0]),
		equal);
	return equal;
}

/* A value that is neither the default nor the example. */
static const char *other_value(const struct field *f)
{
	switch (f->type) {
	case FIELD_COUNT:
	case FIELD_PERCENT:
		return "7";
	case FIELD_FACTOR:
		return f->max > 1 ? "3" : "0.125";
	case FIELD_DURATION:
		return "1s125ms";
	default:
		return strcmp(f->words[0].word, f->example) ? f->words[0].word
							    : f->words[1].word;
	}
}

/* Every stored key counts: forgetting one would ignore an edit. */
static void every_key_makes_a_difference(void **state)
{
	size_t looked_at = 0;

	(void)state;
	EACH(f)
	{
		char one[COMPOSE_BYTES], other[COMPOSE_BYTES];

		if (!fields_bytes(f) || f->type == FIELD_BLOCK)
			continue;
		compose(one, f->path, f->example);
		compose(other, f->path, other_value(f));
		if (equal_texts(one, other))
			fail_msg("%s\n%s", one, other);
		assert_true(equal_texts(one, one));
		looked_at++;
	}
	assert_true(looked_at >= 20);
}

#define PLACE(text) LANG_HEAD "spec: {service: {destinations: [" text "]}}\n"
#define CLIENTS(text)                                           \
	LANG_HEAD "spec: {service: {destinations: [" LANG_PLACE \
		  "], clients: [" text "]}}\n"

static void what_is_governed_makes_a_difference(void **state)
{
	static const char *const texts[] = {
		PLACE("{address: 10.0.8.7, ports: [1]}"),
		PLACE("{address: 10.0.8.8, ports: [1]}"),
		PLACE("{address: 10.0.8.0/24, ports: [1]}"),
		PLACE("{address: 10.0.8.7, ports: [2]}"),
		PLACE("{address: 10.0.8.7, ports: [1-2]}"),
		PLACE("{address: 10.0.8.7, ports: [1, 2]}"),
		PLACE("{address: 10.0.8.7, ports: [1]}, "
		      "{address: 10.0.8.8, ports: [1]}"),
		CLIENTS("{user: 1}"),
		CLIENTS("{user: 2}"),
		CLIENTS("{user: 1}, {user: 2}"),
		CLIENTS("{cgroup: /a.service}"),
		CLIENTS("{cgroup: /b.service}"),
		CLIENTS("{systemdUnit: a.service}"),
		LANG_LEAST,
		LANG_LEAST "  circuitBreaker: {}\n",
		LANG_LEAST "  bulkhead: {}\n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++)
		for (size_t k = 0; k < ROWS(texts); k++)
			if (equal_texts(texts[i], texts[k]) != (i == k))
				fail_msg("%s\n%s", texts[i], texts[k]);
}

static void form_labels_and_place_make_none(void **state)
{
	static const char *const texts[] = {
		LANG_LEAST "  circuitBreaker: {failureRateThreshold: 50}\n",
		LANG_LEAST "  circuitBreaker: {}\n",
		"# a comment\n\n" LANG_LEAST "  circuitBreaker:\n"
		"    halfOpenTimeout: 10000ms\n",
		"apiVersion: weir/v1\nkind: ResiliencePolicy\n"
		"metadata: {labels: {a: b}, name: orders-db}\n" LANG_SPEC
		"  mode: observe\n  circuitBreaker: {scope: endpoint}\n",
	};

	(void)state;
	for (size_t i = 1; i < ROWS(texts); i++)
		assert_true(equal_texts(texts[0], texts[i]));
}

/* The account was made anew: the word is the same, the uid is not. */
static void a_user_s_number_makes_a_difference(void **state)
{
	scoped(reading) struct reading a = lang_accept(CLIENTS("{user: 1}"));
	scoped(reading) struct reading b = lang_accept(CLIENTS("{user: 1}"));

	(void)state;
	b.policies.items[0]->clients[0].uid = 2;
	assert_false(policy_equal(a.policies.items[0], b.policies.items[0]));
}

static void a_name_makes_a_difference(void **state)
{
	char one[COMPOSE_BYTES], other[COMPOSE_BYTES];

	(void)state;
	compose(one, "metadata.name", "one");
	compose(other, "metadata.name", "other");
	assert_false(equal_texts(one, other));
}

/* ---- lists ------------------------------------------------------------------------- */

static struct weir_policy *numbered(unsigned number)
{
	struct weir_policy *policy = calloc(1, sizeof(*policy));

	assert_non_null(policy);
	policy->line = number;
	return policy;
}

static void appended_policies_stay_in_order(void **state)
{
	struct weir_policies list = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(policies_append(&list, numbered(i)), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(list.items[i]->line, i);
	policies_clear(&list);
	assert_int_equal(list.count, 0);
	assert_null(list.items);
}

static void a_move_takes_all_and_leaves_nothing(void **state)
{
	struct weir_policies to = {0}, from = {0};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(policies_append(&to, numbered(i)), 0);
	for (unsigned i = 3; i < 9; i++)
		assert_int_equal(policies_append(&from, numbered(i)), 0);
	assert_int_equal(policies_move(&to, &from), 0);
	assert_int_equal(from.count, 0);
	assert_int_equal(to.count, 9);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(to.items[i]->line, i);
	assert_int_equal(policies_move(&to, &from), 0);
	assert_int_equal(to.count, 9);
	/* What was emptied can be filled again. */
	assert_int_equal(policies_append(&from, numbered(9)), 0);
	policies_clear(&to);
	policies_clear(&from);
}

static void nothing_can_be_freed(void **state)
{
	struct weir_policies none = {0};

	(void)state;
	policy_free(NULL);
	policies_clear(&none);
}

/* ---- precedence ---------------------------------------------------------------------- */

/* Port before prefix before clients, as design/2-policy.md has it. */
static void ports_outrank_prefixes_outrank_clients(void **state)
{
	static const struct {
		uint16_t min, max;
		uint8_t prefix;
		bool clients;
	} falling[] = {
		{5432, 5432, 128, true}, {5432, 5432, 128, false},
		{1, 1, 120, true},	 {5432, 5432, 120, false},
		{80, 80, 0, false},	 {80, 81, 128, true},
		{80, 81, 128, false},	 {80, 89, 128, true},
		{1, 65535, 128, true},	 {1, 65535, 96, true},
		{1, 65535, 96, false},	 {1, 65535, 0, true},
		{1, 65535, 0, false},
	};

	(void)state;
	for (size_t i = 1; i < ROWS(falling); i++)
		assert_true(policy_rank(falling[i - 1].min, falling[i - 1].max,
					falling[i - 1].prefix,
					falling[i - 1].clients) >
			    policy_rank(falling[i].min, falling[i].max,
					falling[i].prefix, falling[i].clients));
	assert_int_equal(policy_rank(1, 10, 96, true),
			 policy_rank(11, 20, 96, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_makes_a_difference),
		cmocka_unit_test(what_is_governed_makes_a_difference),
		cmocka_unit_test(form_labels_and_place_make_none),
		cmocka_unit_test(a_user_s_number_makes_a_difference),
		cmocka_unit_test(a_name_makes_a_difference),
		cmocka_unit_test(appended_policies_stay_in_order),
		cmocka_unit_test(a_move_takes_all_and_leaves_nothing),
		cmocka_unit_test(nothing_can_be_freed),
		cmocka_unit_test(ports_outrank_prefixes_outrank_clients),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
