/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why.c - the story names state, rule, number, threshold and place, and what
 * happens next, in every state a breaker can be in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/told.h"

static struct snapshot_subject *search_of(struct snapshot *s)
{
	return &s->services[RICH_SEARCH].subject;
}

static void open_names_rule_number_threshold_and_place(void **state)
{
	ASSERT_TOLD(*state, "10.0.7.3:5432",
		    "state: 10.0.7.3:5432 is OPEN since 05:59:48.123Z (12s "
		    "ago), backoff level 3",
		    "because: failure rate 63% >= failureRateThreshold 50% "
		    "(135 of 214 calls in 10s; minimumNumberOfCalls 20",
		    ": /etc/weir/policies.d/20-orders.yaml:14:29  "
		    "failureRateThreshold",
		    "failures: timeout 121, reset 14",
		    "not counted: 1340 refusals by Weir itself, 12 neutral",
		    "now: 41 of 40 connections in use, 7 calls in flight (3 "
		    "overdue), 21.5 calls/s, 112.0/s refused",
		    "next: HALF-OPEN at 06:00:08.123Z (in 8s;", "then 3 probes",
		    "do: weirctl force 10.0.7.3:5432 closed");
}

/* With scope endpoint: the worst endpoint's reason, the service's numbers. */
static void a_service_tells_of_its_worst_endpoint(void **state)
{
	ASSERT_TOLD(*state, "orders-db",
		    "state: orders-db, a breaker for each endpoint: 2 CLOSED, "
		    "1 OPEN",
		    "state: 10.0.7.3:5432 is OPEN", "because: failure rate 63%",
		    "worst: 10.0.7.3:5432 118 failed and 0 slow of 120 (OPEN), "
		    "10.0.7.4:5432 17 failed",
		    "now: 41 of 100 connections in use");
}

static void a_full_cap_names_its_holders_then_and_now(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_full *full = rich_full();

	s->services[RICH_ORDERS].full = full;
	s->clients = rich_clients();
	s->clients->items[0].close_wait = 13;
	s->clients->unlisted = 5;
	ASSERT_TOLD(
		s, "orders-db",
		"held by: orders.service/java[4711] 90 (12 in CLOSE_WAIT, "
		"40 idle, longest for 3h), batch/php[7] 9 (9 waiting for an "
		"answer), unknown[uid 33] 1 (1 open in no process)",
		": at 05:59:00.123Z (1m ago), when the cap of 100 of "
		"orders-db was full",
		": perl (pid 9, uid 33) was refused then",
		"held now: orders.service/java[4711] 90 (13 in CLOSE_WAIT",
		": and 5 connections that were not looked at");
	full->enforced = false;
	ASSERT_TOLD(s, "orders-db",
		    ": perl (pid 9, uid 33) would have been refused then");
}

static void an_endpoint_tells_of_its_own_cap_only(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_full *full = rich_full();
	json_t *held;

	s->services[RICH_ORDERS].full = full;
	scoped(json) json_t *other = json_why(s, "10.0.7.3:5432");
	held = json_object_get(json_object_get(other, "held"), "full");
	assert_true(json_is_null(held));
	snprintf(full->subject, sizeof(full->subject), "10.0.7.3:5432");
	ASSERT_TOLD(s, "10.0.7.3:5432",
		    "when the cap of 100 of 10.0.7.3:5432 was full");
}

static void the_object_names_service_endpoint_and_state(void **state)
{
	scoped(json) json_t *service = json_why(*state, "orders-db");
	scoped(json) json_t *endpoint = json_why(*state, "10.0.7.3:5432");
	const char *of;

	of = json_string_value(json_object_get(service, "state"));
	assert_string_equal(of, "open");
	assert_true(json_is_null(json_object_get(service, "endpoint")));
	assert_true(json_is_object(json_object_get(service, "breaker")));
	of = json_string_value(json_object_get(endpoint, "service"));
	assert_string_equal(of, "orders-db");
	of = json_string_value(json_object_get(endpoint, "endpoint"));
	assert_string_equal(of, "10.0.7.3:5432");
}

static void nobody_by_that_name_is_null(void **state)
{
	assert_null(json_why(*state, "nobody"));
	assert_null(json_why(*state, ""));
}

static void closed_says_why_it_is_fine(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *b = search_of(s);

	b->state = WEIR_STATE_CLOSED;
	b->window = (struct window_counts){200, 4, 2};
	ASSERT_TOLD(s, "search", "search is CLOSED",
		    "because: failure rate 2.0% < failureRateThreshold 50% (4 "
		    "of 200 calls)",
		    "slow-call rate 1.0% < slowCallRateThreshold 80%",
		    "\\c.yaml:1  slowCallRateThreshold is the default",
		    "fewer than consecutiveFailures 5 in a row",
		    "before: OPEN -> HALF-OPEN: the wait in open was over",
		    "it would only be counted (observe)");
	b->window = (struct window_counts){7, 7, 0};
	ASSERT_TOLD(s, "search",
		    "because: 7 calls in 10s, fewer than minimumNumberOfCalls "
		    "20: rates are not judged");
}

static void half_open_counts_its_probes_and_recalls_the_opening(void **state)
{
	ASSERT_TOLD(*state, "search", "search is HALF-OPEN",
		    "because: the wait in open was over",
		    "opened: at 05:59:40.123Z: search: closed -> open",
		    "next: 2 of 3 probes taken, 1 succeeded, 0 failed; CLOSED "
		    "when all 3 succeed");
}

static void observe_says_that_nothing_is_refused(void **state)
{
	ASSERT_TOLD(*state, "search",
		    "mode: observe: the breaker runs, nothing is refused; 77 "
		    "connections would have been",
		    "would be refused");
}

static void forced_says_by_whom_why_and_until(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *b = search_of(s);

	b->state = WEIR_STATE_FORCED_OPEN;
	b->last.trip = WEIR_TRIP_MANUAL;
	snprintf(b->override_by, sizeof(b->override_by), "uid 1000");
	snprintf(b->override_reason, sizeof(b->override_reason), "drill 7");
	ASSERT_TOLD(s, "search", "search is FORCED OPEN",
		    "because: uid 1000 asked for it: drill 7",
		    "next: stays until an operator says otherwise",
		    "do: weirctl force search auto");
	b->until_realtime_ns = RICH_NOW_NS + 600000000000;
	b->until_seconds = 600;
	ASSERT_TOLD(s, "search",
		    "next: back to automatic at 06:10:00.123Z (in 10m)");
}

static void suppressed_names_the_guard(void **state)
{
	struct snapshot *s = *state;

	s->endpoints[0].subject.state = WEIR_STATE_OPEN_SUPPRESSED;
	ASSERT_TOLD(s, "10.0.7.3:5432", "is OPEN, SUPPRESSED",
		    "because: failure rate 63%",
		    "but: not enforced: one more ejection would exceed "
		    "maxEjectionPercent 50% of 3 endpoints",
		    "maxEjectionPercent is the default");
}

static void panic_and_local_fault_are_said(void **state)
{
	struct snapshot *s = *state;

	s->services[RICH_ORDERS].panic = true;
	s->local_fault = true;
	ASSERT_TOLD(s, "orders-db",
		    "panic: too few endpoints are healthy (panicThreshold 50%)",
		    "notice: most services fail at once");
}

static void a_full_bulkhead_is_said(void **state)
{
	struct snapshot *s = *state;

	s->services[RICH_ORDERS].subject.in_use = 100;
	ASSERT_TOLD(s, "orders-db", "now: 100 of 100 connections",
		    "full: the bulkhead is at maxConnections 100: further "
		    "connections are refused");
}

static void a_destination_without_policy_says_so(void **state)
{
	scoped(text) char *text = NULL;

	ASSERT_TOLD(*state, "10.0.0.9:80", "state: 10.0.0.9:80 has no breaker",
		    "policy: no policy names it; nothing is ever refused",
		    "do: weirctl apply -f a policy that names 10.0.0.9:80");
	text = tell(*state, "10.0.0.9:80");
	assert_null(strstr(text, "next:"));
	assert_null(strstr(text, "refusals by Weir"));
}

static void each_trip_has_its_sentence(void **state)
{
	static const struct {
		enum weir_trip trip;
		const char *text;
	} rows[] = {
		{WEIR_TRIP_CONSECUTIVE,
		 "because: 9 failures in a row >= consecutiveFailures 5"},
		{WEIR_TRIP_SLOW_RATE,
		 "because: slow-call rate 9% >= slowCallRateThreshold 5% (3 of "
		 "40 calls"},
		{WEIR_TRIP_SLOW_RATE,
		 "slow is longer than slowCallDurationThreshold 500ms"},
		{WEIR_TRIP_PROBE_FAILED,
		 "permittedNumberOfCallsInHalfOpenState "
		 "3 must succeed"},
		{WEIR_TRIP_PROBE_TIMEOUT,
		 "because: a half-open probe had no outcome after "
		 "halfOpenTimeout 10s"},
		{WEIR_TRIP_MANUAL, "because: an operator asked for it"},
		{WEIR_TRIP_POLICY, "because: the policy changed"},
		{WEIR_TRIP_GUARD, "because: the ejection guard"},
	};
	struct snapshot *s = *state;
	struct snapshot_subject *b = search_of(s);

	b->state = WEIR_STATE_OPEN;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b->last = (struct breaker_change){
			.trip = rows[i].trip,
			.value = 9,
			.threshold = 5,
			.window = {40, 20, 3},
		};
		ASSERT_TOLD(s, "search", rows[i].text);
	}
}

/* The verdict map keeps the reason across a restart, not the numbers. */
static void an_inherited_opening_invents_no_numbers(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *b = search_of(s);
	scoped(text) char *text = NULL;

	b->state = WEIR_STATE_OPEN;
	b->last = (struct breaker_change){.trip = WEIR_TRIP_FAILURE_RATE};
	text = tell(s, "search");
	assert_non_null(strstr(text, "because: the failure rate reached its "
				     "threshold (before this agent"));
	assert_null(strstr(text, "0% >="));
}

/* One address, seen without policy and named by one: the policy's is meant. */
static void a_policys_endpoint_hides_the_seen_one(void **state)
{
	struct snapshot *s = *state;
	scoped(json) json_t *why = NULL;

	snprintf(s->endpoints[1].name, sizeof(s->endpoints[1].name),
		 "10.0.0.9:80");
	s->endpoints[1].subject.state = WEIR_STATE_OPEN;
	why = json_why(s, "10.0.0.9:80");
	assert_string_equal(json_string_value(json_object_get(why, "service")),
			    "orders-db");
}

static void spans_are_written_for_people(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} rows[] = {
		{0, "0ms"},	{0.25, "250ms"},  {0.9994, "999ms"},
		{0.9996, "1s"}, {1.25, "1.3s"},	  {9.94, "9.9s"},
		{9.96, "10s"},	{59.6, "1m"},	  {90, "1m30s"},
		{3600, "1h"},	{7500, "2h5m"},	  {86400 * 3.5, "3d12h"},
		{-1, "0ms"},	{NAN, "unknown"}, {INFINITY, "unknown"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[TEXT_SPAN_BYTES];

		text_span(rows[i].seconds, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_rich, free_rich)
	const struct CMUnitTest tests[] = {
		T(open_names_rule_number_threshold_and_place),
		T(a_service_tells_of_its_worst_endpoint),
		T(a_full_cap_names_its_holders_then_and_now),
		T(an_endpoint_tells_of_its_own_cap_only),
		T(the_object_names_service_endpoint_and_state),
		T(nobody_by_that_name_is_null),
		T(closed_says_why_it_is_fine),
		T(half_open_counts_its_probes_and_recalls_the_opening),
		T(observe_says_that_nothing_is_refused),
		T(forced_says_by_whom_why_and_until),
		T(suppressed_names_the_guard),
		T(panic_and_local_fault_are_said),
		T(a_full_bulkhead_is_said),
		T(a_destination_without_policy_says_so),
		T(each_trip_has_its_sentence),
		T(an_inherited_opening_invents_no_numbers),
		T(a_policys_endpoint_hides_the_seen_one),
		cmocka_unit_test(spans_are_written_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
