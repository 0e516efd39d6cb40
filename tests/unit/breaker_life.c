/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker_life.c - what the guard, operators, restarts and edits of the policy
 * do to a breaker, and what it says about its own future.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/breaker.h"

static struct breaker in_state(const struct policy_breaker *rules,
			       enum weir_state state)
{
	struct breaker b;

	breaker_init(&b, rules, T0);
	if (state == WEIR_STATE_OPEN)
		trip(&b, rules, BREAKER_GUARD_ALLOW, 0, T0);
	else if (state == WEIR_STATE_OPEN_SUPPRESSED)
		trip(&b, rules, BREAKER_GUARD_SUPPRESS, 0, T0);
	else if (state == WEIR_STATE_HALF_OPEN)
		b = half_open(rules, T0 - 5 * S);
	else if (state != WEIR_STATE_CLOSED)
		breaker_force(&b, state, 0, T0);
	assert_int_equal(b.state, state);
	return b;
}

static struct breaker_change
guarded(struct breaker *b, const struct policy_breaker *rules,
	enum breaker_guard guard, struct breaker_sample sample, uint64_t now_ns)
{
	return breaker_step(b, rules, &sample, guard, 0, false, now_ns);
}

/* ---- the ejection guard -------------------------------------------------------- */

static void a_trip_beyond_the_guard_is_suppressed_and_says_why(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker_change change;
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	change = trip(&b, &rules, BREAKER_GUARD_SUPPRESS, 0, T0);
	assert_int_equal(change.to, WEIR_STATE_OPEN_SUPPRESSED);
	assert_int_equal(change.trip, WEIR_TRIP_CONSECUTIVE);
	assert_int_equal(b.epoch, 1);
	assert_int_equal(b.level, 1);
	assert_true(b.until_ns == T0 + 5 * S);
	assert_true(breaker_deadline_ns(&b, &rules) == b.until_ns);
}

static void a_failed_probe_beyond_the_guard_is_suppressed_too(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = in_state(&rules, WEIR_STATE_HALF_OPEN);

	(void)state;
	guarded(&b, &rules, BREAKER_GUARD_SUPPRESS,
		(struct breaker_sample){.probes_taken = 1, .probes_bad = 1},
		T0);
	assert_int_equal(b.state, WEIR_STATE_OPEN_SUPPRESSED);
}

/* Old evidence and a new permission do not make a refusal. */
static void suppressed_is_not_promoted_while_it_waits(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = in_state(&rules, WEIR_STATE_OPEN_SUPPRESSED);

	(void)state;
	for (uint64_t at = T0; at < T0 + 5 * S; at += S / 10)
		assert_false(idle(&b, &rules, at).changed);
	assert_false(idle(&b, &rules, T0 + 5 * S - 1).changed);
}

static void
suppressed_is_probed_after_the_wait_if_the_guard_allows(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = in_state(&rules, WEIR_STATE_OPEN_SUPPRESSED);

	(void)state;
	assert_int_equal(idle(&b, &rules, T0 + 5 * S).trip,
			 WEIR_TRIP_WAIT_ELAPSED);
	assert_int_equal(b.state, WEIR_STATE_HALF_OPEN);
}

static void suppressed_is_judged_anew_if_the_guard_still_forbids(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = in_state(&rules, WEIR_STATE_OPEN_SUPPRESSED);
	struct breaker_change change;

	(void)state;
	change = guarded(&b, &rules, BREAKER_GUARD_SUPPRESS,
			 (struct breaker_sample){0}, T0 + 5 * S);
	assert_int_equal(change.trip, WEIR_TRIP_GUARD);
	assert_int_equal(b.state, WEIR_STATE_CLOSED);
	assert_int_equal(b.epoch, 2);
	assert_int_equal(b.level, 1);
	assert_int_equal(window_sum(&b.window, T0 + 5 * S).calls, 0);
	/* Still bad: suppressed again, for longer. */
	trip(&b, &rules, BREAKER_GUARD_SUPPRESS, 0, T0 + 6 * S);
	assert_int_equal(b.state, WEIR_STATE_OPEN_SUPPRESSED);
	assert_true(b.until_ns == T0 + 16 * S);
}

/* ---- the operator ----------------------------------------------------------------- */

static void every_state_can_be_forced_and_says_manual(void **state)
{
	static const enum weir_state targets[] = {
		WEIR_STATE_FORCED_OPEN,
		WEIR_STATE_FORCED_CLOSED,
		WEIR_STATE_CLOSED,
	};
	struct policy_breaker rules = defaults();

	(void)state;
	for (int from = 0; from < WEIR_STATE_COUNT; from++)
		for (size_t i = 0; i < ROWS(targets); i++) {
			struct breaker b =
				in_state(&rules, (enum weir_state)from);
			uint32_t epoch = b.epoch;
			bool moves = (int)targets[i] != from;
			struct breaker_change change =
				breaker_force(&b, targets[i], 0, T0 + 1);

			assert_int_equal(b.state, targets[i]);
			assert_int_equal(change.changed, moves);
			assert_int_equal(change.trip, moves ? WEIR_TRIP_MANUAL
							    : WEIR_TRIP_NONE);
			assert_int_equal(b.epoch, epoch + moves);
		}
}

static void forced_states_never_move_by_themselves(void **state)
{
	static const enum weir_state forced[] = {WEIR_STATE_FORCED_OPEN,
						 WEIR_STATE_FORCED_CLOSED};
	struct policy_breaker rules = defaults();
	const struct breaker_sample all = {.success = 9,
					   .failure = 99,
					   .slow = 99,
					   .consecutive = 99,
					   .probes_taken = 3,
					   .probes_ok = 3};

	(void)state;
	for (size_t i = 0; i < ROWS(forced); i++) {
		struct breaker b = in_state(&rules, forced[i]);

		for (uint64_t at = T0; at < T0 + 7200 * S; at += 17 * S)
			assert_false(step(&b, &rules, all, at).changed);
		assert_true(breaker_deadline_ns(&b, &rules) == UINT64_MAX);
	}
}

static void a_forced_state_ends_with_its_ttl_and_starts_afresh(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = opened(&rules, T0);
	struct breaker_change change;

	(void)state;
	breaker_force(&b, WEIR_STATE_FORCED_CLOSED, 60 * S, T0 + S);
	assert_true(breaker_deadline_ns(&b, &rules) == T0 + 61 * S);
	step(&b, &rules, (struct breaker_sample){.failure = 50}, T0 + 60 * S);
	assert_int_equal(window_sum(&b.window, T0 + 60 * S).failures, 50);
	assert_false(idle(&b, &rules, T0 + 61 * S - 1).changed);
	change = idle(&b, &rules, T0 + 61 * S);
	assert_int_equal(change.trip, WEIR_TRIP_EXPIRED);
	assert_int_equal(b.state, WEIR_STATE_CLOSED);
	assert_int_equal(b.level, 0);
	assert_int_equal(window_sum(&b.window, T0 + 61 * S).calls, 0);
	assert_int_equal(b.until_ns, 0);
}

static void forcing_again_moves_the_end_and_no_epoch(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = in_state(&rules, WEIR_STATE_FORCED_OPEN);

	(void)state;
	breaker_force(&b, WEIR_STATE_FORCED_OPEN, 60 * S, T0 + S);
	assert_true(b.until_ns == T0 + 61 * S);
	assert_int_equal(b.epoch, 1);
	breaker_force(&b, WEIR_STATE_FORCED_OPEN, UINT64_MAX, T0 + S);
	assert_true(b.until_ns == UINT64_MAX);
	breaker_force(&b, WEIR_STATE_FORCED_OPEN, 0, T0 + S);
	assert_true(b.until_ns == 0);
}

static void only_what_an_operator_may_ask_for_is_forced(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b = in_state(&rules, WEIR_STATE_CLOSED);

	(void)state;
	breaker_force(&b, WEIR_STATE_OPEN, 0, T0);
	breaker_force(&b, WEIR_STATE_HALF_OPEN, 0, T0);
	breaker_force(&b, WEIR_STATE_OPEN_SUPPRESSED, 0, T0);
	assert_int_equal(b.state, WEIR_STATE_CLOSED);
	assert_int_equal(b.epoch, 0);
}

static void reset_closes_what_is_open_and_leaves_what_is_forced(void **state)
{
	struct policy_breaker rules = defaults();

	(void)state;
	for (int from = 0; from < WEIR_STATE_COUNT; from++) {
		struct breaker b = in_state(&rules, (enum weir_state)from);
		bool forced = from == WEIR_STATE_FORCED_OPEN ||
			      from == WEIR_STATE_FORCED_CLOSED;
		const struct breaker_sample held = {.failure = 3};

		b.level = 3;
		fill_window(&b, &held, T0);
		breaker_reset(&b, T0);
		assert_int_equal(b.state, forced ? (enum weir_state)from
						 : WEIR_STATE_CLOSED);
		assert_int_equal(b.level, 0);
		assert_int_equal(window_sum(&b.window, T0).calls, 0);
	}
}

/* ---- a new agent -------------------------------------------------------------------- */

static void restore_takes_every_state_over_as_it_was(void **state)
{
	struct policy_breaker rules = defaults();

	(void)state;
	for (int from = 0; from < WEIR_STATE_COUNT; from++) {
		struct breaker old = in_state(&rules, (enum weir_state)from);
		const struct weir_verdict left = {
			.until_ns = old.until_ns,
			.since_ns = old.since_ns,
			.level = 3,
			.state = old.state,
			.trip = WEIR_TRIP_SLOW_RATE,
		};
		struct breaker b;

		breaker_init(&b, &rules, T0 + S);
		breaker_restore(&b, &left, 41, T0 + S);
		assert_int_equal(b.state, old.state);
		assert_int_equal(b.epoch, 41);
		assert_int_equal(b.level, 3);
		assert_true(b.until_ns == old.until_ns);
		assert_true(b.since_ns == old.since_ns);
		assert_int_equal(b.last.trip, WEIR_TRIP_SLOW_RATE);
		assert_int_equal(window_sum(&b.window, T0 + S).calls, 0);
	}
}

static void a_restored_open_ends_when_it_would_have(void **state)
{
	struct policy_breaker rules = defaults();
	struct weir_verdict left = {.until_ns = T0 + 5 * S,
				    .since_ns = T0,
				    .state = WEIR_STATE_OPEN};
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0 + 4 * S);
	breaker_restore(&b, &left, 7, T0 + 4 * S);
	assert_false(idle(&b, &rules, T0 + 5 * S - 1).changed);
	assert_true(idle(&b, &rules, T0 + 5 * S).changed);
	assert_int_equal(b.epoch, 8);
}

static void a_restored_half_open_gives_its_probes_a_new_timer(void **state)
{
	struct policy_breaker rules = defaults();
	struct weir_verdict left = {.since_ns = T0,
				    .state = WEIR_STATE_HALF_OPEN};
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	breaker_restore(&b, &left, 7, T0 + 60 * S);
	probes(&b, &rules, 1, 0, 0, T0 + 60 * S);
	assert_false(probes(&b, &rules, 1, 0, 0, T0 + 70 * S - 1).changed);
	assert_true(probes(&b, &rules, 1, 0, 0, T0 + 70 * S).changed);
}

static void restore_believes_nothing_impossible(void **state)
{
	static const struct weir_verdict rows[] = {
		{.state = WEIR_STATE_COUNT, .since_ns = T0},
		{.state = 0xffffffff, .since_ns = T0},
		{.state = WEIR_STATE_OPEN, .since_ns = T0 + 1},
		{.state = WEIR_STATE_OPEN,
		 .since_ns = T0,
		 .until_ns = UINT64_MAX},
		{.state = WEIR_STATE_OPEN_SUPPRESSED, .until_ns = UINT64_MAX},
		{.state = WEIR_STATE_HALF_OPEN, .trip = WEIR_TRIP_COUNT},
	};
	struct policy_breaker rules = defaults();

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct breaker b;

		breaker_init(&b, &rules, T0);
		breaker_restore(&b, &rows[i], 5, T0);
		assert_int_equal(b.state, WEIR_STATE_CLOSED);
		assert_int_equal(b.epoch, 6);
		assert_int_equal(b.level, 0);
		assert_int_equal(b.until_ns, 0);
	}
}

static void a_restored_level_is_within_its_bound(void **state)
{
	struct policy_breaker rules = defaults();
	struct weir_verdict left = {.level = 0xffffffff,
				    .state = WEIR_STATE_OPEN};
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	breaker_restore(&b, &left, 5, T0);
	assert_int_equal(b.level, BREAKER_LEVEL_MAX);
}

/* ---- edits of the policy (T14) -------------------------------------------------------- */

static void an_edit_keeps_state_until_level_and_epoch(void **state)
{
	struct policy_breaker rules = defaults();

	(void)state;
	for (int from = 0; from < WEIR_STATE_COUNT; from++) {
		struct breaker b = in_state(&rules, (enum weir_state)from);
		struct breaker before = b;
		struct policy_breaker edited = rules;

		edited.window_ns = 30 * S;
		edited.window_buckets = 6;
		edited.wait_initial_ns = S;
		edited.probes = 1;
		breaker_configure(&b, &edited, T0 + S);
		assert_int_equal(b.state, before.state);
		assert_int_equal(b.epoch, before.epoch);
		assert_int_equal(b.level, before.level);
		assert_true(b.until_ns == before.until_ns);
		assert_int_equal(window_sum(&b.window, T0 + S).calls,
				 window_sum(&before.window, T0 + S).calls);
	}
}

static void new_thresholds_judge_the_samples_already_held(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	rules.consecutive = 0;
	breaker_init(&b, &rules, T0);
	step(&b, &rules, (struct breaker_sample){.success = 70, .failure = 29},
	     T0);
	rules.failure_rate = 30;
	breaker_configure(&b, &rules, T0);
	/* At the next such sample, and not before it. */
	assert_false(idle(&b, &rules, T0).changed);
	assert_false(step(&b, &rules, (struct breaker_sample){.slow = 1}, T0)
			     .changed);
	assert_true(step(&b, &rules, (struct breaker_sample){.failure = 2}, T0)
			    .changed);
}

static void a_lowered_consecutive_waits_for_the_next_failure(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	rules.consecutive = 100;
	breaker_init(&b, &rules, T0);
	step(&b, &rules,
	     (struct breaker_sample){.failure = 7, .consecutive = 7}, T0);
	rules.consecutive = 5;
	breaker_configure(&b, &rules, T0);
	assert_false(
		step(&b, &rules, (struct breaker_sample){.consecutive = 7}, T0)
			.changed);
	assert_true(
		step(&b, &rules,
		     (struct breaker_sample){.failure = 1, .consecutive = 8},
		     T0)
			.changed);
}

/* ---- what comes next --------------------------------------------------------------------- */

/* Would k bad samples trip, with as many successes as help them? */
static bool could_trip(const struct breaker *b,
		       const struct policy_breaker *rules, bool slow,
		       uint64_t k)
{
	for (uint64_t ok = 0; ok <= rules->calls_min; ok++) {
		struct breaker copy = *b;
		struct breaker_sample sample = {.success = ok,
						.failure = slow ? 0 : k,
						.slow = slow ? k : 0};

		if (step(&copy, rules, sample, T0).changed)
			return true;
	}
	return false;
}

/* The definition, tried one by one. */
static uint64_t brute_force(const struct breaker *b,
			    const struct policy_breaker *rules, bool slow,
			    uint64_t limit)
{
	for (uint64_t k = 1; k <= limit; k++)
		if (could_trip(b, rules, slow, k))
			return k;
	return UINT64_MAX;
}

static void check_bad_to_trip(struct policy_breaker *rules, uint64_t success,
			      uint64_t failure, uint64_t slow)
{
	const struct breaker_sample held = {
		.success = success, .failure = failure, .slow = slow};
	uint64_t failures, slows, want, got;
	struct breaker b;

	breaker_init(&b, rules, T0);
	fill_window(&b, &held, T0);
	failures = brute_force(&b, rules, false, 400);
	slows = rules->slow_ns ? brute_force(&b, rules, true, 400) : UINT64_MAX;
	want = failures < slows ? failures : slows;
	got = breaker_bad_to_trip(&b, rules, T0);
	if (want != UINT64_MAX ? got != want : got <= 400)
		fail_msg("%llu ok, %llu failed, %llu slow, %u %%/%u %%: "
			 "%llu, not %llu",
			 (unsigned long long)success,
			 (unsigned long long)failure, (unsigned long long)slow,
			 rules->failure_rate, rules->slow_rate,
			 (unsigned long long)got, (unsigned long long)want);
}

static void bad_to_trip_is_the_least_that_trips(void **state)
{
	static const uint32_t percents[] = {1, 10, 33, 50, 67, 80, 99, 100};
	static const uint64_t held[] = {0, 1, 2, 4, 7, 19, 20, 31};

	(void)state;
	for (size_t p = 0; p < ROWS(percents); p++)
		for (size_t i = 0; i < ROWS(held) * ROWS(held); i++) {
			struct policy_breaker rules = defaults();
			uint64_t ok = held[i % ROWS(held)];
			uint64_t bad = held[i / ROWS(held)];

			rules.consecutive = 0;
			rules.failure_rate = percents[p];
			rules.slow_rate = percents[ROWS(percents) - 1 - p];
			check_bad_to_trip(&rules, ok, bad, 0);
			check_bad_to_trip(&rules, ok, bad / 2, bad);
			rules.slow_ns = 0;
			check_bad_to_trip(&rules, ok, bad, bad);
		}
}

static void bad_to_trip_counts_the_row_that_was_seen(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	breaker_init(&b, &rules, T0);
	assert_int_equal(breaker_bad_to_trip(&b, &rules, T0), 5);
	step(&b, &rules,
	     (struct breaker_sample){.failure = 3, .consecutive = 3}, T0);
	assert_int_equal(breaker_bad_to_trip(&b, &rules, T0), 2);
	step(&b, &rules, (struct breaker_sample){.success = 1}, T0);
	assert_int_equal(breaker_bad_to_trip(&b, &rules, T0), 5);
	rules.consecutive = 2;
	b.consecutive_seen = 4;
	assert_int_equal(breaker_bad_to_trip(&b, &rules, T0), 1);
}

static void bad_to_trip_forgets_what_left_the_window(void **state)
{
	struct policy_breaker rules = defaults();
	struct breaker b;

	(void)state;
	rules.consecutive = 0;
	breaker_init(&b, &rules, T0);
	step(&b, &rules, (struct breaker_sample){.success = 1000}, T0);
	assert_int_equal(breaker_bad_to_trip(&b, &rules, T0), 1000);
	/* With ten successes, ten failures are half of twenty calls. */
	assert_int_equal(breaker_bad_to_trip(&b, &rules, T0 + 10 * S), 10);
}

static void only_a_closed_breaker_can_be_tripped(void **state)
{
	struct policy_breaker rules = defaults();

	(void)state;
	for (int from = 0; from < WEIR_STATE_COUNT; from++) {
		struct breaker b = in_state(&rules, (enum weir_state)from);

		assert_int_equal(breaker_bad_to_trip(&b, &rules, T0) ==
					 UINT64_MAX,
				 from != WEIR_STATE_CLOSED);
	}
	rules.set = false;
	assert_true(breaker_bad_to_trip(&(struct breaker){0}, &rules, T0) ==
		    UINT64_MAX);
}

/* A caller that sleeps until the deadline misses nothing, and wakes for it. */
static void time_moves_it_at_the_deadline_and_not_before(void **state)
{
	struct policy_breaker rules = defaults();

	(void)state;
	for (int from = 0; from < WEIR_STATE_COUNT; from++) {
		struct breaker b = in_state(&rules, (enum weir_state)from);
		const struct breaker_sample out = {.probes_taken = 1};
		uint64_t deadline_ns;

		if (from >= WEIR_STATE_FORCED_OPEN)
			breaker_force(&b, (enum weir_state)from, S, T0);
		step(&b, &rules, out, T0);
		deadline_ns = breaker_deadline_ns(&b, &rules);
		assert_int_equal(deadline_ns == UINT64_MAX,
				 from == WEIR_STATE_CLOSED);
		if (from == WEIR_STATE_CLOSED)
			continue;
		assert_false(step(&b, &rules, out, deadline_ns - 1).changed);
		assert_true(step(&b, &rules, out, deadline_ns).changed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_trip_beyond_the_guard_is_suppressed_and_says_why),
		cmocka_unit_test(
			a_failed_probe_beyond_the_guard_is_suppressed_too),
		cmocka_unit_test(suppressed_is_not_promoted_while_it_waits),
		cmocka_unit_test(
			suppressed_is_probed_after_the_wait_if_the_guard_allows),
		cmocka_unit_test(
			suppressed_is_judged_anew_if_the_guard_still_forbids),
		cmocka_unit_test(every_state_can_be_forced_and_says_manual),
		cmocka_unit_test(forced_states_never_move_by_themselves),
		cmocka_unit_test(
			a_forced_state_ends_with_its_ttl_and_starts_afresh),
		cmocka_unit_test(forcing_again_moves_the_end_and_no_epoch),
		cmocka_unit_test(only_what_an_operator_may_ask_for_is_forced),
		cmocka_unit_test(
			reset_closes_what_is_open_and_leaves_what_is_forced),
		cmocka_unit_test(restore_takes_every_state_over_as_it_was),
		cmocka_unit_test(a_restored_open_ends_when_it_would_have),
		cmocka_unit_test(
			a_restored_half_open_gives_its_probes_a_new_timer),
		cmocka_unit_test(restore_believes_nothing_impossible),
		cmocka_unit_test(a_restored_level_is_within_its_bound),
		cmocka_unit_test(an_edit_keeps_state_until_level_and_epoch),
		cmocka_unit_test(new_thresholds_judge_the_samples_already_held),
		cmocka_unit_test(
			a_lowered_consecutive_waits_for_the_next_failure),
		cmocka_unit_test(bad_to_trip_is_the_least_that_trips),
		cmocka_unit_test(bad_to_trip_counts_the_row_that_was_seen),
		cmocka_unit_test(bad_to_trip_forgets_what_left_the_window),
		cmocka_unit_test(only_a_closed_breaker_can_be_tripped),
		cmocka_unit_test(time_moves_it_at_the_deadline_and_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
