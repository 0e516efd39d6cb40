/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_numbers.c - what the story says of the traffic, line by line: the words,
 * the number from which on, and when it must be silent.
 */
#include "tests/unit/told.h"

#define ENDPOINT "10.0.7.3:5432" /* of "orders-db", with traffic */
#define SEEN	 "10.0.0.9:80"	 /* no policy names it */

static struct snapshot_service *orders_of(struct snapshot *s)
{
	return &s->services[RICH_ORDERS];
}

/* Quiet but for what a test puts in. */
static struct snapshot_subject *quiet_endpoint(struct snapshot *s)
{
	struct snapshot_subject *t = &s->endpoints[0].subject;

	memset(t->calls, 0, sizeof(t->calls));
	memset(t->failures, 0, sizeof(t->failures));
	t->refused = 0;
	t->takes_turns = true;
	return t;
}

/* ---- what is enforced ----------------------------------------------------------- */

static void enforced_has_no_mode_and_no_policy_line(void **state)
{
	assert_untold(*state, "orders-db", "mode");
	assert_untold(*state, "orders-db", "policy");
	assert_untold(*state, "orders-db", "panic");
	assert_untold(*state, "orders-db", "notice");
}

static void seen_only_is_neither_observed_nor_in_panic(void **state)
{
	struct snapshot *s = *state;

	s->services[RICH_SEEN].panic = true;
	ASSERT_TOLD(s, SEEN, "policy: no policy names it");
	assert_untold(s, SEEN, "mode");
	assert_untold(s, SEEN, "panic");
}

static void observe_counts_what_would_have_been_lost_too(void **state)
{
	struct snapshot *s = *state;

	s->services[RICH_SEARCH]
		.decisions[WEIR_VERDICT_WOULD_DROP][WEIR_REASON_BREAKER] = 3;
	ASSERT_TOLD(s, "search", "nothing is refused; 80 connections would");
}

/* ---- what failed, and what is not held against anybody ------------------------------ */

static void failures_are_listed_by_reason(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	assert_untold(s, ENDPOINT, "failures");
	t->failures[WEIR_FAILURE_OTHER] = 1;
	ASSERT_TOLD(s, ENDPOINT, "failures: other 1 (since counting began)");
	t->failures[WEIR_FAILURE_REFUSED] = 7;
	ASSERT_TOLD(s, ENDPOINT,
		    "failures: refused 7, other 1 (since counting began)");
}

static void not_counted_are_refusals_and_neutral_calls(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	assert_untold(s, ENDPOINT, "not counted");
	t->refused = 1;
	ASSERT_TOLD(s, ENDPOINT,
		    "not counted: 1 refusals by Weir itself, 0 neutral calls");
	t->refused = 0;
	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_NEUTRAL] = 2;
	t->calls[WEIR_PHASE_TURN][WEIR_RESULT_NEUTRAL] = 3;
	ASSERT_TOLD(s, ENDPOINT,
		    "not counted: 0 refusals by Weir itself, 5 neutral calls");
}

static void what_is_only_seen_was_refused_nothing(void **state)
{
	ASSERT_TOLD(*state, SEEN, "not counted: 12 neutral calls");
}

/* ---- the worst ------------------------------------------------------------------------ */

static void the_worst_are_told_of_services_only(void **state)
{
	ASSERT_TOLD(*state, "orders-db",
		    "worst: " ENDPOINT
		    " 118 failed and 0 slow of 120 (OPEN), ");
	assert_untold(*state, ENDPOINT, "worst");
	assert_untold(*state, "search", "worst");
	assert_untold(*state, SEEN, "worst");
}

static void without_a_window_the_worst_have_ratios(void **state)
{
	struct snapshot *s = *state;

	for (size_t i = 0; i < 3; i++)
		s->endpoints[i].subject.window = (struct window_counts){0};
	ASSERT_TOLD(s, "orders-db",
		    "worst: " ENDPOINT " 25% failed, 0% slow (OPEN)");
}

/* ---- now ------------------------------------------------------------------------------- */

static void now_says_in_use_of_what_applies_to_whom(void **state)
{
	struct snapshot *s = *state;

	ASSERT_TOLD(s, "orders-db", "now: 41 of 100 connections in use");
	ASSERT_TOLD(s, ENDPOINT, "now: 41 of 40 connections in use");
	orders_of(s)->bulkhead.endpoint_connections_max = WEIR_NONE;
	ASSERT_TOLD(s, ENDPOINT, "now: 41 connections in use");
	orders_of(s)->bulkhead.set = false;
	ASSERT_TOLD(s, "orders-db", "now: 41 connections in use");
}

static void now_says_refused_as_the_mode_has_it(void **state)
{
	struct snapshot *s = *state;

	ASSERT_TOLD(s, "orders-db",
		    "7 calls in flight (3 overdue), 21.5 "
		    "calls/s, 112.0/s refused");
	ASSERT_TOLD(s, "search", "0.0/s would be refused");
	ASSERT_TOLD(s, SEEN, "21.5 calls/s\n");
}

static void full_is_said_from_the_cap_on(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_service *orders = orders_of(s);

	orders->subject.in_use = 99;
	assert_untold(s, "orders-db", "full");
	orders->subject.in_use = 100;
	ASSERT_TOLD(s, "orders-db",
		    "full: the bulkhead is at maxConnections 100: further "
		    "connections are refused");
	orders->mode = WEIR_MODE_OBSERVE;
	ASSERT_TOLD(s, "orders-db", "further connections would be refused");
	orders->bulkhead.connections_max = WEIR_NONE;
	assert_untold(s, "orders-db", "full");
	orders->bulkhead.connections_max = 100;
	orders->bulkhead.set = false;
	assert_untold(s, "orders-db", "full");
}

/* The cap of a service is none of its endpoints'. */
static void an_endpoint_is_never_full(void **state)
{
	struct snapshot *s = *state;

	s->endpoints[0].subject.in_use = 1000;
	assert_untold(s, ENDPOINT, "full");
}

/* ---- whose fault it looks like ----------------------------------------------------------- */

static void a_syn_sent_again_is_loss_or_a_full_queue(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_SLOW] = 4;
	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_FAILURE] = 2;
	t->resent[WEIR_PHASE_CONNECT] = 3;
	ASSERT_TOLD(s, ENDPOINT,
		    "cause: 3 of 6 bad connects had their SYN sent again: the "
		    "backend's accept queue is full, or SYNs are lost; "
		    "established connections do not retransmit");
	t->resent[WEIR_PHASE_TURN] = 1;
	ASSERT_TOLD(s, ENDPOINT,
		    "cause: 3 of 6 bad connects had their SYN sent again: "
		    "packets are lost on the way, established connections "
		    "retransmit too");
}

static void a_few_lost_syns_are_no_pattern(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_SLOW] = 2;
	t->resent[WEIR_PHASE_CONNECT] = 2;
	assert_untold(s, ENDPOINT, "cause");
	/* Less than half of what went wrong. */
	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_FAILURE] = 5;
	t->resent[WEIR_PHASE_CONNECT] = 3;
	assert_untold(s, ENDPOINT, "cause");
}

static void bad_calls_without_retransmission_are_the_backends(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	t->calls[WEIR_PHASE_TURN][WEIR_RESULT_SLOW] = 2;
	assert_untold(s, ENDPOINT, "cause");
	t->calls[WEIR_PHASE_TURN][WEIR_RESULT_FAILURE] = 3;
	t->resent[WEIR_PHASE_TURN] = 2;
	ASSERT_TOLD(s, ENDPOINT,
		    "cause: the backend: 3 of 5 bad calls had no "
		    "retransmission, the request had arrived");
}

static void bad_calls_with_retransmissions_are_the_networks(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	t->calls[WEIR_PHASE_TURN][WEIR_RESULT_SLOW] = 6;
	t->resent[WEIR_PHASE_TURN] = 3;
	ASSERT_TOLD(s, ENDPOINT,
		    "cause: the network: 3 of 6 bad calls had "
		    "retransmissions");
	t->resent[WEIR_PHASE_TURN] = 2;
	ASSERT_TOLD(s, ENDPOINT, "cause: the backend: 4 of 6");
}

static void good_calls_have_no_cause(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_SUCCESS] = 1000;
	t->calls[WEIR_PHASE_TURN][WEIR_RESULT_SUCCESS] = 1000;
	assert_untold(s, ENDPOINT, "cause");
}

static void hanging_calls_are_told_apart_by_acknowledgement(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	assert_untold(s, ENDPOINT, "hanging");
	t->overdue_seen = 5;
	t->overdue_unsent = 2;
	ASSERT_TOLD(s, ENDPOINT,
		    "hanging: of 5 overdue calls the backend's kernel has "
		    "received 3 (the program is slow), 2 are not acknowledged");
	/* Two reads of a kernel that goes on counting. */
	t->overdue_unsent = 6;
	ASSERT_TOLD(s, ENDPOINT, "kernel has received 0 (");
}

/* ---- the rest ----------------------------------------------------------------------------- */

static void who_takes_no_turns_is_said_of_endpoints(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *t = quiet_endpoint(s);

	assert_untold(s, ENDPOINT, "calls");
	t->takes_turns = false;
	ASSERT_TOLD(s, ENDPOINT,
		    "calls: its connections do not take turns (pipelining, "
		    "HTTP/2, streams): only connects, resets and closes are "
		    "judged");
	/* A service is not asked: its endpoints may differ. */
	orders_of(s)->subject.takes_turns = false;
	assert_untold(s, "orders-db", "calls");
}

static void resets_are_told_when_there_were_any(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_service *orders = orders_of(s);

	assert_untold(s, "orders-db", "reset");
	orders->resets_missed = 2;
	ASSERT_TOLD(s, "orders-db",
		    "reset: 0 established connections by Weir, 2 were gone "
		    "before");
	orders->resets_total = 12;
	ASSERT_TOLD(s, "orders-db",
		    "reset: 12 established connections by "
		    "Weir, 2 were gone before");
	orders->resets_total = orders->resets_missed = 0;
	orders->would_reset_total = 4;
	ASSERT_TOLD(s, "orders-db",
		    "reset: observe: 4 established connections would have "
		    "been");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_rich, free_rich)
	const struct CMUnitTest tests[] = {
		T(enforced_has_no_mode_and_no_policy_line),
		T(seen_only_is_neither_observed_nor_in_panic),
		T(observe_counts_what_would_have_been_lost_too),
		T(failures_are_listed_by_reason),
		T(not_counted_are_refusals_and_neutral_calls),
		T(what_is_only_seen_was_refused_nothing),
		T(the_worst_are_told_of_services_only),
		T(without_a_window_the_worst_have_ratios),
		T(now_says_in_use_of_what_applies_to_whom),
		T(now_says_refused_as_the_mode_has_it),
		T(full_is_said_from_the_cap_on),
		T(an_endpoint_is_never_full),
		T(a_syn_sent_again_is_loss_or_a_full_queue),
		T(a_few_lost_syns_are_no_pattern),
		T(bad_calls_without_retransmission_are_the_backends),
		T(bad_calls_with_retransmissions_are_the_networks),
		T(good_calls_have_no_cause),
		T(hanging_calls_are_told_apart_by_acknowledgement),
		T(who_takes_no_turns_is_said_of_endpoints),
		T(resets_are_told_when_there_were_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
