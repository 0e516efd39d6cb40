/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker.c - see breaker.h.
 *
 * Each state has one function that says where it goes next; breaker_step()
 * asks the function of the present state, and every move, by whatever cause,
 * goes through move(): there, and nowhere else, the epoch is counted on.
 */
#include "agent/core/breaker.h"

#include <string.h>

/* Longer than any wait that two policies of 24 h and jitter 1 can make. */
#define WAIT_SANE_NS (3 * POLICY_DURATION_MAX_NS)

/* What a step is decided from. */
struct moment {
	const struct policy_breaker *rules;
	const struct breaker_sample *sample;
	enum breaker_guard guard;
	double jitter;
	bool freeze_level;
	uint64_t now_ns;
};

/* Why a move is made: the reason, and the number against its threshold. */
struct cause {
	enum weir_trip trip;
	uint32_t value;
	uint32_t threshold;
};

static uint64_t add_ns(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static double between_0_and_1(double x)
{
	/* Written so that NaN becomes 0. */
	return x > 0 ? (x < 1 ? x : 1) : 0;
}

static uint32_t probes_permitted(const struct policy_breaker *rules)
{
	return rules->probes ? rules->probes : 1;
}

/* ---- moving --------------------------------------------------------------- */

static struct breaker_change move(struct breaker *b, enum weir_state to,
				  struct cause cause, uint64_t now_ns)
{
	struct breaker_change change = {
		.changed = true,
		.from = b->state,
		.to = to,
		.trip = cause.trip,
		.value = cause.value,
		.threshold = cause.threshold,
		.window = window_sum(&b->window, now_ns),
	};

	b->state = to;
	b->epoch++;
	b->since_ns = now_ns;
	b->until_ns = 0;
	b->probe_ns = 0;
	b->consecutive_seen = 0;
	b->last = change;
	return change;
}

/* What was counted before says nothing about what is let in now. */
static struct breaker_change close_up(struct breaker *b, struct cause cause,
				      uint64_t now_ns)
{
	struct breaker_change change =
		move(b, WEIR_STATE_CLOSED, cause, now_ns);

	window_reset(&b->window);
	b->healthy_ns = now_ns;
	return change;
}

/* min(initial * multiplier^level, max), without the jitter. */
static uint64_t wait_ns(const struct policy_breaker *rules, uint32_t level)
{
	double multiplier = rules->wait_multiplier;
	double max = (double)rules->wait_max_ns;
	double wait = (double)rules->wait_initial_ns;

	for (uint32_t i = 0; i < level && multiplier > 1 && wait < max; i++)
		wait *= multiplier;
	return wait < max ? (uint64_t)wait : rules->wait_max_ns;
}

/*
 * Beyond the level at which the wait has reached its maximum another level
 * would lengthen nothing but the way back.
 */
static void raise_level(struct breaker *b, const struct policy_breaker *rules)
{
	if (b->level >= BREAKER_LEVEL_MAX)
		return;
	if (b->level == 0 || wait_ns(rules, b->level) < rules->wait_max_ns)
		b->level++;
}

static struct breaker_change open_up(struct breaker *b, const struct moment *m,
				     struct cause cause)
{
	uint64_t wait = wait_ns(m->rules, b->level);
	double extra = between_0_and_1(m->rules->wait_jitter) *
		       between_0_and_1(m->jitter) * (double)wait;
	enum weir_state to = m->guard == BREAKER_GUARD_ALLOW
				     ? WEIR_STATE_OPEN
				     : WEIR_STATE_OPEN_SUPPRESSED;
	struct breaker_change change = move(b, to, cause, m->now_ns);

	b->until_ns = add_ns(m->now_ns, add_ns(wait, (uint64_t)extra));
	if (!m->freeze_level)
		raise_level(b, m->rules);
	return change;
}

/* ---- closed ----------------------------------------------------------------- */

static void take_in(struct breaker *b, const struct moment *m)
{
	const struct breaker_sample *s = m->sample;
	struct window_counts counts = {
		.calls = s->success + s->failure + s->slow,
		.failures = s->failure,
		.slow = s->slow,
	};

	if (counts.calls)
		window_add(&b->window, &counts, m->now_ns);
}

/* Does a rate reach its threshold, with enough calls to speak of a rate? */
static bool rate_holds(const struct policy_breaker *rules, uint64_t calls,
		       uint64_t bad, uint32_t percent)
{
	return calls >= rules->calls_min && bad >= rules->failures_min &&
	       100 * bad >= percent * calls;
}

/* The first rule that holds; WEIR_TRIP_NONE: none. */
static struct cause judge(const struct moment *m, uint32_t consecutive_seen,
			  const struct window_counts *w)
{
	const struct policy_breaker *r = m->rules;
	const struct breaker_sample *s = m->sample;

	if (r->consecutive && s->consecutive >= r->consecutive &&
	    (s->failure || s->consecutive > consecutive_seen))
		return (struct cause){WEIR_TRIP_CONSECUTIVE, s->consecutive,
				      r->consecutive};
	/* Only a failure may be what trips the failure rate. */
	if (s->failure && rate_holds(r, w->calls, w->failures, r->failure_rate))
		return (struct cause){WEIR_TRIP_FAILURE_RATE,
				      (uint32_t)(100 * w->failures / w->calls),
				      r->failure_rate};
	if (r->slow_ns && (s->slow || s->overdue) &&
	    rate_holds(r, w->calls, w->slow, r->slow_rate))
		return (struct cause){WEIR_TRIP_SLOW_RATE,
				      (uint32_t)(100 * w->slow / w->calls),
				      r->slow_rate};
	return (struct cause){WEIR_TRIP_NONE, 0, 0};
}

/* A window since it closed or last fell, no trip in it, and now a success. */
static void lower_level(struct breaker *b, const struct moment *m)
{
	if (!m->sample->success || m->freeze_level || !b->level ||
	    m->now_ns < add_ns(b->healthy_ns, m->rules->window_ns))
		return;
	b->level--;
	b->healthy_ns = m->now_ns;
}

/* The window, and what hangs in it or has hung since before it. */
static struct window_counts count_calls(struct breaker *b,
					const struct moment *m)
{
	struct window_counts counts = window_sum(&b->window, m->now_ns);
	uint64_t overdue = m->rules->slow_ns ? m->sample->overdue : 0;

	if (overdue > counts.slow) {
		counts.calls += overdue - counts.slow;
		counts.slow = overdue;
	}
	return counts;
}

static struct breaker_change step_closed(struct breaker *b,
					 const struct moment *m)
{
	struct window_counts counts;
	struct cause cause;

	take_in(b, m);
	if (!m->rules->set)
		return (struct breaker_change){0};
	counts = count_calls(b, m);
	cause = judge(m, b->consecutive_seen, &counts);
	if (cause.trip != WEIR_TRIP_NONE) {
		struct breaker_change change = open_up(b, m, cause);

		change.window = b->last.window = counts;
		return change;
	}
	b->consecutive_seen = m->sample->consecutive;
	lower_level(b, m);
	return (struct breaker_change){0};
}

/* ---- open and half-open ------------------------------------------------------- */

static struct breaker_change step_open(struct breaker *b,
				       const struct moment *m)
{
	if (m->now_ns < b->until_ns)
		return (struct breaker_change){0};
	return move(b, WEIR_STATE_HALF_OPEN,
		    (struct cause){WEIR_TRIP_WAIT_ELAPSED, 0, 0}, m->now_ns);
}

/*
 * Half-open would refuse all but the probes, so it needs the guard's leave as
 * opening did. Without it the traffic, which flows anyway, is judged again.
 */
static struct breaker_change step_suppressed(struct breaker *b,
					     const struct moment *m)
{
	if (m->now_ns < b->until_ns || m->guard == BREAKER_GUARD_ALLOW)
		return step_open(b, m);
	return close_up(b, (struct cause){WEIR_TRIP_GUARD, 0, 0}, m->now_ns);
}

/* Runs while a probe is out, from when the first of them was seen taken. */
static void time_probes(struct breaker *b, uint32_t out, uint64_t now_ns)
{
	if (!out)
		b->probe_ns = 0;
	else if (!b->probe_ns)
		b->probe_ns = now_ns;
}

static struct breaker_change step_half_open(struct breaker *b,
					    const struct moment *m)
{
	const struct breaker_sample *s = m->sample;
	uint32_t permitted = probes_permitted(m->rules);
	uint64_t settled = (uint64_t)s->probes_ok + s->probes_bad;
	uint32_t out = s->probes_taken > settled
			       ? (uint32_t)(s->probes_taken - settled)
			       : 0;

	if (s->probes_bad)
		return open_up(b, m,
			       (struct cause){WEIR_TRIP_PROBE_FAILED,
					      s->probes_bad, 1});
	if (s->probes_ok >= permitted)
		return close_up(b,
				(struct cause){WEIR_TRIP_PROBES_OK,
					       s->probes_ok, permitted},
				m->now_ns);
	time_probes(b, out, m->now_ns);
	if (m->now_ns >= breaker_deadline_ns(b, m->rules))
		return open_up(b, m,
			       (struct cause){WEIR_TRIP_PROBE_TIMEOUT, out, 1});
	return (struct breaker_change){0};
}

/* ---- forced ---------------------------------------------------------------------- */

static struct breaker_change step_forced(struct breaker *b,
					 const struct moment *m)
{
	/* Held closed, traffic flows: people still want to see how it fares. */
	take_in(b, m);
	if (!b->until_ns || m->now_ns < b->until_ns)
		return (struct breaker_change){0};
	b->level = 0;
	return close_up(b, (struct cause){WEIR_TRIP_EXPIRED, 0, 0}, m->now_ns);
}

static bool is_forced(enum weir_state state)
{
	return state == WEIR_STATE_FORCED_OPEN ||
	       state == WEIR_STATE_FORCED_CLOSED;
}

struct breaker_change breaker_force(struct breaker *b, enum weir_state to,
				    uint64_t ttl_ns, uint64_t now_ns)
{
	struct cause cause = {WEIR_TRIP_MANUAL, 0, 0};
	struct breaker_change change = {0};

	if (to == WEIR_STATE_CLOSED) {
		b->level = 0;
		if (b->state != WEIR_STATE_CLOSED)
			return close_up(b, cause, now_ns);
		window_reset(&b->window);
		return change;
	}
	if (!is_forced(to))
		return change;
	if (b->state != to)
		change = move(b, to, cause, now_ns);
	b->until_ns = ttl_ns ? add_ns(now_ns, ttl_ns) : 0;
	return change;
}

struct breaker_change breaker_reset(struct breaker *b, uint64_t now_ns)
{
	if (!is_forced(b->state))
		return breaker_force(b, WEIR_STATE_CLOSED, 0, now_ns);
	b->level = 0;
	window_reset(&b->window);
	return (struct breaker_change){0};
}

/* ---- the rest of its life ------------------------------------------------------------ */

void breaker_init(struct breaker *b, const struct policy_breaker *rules,
		  uint64_t now_ns)
{
	memset(b, 0, sizeof(*b));
	window_init(&b->window, rules->window_ns, rules->window_buckets);
	b->since_ns = now_ns;
	b->healthy_ns = now_ns;
}

void breaker_configure(struct breaker *b, const struct policy_breaker *rules,
		       uint64_t now_ns)
{
	window_resize(&b->window, rules->window_ns, rules->window_buckets,
		      now_ns);
}

struct breaker_change breaker_step(struct breaker *b,
				   const struct policy_breaker *rules,
				   const struct breaker_sample *sample,
				   enum breaker_guard guard, double jitter,
				   bool freeze_level, uint64_t now_ns)
{
	static struct breaker_change (*const steps[])(struct breaker *,
						      const struct moment *) = {
		[WEIR_STATE_CLOSED] = step_closed,
		[WEIR_STATE_OPEN] = step_open,
		[WEIR_STATE_HALF_OPEN] = step_half_open,
		[WEIR_STATE_OPEN_SUPPRESSED] = step_suppressed,
		[WEIR_STATE_FORCED_OPEN] = step_forced,
		[WEIR_STATE_FORCED_CLOSED] = step_forced,
	};
	struct moment moment = {
		.rules = rules,
		.sample = sample,
		.guard = guard,
		.jitter = jitter,
		.freeze_level = freeze_level,
		.now_ns = now_ns,
	};

	return steps[b->state](b, &moment);
}

/* Shared memory may hold anything; what cannot be true is not believed. */
static bool is_believable(const struct weir_verdict *verdict, uint64_t now_ns)
{
	if (verdict->state >= WEIR_STATE_COUNT ||
	    verdict->trip >= WEIR_TRIP_COUNT || verdict->since_ns > now_ns)
		return false;
	if (verdict->state == WEIR_STATE_OPEN ||
	    verdict->state == WEIR_STATE_OPEN_SUPPRESSED)
		return verdict->until_ns <= add_ns(now_ns, WAIT_SANE_NS);
	return true;
}

void breaker_restore(struct breaker *b, const struct weir_verdict *verdict,
		     uint32_t epoch, uint64_t now_ns)
{
	window_reset(&b->window);
	b->state = WEIR_STATE_CLOSED;
	b->epoch = epoch;
	b->level = 0;
	b->since_ns = now_ns;
	b->until_ns = 0;
	b->probe_ns = 0;
	b->healthy_ns = now_ns;
	b->consecutive_seen = 0;
	memset(&b->last, 0, sizeof(b->last));
	if (!is_believable(verdict, now_ns)) {
		b->epoch++;
		return;
	}
	b->state = (enum weir_state)verdict->state;
	b->level = verdict->level < BREAKER_LEVEL_MAX ? verdict->level
						      : BREAKER_LEVEL_MAX;
	/* 0: nobody has published anything yet. */
	if (verdict->since_ns)
		b->since_ns = verdict->since_ns;
	b->until_ns = verdict->until_ns;
	b->last.to = b->state;
	b->last.trip = (enum weir_trip)verdict->trip;
}

/* ---- what the agent wants to know in advance -------------------------------------------- */

/*
 * The least k for which rate_holds(calls + k + successes, bad + k), with as many
 * successes between as suits it: they lower the rate, but also help to reach
 * minimumNumberOfCalls. UINT64_MAX: none.
 */
static uint64_t bad_to_rate(const struct policy_breaker *rules, uint64_t calls,
			    uint64_t bad, uint32_t percent)
{
	uint64_t need = percent * calls, have = 100 * bad, k = 1;
	uint64_t floor = ((uint64_t)percent * rules->calls_min + 99) / 100;

	if (need > have && percent >= 100)
		return UINT64_MAX;
	if (need > have)
		k = (need - have + (100 - percent) - 1) / (100 - percent);
	if (bad < floor && k < floor - bad)
		k = floor - bad;
	if (bad < rules->failures_min && k < rules->failures_min - bad)
		k = rules->failures_min - bad;
	return k;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t breaker_bad_to_trip(struct breaker *b,
			     const struct policy_breaker *rules,
			     uint64_t now_ns)
{
	struct window_counts w;
	uint64_t k;

	if (b->state != WEIR_STATE_CLOSED || !rules->set)
		return UINT64_MAX;
	w = window_sum(&b->window, now_ns);
	k = bad_to_rate(rules, w.calls, w.failures, rules->failure_rate);
	if (rules->slow_ns)
		k = least(k, bad_to_rate(rules, w.calls, w.slow,
					 rules->slow_rate));
	if (!rules->consecutive)
		return k;
	if (b->consecutive_seen >= rules->consecutive)
		return 1;
	return least(k, rules->consecutive - b->consecutive_seen);
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
		return b->probe_ns ? add_ns(b->probe_ns,
					    rules->half_open_timeout_ns)
				   : UINT64_MAX;
	default:
		return UINT64_MAX;
	}
}
