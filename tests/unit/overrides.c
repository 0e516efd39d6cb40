/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * overrides.c - what an operator has forced is put back by the next agent: to
 * whom it was said, for what is left of it, and not a moment longer.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/clock.h"
#include "agent/overrides.h"
#include "tests/unit/plane.h"

#define ADDRESS	 0x0a000801u /* 10.0.8.1, of "orders" */
#define ENDPOINT "10.0.8.1:5432"
#define TTL_NS	 (600 * NS_PER_S)

struct bed {
	char directory[64];
	struct store store;
	struct plane before, after; /* the agent, and the one after it */
	struct overrides held;
	uint64_t now_ns;
};

static int make(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	snprintf(bed->directory, sizeof(bed->directory),
		 "/tmp/weir-overrides.XXXXXX");
	assert_non_null(mkdtemp(bed->directory));
	snprintf(bed->store.overrides, sizeof(bed->store.overrides),
		 "%s/overrides.json", bed->directory);
	bed->now_ns = clock_monotonic_ns();
	plane_open(&bed->before, PLANE_POLICIES, bed->now_ns);
	*state = bed;
	return 0;
}

static int clear(void **state)
{
	struct bed *bed = *state;

	if (bed->after.events)
		plane_close(&bed->after);
	else
		plane_close(&bed->before);
	overrides_clear(&bed->held);
	unlink(bed->store.overrides);
	rmdir(bed->directory);
	free(bed);
	return 0;
}

static void force(struct bed *bed, const char *name, enum weir_state to,
		  uint64_t ttl_ns, const char *reason)
{
	struct subject *subject = registry_find(&bed->before.registry, name);

	assert_non_null(subject);
	decide_force(&bed->before.decide, subject, to, ttl_ns, "uid 7", reason,
		     bed->now_ns);
}

static void save(struct bed *bed)
{
	assert_int_equal(overrides_save(&bed->held, &bed->store,
					&bed->before.registry, bed->now_ns),
			 0);
}

/* The agent is gone, another one starts. */
static void restart(struct bed *bed)
{
	plane_close(&bed->before);
	plane_open(&bed->after, PLANE_POLICIES, bed->now_ns);
	overrides_clear(&bed->held);
	assert_int_equal(overrides_load(&bed->held, &bed->store, bed->now_ns),
			 0);
	overrides_restore(&bed->held, &bed->after.decide, bed->now_ns);
}

static const struct subject *now_of(struct bed *bed, const char *name)
{
	return registry_find(&bed->after.registry, name);
}

static void write_file(struct bed *bed, const char *boot, const char *items)
{
	FILE *file = fopen(bed->store.overrides, "we");

	assert_non_null(file);
	fprintf(file, "{\"boot_id\":\"%s\",\"overrides\":[%s]}", boot, items);
	fclose(file);
}

static const char *this_boot(void)
{
	static char boot[64];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	assert_non_null(file);
	assert_non_null(fgets(boot, sizeof(boot), file));
	boot[strcspn(boot, "\n")] = '\0';
	fclose(file);
	return boot;
}

/* An item of "orders" with these ends. */
static const char *item(int64_t monotonic, int64_t realtime)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "{\"service\":\"orders\",\"endpoint\":\"\",\"state\":\"open\","
		 "\"until_monotonic_ns\":%lld,\"until_realtime_ns\":%lld,"
		 "\"by\":\"uid 7\",\"reason\":\"drill\"}",
		 (long long)monotonic, (long long)realtime);
	return text;
}

/* ---- from one agent to the next ------------------------------------------------- */

static void what_is_forced_comes_back_with_who_why_and_until(void **state)
{
	struct bed *bed = *state;
	const struct subject *orders, *search;

	force(bed, "orders", WEIR_STATE_FORCED_OPEN, TTL_NS, "drill");
	force(bed, "search", WEIR_STATE_FORCED_CLOSED, 0, "false alarm");
	save(bed);
	bed->now_ns += 100 * NS_PER_S;
	restart(bed);
	orders = now_of(bed, "orders");
	search = now_of(bed, "search");
	assert_int_equal(orders->breaker.state, WEIR_STATE_FORCED_OPEN);
	assert_int_equal(orders->breaker.until_ns,
			 bed->now_ns + TTL_NS - 100 * NS_PER_S);
	assert_string_equal(orders->override_by, "uid 7");
	assert_string_equal(orders->override_reason, "drill");
	assert_int_equal(search->breaker.state, WEIR_STATE_FORCED_CLOSED);
	assert_int_equal(search->breaker.until_ns, 0);
	assert_int_equal(bed->held.count, 0);
}

static void what_nobody_forced_is_left_alone(void **state)
{
	struct bed *bed = *state;

	force(bed, "orders", WEIR_STATE_FORCED_OPEN, TTL_NS, "drill");
	force(bed, "orders", WEIR_STATE_CLOSED, 0, "");
	save(bed);
	restart(bed);
	assert_int_equal(now_of(bed, "orders")->breaker.state,
			 WEIR_STATE_CLOSED);
	assert_int_equal(bed->held.count, 0);
}

static void what_ran_out_meanwhile_does_not_come_back(void **state)
{
	struct bed *bed = *state;

	force(bed, "orders", WEIR_STATE_FORCED_OPEN, TTL_NS, "drill");
	save(bed);
	bed->now_ns += TTL_NS;
	restart(bed);
	assert_int_equal(now_of(bed, "orders")->breaker.state,
			 WEIR_STATE_CLOSED);
	assert_int_equal(bed->held.count, 0);
}

static void an_endpoint_is_held_as_soon_as_it_is_met(void **state)
{
	struct bed *bed = *state;

	plane_meet(&bed->before.registry, "orders", ADDRESS, 5432, bed->now_ns);
	force(bed, ENDPOINT, WEIR_STATE_FORCED_OPEN, TTL_NS, "maintenance");
	save(bed);
	restart(bed);
	assert_null(now_of(bed, ENDPOINT));
	assert_int_equal(now_of(bed, "orders")->breaker.state,
			 WEIR_STATE_CLOSED);
	assert_int_equal(bed->held.count, 1);
	plane_meet(&bed->after.registry, "orders", ADDRESS, 5432, bed->now_ns);
	overrides_restore(&bed->held, &bed->after.decide, bed->now_ns);
	assert_int_equal(now_of(bed, ENDPOINT)->breaker.state,
			 WEIR_STATE_FORCED_OPEN);
	assert_int_equal(bed->held.count, 0);
}

static void who_waits_to_be_met_waits_no_longer_than_said(void **state)
{
	struct bed *bed = *state;

	plane_meet(&bed->before.registry, "orders", ADDRESS, 5432, bed->now_ns);
	force(bed, ENDPOINT, WEIR_STATE_FORCED_OPEN, TTL_NS, "maintenance");
	save(bed);
	restart(bed);
	bed->now_ns += TTL_NS;
	plane_meet(&bed->after.registry, "orders", ADDRESS, 5432, bed->now_ns);
	overrides_restore(&bed->held, &bed->after.decide, bed->now_ns);
	assert_int_equal(now_of(bed, ENDPOINT)->breaker.state,
			 WEIR_STATE_CLOSED);
	assert_int_equal(bed->held.count, 0);
}

/* An agent that saves before it has met everybody forgets nobody. */
static void who_is_still_to_be_met_is_saved_again(void **state)
{
	struct bed *bed = *state;
	struct overrides again = {0};

	plane_meet(&bed->before.registry, "orders", ADDRESS, 5432, bed->now_ns);
	force(bed, ENDPOINT, WEIR_STATE_FORCED_OPEN, 0, "maintenance");
	save(bed);
	restart(bed);
	assert_int_equal(overrides_save(&bed->held, &bed->store,
					&bed->after.registry, bed->now_ns),
			 0);
	assert_int_equal(overrides_load(&again, &bed->store, bed->now_ns), 0);
	assert_int_equal(again.count, 1);
	assert_string_equal(again.items[0].endpoint, ENDPOINT);
	assert_string_equal(again.items[0].reason, "maintenance");
	overrides_clear(&again);
}

/* A character cut in two is no JSON: the whole item would be missing. */
static void a_reason_too_long_loses_only_its_end(void **state)
{
	struct bed *bed = *state;
	char reason[200] = "xx";
	const char *kept;

	for (size_t i = 2; i < sizeof(reason) - 3; i += 3)
		memcpy(reason + i, "\u20ac", 4);
	force(bed, "orders", WEIR_STATE_FORCED_OPEN, TTL_NS, reason);
	save(bed);
	restart(bed);
	kept = now_of(bed, "orders")->override_reason;
	assert_int_equal(now_of(bed, "orders")->breaker.state,
			 WEIR_STATE_FORCED_OPEN);
	assert_int_equal(strlen(kept), 125);
	assert_int_equal(strncmp(kept, reason, 125), 0);
}

/* ---- clocks ---------------------------------------------------------------------- */

static void after_a_boot_the_wall_clock_says_what_is_left(void **state)
{
	struct bed *bed = *state;
	uint64_t end_ns;

	write_file(bed, "another",
		   item(1, clock_realtime_ns() + (int64_t)TTL_NS));
	restart(bed);
	end_ns = now_of(bed, "orders")->breaker.until_ns;
	assert_true(end_ns > bed->now_ns + TTL_NS - 60 * NS_PER_S);
	assert_true(end_ns <= bed->now_ns + TTL_NS);
}

static void within_one_boot_the_wall_clock_does_not_matter(void **state)
{
	struct bed *bed = *state;

	write_file(bed, this_boot(), item((int64_t)(bed->now_ns + TTL_NS), 1));
	restart(bed);
	assert_int_equal(now_of(bed, "orders")->breaker.until_ns,
			 bed->now_ns + TTL_NS);
}

static void over_on_either_clock_is_over(void **state)
{
	struct bed *bed = *state;

	write_file(bed, this_boot(), item((int64_t)bed->now_ns, INT64_MAX));
	restart(bed);
	assert_int_equal(now_of(bed, "orders")->breaker.state,
			 WEIR_STATE_CLOSED);
	overrides_clear(&bed->held);
	write_file(bed, "another", item(INT64_MAX, clock_realtime_ns()));
	assert_int_equal(overrides_load(&bed->held, &bed->store, bed->now_ns),
			 0);
	assert_int_equal(bed->held.count, 0);
}

/* A wall clock that was set back, or a file that somebody wrote. */
static void nothing_is_held_longer_than_an_operator_can_say(void **state)
{
	static const int64_t ends[] = {INT64_MAX, INT64_MAX - 1};
	struct bed *bed = *state;

	for (size_t i = 0; i < 2; i++) {
		write_file(bed, i ? "another" : this_boot(),
			   item(ends[i], ends[i]));
		overrides_clear(&bed->held);
		assert_int_equal(
			overrides_load(&bed->held, &bed->store, bed->now_ns),
			0);
		assert_int_equal(bed->held.count, 1);
		assert_int_equal(bed->held.items[0].until_ns,
				 bed->now_ns + OVERRIDES_TTL_MAX_NS);
	}
}

static void times_before_all_clocks_are_over(void **state)
{
	struct bed *bed = *state;

	write_file(bed, this_boot(), item(INT64_MIN, INT64_MIN));
	assert_int_equal(overrides_load(&bed->held, &bed->store, bed->now_ns),
			 0);
	assert_int_equal(bed->held.count, 0);
	overrides_clear(&bed->held);
	write_file(bed, "another", item(INT64_MIN, INT64_MIN));
	assert_int_equal(overrides_load(&bed->held, &bed->store, bed->now_ns),
			 0);
	assert_int_equal(bed->held.count, 0);
}

/* ---- files ------------------------------------------------------------------------- */

static void no_file_is_nothing_forced(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(overrides_load(&bed->held, &bed->store, bed->now_ns),
			 0);
	assert_int_equal(bed->held.count, 0);
}

static void a_file_that_is_none_of_ours_is_said(void **state)
{
	static const char *const texts[] = {
		"",
		"garbage",
		"[]",
		"{}",
		"{\"overrides\":{}}",
		"{\"overrides\":[",
	};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen(bed->store.overrides, "we");

		assert_non_null(file);
		fputs(texts[i], file);
		fclose(file);
		assert_int_equal(
			overrides_load(&bed->held, &bed->store, bed->now_ns),
			-EINVAL);
		assert_int_equal(bed->held.count, 0);
	}
}

static void an_odd_item_does_not_spoil_the_others(void **state)
{
	struct bed *bed = *state;
	char items[1024];

	snprintf(items, sizeof(items),
		 "1,null,[],{},{\"state\":\"open\"},"
		 "{\"service\":\"search\",\"state\":\"ajar\"},%s",
		 item(0, 0));
	write_file(bed, this_boot(), items);
	restart(bed);
	assert_int_equal(now_of(bed, "orders")->breaker.state,
			 WEIR_STATE_FORCED_OPEN);
	assert_int_equal(now_of(bed, "search")->breaker.state,
			 WEIR_STATE_CLOSED);
}

/* Its policy is gone: nothing would enforce it, and nobody is to be surprised. */
static void without_a_policy_it_waits(void **state)
{
	struct bed *bed = *state;

	write_file(bed, this_boot(),
		   "{\"service\":\"gone\",\"state\":\"open\"}");
	restart(bed);
	assert_int_equal(bed->held.count, 1);
	assert_int_equal(bed->held.items[0].until_ns, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_forced_comes_back_with_who_why_and_until),
		T(what_nobody_forced_is_left_alone),
		T(what_ran_out_meanwhile_does_not_come_back),
		T(an_endpoint_is_held_as_soon_as_it_is_met),
		T(who_waits_to_be_met_waits_no_longer_than_said),
		T(who_is_still_to_be_met_is_saved_again),
		T(a_reason_too_long_loses_only_its_end),
		T(after_a_boot_the_wall_clock_says_what_is_left),
		T(within_one_boot_the_wall_clock_does_not_matter),
		T(over_on_either_clock_is_over),
		T(nothing_is_held_longer_than_an_operator_can_say),
		T(times_before_all_clocks_are_over),
		T(no_file_is_nothing_forced),
		T(a_file_that_is_none_of_ours_is_said),
		T(an_odd_item_does_not_spoil_the_others),
		T(without_a_policy_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
