/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker.c - see breaker.h.
 */
#include "agent/core/breaker.h"

#include <string.h>

/* ---- transitions ----------------------------------------------------------------- */

static struct breaker_change move(struct breaker *b, enum weir_state to,
				  enum weir_trip trip, uint64_t now_ns)
{
	struct breaker_change change = {
		.changed = true,
		.from = b->state,
		.to = to,
		.trip = trip,
		.window = window_sum(&b->window, now_ns),
	};

	b->state = to;
	b->epoch++;
	b->since_ns = now_ns;
	b->until_ns = 0;
	b->probe_ns = 0;
	b->last = change;
	return change;
}

/* initial * multiplier^level, at most max, then the jitter on top. */
static uint64_t wait_ns(const struct policy_breaker *rules, uint32_t level,
			double jitter)
{
	double wait = (double)rules->wait_initial_ns;
	double max = (double)rules->wait_max_ns;

	for (uint32_t i = 0; i < level && wait < max; i++) {
		wait *= rules->wait_multiplier;
		/* A multiplier of 1 would go round for nothing. */
		if (rules->wait_multiplier <= 1)
			break;
	}
	if (wait > max)
		wait = max;
	return (uint64_t)(wait * (1 + rules->wait_jitter * jitter));
}

static struct breaker_change open_breaker(struct breaker *b,
					  const struct policy_breaker *rules,
					  enum breaker_guard guard,
					  enum weir_trip trip, double jitter,
					  bool freeze_level, uint64_t now_ns)
{
	bool suppress = guard == BREAKER_GUARD_SUPPRESS;
	struct breaker_change change =
		move(b, suppress ? WEIR_STATE_OPEN_SUPPRESSED : WEIR_STATE_OPEN,
		     trip, now_ns);

	b->until_ns = now_ns + wait_ns(rules, b->level, jitter);
	if (!freeze_level && b->level < UINT32_MAX)
		b->level++;
	return change;
}

static struct breaker_change close_breaker(struct breaker *b,
					   enum weir_trip trip, uint64_t now_ns)
{
	struct breaker_change change = move(b, WEIR_STATE_CLOSED, trip, now_ns);

	window_reset(&b->window);
	b->healthy_ns = now_ns;
	return change;
}

/* ---- rules ------------------------------------------------------------------------- */

struct finding {
	enum weir_trip trip;	/* NONE: nothing holds */
	uint32_t value;
	uint32_t threshold;
};

/* 100 * part >= percent * whole, and the floor under both. */
static bool rate_reached(uint64_t part, uint64_t whole, uint32_t percent,
			 const struct policy_breaker *rules)
{
	return whole && whole >= rules->calls_min &&
	       part >= rules->failures_min && part &&
	       (unsigned __int128)part * 100 >=
		       (unsigned __int128)whole * percent;
}

static uint32_t percent_of(uint64_t part, uint64_t whole)
{
	return whole ? (uint32_t)((unsigned __int128)part * 100 / whole) : 0;
}

static struct finding judge(const struct policy_breaker *rules,
			    const struct breaker_sample *sample,
			    const struct window_counts *w)
{
	struct finding f = { .trip = WEIR_TRIP_NONE };

	if (rules->consecutive && sample->failure &&
	    sample->consecutive >= rules->consecutive) {
		f.trip = WEIR_TRIP_CONSECUTIVE;
		f.value = sample->consecutive;
		f.threshold = rules->consecutive;
	} else if (sample->failure &&
		   rate_reached(w->failures, w->calls, rules->failure_rate,
				rules)) {
		f.trip = WEIR_TRIP_FAILURE_RATE;
		f.value = percent_of(w->failures, w->calls);
		f.threshold = rules->failure_rate;
	} else if (rules->slow_ns && sample->slow &&
		   rate_reached(w->slow, w->calls, rules->slow_rate, rules)) {
		f.trip = WEIR_TRIP_SLOW_RATE;
		f.value = percent_of(w->slow, w->calls);
		f.threshold = rules->slow_rate;
	}
	return f;
}

/* ---- states ------------------------------------------------------------------------ */

/* One level less for each window of healthy closed traffic. */
static void recover_level(struct breaker *b, const struct policy_breaker *rules,
			  const struct breaker_sample *sample, uint64_t now_ns)
{
	if (!b->level || now_ns < b->healthy_ns + rules->window_ns)
		return;
	if (!sample->success)
		return;
	b->level--;
	b->healthy_ns = now_ns;
}

static struct breaker_change step_closed(struct breaker *b,
					 const struct policy_breaker *rules,
					 const struct breaker_sample *sample,
					 enum breaker_guard guard,
					 double jitter, bool freeze_level,
					 uint64_t now_ns)
{
	const struct window_counts taken = {
		.calls = sample->success + sample->failure + sample->slow,
		.failures = sample->failure,
		.slow = sample->slow,
	};
	struct breaker_change none = { .changed = false };
	struct window_counts w;
	struct breaker_change change;
	struct finding f;

	window_add(&b->window, &taken, now_ns);
	w = window_sum(&b->window, now_ns);
	f = judge(rules, sample, &w);
	if (f.trip == WEIR_TRIP_NONE) {
		recover_level(b, rules, sample, now_ns);
		return none;
	}
	change = open_breaker(b, rules, guard, f.trip, jitter, freeze_level,
			      now_ns);
	change.value = b->last.value = f.value;
	change.threshold = b->last.threshold = f.threshold;
	return change;
}

static struct breaker_change step_open(struct breaker *b, uint64_t now_ns)
{
	struct breaker_change none = { .changed = false };

	if (now_ns < b->until_ns)
		return none;
	return move(b, WEIR_STATE_HALF_OPEN, WEIR_TRIP_WAIT_ELAPSED, now_ns);
}

static struct breaker_change step_half_open(
	struct breaker *b, const struct policy_breaker *rules,
	const struct breaker_sample *sample, enum breaker_guard guard,
	double jitter, bool freeze_level, uint64_t now_ns)
{
	struct breaker_change none = { .changed = false };

	if (sample->probes_bad)
		return open_breaker(b, rules, guard, WEIR_TRIP_PROBE_FAILED,
				    jitter, freeze_level, now_ns);
	if (sample->probes_ok >= rules->probes)
		return close_breaker(b, WEIR_TRIP_PROBES_OK, now_ns);
	/* A token that came back stops the clock. */
	if (sample->probes_taken <= sample->probes_ok)
		b->probe_ns = 0;
	else if (!b->probe_ns)
		b->probe_ns = now_ns;
	if (b->probe_ns && now_ns - b->probe_ns >= rules->half_open_timeout_ns)
		return open_breaker(b, rules, guard, WEIR_TRIP_PROBE_TIMEOUT,
				    jitter, freeze_level, now_ns);
	return none;
}

static struct breaker_change step_forced(struct breaker *b, uint64_t now_ns)
{
	struct breaker_change none = { .changed = false };

	if (!b->until_ns || now_ns < b->until_ns)
		return none;
	b->level = 0;
	return close_breaker(b, WEIR_TRIP_EXPIRED, now_ns);
}

struct breaker_change breaker_step(struct breaker *b,
				   const struct policy_breaker *rules,
				   const struct breaker_sample *sample,
				   enum breaker_guard guard, double jitter,
				   bool freeze_level, uint64_t now_ns)
{
	switch (b->state) {
	case WEIR_STATE_OPEN:
	case WEIR_STATE_OPEN_SUPPRESSED:
		return step_open(b, now_ns);
	case WEIR_STATE_HALF_OPEN:
		return step_half_open(b, rules, sample, guard, jitter,
				      freeze_level, now_ns);
	case WEIR_STATE_FORCED_OPEN:
	case WEIR_STATE_FORCED_CLOSED:
		return step_forced(b, now_ns);
	case WEIR_STATE_CLOSED:
	default:
		return step_closed(b, rules, sample, guard, jitter,
				   freeze_level, now_ns);
	}
}

/* ---- from outside -------------------------------------------------------------------- */

void breaker_init(struct breaker *b, const struct policy_breaker *rules,
		  uint64_t now_ns)
{
	memset(b, 0, sizeof(*b));
	b->state = WEIR_STATE_CLOSED;
	b->since_ns = b->healthy_ns = now_ns;
	window_init(&b->window, rules->window_ns, rules->window_buckets);
}

void breaker_configure(struct breaker *b, const struct policy_breaker *rules,
		       uint64_t now_ns)
{
	window_resize(&b->window, rules->window_ns, rules->window_buckets,
		      now_ns);
}

struct breaker_change breaker_force(struct breaker *b, enum weir_state to,
				    uint64_t ttl_ns, uint64_t now_ns)
{
	struct breaker_change change = { .changed = false };

	if (to == WEIR_STATE_CLOSED)
		return breaker_reset(b, now_ns);
	if (b->state != to)
		change = move(b, to, WEIR_TRIP_MANUAL, now_ns);
	b->until_ns = ttl_ns ? now_ns + ttl_ns : 0;
	return change;
}

struct breaker_change breaker_reset(struct breaker *b, uint64_t now_ns)
{
	struct breaker_change none = { .changed = false };

	b->level = 0;
	if (b->state != WEIR_STATE_CLOSED)
		return close_breaker(b, WEIR_TRIP_MANUAL, now_ns);
	window_reset(&b->window);
	b->healthy_ns = now_ns;
	return none;
}

void breaker_restore(struct breaker *b, const struct weir_verdict *verdict,
		     uint32_t epoch, uint64_t now_ns)
{
	b->epoch = epoch;
	b->level = verdict->level;
	b->healthy_ns = now_ns;
	b->probe_ns = 0;
	b->state = WEIR_STATE_CLOSED;
	b->since_ns = now_ns;
	b->until_ns = 0;
	if (verdict->state >= WEIR_STATE_COUNT || verdict->since_ns > now_ns)
		return;
	b->state = (enum weir_state)verdict->state;
	b->since_ns = verdict->since_ns;
	b->until_ns = verdict->until_ns;
	if (verdict->trip < WEIR_TRIP_COUNT)
		b->last.trip = (enum weir_trip)verdict->trip;
	b->last.to = b->state;
}

/*
 * The least k for which (part + k) of (whole + k) reaches the rate and both
 * floors: 100 * (part + k) >= percent * (whole + k).
 */
static uint64_t more_for_rate(uint64_t part, uint64_t whole, uint32_t percent,
			      const struct policy_breaker *rules)
{
	uint64_t k = 1;

	if (part + k < rules->failures_min)
		k = rules->failures_min - part;
	if (whole + k < rules->calls_min)
		k = rules->calls_min - whole;
	if ((unsigned __int128)100 * part <
	    (unsigned __int128)percent * whole) {
		uint64_t lack = (uint64_t)((unsigned __int128)percent * whole -
					   (unsigned __int128)100 * part);
		uint64_t step = 100 - percent;
		uint64_t need;

		if (!step)
			return UINT64_MAX;
		need = lack / step + (lack % step != 0);
		if (need > k)
			k = need;
	}
	return k;
}

uint64_t breaker_bad_to_trip(struct breaker *b,
			     const struct policy_breaker *rules,
			     uint64_t now_ns)
{
	struct window_counts w = window_sum(&b->window, now_ns);
	uint64_t by_failures, by_slow = UINT64_MAX;

	if (b->state != WEIR_STATE_CLOSED)
		return UINT64_MAX;
	by_failures = more_for_rate(w.failures, w.calls, rules->failure_rate,
				    rules);
	if (rules->slow_ns)
		by_slow = more_for_rate(w.slow, w.calls, rules->slow_rate,
					rules);
	return by_failures < by_slow ? by_failures : by_slow;
}

uint64_t breaker_deadline_ns(const struct breaker *b,
			     const struct policy_breaker *rules)
{
	switch (b->state) {
	case WEIR_STATE_OPEN:
	case WEIR_STATE_OPEN_SUPPRESSED:
		return b->until_ns;
	case WEIR_STATE_FORCED_OPEN:
	case WEIR_STATE_FORCED_CLOSED:
		return b->until_ns ? b->until_ns : UINT64_MAX;
	case WEIR_STATE_HALF_OPEN:
		return b->probe_ns ? b->probe_ns + rules->half_open_timeout_ns
				   : UINT64_MAX;
	default:
		return UINT64_MAX;
	}
}
