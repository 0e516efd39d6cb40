/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reset.c - established connections of an open breaker: which are asked for,
 * at what pace, what is counted, and that the agent goes on without the process
 * that resets. That process and the kernel are played here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/clock.h"
#include "agent/reset.h"
#include "tests/unit/plane.h"

#define TICK_NS (100 * NS_PER_MS)
#define RATE	50u /* of "orders", whose endpoints are reset when stuck */
#define SLOW_NS (500 * NS_PER_MS)

struct bed {
	struct plane plane;
	struct resetter resetter;
	struct resets resets;
	struct service *orders, *search;
	struct subject *endpoint; /* of "orders" */
	int other;		  /* where orders arrive; -1: nobody is there */
	uint64_t now_ns;
};

/* The kernel: what was asked last, how often, and what there is to find. */
static struct {
	struct weir_select asked;
	unsigned walks;
	uint32_t there;
	uint64_t cookie;
} kernel;

int dataplane_select(struct dataplane *plane, const struct weir_select *ask,
		     struct weir_victim *out, size_t *count)
{
	(void)plane;
	kernel.asked = *ask;
	kernel.walks++;
	for (*count = 0; kernel.there && *count < ask->max; kernel.there--)
		out[(*count)++] = (struct weir_victim){
			.subject = ask->subject,
			.cookie = ++kernel.cookie,
		};
	return 0;
}

static int make(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	int ends[2];

	assert_non_null(bed);
	memset(&kernel, 0, sizeof(kernel));
	bed->now_ns = 1000 * NS_PER_S;
	plane_open(&bed->plane, PLANE_POLICIES, bed->now_ns);
	bed->endpoint = plane_meet(&bed->plane.registry, "orders", 0x0a000801,
				   5432, bed->now_ns);
	bed->orders = bed->endpoint->service;
	bed->search = registry_find(&bed->plane.registry, "search")->service;
	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   ends),
		0);
	bed->resetter.fd = ends[0];
	bed->other = ends[1];
	bed->resets = (struct resets){
		.registry = &bed->plane.registry,
		.events = bed->plane.events,
		.resetter = &bed->resetter,
	};
	*state = bed;
	return 0;
}

static int clear(void **state)
{
	struct bed *bed = *state;

	resetter_stop(&bed->resetter);
	if (bed->other >= 0)
		close(bed->other);
	plane_close(&bed->plane);
	free(bed);
	return 0;
}

static void force(struct bed *bed, struct subject *subject, enum weir_state to)
{
	decide_force(&bed->plane.decide, subject, to, 0, "test", "",
		     bed->now_ns);
}

/* As a trip would have left it. */
static void open_up(struct subject *subject)
{
	subject->breaker.state = WEIR_STATE_OPEN;
	subject->breaker.until_ns = UINT64_MAX;
}

static void pass(struct bed *bed, uint64_t ns)
{
	for (uint64_t end_ns = bed->now_ns + ns; bed->now_ns < end_ns;) {
		bed->now_ns += TICK_NS;
		reset_tick(&bed->resets, bed->now_ns);
	}
}

/* How many orders arrived; each is answered with `error`. */
static size_t carry_out(struct bed *bed, int error)
{
	struct weir_victim victims[RESETTER_BATCH_MAX];
	struct reset_result results[RESETTER_BATCH_MAX];
	size_t all = 0;
	ssize_t bytes;

	while ((bytes = recv(bed->other, victims, sizeof(victims), 0)) > 0) {
		size_t count = (size_t)bytes / sizeof(victims[0]);

		for (size_t i = 0; i < count; i++)
			results[i] = (struct reset_result){
				.subject = victims[i].subject,
				.error = error,
			};
		assert_true(send(bed->other, results,
				 count * sizeof(results[0]), 0) > 0);
		all += count;
	}
	return all;
}

static bool was_said(struct bed *bed, const char *part)
{
	size_t count;
	struct snapshot_event *events = events_copy(bed->plane.events, &count);
	bool said = false;

	for (size_t i = 0; i < count; i++)
		said = said || strstr(events[i].text, part);
	free(events);
	return said;
}

/* ---- no room ---------------------------------------------------------------------- */

static void take_doomed(struct bed *bed, uint32_t subject)
{
	const struct weir_doomed doomed = {
		.type = WEIR_EVENT_DOOMED,
		.subject = subject,
		.victim = {.subject = subject, .doomed = 1},
	};

	reset_doomed(&bed->resets, &doomed);
}

static void who_had_no_room_is_ordered_with_the_next_flush(void **state)
{
	struct bed *bed = *state;

	for (unsigned i = 0; i < RESETTER_BATCH_MAX + 3; i++)
		take_doomed(bed, bed->orders->slot);
	/* A full batch goes at once, the rest waits. */
	assert_int_equal(carry_out(bed, 0), RESETTER_BATCH_MAX);
	reset_flush(&bed->resets);
	assert_int_equal(carry_out(bed, 0), 3);
	reset_flush(&bed->resets);
	assert_int_equal(carry_out(bed, 0), 0);
	reset_tick(&bed->resets, bed->now_ns);
	assert_int_equal(bed->orders->resets_total, RESETTER_BATCH_MAX + 3);
}

/* The kernel's event: neither is a number of ours to be trusted blindly. */
static void doomed_of_no_service_are_left_alone(void **state)
{
	struct bed *bed = *state;

	take_doomed(bed, UINT32_MAX);
	take_doomed(bed, PLANE_SERVICES);
	take_doomed(bed, PLANE_SERVICES - 1);
	reset_flush(&bed->resets);
	assert_int_equal(carry_out(bed, 0), 0);
}

static void those_whose_event_was_lost_are_found_by_the_audit(void **state)
{
	struct bed *bed = *state;

	kernel.there = 2;
	reset_left_over(&bed->resets);
	assert_int_equal(kernel.walks, 0);
	bed->plane.plane.recounts[bed->orders->slot].doomed = 2;
	reset_left_over(&bed->resets);
	assert_int_equal(kernel.walks, 1);
	assert_int_equal(kernel.asked.which, WEIR_ESTABLISHED_DOOMED);
	assert_int_equal(carry_out(bed, 0), 2);
}

/* ---- which ------------------------------------------------------------------------ */

static void a_closed_breaker_resets_nothing(void **state)
{
	struct bed *bed = *state;

	kernel.there = 5;
	pass(bed, 3 * NS_PER_S);
	assert_int_equal(kernel.walks, 0);
}

static void the_kernel_is_asked_for_what_the_policy_says(void **state)
{
	struct bed *bed = *state;

	open_up(bed->endpoint);
	pass(bed, TICK_NS);
	assert_int_equal(kernel.asked.subject, bed->endpoint->id);
	assert_int_equal(kernel.asked.which, WEIR_ESTABLISHED_RESET_STUCK);
	assert_int_equal(kernel.asked.stuck_us, SLOW_NS / NS_PER_US);
	assert_int_equal(kernel.asked.mark, WEIR_CONN_RESET);
	assert_true(kernel.asked.max > 0);
}

static void where_traffic_flows_connections_stay(void **state)
{
	static const enum weir_state states[] = {
		WEIR_STATE_HALF_OPEN,
		WEIR_STATE_OPEN_SUPPRESSED,
		WEIR_STATE_FORCED_CLOSED,
	};
	struct bed *bed = *state;

	kernel.there = 5;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		bed->endpoint->breaker.state = states[i];
		pass(bed, NS_PER_S);
		assert_int_equal(kernel.walks, 0);
	}
	open_up(bed->endpoint);
	bed->orders->panic = true;
	pass(bed, NS_PER_S);
	assert_int_equal(kernel.walks, 0);
}

static void forced_open_resets_too_even_in_panic(void **state)
{
	struct bed *bed = *state;

	kernel.there = 3;
	force(bed, bed->endpoint, WEIR_STATE_FORCED_OPEN);
	bed->orders->panic = true;
	pass(bed, NS_PER_S);
	assert_int_equal(carry_out(bed, 0), 3);
}

static void what_keeps_its_connections_is_not_walked(void **state)
{
	struct bed *bed = *state;

	bed->orders->rules.established = WEIR_ESTABLISHED_KEEP;
	open_up(bed->endpoint);
	pass(bed, 3 * NS_PER_S);
	assert_int_equal(kernel.walks, 0);
}

/* ---- the pace ---------------------------------------------------------------------- */

static void at_most_reset_rate_a_second(void **state)
{
	struct bed *bed = *state;
	size_t all = 0;

	kernel.there = 100000;
	open_up(bed->endpoint);
	for (int i = 0; i < 100; i++) {
		pass(bed, TICK_NS);
		all += carry_out(bed, 0);
	}
	assert_true(all <= 10 * RATE + RATE / 10 + 2);
	assert_true(all >= 10 * RATE);
}

static void endpoints_share_the_pace_of_their_service(void **state)
{
	struct bed *bed = *state;
	struct subject *other = plane_meet(&bed->plane.registry, "orders",
					   0x0a000802, 5432, bed->now_ns);
	size_t all = 0;

	kernel.there = 100000;
	open_up(bed->endpoint);
	open_up(other);
	for (int i = 0; i < 50; i++) {
		pass(bed, TICK_NS);
		all += carry_out(bed, 0);
	}
	assert_true(all <= 5 * RATE + RATE / 10 + 2);
}

/* A walk is not free: who found little rests half a slow call. */
static void a_walk_that_found_little_rests(void **state)
{
	struct bed *bed = *state;

	open_up(bed->endpoint);
	pass(bed, 10 * NS_PER_S);
	assert_true(kernel.walks >= 30);
	assert_true(kernel.walks <= 41);
}

static void what_was_not_found_is_not_paid_for(void **state)
{
	struct bed *bed = *state;

	open_up(bed->endpoint);
	pass(bed, 10 * NS_PER_S);
	kernel.there = 100;
	pass(bed, NS_PER_S);
	assert_true(carry_out(bed, 0) >= RATE / 2);
}

/* ---- what is counted ---------------------------------------------------------------- */

static void each_result_is_counted_as_what_it_was(void **state)
{
	struct bed *bed = *state;

	kernel.there = 4;
	open_up(bed->endpoint);
	pass(bed, NS_PER_S);
	assert_int_equal(carry_out(bed, 0), 4);
	kernel.there = 3;
	pass(bed, NS_PER_S);
	assert_int_equal(carry_out(bed, -ENOENT), 3);
	pass(bed, TICK_NS);
	assert_int_equal(bed->orders->resets_total, 4);
	assert_int_equal(bed->orders->resets_missed, 3);
	assert_int_equal(bed->orders->would_reset_total, 0);
	assert_true(was_said(bed, "4 connections (stuck) are being reset"));
}

static void observe_marks_and_counts_and_orders_nothing(void **state)
{
	struct bed *bed = *state;

	kernel.there = 4;
	open_up(&bed->search->subject);
	pass(bed, 3 * NS_PER_S);
	assert_int_equal(kernel.asked.mark, WEIR_CONN_SPARED);
	assert_int_equal(kernel.asked.which, WEIR_ESTABLISHED_RESET_ALL);
	assert_int_equal(carry_out(bed, 0), 0);
	assert_int_equal(bed->search->would_reset_total, 4);
	assert_int_equal(bed->search->resets_total, 0);
	assert_true(was_said(bed, "would have been reset"));
}

/* It is said once, when there are no more, and not for each. */
static void what_is_left_unsaid_is_said_when_it_closes(void **state)
{
	struct bed *bed = *state;

	kernel.there = 1000;
	open_up(bed->endpoint);
	pass(bed, 500 * NS_PER_MS);
	assert_false(was_said(bed, "are being reset"));
	bed->endpoint->breaker.state = WEIR_STATE_CLOSED;
	pass(bed, TICK_NS);
	assert_true(was_said(bed, "are being reset"));
}

/* ---- the other process ----------------------------------------------------------------- */

static void without_it_the_agent_goes_on_and_keeps(void **state)
{
	struct bed *bed = *state;
	unsigned walks;

	kernel.there = 1000;
	open_up(bed->endpoint);
	close(bed->other);
	bed->other = -1;
	pass(bed, TICK_NS);
	assert_int_equal(kernel.walks, 1);
	assert_false(bed->plane.plane.reset_works);
	assert_int_equal(bed->orders->resets_total, 0);
	assert_true(bed->orders->resets_missed > 0);
	walks = kernel.walks;
	pass(bed, 10 * NS_PER_S);
	assert_int_equal(kernel.walks, walks);
}

static void observing_needs_it_not(void **state)
{
	struct bed *bed = *state;

	bed->plane.plane.reset_works = false;
	kernel.there = 2;
	open_up(&bed->search->subject);
	pass(bed, NS_PER_S);
	assert_int_equal(bed->search->would_reset_total, 2);
}

static void one_that_is_behind_costs_what_it_missed(void **state)
{
	struct bed *bed = *state;

	kernel.there = 100000;
	open_up(bed->endpoint);
	/* Nobody takes the orders: the socket is full some day. */
	pass(bed, 600 * NS_PER_S);
	assert_true(bed->orders->resets_missed > 0);
	assert_true(bed->plane.plane.reset_works);
	assert_true(carry_out(bed, 0) > 0);
}

static void results_about_nobody_are_ignored(void **state)
{
	static const struct reset_result results[] = {
		{.subject = PLANE_SUBJECTS},
		{.subject = UINT32_MAX, .error = -1},
		{.subject = PLANE_SUBJECTS - 1},
	};
	struct bed *bed = *state;

	assert_true(send(bed->other, results, sizeof(results), 0) > 0);
	assert_true(send(bed->other, results, 3, 0) > 0);
	pass(bed, TICK_NS);
	assert_int_equal(bed->orders->resets_total, 0);
	assert_int_equal(bed->orders->resets_missed, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_had_no_room_is_ordered_with_the_next_flush),
		T(doomed_of_no_service_are_left_alone),
		T(those_whose_event_was_lost_are_found_by_the_audit),
		T(a_closed_breaker_resets_nothing),
		T(the_kernel_is_asked_for_what_the_policy_says),
		T(where_traffic_flows_connections_stay),
		T(forced_open_resets_too_even_in_panic),
		T(what_keeps_its_connections_is_not_walked),
		T(at_most_reset_rate_a_second),
		T(endpoints_share_the_pace_of_their_service),
		T(a_walk_that_found_little_rests),
		T(what_was_not_found_is_not_paid_for),
		T(each_result_is_counted_as_what_it_was),
		T(observe_marks_and_counts_and_orders_nothing),
		T(what_is_left_unsaid_is_said_when_it_closes),
		T(without_it_the_agent_goes_on_and_keeps),
		T(observing_needs_it_not),
		T(one_that_is_behind_costs_what_it_missed),
		T(results_about_nobody_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
