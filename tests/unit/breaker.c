/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker.c - the promises of design/3-breaker.md about when a breaker opens,
 * how long it stays open and what closes it. What operators, restarts and
 * edits of the policy do to it is in breaker_life.c. T1..T14 name the traps of
 * other systems in reference/features.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/breaker.h"

/* ---- closed: which samples trip, and for which reason ---------------------------- */

struct trip_row {
	const char *promise;
	struct breaker_sample before; /* held in the window */
	struct breaker_sample sample; /* what arrives now */
	enum weir_trip want;
	uint32_t value;
};

static void run_trip_rows(const struct policy_breaker *rules,
			  const struct trip_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct trip_row *row = &rows[i];
		struct breaker b;
		struct breaker_change change;
		struct breaker_sample first = row->before;

		breaker_init(&b, rules, T0);
		/* Held, but not judged yet: a success alone judges nothing. */
		fill_window(&b, &first, T0);
		change = step(&b, rules, row->sample, T0 + 1);
		if (change.trip != row->want || change.value != row->value ||
		    change.changed != (row->want != WEIR_TRIP_NONE))
			fail_msg("%s: trip %d value %u", row->promise,
				 change.trip, change.value);
		if (change.changed)
			assert_int_equal(b.state, WEIR_STATE_OPEN);
	}
}

/* clang-format off */
static void every_row_of_the_trip_rules_holds(void **state)
{
	static const struct trip_row rows[] = {
		{"five in a row, no floor under it (T12)",
		 {0}, {.failure = 5, .consecutive = 5}, WEIR_TRIP_CONSECUTIVE, 5},
		{"four in a row are not five",
		 {0}, {.failure = 4, .consecutive = 4}, WEIR_TRIP_NONE, 0},
		{"the row counts failures of earlier steps too",
		 {.failure = 4}, {.failure = 1, .consecutive = 5}, WEIR_TRIP_CONSECUTIVE, 5},
		{"a row the failure counter has not caught up with",
		 {0}, {.consecutive = 6}, WEIR_TRIP_CONSECUTIVE, 6},
		{"consecutive is asked first",
		 {.success = 10, .failure = 10}, {.failure = 5, .consecutive = 5}, WEIR_TRIP_CONSECUTIVE, 5},
		{"half failed, the floor is reached",
		 {.success = 10, .failure = 9}, {.failure = 1, .consecutive = 1}, WEIR_TRIP_FAILURE_RATE, 50},
		{"49 of 99 is below half",
		 {.success = 50, .failure = 48}, {.failure = 1, .consecutive = 1}, WEIR_TRIP_NONE, 0},
		{"19 calls are not 20",
		 {.success = 9, .failure = 9}, {.failure = 1, .consecutive = 1}, WEIR_TRIP_NONE, 0},
		{"a success is never the sample that trips",
		 {.success = 9, .failure = 10}, {.success = 1}, WEIR_TRIP_NONE, 0},
		{"nor a slow call, on the failure rate",
		 {.success = 9, .failure = 10}, {.slow = 1}, WEIR_TRIP_NONE, 0},
		{"4 of 5 slow: 80 percent",
		 {.success = 5, .slow = 19}, {.slow = 1}, WEIR_TRIP_SLOW_RATE, 80},
		{"79 percent slow",
		 {.success = 21, .slow = 78}, {.slow = 1}, WEIR_TRIP_NONE, 0},
		{"the slow rate has the floor of calls",
		 {0}, {.slow = 19}, WEIR_TRIP_NONE, 0},
		{"a failure is not the sample that trips on slow",
		 {.slow = 19}, {.failure = 1, .consecutive = 1}, WEIR_TRIP_NONE, 0},
		{"a success is not, either",
		 {.slow = 24, .failure = 5}, {.success = 1}, WEIR_TRIP_NONE, 0},
		{"failure rate before slow rate",
		 {.slow = 80}, {.failure = 80, .slow = 240, .consecutive = 1}, WEIR_TRIP_SLOW_RATE, 80},
		{"both hold: the failure rate is reported",
		 {0}, {.failure = 50, .slow = 50, .consecutive = 1}, WEIR_TRIP_FAILURE_RATE, 50},
		{"all that is left hangs, though no sample comes any more",
		 {0}, {.overdue = 20}, WEIR_TRIP_SLOW_RATE, 100},
		{"19 that hang are not 20 calls",
		 {0}, {.overdue = 19}, WEIR_TRIP_NONE, 0},
		{"what hangs is in the window already",
		 {.success = 80, .slow = 20}, {.overdue = 20}, WEIR_TRIP_NONE, 0},
		{"what hangs has outlived its sample: 16 of 20",
		 {.success = 4, .slow = 1}, {.overdue = 16}, WEIR_TRIP_SLOW_RATE, 80},
		{"15 of 19 are few, and 15 of 20 below the threshold",
		 {.success = 5, .slow = 1}, {.overdue = 15}, WEIR_TRIP_NONE, 0},
		{"nothing new, nothing judged",
		 {.failure = 100}, {0}, WEIR_TRIP_NONE, 0},
		{"a whole outage, all in one step",
		 {0}, {.failure = 1000000, .consecutive = 1}, WEIR_TRIP_FAILURE_RATE, 100},
	};
	struct policy_breaker rules = defaults();

	(void)state;
	run_trip_rows(&rules, rows, ROWS(rows));
}

static void every_row_of_the_floors_holds(void **state)
{
	static const struct trip_row rows[] = {
		{"T12: 100 percent of 20 calls, but only where failures reach 30",
		 {.failure = 19}, {.failure = 1, .consecutive = 1}, WEIR_TRIP_NONE, 0},
		{"29 failures",
		 {.failure = 28}, {.failure = 1, .consecutive = 1}, WEIR_TRIP_NONE, 0},
		{"30 failures",
		 {.failure = 29}, {.failure = 1, .consecutive = 1}, WEIR_TRIP_FAILURE_RATE, 100},
		{"29 slow",
		 {.slow = 28}, {.slow = 1}, WEIR_TRIP_NONE, 0},
		{"30 slow",
		 {.slow = 29}, {.slow = 1}, WEIR_TRIP_SLOW_RATE, 100},
		{"off: no row of failures is too long",
		 {0}, {.failure = 1, .consecutive = 1000}, WEIR_TRIP_NONE, 0},
	};
	struct policy_breaker rules = defaults();

	(void)state;
	rules.failures_min = 30;
	rules.consecutive = 0;
	run_trip_rows(&rules, rows, ROWS(rows));
}
/* clang-format on */

static void slow_calls_are_not_judged_without_a_threshold(void **state)
{
	static const struct trip_row rows[] = {
		{"all slow, unset",
		 {.slow = 100},
		 {.slow = 100, .overdue = 100},
		 WEIR_TRIP_NONE,
		 0},
	};
	struct policy_breaker rules = defaults();

	(void)state;
	rules.slow_ns = 0;
	run_trip_rows(&rules, rows, ROWS(rows));
}

static void without_a_breaker_block_nothing_trips(void **state)
{
	static const struct trip_row rows[] = {
		{"all failed",
		 {.failure = 100},
		 {.failure = 100, .slow = 100, .consecutive = 100},
		 WEIR_TRIP_NONE,
		 0},
	};
	struct policy_breaker rules = defaults();

	(void)state;
	rules.set = false;
	run_trip_rows(&rules, rows, ROWS(rows));
}

/* Every percentage, at and just below it: integers leave no gap. */
static void a_rate_trips_at_its_threshold_and_not_below(void **state)
{
	struct policy_breaker rules = defaults();

	(void)state;
	rules.consecutive = 0;
	rules.failures_min = 1;
	for (uint32_t percent = 1; percent <= 100; percent++)
		for (uint64_t calls = 20; calls < 60; calls++)
			for (uint64_t failed = 1; failed <= calls; failed++) {
				struct breaker_sample held = {
					.success = calls - failed,
					.failure = failed - 1,
				};
				struct breaker b;
				bool opened;

				rules.failure_rate = percent;
				breaker_init(&b, &rules, T0);
				fill_window(&b, &held, T0);
				opened = fail_once(&b, &rules, T0).changed;
				assert_int_equal(
					opened,
					100.0 * (double)failed >=
						(double)(percent * calls));
			}
}

/* T11: the window rolls; failures that left it weigh nothing. */
static void failures_that_left_the_window_do_not_trip(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	rules.consecutive = 0;
	breaker_init(&b, &rules, T0);
	step(&b, &rules, (struct breaker_sample){.failure = 19}, T0);
	assert_false(fail_once(&b, &rules, T0 + 10 * S).changed);
	step(&b, &rules, (struct breaker_sample){.failure = 18}, T0 + 11 * S);
	assert_true(fail_once(&b, &rules, T0 + 19 * S).changed);
}

/* T7: what is neutral is in no sample, so a step without one moves nothing. */
static void a_step_without_samples_moves_nothing(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	step(&b, &rules,
	     (struct breaker_sample){.failure = 4, .consecutive = 4}, T0);
	for (uint64_t i = 0; i < 100; i++)
		assert_false(step(&b, &rules,
				  (struct breaker_sample){.consecutive = 4},
				  T0 + i)
				     .changed);
	assert_int_equal(window_sum(&b.window, T0).calls, 4);
	assert_int_equal(b.epoch, 0);
}

static void the_change_tells_the_number_and_the_window(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker_change change;
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	change = step(&b, &rules,
		      (struct breaker_sample){
			      .success = 9, .failure = 21, .consecutive = 1},
		      T0);
	assert_int_equal(change.from, WEIR_STATE_CLOSED);
	assert_int_equal(change.to, WEIR_STATE_OPEN);
	assert_int_equal(change.value, 70);
	assert_int_equal(change.threshold, 50);
	assert_int_equal(change.window.calls, 30);
	assert_int_equal(change.window.failures, 21);
	assert_memory_equal(&change, &b.last, sizeof(change));
}

/* ---- open: for how long ------------------------------------------------------------ */

static void open_lasts_to_the_last_ns(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = opened(&rules, T0);

	(void)state;
	assert_int_equal(b.until_ns, T0 + 5 * S);
	assert_false(idle(&b, &rules, T0 + 5 * S - 1).changed);
	assert_int_equal(b.state, WEIR_STATE_OPEN);
	assert_int_equal(idle(&b, &rules, T0 + 5 * S).trip,
			 WEIR_TRIP_WAIT_ELAPSED);
	assert_int_equal(b.state, WEIR_STATE_HALF_OPEN);
}

static void samples_in_open_decide_nothing(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = opened(&rules, T0);
	struct breaker_sample loud = {.success = 100,
				      .failure = 100,
				      .slow = 100,
				      .consecutive = 100,
				      .probes_taken = 3,
				      .probes_ok = 3};

	(void)state;
	for (uint64_t at = T0; at < T0 + 5 * S; at += S / 10)
		assert_false(step(&b, &rules, loud, at).changed);
	assert_int_equal(b.level, 1);
}

static void every_row_of_the_wait_holds(void **state)
{
	static const struct {
		uint64_t initial_ns, max_ns;
		double multiplier, jitter_max, jitter;
		uint32_t level;
		uint64_t want_ns;
	} rows[] = {
		{5 * S, 60 * S, 2, 0, 0.9, 0, 5 * S},
		{5 * S, 60 * S, 2, 0, 0.9, 1, 10 * S},
		{5 * S, 60 * S, 2, 0, 0.9, 3, 40 * S},
		{5 * S, 60 * S, 2, 0, 0.9, 4, 60 * S},
		{5 * S, 60 * S, 2, 0, 0.9, 64, 60 * S},
		{5 * S, 60 * S, 1, 0, 0.9, 64, 5 * S},
		{5 * S, 60 * S, 1.5, 0, 0, 2, 11 * S + S / 4},
		{5 * S, 60 * S, 2, 0.5, 0, 0, 5 * S},
		{5 * S, 60 * S, 2, 0.5, 0.5, 0, 6 * S + S / 4},
		{5 * S, 60 * S, 2, 1, 0.75, 4, 105 * S},
		{90 * S, 60 * S, 2, 0, 0, 0, 60 * S},
		{POLICY_DURATION_MAX_NS, POLICY_DURATION_MAX_NS, 100, 1, 0.5,
		 64, POLICY_DURATION_MAX_NS + POLICY_DURATION_MAX_NS / 2},
		/* What no policy can say still never shortens the wait. */
		{5 * S, 60 * S, 0.1, -1, -1, 5, 5 * S},
		{5 * S, 60 * S, 2, 7, 7, 0, 10 * S},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct policy_breaker rules = defaults();
		struct breaker b;

		rules.wait_initial_ns = rows[i].initial_ns;
		rules.wait_max_ns = rows[i].max_ns;
		rules.wait_multiplier = rows[i].multiplier;
		rules.wait_jitter = rows[i].jitter_max;
		breaker_init(&b, &rules, T0);
		b.level = rows[i].level;
		trip(&b, &rules, BREAKER_GUARD_ALLOW, rows[i].jitter, T0);
		if (b.until_ns - T0 != rows[i].want_ns)
			fail_msg("row %zu: %llu ns", i,
				 (unsigned long long)(b.until_ns - T0));
	}
}

static void the_wait_does_not_wrap_at_the_end_of_the_clock(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	trip(&b, &rules, BREAKER_GUARD_ALLOW, 0, UINT64_MAX - 1);
	assert_true(b.until_ns == UINT64_MAX);
}

/* ---- the level ------------------------------------------------------------------------ */

/* T10: it grows with every failed half-open, and is bounded. */
static void
the_level_grows_with_each_opening_up_to_the_longest_wait(void **state)
{
	static const uint64_t waits_s[] = {5, 10, 20, 40, 60, 60, 60, 60};
	struct policy_breaker rules = defaults();
	struct breaker b = opened(&rules, T0);

	(void)state;
	for (size_t i = 0; i < ROWS(waits_s); i++) {
		assert_int_equal(b.until_ns - b.since_ns, waits_s[i] * S);
		assert_int_equal(b.level, i < 3 ? i + 1 : 4);
		idle(&b, &rules, b.until_ns);
		step(&b, &rules,
		     (struct breaker_sample){.probes_taken = 1,
					     .probes_bad = 1},
		     b.since_ns + 1);
		assert_int_equal(b.state, WEIR_STATE_OPEN);
	}
}

static void the_level_is_bounded_where_the_wait_does_not_grow(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	rules.wait_multiplier = 1;
	breaker_init(&b, &rules, T0);
	for (uint64_t i = 0; i < 1000; i++) {
		b.state = WEIR_STATE_CLOSED;
		trip(&b, &rules, BREAKER_GUARD_ALLOW, 0, T0 + i);
	}
	assert_int_equal(b.level, BREAKER_LEVEL_MAX);
}

/* T10: closing does not forget; a window of healthy traffic takes one off. */
static void the_level_falls_by_one_per_window_of_healthy_traffic(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = half_open(&rules, T0);
	uint64_t closed_ns;

	(void)state;
	b.level = 3;
	close_by_probes(&b, &rules, b.since_ns + 1);
	closed_ns = b.since_ns;
	assert_int_equal(b.level, 3);
	succeed_once(&b, &rules, closed_ns + 10 * S - 1);
	assert_int_equal(b.level, 3);
	succeed_once(&b, &rules, closed_ns + 10 * S);
	assert_int_equal(b.level, 2);
	succeed_once(&b, &rules, closed_ns + 20 * S - 1);
	assert_int_equal(b.level, 2);
	succeed_once(&b, &rules, closed_ns + 20 * S);
	assert_int_equal(b.level, 1);
	succeed_once(&b, &rules, closed_ns + 3000 * S);
	succeed_once(&b, &rules, closed_ns + 6000 * S);
	assert_int_equal(b.level, 0);
}

static void silence_or_failures_alone_do_not_lower_the_level(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	b.level = 2;
	for (uint64_t i = 1; i < 100; i++) {
		idle(&b, &rules, T0 + i * 10 * S);
		fail_once(&b, &rules, T0 + i * 10 * S);
	}
	assert_int_equal(b.level, 2);
	succeed_once(&b, &rules, T0 + 1000 * S);
	assert_int_equal(b.level, 1);
}

static void a_local_fault_freezes_the_level(void **state)
{
	struct policy_breaker rules = defaults();
	const struct breaker_sample bad = {.failure = 5, .consecutive = 5};
	const struct breaker_sample good = {.success = 1};
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	b.level = 2;
	breaker_step(&b, &rules, &good, BREAKER_GUARD_ALLOW, 0, true,
		     T0 + 50 * S);
	assert_int_equal(b.level, 2);
	breaker_step(&b, &rules, &bad, BREAKER_GUARD_ALLOW, 0, true,
		     T0 + 50 * S);
	assert_int_equal(b.state, WEIR_STATE_OPEN);
	assert_int_equal(b.level, 2);
	assert_int_equal(b.until_ns - b.since_ns, 20 * S);
}

/* ---- half-open ---------------------------------------------------------------------------- */

/* clang-format off */
static void every_row_of_half_open_holds(void **state)
{
	static const struct {
		const char *promise;
		uint32_t taken, ok, bad;
		enum weir_state want;
		enum weir_trip trip;
	} rows[] = {
		{"no probe yet", 0, 0, 0, WEIR_STATE_HALF_OPEN, WEIR_TRIP_NONE},
		{"T4: one success does not close", 1, 1, 0, WEIR_STATE_HALF_OPEN, WEIR_TRIP_NONE},
		{"two of three do not", 3, 2, 0, WEIR_STATE_HALF_OPEN, WEIR_TRIP_NONE},
		{"all three do", 3, 3, 0, WEIR_STATE_CLOSED, WEIR_TRIP_PROBES_OK},
		{"one bad opens again", 1, 0, 1, WEIR_STATE_OPEN, WEIR_TRIP_PROBE_FAILED},
		{"whatever the others came to", 3, 2, 1, WEIR_STATE_OPEN, WEIR_TRIP_PROBE_FAILED},
		{"even if enough succeeded before tokens were cut", 4, 3, 1, WEIR_STATE_OPEN, WEIR_TRIP_PROBE_FAILED},
		{"more than permitted after an edit", 5, 4, 0, WEIR_STATE_CLOSED, WEIR_TRIP_PROBES_OK},
	};
	struct policy_breaker rules = defaults();

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct breaker b = half_open(&rules, T0);
		struct breaker_change change =
			probes(&b, &rules, rows[i].taken, rows[i].ok,
			       rows[i].bad, b.since_ns + 1);

		if (b.state != rows[i].want || change.trip != rows[i].trip)
			fail_msg("%s: state %d, trip %d", rows[i].promise,
				 b.state, change.trip);
	}
}
/* clang-format on */

/* T1: only what the probes came to counts, not what comes in beside them. */
static void results_from_before_the_trip_decide_nothing(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = half_open(&rules, T0);
	const struct breaker_sample stale = {.success = 1000,
					     .failure = 1000,
					     .slow = 1000,
					     .consecutive = 1000};

	(void)state;
	assert_false(step(&b, &rules, stale, b.since_ns + 1).changed);
	assert_int_equal(b.state, WEIR_STATE_HALF_OPEN);
}

static void a_failed_half_open_opens_for_longer(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = half_open(&rules, T0);

	(void)state;
	assert_int_equal(b.level, 1);
	probes(&b, &rules, 1, 0, 1, b.since_ns + 1);
	assert_int_equal(b.level, 2);
	assert_int_equal(b.until_ns - b.since_ns, 10 * S);
}

/* T2: a probe that never answers cannot hold the breaker half-open. */
static void a_probe_without_an_outcome_is_a_failure_at_the_timeout(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = half_open(&rules, T0);
	uint64_t start_ns = b.since_ns + 3 * S;
	struct breaker_change change;

	(void)state;
	assert_false(probes(&b, &rules, 1, 0, 0, start_ns).changed);
	assert_true(breaker_deadline_ns(&b, &rules) == start_ns + 10 * S);
	assert_false(
		probes(&b, &rules, 3, 2, 0, start_ns + 10 * S - 1).changed);
	change = probes(&b, &rules, 3, 2, 0, start_ns + 10 * S);
	assert_int_equal(change.trip, WEIR_TRIP_PROBE_TIMEOUT);
	assert_int_equal(change.value, 1);
	assert_int_equal(b.state, WEIR_STATE_OPEN);
	assert_int_equal(b.level, 2);
}

static void an_outcome_in_the_last_step_beats_the_timeout(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = half_open(&rules, T0);

	(void)state;
	probes(&b, &rules, 3, 0, 0, b.since_ns);
	probes(&b, &rules, 3, 3, 0, b.since_ns + 10 * S);
	assert_int_equal(b.state, WEIR_STATE_CLOSED);
}

/* T2: with little traffic it waits; nothing is wrong with that. */
static void
half_open_without_traffic_stays_and_closes_when_it_comes(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = half_open(&rules, T0);
	uint64_t now_ns = b.since_ns;

	(void)state;
	for (uint32_t ok = 0; ok < 3; ok++) {
		now_ns += 3600 * S;
		assert_false(probes(&b, &rules, ok, ok, 0, now_ns).changed);
		assert_true(breaker_deadline_ns(&b, &rules) == UINT64_MAX);
		now_ns += 3600 * S;
		assert_false(probes(&b, &rules, ok + 1, ok, 0, now_ns).changed);
	}
	probes(&b, &rules, 3, 3, 0, now_ns + S);
	assert_int_equal(b.state, WEIR_STATE_CLOSED);
}

/* T7: a neutral probe gave its token back: it neither closes nor opens. */
static void a_token_given_back_restarts_the_timer(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = half_open(&rules, T0);
	uint64_t start_ns = b.since_ns;

	(void)state;
	probes(&b, &rules, 1, 0, 0, start_ns);
	probes(&b, &rules, 0, 0, 0, start_ns + 9 * S);
	probes(&b, &rules, 1, 0, 0, start_ns + 9 * S + 1);
	assert_false(probes(&b, &rules, 1, 0, 0, start_ns + 19 * S).changed);
	assert_true(probes(&b, &rules, 1, 0, 0, start_ns + 19 * S + 1).changed);
}

static void closing_by_probes_starts_with_an_empty_window(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	rules.wait_initial_ns = S;
	b = opened(&rules, T0);
	idle(&b, &rules, T0 + S);
	close_by_probes(&b, &rules, T0 + S + 1);
	/* The failures that tripped it are still within ten seconds. */
	assert_int_equal(window_sum(&b.window, T0 + S + 1).calls, 0);
	assert_false(fail_once(&b, &rules, T0 + S + 2).changed);
}

/* ---- epochs -------------------------------------------------------------------------------- */

static void the_epoch_is_counted_on_at_every_change_of_state(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = opened(&rules, T0);

	(void)state;
	assert_int_equal(b.epoch, 1);
	idle(&b, &rules, b.until_ns);
	assert_int_equal(b.epoch, 2);
	probes(&b, &rules, 1, 0, 1, b.since_ns);
	assert_int_equal(b.epoch, 3);
	idle(&b, &rules, b.until_ns);
	close_by_probes(&b, &rules, b.since_ns);
	assert_int_equal(b.epoch, 5);
	succeed_once(&b, &rules, b.since_ns);
	assert_int_equal(b.epoch, 5);
}

static void one_step_makes_one_transition(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = opened(&rules, T0);
	const struct breaker_sample all = {.probes_taken = 3, .probes_ok = 3};

	(void)state;
	step(&b, &rules, all, T0 + 3600 * S);
	assert_int_equal(b.state, WEIR_STATE_HALF_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_trip_rules_holds),
		cmocka_unit_test(every_row_of_the_floors_holds),
		cmocka_unit_test(slow_calls_are_not_judged_without_a_threshold),
		cmocka_unit_test(without_a_breaker_block_nothing_trips),
		cmocka_unit_test(a_rate_trips_at_its_threshold_and_not_below),
		cmocka_unit_test(failures_that_left_the_window_do_not_trip),
		cmocka_unit_test(a_step_without_samples_moves_nothing),
		cmocka_unit_test(the_change_tells_the_number_and_the_window),
		cmocka_unit_test(open_lasts_to_the_last_ns),
		cmocka_unit_test(samples_in_open_decide_nothing),
		cmocka_unit_test(every_row_of_the_wait_holds),
		cmocka_unit_test(
			the_wait_does_not_wrap_at_the_end_of_the_clock),
		cmocka_unit_test(
			the_level_grows_with_each_opening_up_to_the_longest_wait),
		cmocka_unit_test(
			the_level_is_bounded_where_the_wait_does_not_grow),
		cmocka_unit_test(
			the_level_falls_by_one_per_window_of_healthy_traffic),
		cmocka_unit_test(
			silence_or_failures_alone_do_not_lower_the_level),
		cmocka_unit_test(a_local_fault_freezes_the_level),
		cmocka_unit_test(every_row_of_half_open_holds),
		cmocka_unit_test(results_from_before_the_trip_decide_nothing),
		cmocka_unit_test(a_failed_half_open_opens_for_longer),
		cmocka_unit_test(
			a_probe_without_an_outcome_is_a_failure_at_the_timeout),
		cmocka_unit_test(an_outcome_in_the_last_step_beats_the_timeout),
		cmocka_unit_test(
			half_open_without_traffic_stays_and_closes_when_it_comes),
		cmocka_unit_test(a_token_given_back_restarts_the_timer),
		cmocka_unit_test(closing_by_probes_starts_with_an_empty_window),
		cmocka_unit_test(
			the_epoch_is_counted_on_at_every_change_of_state),
		cmocka_unit_test(one_step_makes_one_transition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
