/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_check.c - a set of policies leaves no connection with two answers, and
 * fits into the kernel's tables.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lang.h"

/* A set of policies, each from a file of its own: "a.yaml", "b.yaml". */
struct set {
	struct weir_policies policies;
	struct weir_errors errors;
	int err;
};

static void clear_set(struct set *set)
{
	policies_clear(&set->policies);
	errors_clear(&set->errors);
}

DEFINE_SCOPED(set, struct set, clear_set(it))

#define HEAD                                            \
	"apiVersion: weir/v1\nkind: ResiliencePolicy\n" \
	"metadata: {name: %s}\nspec:\n  mode: %s\n  service:\n"

static void add(struct set *set, const char *name, const char *mode,
		const char *service)
{
	scoped(text) char *text = NULL;
	char file[80];

	if (asprintf(&text, HEAD "    %s\n", name, mode, service) < 0)
		fail();
	snprintf(file, sizeof(file), "%c.yaml",
		 (char)('a' + (int)(set->policies.count % 26)));
	if (policies_parse(&set->policies, &set->errors, file, text,
			   strlen(text)))
		fail_msg("%s\n%s", set->errors.items[0].message, text);
}

static void check(struct set *set)
{
	set->err = policies_check(&set->policies, &set->errors);
}

/* Two policies a and b in observe mode, checked. */
static struct set pair(const char *a, const char *b)
{
	struct set set = {0};

	add(&set, "a", "observe", a);
	add(&set, "b", "observe", b);
	check(&set);
	return set;
}

/* ---- names ------------------------------------------------------------------------- */

static void a_name_is_given_once(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	add(&set, "one", "observe",
	    "destinations: [{address: 10.0.0.1, ports: [1]}]");
	add(&set, "two", "observe",
	    "destinations: [{address: 10.0.0.2, ports: [1]}]");
	add(&set, "one", "enforce",
	    "destinations: [{address: 10.0.0.3, ports: [1]}]");
	check(&set);
	assert_int_equal(set.err, -EINVAL);
	assert_int_equal(set.errors.count, 1);
	assert_string_equal(set.errors.items[0].message,
			    "metadata.name: one is also the name of the policy "
			    "at a.yaml:1");
	assert_string_equal(set.errors.items[0].file, "c.yaml");
	assert_int_equal(set.errors.items[0].line, 3);
	assert_int_equal(set.errors.items[0].column, 18);
	assert_int_equal(set.errors.items[0].length, 3);
	assert_string_equal(set.errors.items[0].excerpt,
			    "metadata: {name: one}");
}

/* Disabled or not: a name is what the state belongs to. */
static void a_disabled_policy_keeps_its_name(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	add(&set, "one", "disabled",
	    "destinations: [{address: 10.0.0.1, ports: [1]}]");
	add(&set, "one", "observe",
	    "destinations: [{address: 10.0.0.2, ports: [1]}]");
	check(&set);
	assert_int_equal(set.errors.count, 1);
}

/* ---- ties -------------------------------------------------------------------------- */

#define PLACE(address, ports) \
	"destinations: [{address: '" address "', ports: [" ports "]}]"
#define LISTEN(address, ports) \
	"listen: [{address: '" address "', ports: [" ports "]}]"
#define CLIENTS(list) "\n    clients: [" list "]"

static const struct {
	const char *a, *b;
	const char *common; /* what both govern */
} ties[] = {
	{PLACE("10.0.8.0/24", "5432"), PLACE("10.0.8.0/24", "5432"),
	 "10.0.8.0/24 port 5432"},
	{PLACE("10.0.8.7", "5432"), PLACE("::ffff:10.0.8.7", "5432"),
	 "10.0.8.7 port 5432"},
	{PLACE("10.0.8.7", "5432"), PLACE("10.0.8.7/32", "5432-5432"),
	 "10.0.8.7 port 5432"},
	{PLACE("::/0", "1-65535"), PLACE("::/0", "1-65535"), "::/0 port 1"},
	{PLACE("10.0.8.7", "80-89"), PLACE("10.0.8.7", "89-98"),
	 "10.0.8.7 port 89"},
	{PLACE("10.0.8.7", "1, 2, 3"), PLACE("10.0.8.7", "3, 4"),
	 "10.0.8.7 port 3"},
	{PLACE("10.0.8.7", "1") CLIENTS("{user: 5}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{user: 5}"), "10.0.8.7 port 1"},
	{PLACE("10.0.8.7", "1") CLIENTS("{user: 5}, {user: 6}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{user: 7}, {user: 6}"),
	 "10.0.8.7 port 1"},
	/* A name and its number are one user. */
	{PLACE("10.0.8.7", "1") CLIENTS("{user: root}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{user: 0}"), "10.0.8.7 port 1"},
	{PLACE("10.0.8.7", "1") CLIENTS("{cgroup: /a/*}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{cgroup: /a/*}"), "10.0.8.7 port 1"},
	{PLACE("10.0.8.7", "1") CLIENTS("{systemdUnit: a.service}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{systemdUnit: a.service}"),
	 "10.0.8.7 port 1"},
	{LISTEN("::", "80"), LISTEN("::/0", "80"), "::/0 port 80"},
	{LISTEN("10.0.8.7", "1") CLIENTS("{address: 10.1.0.0/16}"),
	 LISTEN("10.0.8.7", "1")
		 CLIENTS("{address: 10.2.0.0/16}, {address: 10.1.2.0/24}"),
	 "10.0.8.7 port 1"},
};

static void policies_that_tie_are_refused_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(ties); i++) {
		scoped(set) struct set set = pair(ties[i].a, ties[i].b);
		char message[160];

		snprintf(message, sizeof(message),
			 "policy b ties with policy a at a.yaml:7: both govern "
			 "%s",
			 ties[i].common);
		assert_int_equal(set.err, -EINVAL);
		assert_int_equal(set.errors.count, 1);
		assert_string_equal(set.errors.items[0].message, message);
		assert_string_equal(set.errors.items[0].file, "b.yaml");
		assert_int_equal(set.errors.items[0].line, 7);
		assert_int_equal(set.errors.items[0].column,
				 strchr(ties[i].b, '[') - ties[i].b + 6);
	}
}

static const struct {
	const char *a, *b;
} orders[] = {
	/* the longer prefix, the narrower ports, named clients win */
	{PLACE("10.0.8.0/24", "5432"), PLACE("10.0.0.0/8", "5432")},
	{PLACE("10.0.8.7", "5432"), PLACE("10.0.8.0/24", "5432")},
	{PLACE("10.0.8.7", "5432"), PLACE("10.0.8.7", "5400-5499")},
	{PLACE("10.0.8.7", "80-89"), PLACE("10.0.8.7", "80-90")},
	{PLACE("10.0.8.7", "1"), PLACE("10.0.8.7", "1") CLIENTS("{user: 5}")},
	{PLACE("0.0.0.0/0", "1"), PLACE("::/0", "1")},
	/* what arrives is not what leaves; the narrower clients govern */
	{PLACE("10.0.8.7", "1"), LISTEN("10.0.8.7", "1")},
	{LISTEN("0.0.0.0", "1"), LISTEN("::", "1")},
	{LISTEN("10.0.8.7", "1") CLIENTS("{address: 10.0.0.0/8}"),
	 LISTEN("10.0.8.7", "1") CLIENTS("{address: 10.1.0.0/16}")},
	{LISTEN("10.0.8.7", "1") CLIENTS("{address: 10.1.0.0/16}"),
	 LISTEN("10.0.8.7", "1") CLIENTS("{address: 10.2.0.0/16}")},
	/* nothing in common */
	{PLACE("10.0.8.0/24", "1"), PLACE("10.0.9.0/24", "1")},
	{PLACE("10.0.8.7", "1"), PLACE("10.0.8.7", "2")},
	{PLACE("10.0.8.7", "80-89"), PLACE("10.0.8.7", "90-99")},
	{PLACE("fd00::/16", "1"), PLACE("fd01::/16", "1")},
	/* others are governed, as far as their words tell */
	{PLACE("10.0.8.7", "1") CLIENTS("{user: 5}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{user: 6}")},
	{PLACE("10.0.8.7", "1") CLIENTS("{user: 5}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{systemdUnit: a.service}")},
	{PLACE("10.0.8.7", "1") CLIENTS("{user: 0}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{systemdUnit: a.service}")},
	{PLACE("10.0.8.7", "1") CLIENTS("{cgroup: /a.service}"),
	 PLACE("10.0.8.7", "1") CLIENTS("{systemdUnit: a.service}")},
};

static void what_has_an_order_is_no_tie(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(orders); i++) {
		scoped(set) struct set set = pair(orders[i].a, orders[i].b);

		if (set.err || set.errors.count)
			fail_msg("%s\n%s\n%s", orders[i].a, orders[i].b,
				 set.errors.items[0].message);
	}
}

static void a_disabled_policy_ties_with_nobody(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	add(&set, "a", "disabled", PLACE("10.0.8.7", "1"));
	add(&set, "b", "enforce", PLACE("10.0.8.7", "1"));
	add(&set, "c", "disabled", PLACE("10.0.8.7", "1"));
	check(&set);
	assert_int_equal(set.err, 0);
}

static void a_policy_does_not_tie_with_itself(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	add(&set, "a", "enforce",
	    "destinations: [{address: 10.0.8.7, ports: [1, 1, 1-9, 5-13]}, "
	    "{address: 10.0.8.7, ports: [1]}]");
	check(&set);
	assert_int_equal(set.err, 0);
}

/* However much two policies share, they are one thing to correct. */
static void a_pair_is_reported_once(void **state)
{
	static const char service[] =
		"destinations: [{address: 10.0.8.1, ports: [1, 2, 3-9]}, "
		"{address: 10.0.8.2, ports: [1, 2]}, "
		"{address: 10.0.9.0/24, ports: [1, 2]}]";
	scoped(set) struct set set = pair(service, service);

	(void)state;
	assert_int_equal(set.err, -EINVAL);
	assert_int_equal(set.errors.count, 1);
}

/* b and c have nothing to do with each other, a ties with both. */
static void every_pair_is_reported(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	add(&set, "a", "observe",
	    PLACE("10.0.8.7", "1") CLIENTS("{user: 5}, {user: 6}"));
	add(&set, "b", "observe", PLACE("10.0.8.7", "1") CLIENTS("{user: 5}"));
	add(&set, "c", "observe", PLACE("10.0.8.7", "1") CLIENTS("{user: 6}"));
	check(&set);
	assert_int_equal(set.errors.count, 2);
	assert_string_equal(set.errors.items[0].message,
			    "policy b ties with policy a at a.yaml:7: both "
			    "govern 10.0.8.7 port 1");
	assert_string_equal(set.errors.items[1].message,
			    "policy c ties with policy a at a.yaml:7: both "
			    "govern 10.0.8.7 port 1");
}

static void names_and_ties_are_reported_together(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	add(&set, "a", "observe", PLACE("10.0.8.7", "1"));
	add(&set, "a", "observe", PLACE("10.0.8.8", "1"));
	add(&set, "b", "observe", PLACE("10.0.8.7", "1"));
	check(&set);
	assert_int_equal(set.errors.count, 2);
}

/* ---- limits ------------------------------------------------------------------------- */

/* One destination with `count` port ranges of its own in each of `policies`. */
static void add_many(struct set *set, unsigned policies, const char *form)
{
	for (unsigned i = 0; i < policies; i++) {
		char name[32], service[256];

		snprintf(name, sizeof(name), "p%u", i);
		snprintf(service, sizeof(service), form, i + 1, i + 1);
		add(set, name, "observe", service);
	}
}

static void a_destination_has_eight_rules_at_most(void **state)
{
	static const char *const forms[] = {
		"destinations: [{address: 10.0.8.7, ports: [%u0-%u5]}]",
		"destinations: [{address: 10.0.8.0/24, ports: [%u0-%u5]}]",
		"destinations: [{address: 10.0.8.7, ports: [1]}]\n"
		"    clients: [{user: %u}]",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(forms); i++) {
		scoped(set) struct set fits = {0};
		scoped(set) struct set more = {0};

		add_many(&fits, WEIR_RULES_PER_KEY, forms[i]);
		check(&fits);
		assert_int_equal(fits.err, 0);
		add_many(&more, WEIR_RULES_PER_KEY + 1, forms[i]);
		check(&more);
		assert_int_equal(more.err, -EINVAL);
		assert_int_equal(more.errors.count, 1);
		assert_non_null(strstr(more.errors.items[0].message,
				       "more than 8 port ranges and client "
				       "lists for one destination"));
	}
}

/* Single ports have keys of their own, repetitions none. */
static void single_ports_and_repetitions_fill_no_place(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	add(&set, "a", "observe",
	    "destinations: [{address: 10.0.8.7, ports: [1, 2, 3, 4, 5, 6, 7, "
	    "8, 9, 10]}, {address: 10.0.8.7, ports: [20-30, 20-30, 20-30, "
	    "20-30, 20-30, 20-30, 20-30, 20-30, 20-30]}]");
	check(&set);
	assert_int_equal(set.err, 0);
}

static void there_are_eight_mask_classes_at_most(void **state)
{
	scoped(set) struct set set = {0};

	(void)state;
	/* A whole address with one port costs no class. */
	add(&set, "a", "observe", PLACE("10.0.8.7", "1"));
	for (unsigned i = 0; i < WEIR_CLASSES_MAX; i++) {
		char name[16], service[128];

		snprintf(name, sizeof(name), "c%u", i);
		snprintf(service, sizeof(service),
			 "destinations: [{address: 10.0.0.0/%u, ports: [%s]}]",
			 8 + i / 2, i % 2 ? "1-9" : "1");
		add(&set, name, "observe", service);
	}
	check(&set);
	assert_int_equal(set.err, 0);
	add(&set, "z", "observe", PLACE("10.0.8.7", "1-9"));
	check(&set);
	assert_int_equal(set.err, -EINVAL);
	assert_int_equal(set.errors.count, 1);
	assert_non_null(strstr(set.errors.items[0].message,
			       "more than 8 different prefix lengths"));
}

/* ---- very many ----------------------------------------------------------------------- */

/* Policies in one piece of memory, without texts. */
struct crowd {
	struct weir_policies policies;
	struct weir_policy **items;
	struct weir_policy *all;
	struct policy_destination *places;
	struct policy_client *clients;
	char (*names)[24];
};

static void disperse(struct crowd *crowd)
{
	free(crowd->items);
	free(crowd->all);
	free(crowd->places);
	free(crowd->clients);
	free(crowd->names);
}

DEFINE_SCOPED(crowd, struct crowd, disperse(it))

/* All govern 10.0.0.0 port 1, each for a user of its own. */
static struct crowd gather(size_t count)
{
	struct crowd crowd = {
		.items = calloc(count, sizeof(*crowd.items)),
		.all = calloc(count, sizeof(*crowd.all)),
		.places = calloc(count, sizeof(*crowd.places)),
		.clients = calloc(count, sizeof(*crowd.clients)),
		.names = calloc(count, sizeof(*crowd.names)),
	};

	for (size_t i = 0; i < count; i++) {
		crowd.items[i] = &crowd.all[i];
		snprintf(crowd.names[i], sizeof(crowd.names[i]), "p%zu", i);
		crowd.clients[i].kind = POLICY_CLIENT_USER;
		crowd.clients[i].uid = (uint32_t)i;
		crowd.places[i] = (struct policy_destination){
			.address = {[10] = 0xff, [11] = 0xff, [12] = 10},
			.prefix = 128,
			.ports = {{1, 1}},
			.port_count = 1,
		};
		crowd.all[i] = (struct weir_policy){
			.name = crowd.names[i],
			.file = (char *)"crowd.yaml",
			.line = 1,
			.destinations = &crowd.places[i],
			.destination_count = 1,
			.clients = &crowd.clients[i],
			.client_count = 1,
		};
	}
	crowd.policies.items = crowd.items;
	crowd.policies.count = count;
	return crowd;
}

static void expect_of_crowd(const struct crowd *crowd, int err,
			    const char *message)
{
	struct weir_errors errors = {0};

	assert_int_equal(policies_check(&crowd->policies, &errors), err);
	assert_int_equal(errors.count, err != 0);
	if (message)
		assert_non_null(strstr(errors.items[0].message, message));
	errors_clear(&errors);
}

static void there_are_4096_policies_at_most(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		scoped(crowd) struct crowd crowd = gather(POLICIES_MAX + more);

		for (size_t i = 0; i < crowd.policies.count; i++)
			crowd.places[i].ports[0] = (struct policy_ports){
				(uint16_t)(i + 1), (uint16_t)(i + 1)};
		expect_of_crowd(&crowd, more ? -EINVAL : 0,
				more ? "4097 policies: more than 4096" : NULL);
	}
}

/* 64 hosts x 16 x 64 ports: as many keys as the kernel's table has. */
static void there_are_65536_destinations_at_most(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		scoped(crowd) struct crowd crowd = gather(1024 + more);

		(void)state;
		for (size_t i = 0; i < crowd.policies.count; i++) {
			struct policy_destination *at = &crowd.places[i];

			at->address[14] = (uint8_t)(i >> 8);
			at->address[15] = (uint8_t)i;
			at->port_count = POLICY_PORTS_MAX;
			for (uint16_t k = 0; k < POLICY_PORTS_MAX; k++)
				at->ports[k] = (struct policy_ports){
					(uint16_t)(k + 1), (uint16_t)(k + 1)};
		}
		if (more)
			crowd.places[1024].port_count = 1;
		expect_of_crowd(&crowd, more ? -EINVAL : 0,
				more ? "more than 65536 destinations" : NULL);
	}
}

/* Thousands at one place, no two of which tie: no comparison of all pairs. */
static void a_crowd_at_one_place_is_only_too_many(void **state)
{
	scoped(crowd) struct crowd crowd = gather(POLICIES_MAX);

	(void)state;
	expect_of_crowd(&crowd, -EINVAL,
			"more than 8 port ranges and client lists");
}

static void no_policies_are_fine(void **state)
{
	struct weir_policies none = {0};
	struct weir_errors errors = {0};

	(void)state;
	assert_int_equal(policies_check(&none, &errors), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_given_once),
		cmocka_unit_test(a_disabled_policy_keeps_its_name),
		cmocka_unit_test(policies_that_tie_are_refused_together),
		cmocka_unit_test(what_has_an_order_is_no_tie),
		cmocka_unit_test(a_disabled_policy_ties_with_nobody),
		cmocka_unit_test(a_policy_does_not_tie_with_itself),
		cmocka_unit_test(a_pair_is_reported_once),
		cmocka_unit_test(every_pair_is_reported),
		cmocka_unit_test(names_and_ties_are_reported_together),
		cmocka_unit_test(a_destination_has_eight_rules_at_most),
		cmocka_unit_test(single_ports_and_repetitions_fill_no_place),
		cmocka_unit_test(there_are_eight_mask_classes_at_most),
		cmocka_unit_test(there_are_4096_policies_at_most),
		cmocka_unit_test(there_are_65536_destinations_at_most),
		cmocka_unit_test(a_crowd_at_one_place_is_only_too_many),
		cmocka_unit_test(no_policies_are_fine),
	};

	return cmocka_run_group_tests_name("policy_check", tests, NULL, NULL);
}
