/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * traps.c - the traps other breakers fell into, one promise each.
 *
 * The numbers are those of the reference on circuit breakers; traps that
 * concern no breaker (rate limits, adaptive limits, defaults) are not here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/sim/model/bed.h"
#include "tests/sim/model/host.h"

#define CALLS 20u

static void assert_state(struct bed *bed, uint32_t server, enum weir_state want)
{
	assert_int_equal(bed_breaker(bed, server)->state, want);
}

static void go_half_open(struct bed *bed, uint32_t server)
{
	bed_trip(bed, server);
	assert_state(bed, server, WEIR_STATE_OPEN);
	bed_pass(bed, 5100 * MS_NS);
	assert_state(bed, server, WEIR_STATE_HALF_OPEN);
}

static uint32_t connected(struct bed *bed, uint32_t server)
{
	uint32_t socket = bed_dial(bed, server);

	assert_int_not_equal(socket, BED_REFUSED);
	bed_establish(bed, socket);
	return socket;
}

static uint32_t asked(struct bed *bed, uint32_t server)
{
	uint32_t socket = connected(bed, server);

	bed_ask(bed, socket);
	return socket;
}

/* T1 */
static void results_from_before_the_trip_decide_nothing(void **state)
{
	struct bed bed;
	uint32_t good, bad;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	good = asked(&bed, 0);
	bad = asked(&bed, 0);
	go_half_open(&bed, 0);
	bed_answer(&bed, good);
	assert_state(&bed, 0, WEIR_STATE_HALF_OPEN);
	bed_fail(&bed, bad, ECONNRESET);
	assert_state(&bed, 0, WEIR_STATE_HALF_OPEN);
	for (int i = 0; i < 3; i++)
		assert_true(bed_good_call(&bed, 0));
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	bed_close(&bed);
}

/* T2 */
static void a_probe_without_an_outcome_opens_again(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	go_half_open(&bed, 0);
	assert_int_not_equal(bed_dial(&bed, 0), BED_REFUSED);
	bed_pass(&bed, 9900 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_HALF_OPEN);
	bed_pass(&bed, 300 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	bed_close(&bed);
}

/* T2, as clients with a timeout cause it. */
static void a_probe_that_is_given_up_late_opens_again(void **state)
{
	struct bed bed;
	uint32_t probe;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	go_half_open(&bed, 0);
	probe = asked(&bed, 0);
	bed_pass(&bed, 2 * S_NS);
	bed_hang_up(&bed, probe);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	bed_close(&bed);
}

/* T3 */
static void a_thousand_connects_at_once_are_three_probes(void **state)
{
	struct bed bed;
	unsigned let_through = 0;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	go_half_open(&bed, 0);
	for (int i = 0; i < 1000; i++)
		let_through += bed_dial(&bed, 0) != BED_REFUSED;
	assert_int_equal(let_through, 3);
	bed_close(&bed);
}

/* T4 */
static void one_success_does_not_close(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	go_half_open(&bed, 0);
	assert_true(bed_good_call(&bed, 0));
	assert_true(bed_good_call(&bed, 0));
	assert_state(&bed, 0, WEIR_STATE_HALF_OPEN);
	assert_true(bed_good_call(&bed, 0));
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	bed_close(&bed);
}

/* T5 */
static void a_full_bulkhead_trips_nothing(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed.policy.bulkhead.set = true;
	bed.policy.bulkhead.connections_max = 2;
	bed.policy.bulkhead.endpoint_connections_max = WEIR_NONE;
	bed_start(&bed);
	connected(&bed, 0);
	connected(&bed, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(bed_dial(&bed, 0), BED_REFUSED);
	bed_pass(&bed, S_NS);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	assert_int_equal(bed_breaker(&bed, 0)->window.sum.calls, 0);
	bed_close(&bed);
}

static void give_up_after(struct bed *bed, uint64_t ns)
{
	uint32_t sockets[CALLS];

	for (uint32_t i = 0; i < CALLS; i++)
		sockets[i] = asked(bed, 0);
	bed_pass(bed, ns);
	for (uint32_t i = 0; i < CALLS; i++)
		bed_hang_up(bed, sockets[i]);
	bed_pass(bed, 200 * MS_NS);
}

/* T6 */
static void a_call_that_is_given_up_early_is_neutral(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	give_up_after(&bed, 10 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	assert_int_equal(bed_breaker(&bed, 0)->window.sum.calls, 0);
	bed_close(&bed);
}

static void a_call_that_is_given_up_late_is_slow(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	/* Too short for a look to find them overdue before they end. */
	give_up_after(&bed, 501 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	assert_int_equal(bed_breaker(&bed, 0)->last.trip, WEIR_TRIP_SLOW_RATE);
	bed_close(&bed);
}

/* T7 */
static void a_neutral_outcome_does_not_end_the_row(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	for (int i = 0; i < 4; i++)
		bed_bad_call(&bed, 0);
	bed_hang_up(&bed, asked(&bed, 0));
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	bed_bad_call(&bed, 0);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	bed_close(&bed);
}

static void a_neutral_probe_gives_its_token_back(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	go_half_open(&bed, 0);
	for (int i = 0; i < 10; i++)
		bed_hang_up(&bed, asked(&bed, 0));
	assert_state(&bed, 0, WEIR_STATE_HALF_OPEN);
	for (int i = 0; i < 3; i++)
		assert_true(bed_good_call(&bed, 0));
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	bed_close(&bed);
}

/* T8 */
static void the_cap_is_never_exceeded(void **state)
{
	struct bed bed;
	unsigned let_through = 0;

	(void)state;
	bed_make(&bed, 1);
	bed.policy.bulkhead.set = true;
	bed.policy.bulkhead.connections_max = 100;
	bed.policy.bulkhead.endpoint_connections_max = WEIR_NONE;
	bed_start(&bed);
	for (int i = 0; i < 1000; i++)
		let_through += bed_dial(&bed, 0) != BED_REFUSED;
	assert_int_equal(let_through, 100);
	bed_close(&bed);
}

/* T9 */
static void one_bad_endpoint_of_two_to_ten_is_ejected(void **state)
{
	(void)state;
	for (uint32_t servers = 2; servers <= 10; servers++) {
		struct bed bed;

		bed_make(&bed, servers);
		bed.policy.breaker.ejection_max = 10;
		bed_start(&bed);
		bed_trip(&bed, 0);
		assert_state(&bed, 0, WEIR_STATE_OPEN);
		assert_false(bed_bad_call(&bed, 0));
		bed_trip(&bed, 1);
		assert_state(&bed, 1, WEIR_STATE_OPEN_SUPPRESSED);
		assert_true(bed_bad_call(&bed, 1));
		bed_close(&bed);
	}
}

/* T10 */
static void the_wait_grows_to_its_maximum_and_falls_again(void **state)
{
	static const uint64_t waits_s[] = {5, 10, 20, 40, 60, 60};
	struct breaker *breaker;
	struct bed bed;
	uint32_t level;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	bed_trip(&bed, 0);
	breaker = bed_breaker(&bed, 0);
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		assert_int_equal(breaker->until_ns - breaker->since_ns,
				 waits_s[i] * S_NS);
		bed_pass(&bed, waits_s[i] * S_NS + 200 * MS_NS);
		bed_bad_call(&bed, 0);
	}
	bed_pass(&bed, 60 * S_NS + 200 * MS_NS);
	for (int i = 0; i < 3; i++)
		bed_good_call(&bed, 0);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	for (level = breaker->level; level > 0; level--) {
		bed_pass(&bed, 10 * S_NS);
		assert_int_equal(breaker->level, level);
		bed_good_call(&bed, 0);
		bed_pass(&bed, 100 * MS_NS);
	}
	assert_int_equal(breaker->level, 0);
	bed_close(&bed);
}

/* T11 */
static void a_burst_across_the_edge_of_a_bucket_counts_whole(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed.policy.breaker.consecutive = 0;
	bed_start(&bed);
	bed_pass(&bed, 950 * MS_NS);
	for (int i = 0; i < 10; i++)
		bed_bad_call(&bed, 0);
	bed_pass(&bed, 100 * MS_NS);
	for (int i = 0; i < 9; i++)
		bed_bad_call(&bed, 0);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	bed_bad_call(&bed, 0);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	assert_int_equal(bed_breaker(&bed, 0)->last.trip,
			 WEIR_TRIP_FAILURE_RATE);
	bed_close(&bed);
}

/* T12 */
static void a_total_outage_at_one_call_a_second_trips(void **state)
{
	struct bed bed;
	int calls = 0;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	while (bed_bad_call(&bed, 0) && calls < 19) {
		calls++;
		bed_pass(&bed, S_NS);
	}
	assert_int_equal(calls, 5);
	assert_int_equal(bed_breaker(&bed, 0)->last.trip,
			 WEIR_TRIP_CONSECUTIVE);
	bed_close(&bed);
}

/* T13 */
static void calls_that_hang_trip_before_they_end(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	for (uint32_t i = 0; i < CALLS; i++)
		asked(&bed, 0);
	bed_pass(&bed, 500 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	/* A slice of an eighth of the threshold, and a tick. */
	bed_pass(&bed, 200 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	assert_int_equal(bed_breaker(&bed, 0)->last.trip, WEIR_TRIP_SLOW_RATE);
	bed_close(&bed);
}

/* T13: strictly more than the threshold. */
static void a_call_as_old_as_the_threshold_is_not_overdue(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	/* A slice, a second and a tick all end here. */
	bed_pass(&bed, 1024 * S_NS - host_now_ns - 10 * MS_NS);
	for (uint32_t i = 0; i < CALLS; i++)
		asked(&bed, 0);
	bed_pass(&bed, 510 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	bed_pass(&bed, 100 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	bed_close(&bed);
}

/* T13, where they all start in the moment the breaker closes. */
static void calls_that_hang_right_after_closing_trip_too(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	go_half_open(&bed, 0);
	for (int i = 0; i < 3; i++)
		bed_good_call(&bed, 0);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	for (uint32_t i = 0; i < CALLS; i++)
		asked(&bed, 0);
	bed_pass(&bed, 700 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	bed_close(&bed);
}

/* T14 */
static void an_edit_while_open_keeps_state_and_wait(void **state)
{
	struct breaker *breaker;
	struct bed bed;
	uint64_t until_ns;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	bed_trip(&bed, 0);
	breaker = bed_breaker(&bed, 0);
	until_ns = breaker->until_ns;
	bed.policy.breaker.failure_rate = 90;
	bed.policy.breaker.wait_initial_ns = 30 * S_NS;
	bed.policy.breaker.slow_ns = S_NS;
	bed_apply(&bed);
	bed_pass(&bed, S_NS);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	assert_int_equal(breaker->until_ns, until_ns);
	assert_false(bed_good_call(&bed, 0));
	bed_close(&bed);
}

static void an_edit_keeps_the_samples(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed.policy.breaker.consecutive = 0;
	bed_start(&bed);
	for (int i = 0; i < 19; i++)
		bed_bad_call(&bed, 0);
	bed.policy.breaker.window_ns = 20 * S_NS;
	bed.policy.breaker.window_buckets = 7;
	bed_apply(&bed);
	assert_state(&bed, 0, WEIR_STATE_CLOSED);
	bed_bad_call(&bed, 0);
	bed_pass(&bed, 100 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	bed_close(&bed);
}

/* T18 */
static void without_an_agent_an_open_breaker_lets_go(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	bed_trip(&bed, 0);
	bed_pass(&bed, 200 * MS_NS);
	daemon_kill(&bed.daemon);
	bed_pass(&bed, 2800 * MS_NS);
	assert_false(bed_good_call(&bed, 0));
	bed_pass(&bed, 400 * MS_NS);
	assert_true(bed_good_call(&bed, 0));
	bed_close(&bed);
}

static void the_next_agent_finds_the_breaker_as_it_was(void **state)
{
	struct bed bed;
	uint64_t until_ns;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	bed_trip(&bed, 0);
	until_ns = bed_breaker(&bed, 0)->until_ns;
	daemon_kill(&bed.daemon);
	bed_pass(&bed, S_NS);
	daemon_start(&bed.daemon, &bed.set, 2);
	assert_state(&bed, 0, WEIR_STATE_OPEN);
	assert_int_equal(bed_breaker(&bed, 0)->until_ns, until_ns);
	assert_false(bed_good_call(&bed, 0));
	bed_pass(&bed, 4200 * MS_NS);
	assert_state(&bed, 0, WEIR_STATE_HALF_OPEN);
	bed_close(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_from_before_the_trip_decide_nothing),
		cmocka_unit_test(a_probe_without_an_outcome_opens_again),
		cmocka_unit_test(a_probe_that_is_given_up_late_opens_again),
		cmocka_unit_test(a_thousand_connects_at_once_are_three_probes),
		cmocka_unit_test(one_success_does_not_close),
		cmocka_unit_test(a_full_bulkhead_trips_nothing),
		cmocka_unit_test(a_call_that_is_given_up_early_is_neutral),
		cmocka_unit_test(a_call_that_is_given_up_late_is_slow),
		cmocka_unit_test(a_neutral_outcome_does_not_end_the_row),
		cmocka_unit_test(a_neutral_probe_gives_its_token_back),
		cmocka_unit_test(the_cap_is_never_exceeded),
		cmocka_unit_test(one_bad_endpoint_of_two_to_ten_is_ejected),
		cmocka_unit_test(the_wait_grows_to_its_maximum_and_falls_again),
		cmocka_unit_test(
			a_burst_across_the_edge_of_a_bucket_counts_whole),
		cmocka_unit_test(a_total_outage_at_one_call_a_second_trips),
		cmocka_unit_test(calls_that_hang_trip_before_they_end),
		cmocka_unit_test(a_call_as_old_as_the_threshold_is_not_overdue),
		cmocka_unit_test(calls_that_hang_right_after_closing_trip_too),
		cmocka_unit_test(an_edit_while_open_keeps_state_and_wait),
		cmocka_unit_test(an_edit_keeps_the_samples),
		cmocka_unit_test(without_an_agent_an_open_breaker_lets_go),
		cmocka_unit_test(the_next_agent_finds_the_breaker_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
