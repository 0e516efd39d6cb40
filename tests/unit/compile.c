/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compile.c - policies become the kernel's records, and the choice among them
 * is the one a plain reading of the policies makes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/compile.h"

#define POLICIES     64
#define DESTINATIONS 16
#define ROWS(table)  (sizeof(table) / sizeof((table)[0]))

/* A set of policies in one piece of memory: nothing to free. */
struct book {
	struct weir_policies all;
	struct weir_policy *items[POLICIES];
	struct weir_policy policies[POLICIES];
	struct policy_destination places[POLICIES][DESTINATIONS];
	struct policy_client clients[POLICIES][2];
	char names[POLICIES][WEIR_NAME_BYTES];
	uint32_t slots_max;
};

static struct book book;

static struct weir_policy *add_policy(const char *name)
{
	size_t i = book.all.count++;
	struct weir_policy *policy = &book.policies[i];

	snprintf(book.names[i], sizeof(book.names[i]), "%s", name);
	policy->name = book.names[i];
	policy->file = (char *)"test.yaml";
	policy->line = (unsigned)i * 10 + 1;
	policy->mode = WEIR_MODE_ENFORCE;
	policy->destinations = book.places[i];
	policy->clients = book.clients[i];
	book.items[i] = policy;
	return policy;
}

/* "10.0.0.0/8" or "fd00::/64", and one range of ports. */
static void add_place(struct weir_policy *policy, const char *text,
		      unsigned prefix, uint16_t min, uint16_t max)
{
	struct policy_destination *at =
		&policy->destinations[policy->destination_count++];

	at->prefix = (uint8_t)prefix;
	at->line = policy->line + (unsigned)policy->destination_count;
	at->column = 7;
	if (inet_pton(AF_INET6, text, at->address) != 1) {
		memset(at->address + 10, 0xff, 2);
		assert_int_equal(inet_pton(AF_INET, text, at->address + 12), 1);
		at->prefix = (uint8_t)(prefix + 96);
	}
	at->port_count = 1;
	at->ports[0] = (struct policy_ports){min, max};
}

static void add_client(struct weir_policy *policy, const char *unit)
{
	policy->clients[policy->client_count++] = (struct policy_client){
		.kind = POLICY_CLIENT_SYSTEMD_UNIT, .pattern = (char *)unit};
}

static int new_book(void **state)
{
	(void)state;
	memset(&book, 0, sizeof(book));
	book.all.items = book.items;
	book.slots_max = POLICIES;
	return 0;
}

/* Slots from 1, in the order of the book. */
static uint32_t slot_of(void *ctx, const char *name)
{
	struct book *from = ctx;

	for (uint32_t i = 0; i < from->all.count; i++)
		if (!strcmp(from->items[i]->name, name))
			return i < from->slots_max ? i + 1 : WEIR_NONE;
	return WEIR_NONE;
}

static struct compiled *compile(void)
{
	struct weir_errors errors = {0};
	struct compiled *compiled = NULL;

	assert_int_equal(
		compile_policies(&compiled, &errors, &book.all, slot_of, &book),
		0);
	assert_int_equal(errors.count, 0);
	return compiled;
}

static bool in_set_of_mask(void *ctx, uint32_t set)
{
	return *(uint32_t *)ctx >> set & 1;
}

static uint32_t match(const struct compiled *compiled, const char *text,
		      uint16_t port, uint32_t sets)
{
	struct policy_destination at = {0};
	struct weir_policy scratch = {.destinations = &at};

	add_place(&scratch, text, 0, 0, 0);
	return compiled_match(compiled, at.address, port, in_set_of_mask,
			      &sets);
}

/* ---- keys ------------------------------------------------------------------------ */

static void every_form_of_destination_has_its_key(void **state)
{
	static const struct {
		const char *text;
		unsigned prefix;
		uint16_t min, max;
		struct weir_class want;
		uint16_t port;
		uint32_t classes;
	} rows[] = {
		{"10.0.0.7", 32, 80, 80, {128, 1, {0}}, 80, 0},
		{"fd00::7", 128, 80, 80, {128, 1, {0}}, 80, 0},
		{"10.0.0.0", 24, 80, 80, {120, 1, {0}}, 80, 1},
		{"fd00::", 64, 443, 443, {64, 1, {0}}, 443, 1},
		{"10.0.0.7", 32, 80, 81, {128, 0, {0}}, 0, 1},
		{"10.0.0.0", 8, 1, 65535, {104, 0, {0}}, 0, 1},
		{"::", 0, 1, 65535, {0, 0, {0}}, 0, 1},
		{"0.0.0.0", 0, 5432, 5432, {96, 1, {0}}, 5432, 1},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct compiled *compiled;

		new_book(state);
		add_place(add_policy("a"), rows[i].text, rows[i].prefix,
			  rows[i].min, rows[i].max);
		compiled = compile();
		assert_int_equal(compiled->rule_count, 1);
		assert_int_equal(compiled->rules[0].key.generation, 0);
		assert_int_equal(compiled->rules[0].key.prefix,
				 rows[i].want.prefix);
		assert_int_equal(compiled->rules[0].key.port, rows[i].port);
		assert_int_equal(compiled->rules[0].set.count, 1);
		assert_int_equal(compiled->rules[0].set.rules[0].port_min,
				 rows[i].min);
		assert_int_equal(compiled->rules[0].set.rules[0].port_max,
				 rows[i].max);
		assert_int_equal(compiled->class_count, rows[i].classes);
		if (rows[i].classes)
			assert_memory_equal(&compiled->classes[0],
					    &rows[i].want,
					    sizeof(rows[i].want));
		compiled_free(compiled);
	}
}

static void rules_of_a_key_are_sorted_by_rank_then_name(void **state)
{
	static const char *const names[] = {"wide", "narrow", "named", "other"};
	struct compiled *compiled;
	struct weir_rule_set *set;

	(void)state;
	add_place(add_policy("wide"), "10.0.0.7", 32, 1, 60000);
	add_place(add_policy("narrow"), "10.0.0.7", 32, 80, 90);
	add_place(add_policy("named"), "10.0.0.7", 32, 80, 90);
	add_client(&book.policies[2], "a.service");
	add_place(add_policy("other"), "10.0.0.7", 32, 100, 110);
	compiled = compile();
	assert_int_equal(compiled->rule_count, 1);
	set = &compiled->rules[0].set;
	assert_int_equal(set->count, ROWS(names));
	/* named, then narrow before other (they tie), wide last */
	assert_int_equal(set->rules[0].slot, 3);
	assert_int_equal(set->rules[1].slot, 2);
	assert_int_equal(set->rules[2].slot, 4);
	assert_int_equal(set->rules[3].slot, 1);
	compiled_free(compiled);
}

static void a_destination_written_twice_is_one_rule(void **state)
{
	struct weir_policy *policy = add_policy("a");
	struct compiled *compiled;

	(void)state;
	for (int i = 0; i < DESTINATIONS; i++)
		add_place(policy, "10.0.0.7", 32, 80, 80);
	compiled = compile();
	assert_int_equal(compiled->rule_count, 1);
	assert_int_equal(compiled->rules[0].set.count, 1);
	compiled_free(compiled);
}

static void disabled_policies_leave_no_trace(void **state)
{
	struct compiled *compiled;

	(void)state;
	add_place(add_policy("a"), "10.0.0.7", 32, 80, 80);
	add_place(add_policy("b"), "10.0.0.8", 32, 80, 80);
	book.policies[0].mode = WEIR_MODE_DISABLED;
	compiled = compile();
	assert_int_equal(compiled->rule_count, 1);
	assert_int_equal(compiled->service_count, 1);
	assert_int_equal(compiled->slots[0], 2);
	assert_ptr_equal(compiled->policies[0], &book.policies[1]);
	assert_int_equal(match(compiled, "10.0.0.7", 80, 0), WEIR_NONE);
	compiled_free(compiled);
}

static void no_policy_at_all_compiles_to_nothing(void **state)
{
	struct compiled *compiled = compile();

	(void)state;
	assert_int_equal(compiled->rule_count, 0);
	assert_int_equal(compiled->class_count, 0);
	assert_int_equal(match(compiled, "10.0.0.7", 80, 0), WEIR_NONE);
	compiled_free(compiled);
}

/* ---- clients ------------------------------------------------------------------------ */

static void equal_client_lists_share_a_set(void **state)
{
	struct compiled *compiled;

	(void)state;
	for (int i = 0; i < 4; i++)
		add_place(add_policy((const char *[]){"a", "b", "c", "d"}[i]),
			  "10.0.0.7", 32, (uint16_t)(80 + i),
			  (uint16_t)(80 + i));
	add_client(&book.policies[0], "a.service");
	add_client(&book.policies[1], "b.service");
	add_client(&book.policies[2], "a.service");
	compiled = compile();
	assert_int_equal(compiled->client_count, 2);
	assert_int_equal(compiled->rules[0].set.rules[0].clients, 1);
	assert_int_equal(compiled->rules[1].set.rules[0].clients, 2);
	assert_int_equal(compiled->rules[2].set.rules[0].clients, 1);
	assert_int_equal(compiled->rules[3].set.rules[0].clients, 0);
	assert_int_equal(compiled->clients[1].set, 2);
	assert_string_equal(compiled->clients[1].client->pattern, "b.service");
	compiled_free(compiled);
}

/* ---- the choice --------------------------------------------------------------------- */

static void every_row_of_precedence_holds(void **state)
{
	static const struct {
		const char *promise, *text;
		uint16_t port;
		uint32_t sets, want;
	} rows[] = {
		{"host and port", "10.0.0.7", 80, 0, 1},
		{"network and port", "10.0.0.8", 80, 0, 2},
		{"port before prefix", "10.0.0.7", 443, 0, 3},
		{"narrow range before wide", "10.0.0.7", 8080, 0, 4},
		{"everything else of the host", "10.0.0.7", 22, 0, 5},
		{"named clients before everyone", "10.0.0.8", 80, 1 << 1, 6},
		{"only for those clients", "10.0.0.8", 80, 1 << 2, 2},
		{"longer prefix before clients", "10.0.0.7", 80, 1 << 1, 1},
		{"IPv6 is not IPv4", "fd00::7", 80, 0, 7},
		{"all of IPv6", "fd99::7", 70, 0, 8},
		{"all of IPv6 is not IPv4", "10.0.0.8", 70, 0, WEIR_NONE},
		{"nothing matches", "192.0.2.1", 80, 0, WEIR_NONE},
	};
	struct compiled *compiled;

	(void)state;
	add_place(add_policy("p1"), "10.0.0.7", 32, 80, 80);
	add_place(add_policy("p2"), "10.0.0.0", 24, 80, 80);
	add_place(add_policy("p3"), "10.0.0.0", 8, 443, 443);
	add_place(add_policy("p4"), "10.0.0.0", 16, 8000, 9000);
	add_place(add_policy("p5"), "10.0.0.7", 32, 1, 65535);
	add_place(add_policy("p6"), "10.0.0.0", 24, 80, 80);
	add_client(&book.policies[5], "a.service");
	add_place(add_policy("p7"), "fd00::", 64, 80, 80);
	add_place(add_policy("p8"), "::", 0, 70, 70);
	compiled = compile();
	for (size_t i = 0; i < ROWS(rows); i++)
		if (match(compiled, rows[i].text, rows[i].port, rows[i].sets) !=
		    rows[i].want)
			fail_msg("%s: %u", rows[i].promise,
				 match(compiled, rows[i].text, rows[i].port,
				       rows[i].sets));
	compiled_free(compiled);
}

static bool covers(const struct policy_destination *at,
		   const uint8_t address[16], uint16_t port)
{
	if (port < at->ports[0].min || port > at->ports[0].max)
		return false;
	for (unsigned bit = 0; bit < at->prefix; bit++)
		if ((at->address[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8) &
		    1)
			return false;
	return true;
}

/* The highest rank of all that cover it, by walking the policies. */
static uint32_t best_rank(const uint8_t address[16], uint16_t port)
{
	uint32_t best = 0;

	for (size_t i = 0; i < book.all.count; i++)
		for (size_t j = 0; j < book.policies[i].destination_count;
		     j++) {
			const struct policy_destination *at =
				&book.policies[i].destinations[j];
			uint32_t rank =
				policy_rank(at->ports[0].min, at->ports[0].max,
					    at->prefix, false);

			if (covers(at, address, port) && rank > best)
				best = rank;
		}
	return best;
}

static uint32_t rank_of_slot(uint32_t slot, const uint8_t address[16],
			     uint16_t port)
{
	const struct weir_policy *policy = &book.policies[slot - 1];
	uint32_t best = 0;

	for (size_t j = 0; j < policy->destination_count; j++) {
		const struct policy_destination *at = &policy->destinations[j];
		uint32_t rank = policy_rank(at->ports[0].min, at->ports[0].max,
					    at->prefix, false);

		if (covers(at, address, port) && rank > best)
			best = rank;
	}
	return best;
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33) % below;
}

/* At random: the keys choose what a walk over the policies chooses. */
static void the_choice_is_that_of_a_walk_over_the_policies(void **state)
{
	static const unsigned prefixes[] = {128, 120, 112, 104};
	uint64_t seed = 3;

	for (int round = 0; round < 40; round++) {
		struct compiled *compiled;

		new_book(state);
		for (int i = 0; i < 6; i++) {
			char name[16], text[32];
			uint16_t port = (uint16_t)(1 + draw(&seed, 6));

			snprintf(name, sizeof(name), "p%d", i);
			add_policy(name);
			snprintf(text, sizeof(text), "10.%u.%u.%u",
				 draw(&seed, 2), draw(&seed, 2),
				 draw(&seed, 2));
			/* Host bits beyond the prefix must not matter. */
			add_place(&book.policies[i], text,
				  prefixes[draw(&seed, 4)] - 96, port,
				  (uint16_t)(port + draw(&seed, 2) * 3));
		}
		compiled = compile();
		for (uint32_t n = 0; n < 8 * 10; n++) {
			uint8_t address[16] = {
				[10] = 0xff, [11] = 0xff, [12] = 10};
			uint16_t port = (uint16_t)(n / 8 + 1);
			uint32_t slot, want;

			address[13] = n & 1;
			address[14] = n >> 1 & 1;
			address[15] = n >> 2 & 1;
			want = best_rank(address, port);
			slot = compiled_match(compiled, address, port, NULL,
					      NULL);
			assert_int_equal(slot == WEIR_NONE, want == 0);
			if (want)
				assert_int_equal(
					rank_of_slot(slot, address, port),
					want);
		}
		compiled_free(compiled);
	}
}

/* ---- limits --------------------------------------------------------------------------- */

static void expect_refusal(const char *part, unsigned line)
{
	struct weir_errors errors = {0};
	struct compiled *untouched = (struct compiled *)&book, *out = untouched;

	assert_int_equal(
		compile_policies(&out, &errors, &book.all, slot_of, &book),
		-EINVAL);
	assert_ptr_equal(out, untouched);
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.items[0].message, part));
	assert_int_equal(errors.items[0].line, line);
	errors_clear(&errors);
}

static void one_rule_too_many_for_a_key_is_refused_by_name(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < WEIR_RULES_PER_KEY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%u", i);
		add_place(add_policy(name), "10.0.0.7", 32,
			  (uint16_t)(100 + 10 * i), (uint16_t)(105 + 10 * i));
	}
	compiled_free(compile());
	add_place(add_policy("straw"), "10.0.0.7", 32, 500, 505);
	expect_refusal("policy straw: more than 8", 82);
}

static void queues_have_places_for_so_many(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		char name[16];
		struct weir_policy *policy;

		snprintf(name, sizeof(name), "q%u", i);
		policy = add_policy(name);
		add_place(policy, "10.0.0.7", 32, (uint16_t)(100 + i),
			  (uint16_t)(100 + i));
		policy->bulkhead.set = policy->bulkhead.queue_set = true;
		policy->bulkhead.queue_length = WEIR_QUEUE_MAX;
		policy->bulkhead.queue_wait_ns = 5000000;
		if (i < 4)
			compiled_free(compile());
	}
	expect_refusal("policy q4: more than 16384 places", 41);
}

static void one_mask_class_too_many_is_refused_by_name(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < WEIR_CLASSES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%u", i);
		add_place(add_policy(name), "fd00::", 40 + i, 80, 80);
	}
	compiled_free(compile());
	/* The exact key is no class; classes are shared. */
	add_place(&book.policies[0], "fd00::7", 128, 80, 80);
	add_place(&book.policies[0], "fd01::", 40, 81, 81);
	compiled_free(compile());
	add_place(add_policy("straw"), "fd00::", 60, 80, 80);
	expect_refusal("policy straw: more than 8", 82);
}

static void a_service_without_a_slot_is_refused_by_name(void **state)
{
	(void)state;
	add_place(add_policy("a"), "10.0.0.7", 32, 80, 80);
	add_place(add_policy("straw"), "10.0.0.8", 32, 80, 80);
	book.slots_max = 1;
	expect_refusal("policy straw", 11);
}

/* More hosts than keys: policies of 256 hosts with 64 ports each. */
static void one_key_too_many_is_refused_by_name(void **state)
{
	const uint32_t hosts = WEIR_RULES_MAX / POLICY_PORTS_MAX;
	struct policy_destination *many = calloc(hosts + 1, sizeof(*many));
	struct weir_policy *policy = add_policy("straw");

	(void)state;
	assert_non_null(many);
	for (uint32_t i = 0; i <= hosts; i++) {
		many[i].prefix = 128;
		many[i].line = 5;
		memcpy(many[i].address, &i, sizeof(i));
		many[i].port_count = i < hosts ? POLICY_PORTS_MAX : 1;
		for (uint16_t j = 0; j < many[i].port_count; j++)
			many[i].ports[j] = (struct policy_ports){j + 1, j + 1};
	}
	policy->destinations = many;
	policy->destination_count = hosts;
	compiled_free(compile());
	policy->destination_count = hosts + 1;
	expect_refusal("policy straw: more than 65536", 5);
	free(many);
}

/* ---- the record of a service -------------------------------------------------------------- */

static void absent_blocks_are_off_in_the_record(void **state)
{
	struct weir_service record = compile_service(add_policy("orders"));

	(void)state;
	assert_string_equal(record.name, "orders");
	assert_int_equal(record.mode, WEIR_MODE_ENFORCE);
	assert_int_equal(record.has_breaker, 0);
	assert_int_equal(record.connections_max, WEIR_NONE);
	assert_int_equal(record.endpoint_connections_max, WEIR_NONE);
	assert_int_equal(record.consecutive_max, 0);
	assert_int_equal(record.slow_us, 0);
	assert_int_equal(record.slice_shift, 17);
	assert_int_equal(record.refuse_errno, ECONNREFUSED);
}

static void written_blocks_are_in_the_record(void **state)
{
	struct weir_policy *policy = add_policy("orders");
	struct weir_service record;

	(void)state;
	policy->breaker = (struct policy_breaker){
		.set = true,
		.scope = WEIR_SCOPE_ENDPOINT,
		.window_ns = 10000000000,
		.consecutive = 7,
		.slow_ns = 500000000,
		.refuse_errno = EHOSTUNREACH,
	};
	policy->bulkhead = (struct policy_bulkhead){
		.set = true,
		.connections_max = 100,
		.endpoint_connections_max = 40,
	};
	record = compile_service(policy);
	assert_int_equal(record.has_breaker, 1);
	assert_int_equal(record.scope, WEIR_SCOPE_ENDPOINT);
	assert_int_equal(record.consecutive_max, 7);
	assert_int_equal(record.slow_us, 500000);
	assert_int_equal(record.silence_us, 10000000);
	assert_int_equal(record.refuse_errno, EHOSTUNREACH);
	assert_int_equal(record.connections_max, 100);
	assert_int_equal(record.endpoint_connections_max, 40);
	assert_int_equal(record.slice_shift, 15);
}

static void a_slice_is_at_most_an_eighth_of_slow_and_at_least_a_ms(void **state)
{
	struct weir_policy *policy = add_policy("a");

	(void)state;
	policy->breaker.set = true;
	for (uint64_t ms = 1; ms < 24 * 3600000ull; ms += ms / 7 + 1) {
		uint64_t slice_us, slow_us = ms * 1000;

		policy->breaker.slow_ns = ms * 1000000;
		slice_us = 1ull << compile_service(policy).slice_shift;
		assert_true(slice_us >= 1024);
		if (slice_us > 1024)
			assert_true(slice_us <= slow_us / 8);
		/* As coarse as allowed: the ring then reaches furthest. */
		assert_true(2 * slice_us > slow_us / 8);
	}
}

static void a_name_of_full_length_is_kept_whole(void **state)
{
	char name[WEIR_NAME_BYTES];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_string_equal(compile_service(add_policy(name)).name, name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_destination_has_its_key),
		cmocka_unit_test_setup(
			rules_of_a_key_are_sorted_by_rank_then_name, new_book),
		cmocka_unit_test_setup(a_destination_written_twice_is_one_rule,
				       new_book),
		cmocka_unit_test_setup(disabled_policies_leave_no_trace,
				       new_book),
		cmocka_unit_test_setup(no_policy_at_all_compiles_to_nothing,
				       new_book),
		cmocka_unit_test_setup(equal_client_lists_share_a_set,
				       new_book),
		cmocka_unit_test_setup(every_row_of_precedence_holds, new_book),
		cmocka_unit_test(
			the_choice_is_that_of_a_walk_over_the_policies),
		cmocka_unit_test_setup(
			one_rule_too_many_for_a_key_is_refused_by_name,
			new_book),
		cmocka_unit_test_setup(
			one_mask_class_too_many_is_refused_by_name, new_book),
		cmocka_unit_test_setup(
			a_service_without_a_slot_is_refused_by_name, new_book),
		cmocka_unit_test_setup(queues_have_places_for_so_many,
				       new_book),
		cmocka_unit_test_setup(one_key_too_many_is_refused_by_name,
				       new_book),
		cmocka_unit_test_setup(absent_blocks_are_off_in_the_record,
				       new_book),
		cmocka_unit_test_setup(written_blocks_are_in_the_record,
				       new_book),
		cmocka_unit_test_setup(
			a_slice_is_at_most_an_eighth_of_slow_and_at_least_a_ms,
			new_book),
		cmocka_unit_test_setup(a_name_of_full_length_is_kept_whole,
				       new_book),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
