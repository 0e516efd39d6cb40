/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oracle_look.c - what each look of the agent must come to; see oracle.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/clock.h"
#include "tests/sim/model/oracle_rules.h"

#define ACTIVE_NS (300 * NS_PER_S)

const struct policy_breaker oracle_no_rules = {
	.window_ns = 10 * NS_PER_S,
	.window_buckets = 10,
	.probes = 1,
};

static char complaint[400];

const char *oracle_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	return complaint;
}

/* ---- rules --------------------------------------------------------------------------- */

const struct policy_breaker *oracle_policy_rules(const struct oracle *o,
						 uint32_t slot)
{
	const struct weir_policy *policy = o->services[slot].policy;

	return policy && policy->breaker.set ? &policy->breaker : NULL;
}

bool oracle_carries(const struct oracle *o, uint32_t id)
{
	const struct oracle_subject *s = &o->subjects[id];
	const struct policy_breaker *rules = oracle_policy_rules(o, s->slot);

	return rules && s->is_endpoint == (rules->scope == WEIR_SCOPE_ENDPOINT);
}

const struct policy_breaker *oracle_rules(const struct oracle *o, uint32_t id)
{
	return oracle_carries(o, id)
		       ? oracle_policy_rules(o, o->subjects[id].slot)
		       : &oracle_no_rules;
}

/* ---- the window: what each look brought, and when -------------------------------------- */

static uint64_t bucket_ns(const struct policy_breaker *rules)
{
	return (rules->window_ns + rules->window_buckets - 1) /
	       rules->window_buckets;
}

static bool inside(const struct policy_breaker *rules, uint64_t at_ns,
		   uint64_t now_ns)
{
	uint64_t width = bucket_ns(rules);

	return at_ns / width + rules->window_buckets > now_ns / width;
}

static struct window_counts sum_window(const struct oracle_subject *s,
				       const struct policy_breaker *rules,
				       uint64_t now_ns)
{
	struct window_counts sum = {0};

	for (uint32_t i = 0; i < s->entry_count; i++) {
		const struct oracle_entry *e = &s->entries[i];

		if (!inside(rules, e->at_ns, now_ns))
			continue;
		sum.calls += e->counts.calls;
		sum.failures += e->counts.failures;
		sum.slow += e->counts.slow;
	}
	return sum;
}

static void drop_old(struct oracle_subject *s,
		     const struct policy_breaker *rules, uint64_t now_ns)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->entry_count; i++)
		if (inside(rules, s->entries[i].at_ns, now_ns))
			s->entries[kept++] = s->entries[i];
	s->entry_count = kept;
}

static void add_entry(struct oracle_subject *s,
		      const struct policy_breaker *rules,
		      struct window_counts counts, uint64_t now_ns)
{
	struct oracle_entry *last;

	if (!counts.calls)
		return;
	drop_old(s, rules, now_ns);
	last = s->entry_count ? &s->entries[s->entry_count - 1] : NULL;
	if (!last ||
	    last->at_ns / bucket_ns(rules) != now_ns / bucket_ns(rules)) {
		s->entries[s->entry_count++] =
			(struct oracle_entry){now_ns, counts};
		return;
	}
	last->counts.calls += counts.calls;
	last->counts.failures += counts.failures;
	last->counts.slow += counts.slow;
}

/* Another geometry: samples stay, as young as those of their bucket may be. */
void oracle_reshape(struct oracle_subject *s,
		    const struct policy_breaker *before,
		    const struct policy_breaker *after, uint64_t now_ns)
{
	uint64_t width = bucket_ns(before);

	drop_old(s, before, now_ns);
	for (uint32_t i = 0; i < s->entry_count; i++) {
		uint64_t at = (s->entries[i].at_ns / width + 1) * width - 1;

		s->entries[i].at_ns = at < now_ns ? at : now_ns;
	}
	drop_old(s, after, now_ns);
}

/* ---- slow calls -------------------------------------------------------------------------- */

/* In flight for longer than the threshold, seen to the precision of a slice. */
static uint32_t overdue(const struct oracle *o, const struct oracle_subject *s,
			const struct policy_breaker *rules, uint64_t now_ns)
{
	uint64_t slow_us = rules->slow_ns / 1000, now_us = now_ns / 1000;
	uint64_t fresh_us = o->by_audit ? s->epoch_us : s->fresh_us;
	uint32_t shift = o->services[s->slot].slice_shift, count = 0;

	if (o->by_audit && !o->recounted)
		return 0;
	for (const struct oracle_conn *c = s->first; c; c = c->after) {
		uint64_t known_us = ((c->start_us >> shift) + 1) << shift;

		if (o->by_audit)
			known_us = c->start_us;
		if (known_us >= now_us || now_us - known_us <= slow_us)
			break;
		if (!c->shadow && c->start_us >= fresh_us &&
		    (o->by_audit ? c->connected : c->seen))
			count++;
	}
	return count;
}

/* What a look may find, where the agent cannot know exactly. */
struct bounds {
	uint64_t overdue_least, overdue_most; /* in flight, now */
	uint64_t slow_least, slow_most;	      /* newly slow */
};

static struct bounds bounds_of(const struct oracle *o,
			       const struct oracle_subject *s,
			       const struct policy_breaker *rules,
			       uint64_t now_ns)
{
	uint64_t most = rules->slow_ns ? overdue(o, s, rules, now_ns) : 0;
	uint64_t least = most > s->doubtful ? most - s->doubtful : 0;
	uint64_t counted = s->slow_counted;
	struct bounds b = {.overdue_most = most};

	b.overdue_least = s->unsure ? 0 : least;
	most += s->slow_ended;
	least += s->slow_ended;
	b.slow_most = most > counted ? most - counted : 0;
	b.slow_least = least > counted && !s->unsure ? least - counted : 0;
	return b;
}

void oracle_discard(struct oracle *o, uint32_t id, uint64_t now_ns)
{
	const struct policy_breaker *rules = oracle_rules(o, id);
	struct oracle_subject *s = &o->subjects[id];
	uint64_t known = s->slow_ended;

	/* In doubt the agent may not have known of them. */
	if (rules->slow_ns && !s->doubtful)
		known += overdue(o, s, rules, now_ns);
	s->success = s->failure = 0;
	/* What an earlier look has found overdue stays counted. */
	if (s->slow_counted < known)
		s->slow_counted = known;
	if (s->doubtful)
		s->unsure = true;
}

/* ---- the guards ---------------------------------------------------------------------------- */

static bool is_open(const struct oracle_subject *s)
{
	return s->state == WEIR_STATE_OPEN ||
	       s->state == WEIR_STATE_HALF_OPEN ||
	       s->state == WEIR_STATE_FORCED_OPEN;
}

static void count_endpoints(const struct oracle *o, uint32_t slot,
			    uint64_t now_ns, uint32_t *open, uint32_t *all)
{
	*open = *all = 0;
	for (uint32_t id = o->services_max; id < o->subjects_max; id++) {
		const struct oracle_subject *s = &o->subjects[id];

		if (!s->known || s->slot != slot ||
		    (!s->listed && now_ns - s->active_ns > ACTIVE_NS))
			continue;
		++*all;
		*open += is_open(s);
	}
}

static bool may_eject(const struct oracle *o, const struct oracle_subject *s,
		      const struct policy_breaker *rules, uint64_t now_ns)
{
	uint32_t open, all;

	if (!s->is_endpoint)
		return true;
	count_endpoints(o, s->slot, now_ns, &open, &all);
	if (is_open(s) && open)
		open--;
	if (all <= 1 || open == 0)
		return true;
	return 100ull * (open + 1) <= (uint64_t)rules->ejection_max * all;
}

bool oracle_panics(const struct oracle *o, uint32_t slot, uint64_t now_ns)
{
	const struct policy_breaker *rules = oracle_policy_rules(o, slot);
	uint32_t open, all;

	if (!rules || rules->scope != WEIR_SCOPE_ENDPOINT)
		return false;
	count_endpoints(o, slot, now_ns, &open, &all);
	return all >= 3 &&
	       100ull * (all - open) < (uint64_t)rules->panic_threshold * all;
}

/* ---- moving --------------------------------------------------------------------------------- */

/* From here on everything that is in flight belongs to an earlier epoch. */
void oracle_start_epoch(struct oracle_subject *s, uint64_t now_ns)
{
	s->fresh_us = now_ns / NS_PER_US;
	s->doubtful = s->in_flight;
	s->unsure = false;
	s->success = s->failure = 0;
	s->slow_ended = s->slow_counted = 0;
}

void oracle_move(struct oracle *o, struct oracle_subject *s, enum weir_state to,
		 uint64_t now_ns)
{
	if (s->state == WEIR_STATE_CLOSED &&
	    (to == WEIR_STATE_OPEN || to == WEIR_STATE_OPEN_SUPPRESSED)) {
		o->services[s->slot].tripped_ns = now_ns;
		o->trips++;
	}
	s->state = to;
	s->epoch++;
	s->epoch_us = now_ns / NS_PER_US;
	s->since_ns = now_ns;
	s->until_ns = s->probe_ns = 0;
	s->row_seen = 0;
	s->taken = s->ok = s->bad = 0;
	oracle_start_epoch(s, now_ns);
	if (to == WEIR_STATE_CLOSED) {
		s->entry_count = 0;
		s->healthy_ns = now_ns;
		o->closings++;
	}
	if (s->is_endpoint)
		o->services[s->slot].panic = oracle_panics(o, s->slot, now_ns);
}

static double wait_of(const struct policy_breaker *rules, uint32_t level)
{
	double wait = (double)rules->wait_initial_ns;

	while (level-- && wait < (double)rules->wait_max_ns)
		wait *= rules->wait_multiplier;
	return wait < (double)rules->wait_max_ns ? wait
						 : (double)rules->wait_max_ns;
}

static void raise_level(const struct oracle *o, struct oracle_subject *s,
			const struct policy_breaker *rules)
{
	bool longest = wait_of(rules, s->level) >= (double)rules->wait_max_ns;

	if (o->local_fault || (longest && s->level > 0) ||
	    s->level >= BREAKER_LEVEL_MAX)
		return;
	s->level++;
}

/* Never shorter than the wait of its level, never longer than the jitter. */
static const char *open_up(struct oracle *o, struct oracle_subject *s,
			   const struct policy_breaker *rules,
			   const struct subject *subject, uint64_t now_ns)
{
	double wait = wait_of(rules, s->level);
	double held = (double)(subject->breaker.until_ns - now_ns);
	bool allowed = may_eject(o, s, rules, now_ns);

	if (held + 1 < wait || held > wait * (1 + rules->wait_jitter) + 1)
		return oracle_complain(
			"open for %.0f ns, at level %u it is %.0f "
			"and %.2f of jitter",
			held, s->level, wait, rules->wait_jitter);
	oracle_move(o, s,
		    allowed ? WEIR_STATE_OPEN : WEIR_STATE_OPEN_SUPPRESSED,
		    now_ns);
	s->until_ns = subject->breaker.until_ns;
	raise_level(o, s, rules);
	return NULL;
}

/* ---- closed ------------------------------------------------------------------------------------ */

static bool reaches(const struct policy_breaker *rules, uint64_t calls,
		    uint64_t bad, uint32_t percent)
{
	return calls && calls >= rules->calls_min &&
	       bad >= rules->failures_min &&
	       (double)bad / (double)calls * 100 + 1e-9 >= percent;
}

static uint32_t row_now(const struct oracle_subject *s)
{
	return s->row_epoch == s->epoch ? s->row : 0;
}

/* One look's view: what is new, what hangs, and the window with both. */
struct view {
	uint64_t slow, overdue;
	struct window_counts window; /* as it stays */
	struct window_counts seen;   /* with what has hung since before it */
};

static enum weir_trip judge(const struct oracle_subject *s,
			    const struct policy_breaker *rules,
			    const struct view *v)
{
	const struct window_counts *w = &v->seen;
	uint32_t row = row_now(s);

	if (rules->consecutive && row >= rules->consecutive &&
	    (s->failure || row > s->row_seen))
		return WEIR_TRIP_CONSECUTIVE;
	if (s->failure &&
	    reaches(rules, w->calls, w->failures, rules->failure_rate))
		return WEIR_TRIP_FAILURE_RATE;
	if (rules->slow_ns && (v->slow || v->overdue) &&
	    reaches(rules, w->calls, w->slow, rules->slow_rate))
		return WEIR_TRIP_SLOW_RATE;
	return WEIR_TRIP_NONE;
}

static struct view view_of(const struct oracle_subject *s,
			   struct window_counts before, uint64_t slow,
			   uint64_t overdue_now)
{
	struct view v = {.slow = slow, .overdue = overdue_now};

	v.window = before;
	v.window.calls += s->success + s->failure + slow;
	v.window.failures += s->failure;
	v.window.slow += slow;
	v.seen = v.window;
	if (overdue_now > v.seen.slow) {
		v.seen.calls += overdue_now - v.seen.slow;
		v.seen.slow = overdue_now;
	}
	return v;
}

static void lower_level(const struct oracle *o, struct oracle_subject *s,
			const struct policy_breaker *rules, uint64_t now_ns)
{
	if (!s->success || o->local_fault || !s->level ||
	    now_ns - s->healthy_ns < rules->window_ns)
		return;
	s->level--;
	s->healthy_ns = now_ns;
}

/* Of the views that are possible the one that the agent had, if it had one. */
static bool find_view(const struct oracle *o, const struct oracle_subject *s,
		      const struct policy_breaker *rules,
		      const struct breaker *b, uint64_t now_ns,
		      struct view *found)
{
	struct window_counts before = sum_window(s, rules, now_ns);
	struct bounds may = bounds_of(o, s, rules, now_ns);
	bool moved = b->epoch != s->epoch;

	for (uint64_t slow = may.slow_least; slow <= may.slow_most; slow++)
		for (uint64_t hang = may.overdue_most + 1;
		     hang-- > may.overdue_least;) {
			struct view v = view_of(s, before, slow, hang);

			if (memcmp(moved ? &v.seen : &v.window,
				   moved ? &b->last.window : &b->window.sum,
				   sizeof(v.seen)) ||
			    (judge(s, rules, &v) != WEIR_TRIP_NONE) != moved)
				continue;
			*found = v;
			return true;
		}
	return false;
}

static const char *no_such_view(const struct oracle *o,
				const struct oracle_subject *s,
				const struct policy_breaker *rules,
				const struct breaker *b, uint64_t now_ns)
{
	struct window_counts sum = sum_window(s, rules, now_ns);
	struct bounds may = bounds_of(o, s, rules, now_ns);
	struct view v = view_of(s, sum, may.slow_most, may.overdue_most);
	const struct window_counts *w =
		b->epoch != s->epoch ? &b->last.window : &b->window.sum;

	return oracle_complain(
		"it saw %llu calls, %llu failures, %llu slow and came "
		"to %u; there were %llu, %llu, %llu with up to %llu "
		"overdue: cause %u",
		(unsigned long long)w->calls, (unsigned long long)w->failures,
		(unsigned long long)w->slow, b->state,
		(unsigned long long)v.seen.calls,
		(unsigned long long)v.seen.failures,
		(unsigned long long)v.seen.slow, (unsigned long long)v.overdue,
		judge(s, rules, &v));
}

/* Takes the look's samples into the window. */
static void take_in(struct oracle_subject *s,
		    const struct policy_breaker *rules, const struct view *v,
		    uint64_t now_ns)
{
	struct window_counts fresh = {
		.calls = s->success + s->failure + v->slow,
		.failures = s->failure,
		.slow = v->slow,
	};

	add_entry(s, rules, fresh, now_ns);
	s->slow_counted += v->slow;
	if (s->unsure && s->slow_counted < s->slow_ended)
		s->slow_counted = s->slow_ended;
	if (!s->in_flight)
		s->doubtful = 0;
}

static const char *look_closed(struct oracle *o, struct oracle_subject *s,
			       const struct subject *subject, uint64_t now_ns,
			       enum weir_trip *trip)
{
	const struct policy_breaker *rules = oracle_rules(o, subject->id);
	const struct breaker *b = &subject->breaker;
	struct view v;

	if (!oracle_carries(o, subject->id)) {
		s->success = s->failure = 0;
		s->slow_counted = s->slow_ended;
		return NULL;
	}
	if (!find_view(o, s, rules, b, now_ns, &v))
		return no_such_view(o, s, rules, b, now_ns);
	take_in(s, rules, &v, now_ns);
	*trip = judge(s, rules, &v);
	if (*trip != WEIR_TRIP_NONE)
		return open_up(o, s, rules, subject, now_ns);
	s->row_seen = row_now(s);
	lower_level(o, s, rules, now_ns);
	s->success = s->failure = 0;
	return NULL;
}

/* ---- the other states ------------------------------------------------------------------------------ */

static const char *look_open(struct oracle *o, struct oracle_subject *s,
			     const struct policy_breaker *rules,
			     uint64_t now_ns, enum weir_trip *trip)
{
	if (now_ns < s->until_ns)
		return NULL;
	if (s->state == WEIR_STATE_OPEN || may_eject(o, s, rules, now_ns)) {
		*trip = WEIR_TRIP_WAIT_ELAPSED;
		oracle_move(o, s, WEIR_STATE_HALF_OPEN, now_ns);
	} else {
		*trip = WEIR_TRIP_GUARD;
		oracle_move(o, s, WEIR_STATE_CLOSED, now_ns);
	}
	return NULL;
}

static const char *look_half_open(struct oracle *o, struct oracle_subject *s,
				  const struct subject *subject,
				  uint64_t now_ns, enum weir_trip *trip)
{
	const struct policy_breaker *rules = oracle_rules(o, subject->id);
	bool agreed = subject->breaker.epoch != s->epoch;

	if (s->bad)
		*trip = WEIR_TRIP_PROBE_FAILED;
	else if (s->ok >= rules->probes)
		*trip = WEIR_TRIP_PROBES_OK;
	else if (s->taken == s->ok)
		s->probe_ns = 0;
	else if (!s->probe_ns)
		s->probe_ns = now_ns;
	else if (now_ns - s->probe_ns >= rules->half_open_timeout_ns)
		*trip = WEIR_TRIP_PROBE_TIMEOUT;
	if (*trip == WEIR_TRIP_PROBES_OK)
		oracle_move(o, s, WEIR_STATE_CLOSED, now_ns);
	else if (*trip != WEIR_TRIP_NONE && agreed)
		return open_up(o, s, rules, subject, now_ns);
	return NULL;
}

static void look_forced(struct oracle *o, struct oracle_subject *s,
			uint64_t now_ns, enum weir_trip *trip)
{
	s->success = s->failure = 0;
	if (!s->until_ns || now_ns < s->until_ns)
		return;
	*trip = WEIR_TRIP_EXPIRED;
	s->level = 0;
	oracle_move(o, s, WEIR_STATE_CLOSED, now_ns);
}

/* ---- one look ------------------------------------------------------------------------------------------ */

static void note_activity(struct oracle *o, struct oracle_subject *s,
			  uint64_t now_ns)
{
	if (!s->uses)
		return;
	s->uses = 0;
	s->active_ns = now_ns;
	if (s->is_endpoint)
		o->subjects[s->slot].active_ns = now_ns;
}

static const char *compare(const struct oracle_subject *s,
			   const struct subject *subject, enum weir_trip trip,
			   enum weir_state from)
{
	static const char *const words[] = {"closed",	   "open",
					    "half-open",   "suppressed",
					    "forced-open", "forced-closed"};
	const struct breaker *b = &subject->breaker;

	if (b->state != s->state || b->epoch != s->epoch)
		return oracle_complain(
			"from %s to %s (epoch %u, cause %u), it should "
			"be %s (epoch %u, cause %u)",
			words[from], words[b->state], b->epoch, b->last.trip,
			words[s->state], s->epoch, trip);
	if (trip != WEIR_TRIP_NONE && b->last.trip != trip)
		return oracle_complain("to %s for cause %u, it is %u",
				       words[b->state], b->last.trip, trip);
	if (b->level != s->level)
		return oracle_complain("level %u, it should be %u", b->level,
				       s->level);
	if ((s->epoch && b->since_ns != s->since_ns) ||
	    b->until_ns != s->until_ns)
		return oracle_complain(
			"%s since %llu until %llu, not %llu and %llu",
			words[b->state], (unsigned long long)b->since_ns,
			(unsigned long long)b->until_ns,
			(unsigned long long)s->since_ns,
			(unsigned long long)s->until_ns);
	return NULL;
}

const char *oracle_look(struct oracle *o, const struct subject *subject,
			uint64_t now_ns)
{
	struct oracle_subject *s = &o->subjects[subject->id];
	const struct policy_breaker *rules = oracle_rules(o, subject->id);
	enum weir_trip trip = WEIR_TRIP_NONE;
	enum weir_state from = s->state;
	const char *wrong = NULL;

	o->looks++;
	note_activity(o, s, now_ns);
	if (from == WEIR_STATE_CLOSED)
		wrong = look_closed(o, s, subject, now_ns, &trip);
	else if (from == WEIR_STATE_HALF_OPEN)
		wrong = look_half_open(o, s, subject, now_ns, &trip);
	else if (from == WEIR_STATE_FORCED_OPEN ||
		 from == WEIR_STATE_FORCED_CLOSED)
		look_forced(o, s, now_ns, &trip);
	else
		wrong = look_open(o, s, rules, now_ns, &trip);
	s->looked_ns = now_ns;
	o->states[s->state]++;
	o->causes[trip]++;
	if (!wrong)
		wrong = compare(s, subject, trip, from);
	if (!wrong && trip != WEIR_TRIP_NONE && s->epoch == 0)
		wrong = "a change without an epoch";
	return wrong;
}

bool oracle_must_wake(struct oracle *o, uint32_t id, uint64_t now_ns)
{
	const struct oracle_subject *s = &o->subjects[id];
	const struct policy_breaker *rules = oracle_rules(o, id);
	struct view v;

	/* After a reload the next tick looks. */
	if (!s->looked_ns)
		return false;
	if (s->state == WEIR_STATE_HALF_OPEN)
		return s->bad || s->ok >= rules->probes;
	/* A success that left the window meanwhile changes the rates. */
	if (!s->known || s->state != WEIR_STATE_CLOSED ||
	    !oracle_carries(o, id) || s->in_flight || s->unsure ||
	    s->looked_ns / bucket_ns(rules) != now_ns / bucket_ns(rules))
		return false;
	v = view_of(s, sum_window(s, rules, now_ns),
		    s->slow_ended < s->slow_counted
			    ? 0
			    : s->slow_ended - s->slow_counted,
		    0);
	return judge(s, rules, &v) != WEIR_TRIP_NONE;
}
