/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * holders.c - connections become processes: whose, in which state, for how
 * long, and a sentence that fits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/callers.h"
#include "agent/view/clients.h"
#include "common/count_of.h"
#include "common/scoped.h"

#define JIFFY 0.004 /* seconds */
#define OPEN  WEIR_HOLDER_OPEN

enum {
	ESTABLISHED = 1,
	SYN_SENT = 2,
	FIN_WAIT1 = 4,
	CLOSED = 7,
	CLOSE_WAIT = 8
};

static struct weir_holder holder(uint32_t pid, uint16_t state,
				 uint32_t silent_seconds, uint16_t flags)
{
	return (struct weir_holder){
		.pid = pid,
		.slot = 1,
		.endpoint = 900,
		.state = state,
		.silent_jiffies = silent_seconds * 250,
		.age_us = 60000000,
		.flags = flags,
	};
}

static struct snapshot_clients *group(struct weir_holder *records, size_t count)
{
	struct snapshot_clients *clients = clients_group(records, count, JIFFY);

	assert_non_null(clients);
	return clients;
}

static void each_process_has_its_connections_by_state(void **state)
{
	struct weir_holder records[] = {
		holder(7, ESTABLISHED, 0, OPEN),
		holder(9, CLOSE_WAIT, 100, OPEN),
		holder(9, ESTABLISHED, 20, OPEN),
		holder(9, ESTABLISHED, 300, OPEN | WEIR_HOLDER_WAITING),
		holder(9, SYN_SENT, 500, OPEN),
		holder(9, CLOSED, 500, OPEN),
		holder(9, FIN_WAIT1, 600, WEIR_HOLDER_CLOSING),
		holder(9, ESTABLISHED, 0, 0),
		holder(9, ESTABLISHED, 0, OPEN | WEIR_HOLDER_OVER),
	};
	scoped(memory) void *memory = group(records, COUNT_OF(records));
	const struct snapshot_clients *clients = memory;
	const struct snapshot_client *c = &clients->items[0];

	(void)state;
	assert_int_equal(clients->connections, 9);
	assert_int_equal(clients->count, 2);
	assert_int_equal(clients->processes, 2);
	assert_int_equal(c->pid, 9);
	assert_int_equal(c->connections, 8);
	assert_int_equal(c->close_wait, 1);
	assert_int_equal(c->idle, 1);
	assert_int_equal(c->waiting, 1);
	assert_int_equal(c->connecting, 2);
	assert_int_equal(c->closing, 1);
	assert_int_equal(c->detached, 1);
	assert_int_equal(c->over, 1);
	assert_float_equal(c->idle_seconds, 100, 0.01);
	assert_float_equal(c->oldest_seconds, 60, 0.01);
	assert_int_equal(clients->items[1].pid, 7);
	assert_int_equal(clients->items[1].idle, 0);
}

static void silence_is_idle_from_one_second_on(void **state)
{
	struct weir_holder records[] = {
		holder(1, ESTABLISHED, 0, OPEN),
		holder(2, ESTABLISHED, 1, OPEN),
	};

	(void)state;
	records[0].silent_jiffies = 249;
	scoped(memory) void *memory = group(records, COUNT_OF(records));
	const struct snapshot_clients *clients = memory;

	assert_int_equal(clients->items[0].idle, 0);
	assert_int_equal(clients->items[1].idle, 1);
}

/* What is not known is not idle, and the list is made all the same. */
static void without_the_length_of_a_jiffy_nothing_is_idle(void **state)
{
	struct weir_holder records[] = {holder(1, CLOSE_WAIT, 50, OPEN),
					holder(1, ESTABLISHED, 50, OPEN)};
	scoped(memory) void *memory = clients_group(records, 2, NAN);
	const struct snapshot_clients *clients = memory;
	char text[200];

	(void)state;
	assert_int_equal(clients->items[0].idle, 0);
	assert_true(isnan(clients->items[0].idle_seconds));
	clients_phrase(clients, text, sizeof(text));
	assert_string_equal(text, " 2 (1 in CLOSE_WAIT)");
}

static void an_adopted_connection_is_as_old_as_its_silence(void **state)
{
	struct weir_holder records[] = {
		holder(1, ESTABLISHED, 3600, OPEN | WEIR_HOLDER_ADOPTED)};
	scoped(memory) void *memory = group(records, 1);
	const struct snapshot_clients *clients = memory;

	(void)state;
	assert_true(clients->items[0].older);
	assert_float_equal(clients->items[0].oldest_seconds, 3600, 0.01);
}

static void services_and_unknown_owners_are_kept_apart(void **state)
{
	struct weir_holder records[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		records[i] = holder(i < 4 ? 5 : 0, ESTABLISHED, 0, OPEN);
	records[1].slot = 2;
	/* No policy names it: each destination is its own. */
	records[2].slot = records[3].slot = WEIR_SLOT_OBSERVED;
	records[3].endpoint = 901;
	records[5].cgroup = 77;
	scoped(memory) void *memory = group(records, COUNT_OF(records));
	const struct snapshot_clients *clients = memory;
	uint32_t subjects = 0;

	assert_int_equal(clients->count, 6);
	for (size_t i = 0; i < clients->count; i++)
		subjects += clients->items[i].subject;
	assert_int_equal(subjects, 1 + 2 + 900 + 901 + 1 + 1);
}

static void the_list_is_bounded_and_says_what_is_left_out(void **state)
{
	size_t count = 2 * (CLIENTS_MAX + 10);
	scoped(memory) void *memory = calloc(count, sizeof(struct weir_holder));
	struct weir_holder *records = memory;

	(void)state;
	for (size_t i = 0; i < count; i++)
		records[i] = holder((uint32_t)i / 2 + 1, ESTABLISHED, 0, OPEN);
	scoped(memory) void *made = group(records, count);
	const struct snapshot_clients *clients = made;

	assert_int_equal(clients->count, CLIENTS_MAX);
	assert_int_equal(clients->processes, CLIENTS_MAX + 10);
	assert_int_equal(clients->unlisted, 20);
	assert_int_equal(clients->connections, count);
}

static struct snapshot_clients *many(size_t count)
{
	struct weir_holder records[40];
	struct snapshot_clients *clients;

	for (size_t i = 0; i < count; i++)
		records[i] = holder((uint32_t)i + 1, ESTABLISHED, 0, OPEN);
	clients = group(records, count);
	for (size_t i = 0; i < count; i++)
		snprintf(clients->items[i].name, sizeof(clients->items[i].name),
			 "p%zu", i + 1);
	return clients;
}

static void a_phrase_names_the_first_and_counts_the_rest(void **state)
{
	scoped(memory) void *memory = many(8);
	scoped(memory) void *one = many(1);
	scoped(memory) void *none = many(0);
	char text[200], narrow[52];

	(void)state;
	clients_phrase(memory, text, sizeof(text));
	assert_string_equal(text, "p1 1, p2 1, p3 1, p4 1, p5 1 and 3 more");
	clients_phrase(memory, narrow, sizeof(narrow));
	assert_string_equal(narrow, "p1 1, p2 1 and 6 more");
	clients_phrase(memory, narrow, 42);
	assert_string_equal(narrow, "8 processes");
	clients_phrase(one, text, sizeof(text));
	assert_string_equal(text, "p1 1");
	clients_phrase(none, text, sizeof(text));
	assert_string_equal(text, "nobody any more");
}

static void whoever_has_ended_is_a_number(void **state)
{
	struct callers_search nowhere = {.root = "/nonexistent"};
	struct snapshot_client gone = {.pid = 4194304 + 1, .uid = 33};
	struct snapshot_client unknown = {.uid = 33};

	(void)state;
	callers_describe(&gone, &nowhere);
	callers_describe(&unknown, &nowhere);
	assert_string_equal(gone.name, "[4194305]");
	assert_string_equal(gone.process, "");
	assert_string_equal(unknown.name, "unknown[uid 33]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_process_has_its_connections_by_state),
		cmocka_unit_test(silence_is_idle_from_one_second_on),
		cmocka_unit_test(without_the_length_of_a_jiffy_nothing_is_idle),
		cmocka_unit_test(
			an_adopted_connection_is_as_old_as_its_silence),
		cmocka_unit_test(services_and_unknown_owners_are_kept_apart),
		cmocka_unit_test(the_list_is_bounded_and_says_what_is_left_out),
		cmocka_unit_test(a_phrase_names_the_first_and_counts_the_rest),
		cmocka_unit_test(whoever_has_ended_is_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
