/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide.c - see decide.h.
 */
#include "agent/decide.h"

#include <stdio.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/core/guard.h"
#include "agent/sample.h"
#include "common/text.h"
#include "weir/words.h"

#define STEPS_MAX 4 /* transitions that one sample can set off */

static const char *const state_words[] = {
	[WEIR_STATE_CLOSED] = "CLOSED",
	[WEIR_STATE_OPEN] = "OPEN",
	[WEIR_STATE_HALF_OPEN] = "HALF-OPEN",
	[WEIR_STATE_OPEN_SUPPRESSED] = "SUPPRESSED",
	[WEIR_STATE_FORCED_OPEN] = "FORCED-OPEN",
	[WEIR_STATE_FORCED_CLOSED] = "FORCED-CLOSED",
};

#define X(id, name, help) [WEIR_TRIP_##id] = help,
static const char *const trip_helps[] = {WEIR_TRIPS(X)};
#undef X

/* ---- the guards ------------------------------------------------------------------ */

static bool is_open(enum weir_state state)
{
	return state == WEIR_STATE_OPEN || state == WEIR_STATE_HALF_OPEN ||
	       state == WEIR_STATE_FORCED_OPEN;
}

/* Endpoints that count: listed, or with a call in the last five minutes. */
static void count_endpoints(const struct service *service, uint64_t now_ns,
			    uint32_t *open, uint32_t *all)
{
	*open = *all = 0;
	for (size_t i = 0; i < service->endpoint_count; i++) {
		const struct subject *subject = service->endpoints[i];

		if (subject->retired_ns ||
		    (!subject->listed &&
		     now_ns - subject->active_ns > REGISTRY_ACTIVE_NS))
			continue;
		++*all;
		*open += is_open(subject->breaker.state);
	}
}

/* Can this step open it, or probe a suppressed one? */
static bool guard_matters(const struct breaker *breaker,
			  const struct breaker_sample *sample, uint64_t now_ns)
{
	switch (breaker->state) {
	case WEIR_STATE_CLOSED:
		return sample->failure || sample->slow || sample->overdue ||
		       sample->consecutive;
	case WEIR_STATE_OPEN_SUPPRESSED:
		return now_ns >= breaker->until_ns;
	default:
		return breaker->state == WEIR_STATE_HALF_OPEN;
	}
}

static enum breaker_guard ask_guard(const struct subject *subject,
				    const struct breaker_sample *sample,
				    uint64_t now_ns)
{
	uint32_t open, all;

	/* Counting is dear: thousands of endpoints are looked at each tick. */
	if (!subject->is_endpoint ||
	    !guard_matters(&subject->breaker, sample, now_ns))
		return BREAKER_GUARD_ALLOW;
	count_endpoints(subject->service, now_ns, &open, &all);
	/* Half-open is open already: opening again ejects nobody anew. */
	if (is_open(subject->breaker.state) && open)
		open--;
	return guard_ejection(open, all, subject->service->rules.ejection_max);
}

/* Did at least half of the active services trip within one window? */
static bool local_fault(const struct registry *registry, uint64_t now_ns)
{
	uint32_t active = 0, tripped = 0;

	for (uint32_t slot = 1; slot < registry->plane->services_max; slot++) {
		const struct service *service = registry->services[slot];
		uint64_t window_ns;

		if (!service || !service->policy)
			continue;
		window_ns = service->rules.window_ns;
		if (now_ns - service->subject.active_ns > window_ns)
			continue;
		active++;
		tripped += service->tripped_ns &&
			   now_ns - service->tripped_ns <= window_ns;
	}
	return guard_local_fault(tripped, active);
}

/* ---- verdicts --------------------------------------------------------------------- */

static enum weir_gate gate_of(const struct subject *subject)
{
	static const enum weir_gate gates[] = {
		[WEIR_STATE_CLOSED] = WEIR_GATE_ADMIT,
		[WEIR_STATE_OPEN] = WEIR_GATE_REFUSE,
		[WEIR_STATE_HALF_OPEN] = WEIR_GATE_PROBE,
		[WEIR_STATE_OPEN_SUPPRESSED] = WEIR_GATE_REFUSE,
		[WEIR_STATE_FORCED_OPEN] = WEIR_GATE_FORCED,
		[WEIR_STATE_FORCED_CLOSED] = WEIR_GATE_ADMIT,
	};

	/* A service that is forced closed overrules its endpoints. */
	if (subject->service->subject.breaker.state == WEIR_STATE_FORCED_CLOSED)
		return WEIR_GATE_ADMIT;
	return gates[subject->breaker.state];
}

static uint32_t flags_of(const struct subject *subject)
{
	bool forced = subject->breaker.state == WEIR_STATE_FORCED_OPEN;
	bool suppressed = subject->breaker.state == WEIR_STATE_OPEN_SUPPRESSED;

	if (suppressed || (subject->service->panic && !forced))
		return VERDICT_ADVISORY;
	return 0;
}

/* How many bad samples from now on may trip it: there the kernel wakes us. */
static uint64_t hint_at(struct subject *subject, uint64_t now_ns)
{
	uint64_t more;

	if (!registry_has_breaker(subject))
		return 0;
	more = breaker_bad_to_trip(&subject->breaker, &subject->service->rules,
				   now_ns);
	if (more == UINT64_MAX)
		return 0;
	return subject->bad_seen + more;
}

void decide_publish(struct decide *decide, struct subject *subject,
		    uint64_t now_ns)
{
	struct weir_verdict *verdict =
		&decide->registry->plane->verdicts[subject->id];
	const struct breaker *breaker = &subject->breaker;
	uint64_t word =
		verdict_word(breaker->epoch, registry_rules(subject)->probes,
			     gate_of(subject), flags_of(subject));

	if (subject->retired_ns)
		return;
	verdict->hint_at = hint_at(subject, now_ns);
	verdict->until_ns = breaker->until_ns;
	verdict->since_ns = breaker->since_ns;
	verdict->level = breaker->level;
	verdict->state = breaker->state;
	verdict->trip = breaker->last.trip;
	if (verdict_epoch(verdict->word) != breaker->epoch)
		verdict->epoch_us = now_ns / NS_PER_US;
	__atomic_store_n(&verdict->word, word, __ATOMIC_RELEASE);
}

static void publish_service(struct decide *decide, struct service *service,
			    uint64_t now_ns)
{
	decide_publish(decide, &service->subject, now_ns);
	for (size_t i = 0; i < service->endpoint_count; i++)
		decide_publish(decide, service->endpoints[i], now_ns);
}

/* ---- what people are told ---------------------------------------------------------- */

static void describe_number(char *out, size_t bytes,
			    const struct breaker_change *change)
{
	const struct window_counts *w = &change->window;

	switch (change->trip) {
	case WEIR_TRIP_FAILURE_RATE:
		snprintf(out, bytes,
			 ": %u %% >= %u %% (%llu of %llu calls failed)",
			 change->value, change->threshold,
			 (unsigned long long)w->failures,
			 (unsigned long long)w->calls);
		return;
	case WEIR_TRIP_SLOW_RATE:
		snprintf(out, bytes,
			 ": %u %% >= %u %% (%llu of %llu calls were slow)",
			 change->value, change->threshold,
			 (unsigned long long)w->slow,
			 (unsigned long long)w->calls);
		return;
	case WEIR_TRIP_CONSECUTIVE:
		snprintf(out, bytes, ": %u in a row >= %u", change->value,
			 change->threshold);
		return;
	default:
		out[0] = '\0';
	}
}

static void announce(struct decide *decide, const struct subject *subject,
		     const struct breaker_change *change, bool enforced)
{
	struct snapshot_event event = {
		.type = SNAPSHOT_EVENT_BREAKER,
		.from = change->from,
		.to = change->to,
		.trip = change->trip,
		.value = change->value,
		.threshold = change->threshold,
		.calls = change->window.calls,
		.enforced = enforced,
	};
	char number[120];

	snprintf(event.service, sizeof(event.service), "%s",
		 subject->service->name);
	if (subject->is_endpoint)
		snprintf(event.endpoint, sizeof(event.endpoint), "%s",
			 subject->name);
	describe_number(number, sizeof(number), change);
	snprintf(event.text, sizeof(event.text), "%s%s%s: %s -> %s: %s%s%s",
		 event.service, subject->is_endpoint ? " " : "", event.endpoint,
		 state_words[change->from], state_words[change->to],
		 trip_helps[change->trip], number,
		 enforced ? "" : " (not enforced)");
	events_add(decide->events, &event);
}

/* ---- one step ----------------------------------------------------------------------- */

static double jitter(struct decide *decide)
{
	/* splitmix64, Steele, Lea, Flood: "Fast splittable PRNGs", 2014. */
	uint64_t z = decide->seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* A change of epoch: what is in flight now belongs to the one before. */
static void start_epoch(struct decide *decide, struct subject *subject,
			uint64_t now_ns)
{
	struct weir_subject *k =
		&decide->registry->plane->subjects[subject->id];

	sample_refresh(subject, k, now_ns);
	sample_rebase(subject, k);
}

static void count_change(struct service *service,
			 const struct breaker_change *change, uint64_t now_ns)
{
	service->transitions[change->from][change->to][change->trip]++;
	if (change->to == WEIR_STATE_OPEN_SUPPRESSED)
		service->suppressed_total++;
	if (change->from == WEIR_STATE_CLOSED &&
	    (change->to == WEIR_STATE_OPEN ||
	     change->to == WEIR_STATE_OPEN_SUPPRESSED))
		service->tripped_ns = now_ns;
}

/* A half-open epoch is over: what its probes came to. */
static void count_probes(struct service *service, uint32_t epoch, uint64_t word)
{
	if (probe_epoch(word) != epoch)
		return;
	service->probes_ok_total += probe_ok(word);
	service->probes_bad_total += probe_bad(word);
}

static void apply_change(struct decide *decide, struct subject *subject,
			 const struct breaker_change *change, uint64_t now_ns)
{
	struct service *service = subject->service;
	bool enforced =
		service->policy && service->policy->mode == WEIR_MODE_ENFORCE &&
		change->to != WEIR_STATE_OPEN_SUPPRESSED && !service->panic;

	count_change(service, change, now_ns);
	start_epoch(decide, subject, now_ns);
	decide_publish(decide, subject, now_ns);
	announce(decide, subject, change, enforced);
}

static void update_panic(struct decide *decide, struct service *service,
			 uint64_t now_ns)
{
	uint32_t open, all;
	bool panic;

	count_endpoints(service, now_ns, &open, &all);
	panic = service->policy &&
		service->rules.scope == WEIR_SCOPE_ENDPOINT &&
		guard_panic(open, all, service->rules.panic_threshold);
	if (panic == service->panic)
		return;
	service->panic = panic;
	publish_service(decide, service, now_ns);
	events_say(decide->events, SNAPSHOT_EVENT_BREAKER, service->name,
		   panic ? "%s: panic: %u of %u endpoints are open, less than "
			   "%u %% are left: enforcement pauses"
			 : "%s: panic is over: %u of %u endpoints are open "
			   "(threshold %u %%): enforcement goes on",
		   service->name, open, all, service->rules.panic_threshold);
}

static void take_sample(const struct decide *decide, struct subject *subject,
			struct breaker_sample *out, uint64_t now_ns)
{
	const struct dataplane *plane = decide->registry->plane;

	sample_take(out, subject, &plane->subjects[subject->id],
		    decide->registry->recounted ? &plane->recounts[subject->id]
						: NULL,
		    !plane->send_hook, now_ns);
}

void decide_step(struct decide *decide, struct subject *subject,
		 uint64_t now_ns)
{
	const struct dataplane *plane = decide->registry->plane;
	const struct weir_subject *k = &plane->subjects[subject->id];
	const struct policy_breaker *rules = registry_rules(subject);
	struct breaker_sample sample;
	bool changed = false;

	if (subject->retired_ns)
		return;
	take_sample(decide, subject, &sample, now_ns);
	for (int i = 0; i < STEPS_MAX; i++) {
		uint64_t probes = __atomic_load_n(&k->probe, __ATOMIC_ACQUIRE);
		uint32_t epoch = subject->breaker.epoch;
		struct breaker_change change = breaker_step(
			&subject->breaker, rules, &sample,
			ask_guard(subject, &sample, now_ns), jitter(decide),
			decide->registry->local_fault, now_ns);

		if (!change.changed)
			break;
		changed = true;
		if (change.from == WEIR_STATE_HALF_OPEN)
			count_probes(subject->service, epoch, probes);
		apply_change(decide, subject, &change, now_ns);
		memset(&sample, 0, sizeof(sample));
	}
	if (changed && subject->is_endpoint)
		update_panic(decide, subject->service, now_ns);
	else if (registry_has_breaker(subject))
		decide_publish(decide, subject, now_ns);
}

/* ---- all of them ---------------------------------------------------------------------- */

static void warn_bulkhead(struct decide *decide, struct service *service)
{
	const struct policy_bulkhead *bulkhead;
	uint32_t in_use, warn_at;
	bool above;

	if (!service->policy || !service->policy->bulkhead.set ||
	    service->policy->bulkhead.connections_max == WEIR_NONE)
		return;
	bulkhead = &service->policy->bulkhead;
	in_use = decide->registry->plane->subjects[service->slot].in_use;
	warn_at = (uint32_t)((uint64_t)bulkhead->connections_max *
			     bulkhead->warn_at / 100);
	above = bulkhead->warn_at && in_use >= warn_at && in_use;
	if (above && !service->warned)
		events_say(decide->events, SNAPSHOT_EVENT_BULKHEAD,
			   service->name,
			   "%s: %u of %u connections in use (warnAt %u %%)",
			   service->name, in_use, bulkhead->connections_max,
			   bulkhead->warn_at);
	service->warned = above;
}

static void update_local_fault(struct decide *decide, uint64_t now_ns)
{
	bool fault = local_fault(decide->registry, now_ns);

	if (fault == decide->registry->local_fault)
		return;
	decide->registry->local_fault = fault;
	events_say(decide->events, SNAPSHOT_EVENT_AGENT, "",
		   fault ? "at least half of the active services tripped "
			   "within one window: the fault is probably on this "
			   "host; back-off levels are frozen"
			 : "the suspicion of a fault on this host is over");
}

void decide_tick(struct decide *decide, uint64_t now_ns)
{
	struct registry *registry = decide->registry;

	for (uint32_t slot = 0; slot < registry->plane->services_max; slot++) {
		struct service *service = registry->services[slot];

		if (!service)
			continue;
		decide_step(decide, &service->subject, now_ns);
		for (size_t i = 0; i < service->endpoint_count; i++)
			decide_step(decide, service->endpoints[i], now_ns);
		/* Endpoints come and go, and thresholds change. */
		update_panic(decide, service, now_ns);
		warn_bulkhead(decide, service);
	}
	update_local_fault(decide, now_ns);
	/* What ends from here on is in the totals, and still in the recount. */
	registry->recounted = false;
}

/* ---- the operator ---------------------------------------------------------------------- */

void decide_force(struct decide *decide, struct subject *subject,
		  enum weir_state to, uint64_t ttl_ns, const char *by,
		  const char *reason, uint64_t now_ns)
{
	struct breaker_change change =
		breaker_force(&subject->breaker, to, ttl_ns, now_ns);

	text_copy(subject->override_by, sizeof(subject->override_by),
		  to == WEIR_STATE_CLOSED ? "" : by);
	text_copy(subject->override_reason, sizeof(subject->override_reason),
		  to == WEIR_STATE_CLOSED ? "" : reason);
	if (change.changed)
		apply_change(decide, subject, &change, now_ns);
	update_panic(decide, subject->service, now_ns);
	publish_service(decide, subject->service, now_ns);
}

static void reset_one(struct decide *decide, struct subject *subject,
		      uint64_t now_ns)
{
	struct breaker_sample forgotten;
	struct breaker_change change;

	/* What the kernel has counted and no step has taken in yet, too. */
	take_sample(decide, subject, &forgotten, now_ns);
	change = breaker_reset(&subject->breaker, now_ns);
	if (change.changed)
		apply_change(decide, subject, &change, now_ns);
}

void decide_reset(struct decide *decide, struct subject *subject,
		  const char *by, uint64_t now_ns)
{
	struct service *service = subject->service;

	reset_one(decide, subject, now_ns);
	for (size_t i = 0; !subject->is_endpoint && i < service->endpoint_count;
	     i++)
		reset_one(decide, service->endpoints[i], now_ns);
	update_panic(decide, service, now_ns);
	publish_service(decide, service, now_ns);
	events_say(decide->events, SNAPSHOT_EVENT_BREAKER, service->name,
		   "%s: reset by %s", subject->name, by);
}

uint32_t decide_overdue(const struct decide *decide,
			const struct subject *subject, uint64_t now_ns)
{
	const struct dataplane *plane = decide->registry->plane;

	if (!subject->service->rules.slow_ns)
		return 0;
	if (!plane->send_hook)
		return plane->recounts[subject->id].overdue;
	return sample_overdue(subject, &plane->subjects[subject->id], 0,
			      now_ns);
}

bool decide_wants_audit(const struct decide *decide)
{
	const struct registry *registry = decide->registry;
	uint32_t subjects_max = dataplane_subjects_max(registry->plane);

	for (uint32_t id = 0; id < subjects_max; id++)
		if (registry->subjects[id] &&
		    registry->subjects[id]->breaker.state ==
			    WEIR_STATE_HALF_OPEN)
			return true;
	return false;
}
