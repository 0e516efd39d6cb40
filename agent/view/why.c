/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why.c - the causal story of a service or an endpoint.
 *
 * Operators of other breakers ask this most: which one is out, by which rule,
 * with what number against what threshold, written where, and what now. A story
 * is a list of labelled lines; each function below adds those of one label.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/view/names.h"
#include "agent/view/render.h"
#include "agent/view/story.h"
#include "agent/view/why_holders.h"
#include "agent/view/why_numbers.h"
#include "common/count_of.h"
#include "common/text.h"

#define WORST_MAX 3u

/* ---- state -------------------------------------------------------------------- */

static void tell_state(struct story *story)
{
	const struct snapshot_subject *b = story->subject;
	char since[TEXT_TIME_BYTES], ago[TEXT_SPAN_BYTES], level[48] = "";

	if (!b->has_breaker) {
		story_say(story, "state", "%s has no breaker%s", story->name,
			  story->service->observed
				  ? ": it is only watched"
				  : ": its policy has no circuitBreaker");
		return;
	}
	text_clock(b->since_realtime_ns, since);
	text_span(b->since_seconds, ago);
	if (b->level > 1)
		snprintf(level, sizeof(level), ", backoff level %u", b->level);
	if (!b->since_realtime_ns)
		story_say(story, "state", "%s is %s", story->name,
			  story_state_words[b->state]);
	else
		story_say(story, "state", "%s is %s since %s (%s ago)%s",
			  story->name, story_state_words[b->state], since, ago,
			  level);
}

/* A service whose endpoints carry the breakers: how many are how. */
static void tell_endpoints(struct story *story)
{
	const struct snapshot_service *s = story->service;
	struct text text = {0};

	for (int state = 0; state < WEIR_STATE_COUNT; state++)
		if (s->endpoints_by_state[state])
			text_add(&text, "%s%u %s", text.bytes ? ", " : "",
				 s->endpoints_by_state[state],
				 story_state_words[state]);
	if (!text.bytes)
		text_add(&text, "none seen yet");
	story_say(story, "state", "%s, a breaker for each endpoint: %s",
		  s->name, text.data ? text.data : "");
	text_clear(&text);
}

/* ---- because -------------------------------------------------------------------- */

static void because_rate(struct story *story, const char *what,
			 const char *knob, uint64_t bad)
{
	const struct breaker_change *c = story->cause;
	const struct policy_breaker *rules = &story->service->breaker;
	char window[TEXT_SPAN_BYTES];

	text_span((double)rules->window_ns / 1e9, window);
	story_say(story, "because",
		  "%s rate %u%% >= %s %u%% (%llu of %llu calls in %s; "
		  "minimumNumberOfCalls %u, minimumNumberOfFailures %u)",
		  what, c->value, knob, c->threshold, (unsigned long long)bad,
		  (unsigned long long)c->window.calls, window, rules->calls_min,
		  rules->failures_min);
	story_place(story, knob);
}

static void because_failure_rate(struct story *story)
{
	because_rate(story, "failure", "failureRateThreshold",
		     story->cause->window.failures);
}

static void because_slow_rate(struct story *story)
{
	char slow[TEXT_SPAN_BYTES];

	because_rate(story, "slow-call", "slowCallRateThreshold",
		     story->cause->window.slow);
	text_span((double)story->service->breaker.slow_ns / 1e9, slow);
	story_say(story, "", "slow is longer than slowCallDurationThreshold %s",
		  slow);
	story_place(story, "slowCallDurationThreshold");
}

static void because_consecutive(struct story *story)
{
	story_say(story, "because",
		  "%u failures in a row >= consecutiveFailures %u",
		  story->cause->value, story->cause->threshold);
	story_place(story, "consecutiveFailures");
}

static void because_probe_failed(struct story *story)
{
	story_say(story, "because",
		  "a half-open probe failed or was slow; all of "
		  "permittedNumberOfCallsInHalfOpenState %u must succeed",
		  story->service->breaker.probes);
	story_place(story, "permittedNumberOfCallsInHalfOpenState");
}

static void because_probe_timeout(struct story *story)
{
	char limit[TEXT_SPAN_BYTES];

	text_span((double)story->service->breaker.half_open_timeout_ns / 1e9,
		  limit);
	story_say(story, "because",
		  "a half-open probe had no outcome after halfOpenTimeout %s",
		  limit);
	story_place(story, "halfOpenTimeout");
}

static void because_manual(struct story *story)
{
	const struct snapshot_subject *b = story->subject;

	if (b->override_by[0])
		story_say(story, "because", "%s asked for it: %s",
			  b->override_by,
			  b->override_reason[0] ? b->override_reason
						: "no reason given");
	else
		story_say(story, "because", "an operator asked for it");
}

static void because_guard(struct story *story)
{
	const struct snapshot_service *s = story->service;

	story_say(
		story, "because",
		"the ejection guard: maxEjectionPercent %u%% of %zu endpoints",
		s->breaker.ejection_max, s->endpoint_count);
	story_place(story, "maxEjectionPercent");
}

static void because_other(struct story *story)
{
	story_say(story, "because", "%s", names_trip_help[story->cause->trip]);
}

static void (*const because[WEIR_TRIP_COUNT])(struct story *) = {
	[WEIR_TRIP_CONSECUTIVE] = because_consecutive,
	[WEIR_TRIP_FAILURE_RATE] = because_failure_rate,
	[WEIR_TRIP_SLOW_RATE] = because_slow_rate,
	[WEIR_TRIP_PROBE_FAILED] = because_probe_failed,
	[WEIR_TRIP_PROBE_TIMEOUT] = because_probe_timeout,
	[WEIR_TRIP_MANUAL] = because_manual,
	[WEIR_TRIP_GUARD] = because_guard,
};

static const bool by_number[WEIR_TRIP_COUNT] = {
	[WEIR_TRIP_CONSECUTIVE] = true,
	[WEIR_TRIP_FAILURE_RATE] = true,
	[WEIR_TRIP_SLOW_RATE] = true,
};

static void tell_cause(struct story *story)
{
	enum weir_trip trip = story->cause->trip;
	/* From an agent before this one: it left the reason, not the numbers. */
	bool inherited = by_number[trip] && !story->cause->threshold;

	if (!story->subject->has_breaker || trip == WEIR_TRIP_NONE)
		return;
	if (inherited)
		story_say(story, "because",
			  "%s (before this agent was started)",
			  names_trip_help[trip]);
	else if (because[trip])
		because[trip](story);
	else
		because_other(story);
	if (story->subject->state != WEIR_STATE_OPEN_SUPPRESSED ||
	    trip == WEIR_TRIP_GUARD)
		return;
	story_say(story, "but",
		  "not enforced: one more ejection would exceed "
		  "maxEjectionPercent %u%% of %zu endpoints",
		  story->service->breaker.ejection_max,
		  story->service->endpoint_count);
	story_place(story, "maxEjectionPercent");
}

/* What first opened it, when the latest change was only the end of a wait. */
static void tell_opening(struct story *story)
{
	const struct snapshot_event *event;
	char at[TEXT_TIME_BYTES];

	if (story->subject->state != WEIR_STATE_HALF_OPEN)
		return;
	event = story_event(story, WEIR_STATE_OPEN);
	if (!event)
		return;
	text_clock(event->realtime_ns, at);
	story_say(story, "opened", "at %s: %s", at, event->text);
}

/* ---- why it is fine --------------------------------------------------------------- */

static void compare_rate(struct story *story, const char *what,
			 const char *knob, uint64_t bad, uint32_t threshold)
{
	uint64_t total = story->subject->window.calls;

	story_say(story, "because",
		  "%s rate %.1f%% < %s %u%% (%llu of %llu calls)", what,
		  100.0 * (double)bad / (double)total, knob, threshold,
		  (unsigned long long)bad, (unsigned long long)total);
	story_place(story, knob);
}

static void tell_fine(struct story *story)
{
	const struct policy_breaker *rules = &story->service->breaker;
	const struct window_counts *w = &story->subject->window;
	char window[TEXT_SPAN_BYTES];

	if (!story->subject->has_breaker ||
	    story->subject->state != WEIR_STATE_CLOSED)
		return;
	text_span((double)rules->window_ns / 1e9, window);
	if (w->calls < rules->calls_min) {
		story_say(story, "because",
			  "%llu calls in %s, fewer than minimumNumberOfCalls "
			  "%u: rates are not judged",
			  (unsigned long long)w->calls, window,
			  rules->calls_min);
		story_place(story, "minimumNumberOfCalls");
	} else if (w->calls) {
		compare_rate(story, "failure", "failureRateThreshold",
			     w->failures, rules->failure_rate);
		if (rules->slow_ns)
			compare_rate(story, "slow-call",
				     "slowCallRateThreshold", w->slow,
				     rules->slow_rate);
	}
	if (rules->consecutive)
		story_say(story, "",
			  "fewer than consecutiveFailures %u in a row",
			  rules->consecutive);
}

/* How a closed breaker came to be closed again. */
static void tell_before(struct story *story)
{
	const struct breaker_change *last = &story->subject->last;

	if (story->subject->state != WEIR_STATE_CLOSED ||
	    last->trip == WEIR_TRIP_NONE)
		return;
	story_say(story, "before", "%s -> %s: %s",
		  story_state_words[last->from], story_state_words[last->to],
		  names_trip_help[last->trip]);
}

/* ---- next ----------------------------------------------------------------------------- */

static void next_of_open(struct story *story)
{
	const struct snapshot_subject *b = story->subject;
	const struct policy_breaker *rules = &story->service->breaker;
	char at[TEXT_TIME_BYTES], left[TEXT_SPAN_BYTES];
	char initial[TEXT_SPAN_BYTES], max[TEXT_SPAN_BYTES];

	text_clock(b->until_realtime_ns, at);
	text_span(b->until_seconds, left);
	text_span((double)rules->wait_initial_ns / 1e9, initial);
	text_span((double)rules->wait_max_ns / 1e9, max);
	story_say(story, "next",
		  "HALF-OPEN at %s (in %s; wait %s x %g for each opening, max "
		  "%s), then %u probes",
		  at, left, initial, rules->wait_multiplier, max,
		  rules->probes);
}

static void next_of_half_open(struct story *story)
{
	const struct snapshot_subject *b = story->subject;
	uint32_t probes = story->service->breaker.probes;

	story_say(story, "next",
		  "%u of %u probes taken, %u succeeded, %u failed; CLOSED when "
		  "all %u succeed, OPEN again at the first that fails",
		  b->probes_taken, probes, b->probes_ok, b->probes_bad, probes);
}

static void next_of_forced(struct story *story)
{
	const struct snapshot_subject *b = story->subject;
	char at[TEXT_TIME_BYTES], left[TEXT_SPAN_BYTES];

	if (!b->until_realtime_ns) {
		story_say(story, "next",
			  "stays until an operator says otherwise");
		return;
	}
	text_clock(b->until_realtime_ns, at);
	text_span(b->until_seconds, left);
	story_say(story, "next", "back to automatic at %s (in %s)", at, left);
}

static void next_of_closed(struct story *story)
{
	story_say(story, "next", "opens when a threshold is reached; %s then",
		  story->service->mode == WEIR_MODE_ENFORCE
			  ? "new connections are refused at once"
			  : "it would only be counted (observe)");
}

static void (*const next[WEIR_STATE_COUNT])(struct story *) = {
	[WEIR_STATE_CLOSED] = next_of_closed,
	[WEIR_STATE_OPEN] = next_of_open,
	[WEIR_STATE_HALF_OPEN] = next_of_half_open,
	[WEIR_STATE_OPEN_SUPPRESSED] = next_of_open,
	[WEIR_STATE_FORCED_OPEN] = next_of_forced,
	[WEIR_STATE_FORCED_CLOSED] = next_of_forced,
};

/* clang-format off */
static const char *const to_do[WEIR_STATE_COUNT] = {
	[WEIR_STATE_CLOSED] = "weirctl top",
	[WEIR_STATE_OPEN] = "weirctl force %s closed --ttl 10m --reason ...",
	[WEIR_STATE_HALF_OPEN] = "weirctl events -f",
	[WEIR_STATE_OPEN_SUPPRESSED] = "weirctl force %s open --ttl 10m --reason ...",
	[WEIR_STATE_FORCED_OPEN] = "weirctl force %s auto",
	[WEIR_STATE_FORCED_CLOSED] = "weirctl force %s auto",
};
/* clang-format on */

static void tell_do(struct story *story)
{
	const char *form = to_do[story->subject->state];
	const char *slot = strstr(form, "%s");

	if (story->service->observed) {
		story_say(story, "do",
			  "weirctl apply -f a policy that names %s",
			  story->name);
		return;
	}
	if (!story->subject->has_breaker)
		form = to_do[WEIR_STATE_CLOSED];
	else if (slot) {
		story_say(story, "do", "%.*s%s%s", (int)(slot - form), form,
			  story->name, slot + 2);
		return;
	}
	story_say(story, "do", "%s", form);
}

static void tell_next(struct story *story)
{
	if (story->subject->has_breaker)
		next[story->subject->state](story);
}

/* ---- the whole --------------------------------------------------------------------------- */

/* What the breaker did and will do; of `story`'s subject. */
static void (*const of_breaker[])(struct story *) = {
	tell_state,
	tell_fine,
	tell_before,
	tell_opening,
};

static void tell_breaker(struct story *story)
{
	for (size_t i = 0; i < COUNT_OF(of_breaker); i++)
		of_breaker[i](story);
	if (story->subject->state != WEIR_STATE_CLOSED)
		tell_cause(story);
}

/*
 * With scope endpoint the service itself decides nothing: its story is that of
 * the endpoint in most trouble, with the numbers of the whole.
 */
static struct story focus_of(const struct story *story)
{
	struct story focus = *story;

	if (!story->endpoint && !story->subject->has_breaker &&
	    story_worst(story, &focus.endpoint, 1))
		story_focus(&focus, focus.endpoint);
	return focus;
}

json_t *json_why(const struct snapshot *s, const char *name)
{
	struct story story, focus;
	json_t *why;

	if (!story_begin(&story, s, name))
		return NULL;
	focus = focus_of(&story);
	if (focus.subject != story.subject && focus.subject->has_breaker)
		tell_endpoints(&story);
	tell_breaker(&focus);
	why_numbers(&story);
	why_holders(&story);
	tell_next(&focus);
	tell_do(&focus);
	why = story_end(&story, &focus);
	json_object_set_new(why, "held", why_held(&story));
	return why;
}
