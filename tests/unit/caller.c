/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * caller.c - the places of clients: who gets one, who keeps it, who is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/mechanisms/caller.h"
#include "common/count_of.h"

#define INDEX 7u /* the set in question */
#define NOW   1000000ull

static struct weir_caller_set set;

static int clear(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	return 0;
}

static struct caller_ask ask_of(uint64_t id, uint32_t max)
{
	return (struct caller_ask){
		.key = {.slot = 3, .by = WEIR_BY_USER, .id = {id}},
		.max = max,
		.now_ns = NOW,
	};
}

static enum caller_result take(struct caller_ask *ask)
{
	return caller_take(&set, INDEX, ask);
}

static struct weir_caller *at(const struct caller_ask *ask)
{
	uint32_t place = ask->place - 1;

	assert_int_equal(place / WEIR_CALLERS_PER_SET, INDEX);
	return &set.callers[place % WEIR_CALLERS_PER_SET];
}

static void a_client_is_full_on_its_own(void **state)
{
	struct caller_ask one = ask_of(1, 2), other = ask_of(2, 2);

	(void)state;
	assert_int_equal(take(&one), CALLER_TAKEN);
	assert_int_equal(take(&one), CALLER_TAKEN);
	assert_int_equal(at(&one)->in_use, 2);
	assert_int_equal(take(&one), CALLER_CAP_FULL);
	assert_int_equal(one.place, 0);
	assert_int_equal(take(&other), CALLER_TAKEN);
	assert_ptr_not_equal(at(&other), &set.callers[0]);
	assert_int_equal(set.callers[0].refused, 1);
}

static void what_is_told_apart_is_service_kind_and_id(void **state)
{
	struct caller_ask asks[] = {ask_of(1, 1), ask_of(1, 1), ask_of(1, 1),
				    ask_of(1, 1)};

	(void)state;
	asks[1].key.slot = 4;
	asks[2].key.by = WEIR_BY_PROCESS;
	asks[3].key.id[1] = 1;
	for (size_t i = 0; i < COUNT_OF(asks); i++)
		assert_int_equal(take(&asks[i]), CALLER_TAKEN);
	for (size_t i = 0; i < COUNT_OF(asks); i++)
		assert_int_equal(take(&asks[i]), CALLER_CAP_FULL);
}

static void a_place_that_counts_is_never_given_away(void **state)
{
	struct caller_ask one = ask_of(1, 5);
	struct weir_caller *first;

	(void)state;
	assert_int_equal(take(&one), CALLER_TAKEN);
	first = at(&one);
	for (uint64_t id = 2; id <= WEIR_CALLERS_PER_SET; id++) {
		struct caller_ask ask = ask_of(id, 5);

		assert_int_equal(take(&ask), CALLER_TAKEN);
	}
	one = ask_of(99, 5);
	assert_int_equal(take(&one), CALLER_SET_FULL);
	assert_int_equal(one.place, 0);
	cap_give(&first->in_use);
	assert_int_equal(take(&one), CALLER_TAKEN);
	assert_ptr_equal(at(&one), first);
	assert_int_equal(first->in_use, 1);
	assert_int_equal(first->refused, 0);
}

static void a_client_that_waits_for_its_rate_keeps_its_place(void **state)
{
	struct caller_ask hasty = ask_of(1, 0);

	(void)state;
	hasty.rate_ns = 100;
	hasty.burst_ns = 200;
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(&hasty), CALLER_TAKEN);
	assert_int_equal(at(&hasty)->in_use, 0);
	assert_int_equal(take(&hasty), CALLER_RATE_EXCEEDED);
	assert_false(caller_idle(&set.callers[0], NOW + 299));
	assert_true(caller_idle(&set.callers[0], NOW + 300));
	hasty.now_ns = NOW + 100;
	assert_int_equal(take(&hasty), CALLER_TAKEN);
	assert_int_equal(take(&hasty), CALLER_RATE_EXCEEDED);
}

static void a_rate_that_was_not_used_comes_back_to_its_owner_only(void **state)
{
	struct caller_ask one = ask_of(1, 0), other;

	(void)state;
	one.rate_ns = 100;
	assert_int_equal(take(&one), CALLER_TAKEN);
	assert_int_equal(at(&one)->rate_at_ns, NOW + 100);
	caller_unrate(at(&one), &one);
	assert_int_equal(set.callers[0].rate_at_ns, NOW);
	other = one;
	other.key.id[0] = 2;
	caller_unrate(&set.callers[0], &other);
	assert_int_equal(set.callers[0].rate_at_ns, NOW);
}

/* 16,384 clients in 4,096 sets: none has more than it can hold. */
static void clients_spread_over_the_sets(void **state)
{
	static uint8_t held[WEIR_CALLER_SETS];
	uint32_t most = 0, used = 0;

	(void)state;
	for (uint64_t id = 0; id < 4 * WEIR_CALLER_SETS; id++) {
		struct caller_ask ask = ask_of(id, 1);
		uint32_t index = caller_set(&ask.key, 12345);

		assert_in_range(index, 0, WEIR_CALLER_SETS - 1);
		used += !held[index];
		if (++held[index] > most)
			most = held[index];
	}
	assert_in_range(most, 5, WEIR_CALLERS_PER_SET);
	assert_in_range(used, WEIR_CALLER_SETS * 95 / 100, WEIR_CALLER_SETS);
}

static void the_seed_moves_clients(void **state)
{
	uint32_t same = 0;

	(void)state;
	for (uint64_t id = 0; id < 1000; id++) {
		struct caller_ask ask = ask_of(id, 1);

		same += caller_set(&ask.key, 1) == caller_set(&ask.key, 2);
	}
	assert_in_range(same, 0, 20);
}

static void a_look_says_what_a_take_would_and_takes_nothing(void **state)
{
	struct caller_ask cap = ask_of(1, 1), rate = ask_of(1, 0);
	struct weir_caller_set before = set;

	(void)state;
	rate.rate_ns = 10;
	/* A stranger: no place is made for it. */
	assert_int_equal(caller_look(&set, &cap), CALLER_TAKEN);
	assert_memory_equal(&set, &before, sizeof(set));
	assert_int_equal(take(&cap), CALLER_TAKEN);
	assert_int_equal(caller_look(&set, &cap), CALLER_CAP_FULL);
	assert_int_equal(caller_look(&set, &rate), CALLER_TAKEN);
	assert_int_equal(take(&rate), CALLER_TAKEN);
	before = set;
	assert_int_equal(caller_look(&set, &rate), CALLER_RATE_EXCEEDED);
	rate.now_ns += 9;
	assert_int_equal(caller_look(&set, &rate), CALLER_RATE_EXCEEDED);
	rate.now_ns += 1;
	assert_int_equal(caller_look(&set, &rate), CALLER_TAKEN);
	assert_memory_equal(&set, &before, sizeof(set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_client_is_full_on_its_own, clear),
		cmocka_unit_test_setup(
			what_is_told_apart_is_service_kind_and_id, clear),
		cmocka_unit_test_setup(a_place_that_counts_is_never_given_away,
				       clear),
		cmocka_unit_test_setup(
			a_client_that_waits_for_its_rate_keeps_its_place,
			clear),
		cmocka_unit_test_setup(
			a_rate_that_was_not_used_comes_back_to_its_owner_only,
			clear),
		cmocka_unit_test_setup(
			a_look_says_what_a_take_would_and_takes_nothing, clear),
		cmocka_unit_test(clients_spread_over_the_sets),
		cmocka_unit_test(the_seed_moves_clients),
	};

	return cmocka_run_group_tests_name("caller", tests, NULL, NULL);
}
