/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_numbers.c - what the story of a service or an endpoint says of its
 * traffic: what is enforced, what failed and whose fault it looks like, what
 * was not counted, how it stands now.
 */
#include <stdio.h>
#include <string.h>

#include "agent/view/names.h"
#include "agent/view/story.h"
#include "agent/view/why_numbers.h"
#include "common/count_of.h"
#include "common/text.h"

#define WORST_MAX 3u
/* Fewer bad calls than this are no pattern. */
#define PATTERN_MIN 3u

static void tell_enforcement(struct story *story)
{
	const struct snapshot_service *s = story->service;
	uint64_t would = story_decisions(s, WEIR_VERDICT_WOULD_REFUSE) +
			 story_decisions(s, WEIR_VERDICT_WOULD_DROP) +
			 story_decisions(s, WEIR_VERDICT_WOULD_QUEUE);

	if (s->observed) {
		story_say(story, "policy",
			  "no policy names it; nothing is ever refused");
		return;
	}
	if (s->mode == WEIR_MODE_OBSERVE)
		story_say(story, "mode",
			  "observe: the breaker runs, nothing is refused; "
			  "%llu connections would have been",
			  (unsigned long long)would);
	if (s->panic)
		story_say(
			story, "panic",
			"too few endpoints are healthy (panicThreshold %u%%): "
			"enforcement pauses, traffic flows",
			s->breaker.panic_threshold);
	if (story->snapshot->local_fault)
		story_say(story, "notice",
			  "most services fail at once: look at this host's own "
			  "network first");
}

static void tell_failures(struct story *story)
{
	const struct snapshot_subject *t = story->subject;
	struct text text = {0};

	for (int i = 0; i < WEIR_FAILURE_COUNT; i++)
		if (t->failures[i])
			text_add(&text, "%s%s %llu", text.bytes ? ", " : "",
				 names_failure[i],
				 (unsigned long long)t->failures[i]);
	if (text.bytes)
		story_say(story, "failures", "%s (since counting began)",
			  text.data);
	text_clear(&text);
}

static void tell_not_counted(struct story *story)
{
	const struct snapshot_subject *t = story->subject;
	uint64_t neutral = t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_NEUTRAL] +
			   t->calls[WEIR_PHASE_TURN][WEIR_RESULT_NEUTRAL];

	if (!t->refused && !neutral)
		return;
	if (story->service->observed) {
		story_say(story, "not counted", "%llu neutral calls",
			  (unsigned long long)neutral);
		return;
	}
	story_say(story, "not counted",
		  "%llu refusals by Weir itself, %llu neutral calls",
		  (unsigned long long)t->refused, (unsigned long long)neutral);
}

/* Which rule has refused how many. */
static void tell_refusals(struct story *story)
{
	const struct snapshot_service *s = story->service;
	struct text text = {0};

	if (story->endpoint || s->observed)
		return;
	for (int reason = 0; reason < WEIR_REASON_COUNT; reason++) {
		uint64_t count = s->decisions[WEIR_VERDICT_REFUSE][reason] +
				 s->decisions[WEIR_VERDICT_DROP][reason];
		uint64_t held = s->decisions[WEIR_VERDICT_QUEUE][reason];
		uint64_t would =
			s->decisions[WEIR_VERDICT_WOULD_REFUSE][reason] +
			s->decisions[WEIR_VERDICT_WOULD_DROP][reason] +
			s->decisions[WEIR_VERDICT_WOULD_QUEUE][reason];

		if (held)
			text_add(&text, "%s%s %llu (held)",
				 text.bytes ? ", " : "", names_reason[reason],
				 (unsigned long long)held);
		if (count)
			text_add(&text, "%s%s %llu", text.bytes ? ", " : "",
				 names_reason[reason],
				 (unsigned long long)count);
		if (would)
			text_add(&text, "%s%s %llu (observed)",
				 text.bytes ? ", " : "", names_reason[reason],
				 (unsigned long long)would);
	}
	if (text.bytes)
		story_say(story, "refused", "%s (since counting began)",
			  text.data);
	text_clear(&text);
}

static void tell_worst(struct story *story)
{
	const struct snapshot_endpoint *worst[WORST_MAX];
	size_t count;
	struct text text = {0};

	if (story->endpoint || story->service->observed)
		return;
	count = story_worst(story, worst, WORST_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct snapshot_subject *t = &worst[i]->subject;

		text_add(&text, "%s%s ", i ? ", " : "", worst[i]->name);
		if (t->window.calls)
			text_add(&text, "%llu failed and %llu slow of %llu",
				 (unsigned long long)t->window.failures,
				 (unsigned long long)t->window.slow,
				 (unsigned long long)t->window.calls);
		else
			text_add(&text, "%.0f%% failed, %.0f%% slow",
				 100 * t->failed_ratio, 100 * t->slow_ratio);
		if (t->has_breaker && t->state != WEIR_STATE_CLOSED)
			text_add(&text, " (%s)", story_state_words[t->state]);
	}
	if (text.bytes)
		story_say(story, "worst", "%s", text.data);
	text_clear(&text);
}

/* "41 of 100", "41" */
static void in_use_of(const struct story *story, char out[32])
{
	const struct policy_bulkhead *b = &story->service->bulkhead;
	uint32_t max = story->endpoint ? b->endpoint_connections_max
				       : b->connections_max;

	if (b->set && max != WEIR_NONE)
		snprintf(out, 32, "%u of %u", story->subject->in_use, max);
	else
		snprintf(out, 32, "%u", story->subject->in_use);
}

static void tell_queue(struct story *story)
{
	const struct snapshot_service *s = story->service;
	const struct snapshot_quantiles *wait = &s->queue_wait;
	char waits[96] = "nobody has waited yet";

	if (wait->count)
		snprintf(waits, sizeof(waits),
			 "those served waited p50 %.0f ms, p99 %.0f ms",
			 wait->p50_seconds * 1e3, wait->p99_seconds * 1e3);
	story_say(story, "queue",
		  "%u of %u wait; %s; %llu waited in vain, %llu left",
		  s->subject.waiting, s->bulkhead.queue_length, waits,
		  (unsigned long long)s->queue_expired,
		  (unsigned long long)s->queue_left);
}

static void tell_now(struct story *story)
{
	const struct snapshot_subject *t = story->subject;
	const struct policy_bulkhead *b = &story->service->bulkhead;
	bool refuses = story->service->mode == WEIR_MODE_ENFORCE;
	char in_use[32], refused[64];

	in_use_of(story, in_use);
	snprintf(refused, sizeof(refused), ", %.1f/s %s", t->refused_per_second,
		 refuses ? "refused" : "would be refused");
	story_say(story, "now",
		  "%s connections in use, %u calls in flight (%u overdue), "
		  "%.1f calls/s%s",
		  in_use, t->calls_active, t->calls_overdue,
		  t->calls_per_second, story->service->observed ? "" : refused);
	if (!story->endpoint && b->queue_set)
		tell_queue(story);
	if (!story->endpoint && b->set && b->connections_max != WEIR_NONE &&
	    t->in_use >= b->connections_max) {
		story_say(story, "full",
			  "the bulkhead is at maxConnections %u: further "
			  "connections %s %s",
			  b->connections_max, refuses ? "are" : "would be",
			  b->queue_set ? "held" : "refused");
		story_place_in(story, "spec.bulkhead", "maxConnections");
	}
}

/* ---- whose fault it looks like ------------------------------------------------ */

static uint64_t bad_calls(const struct snapshot_subject *t, int phase)
{
	return t->calls[phase][WEIR_RESULT_FAILURE] +
	       t->calls[phase][WEIR_RESULT_SLOW];
}

/*
 * A SYN that is sent again was lost on the way or was thrown away by a backend
 * whose accept queue is full. In the second case what is sent on established
 * connections arrives.
 */
static void tell_connects(struct story *story)
{
	const struct snapshot_subject *t = story->subject;
	uint64_t bad = bad_calls(t, WEIR_PHASE_CONNECT);
	uint64_t resent = t->resent[WEIR_PHASE_CONNECT];

	if (resent < PATTERN_MIN || 2 * resent < bad)
		return;
	story_say(story, "cause",
		  "%llu of %llu bad connects had their SYN sent again: %s",
		  (unsigned long long)resent, (unsigned long long)bad,
		  t->resent[WEIR_PHASE_TURN]
			  ? "packets are lost on the way, established "
			    "connections retransmit too"
			  : "the backend's accept queue is full, or SYNs are "
			    "lost; established connections do not retransmit");
}

static void tell_turns(struct story *story)
{
	const struct snapshot_subject *t = story->subject;
	uint64_t bad = bad_calls(t, WEIR_PHASE_TURN);
	uint64_t resent = t->resent[WEIR_PHASE_TURN];

	if (bad < PATTERN_MIN)
		return;
	if (2 * resent >= bad)
		story_say(story, "cause",
			  "the network: %llu of %llu bad calls had "
			  "retransmissions",
			  (unsigned long long)resent, (unsigned long long)bad);
	else
		story_say(story, "cause",
			  "the backend: %llu of %llu bad calls had no "
			  "retransmission, the request had arrived",
			  (unsigned long long)(bad - resent),
			  (unsigned long long)bad);
}

/* Calls that hang now say more than those that ended. */
static void tell_overdue(struct story *story)
{
	const struct snapshot_subject *t = story->subject;
	uint32_t acked = t->overdue_seen > t->overdue_unsent
				 ? t->overdue_seen - t->overdue_unsent
				 : 0;

	if (!t->overdue_seen)
		return;
	story_say(story, "hanging",
		  "of %u overdue calls the backend's kernel has received %u "
		  "(the program is slow), %u are not acknowledged (the "
		  "network, or the host is gone)",
		  t->overdue_seen, acked, t->overdue_unsent);
}

/* Calls are only seen where the two sides wait for each other. */
static void tell_manner(struct story *story)
{
	if (story->endpoint && !story->subject->takes_turns)
		story_say(story, "calls",
			  "its connections do not take turns (pipelining, "
			  "HTTP/2, streams): only connects, resets and closes "
			  "are judged");
}

static void tell_resets(struct story *story)
{
	const struct snapshot_service *s = story->service;

	if (s->resets_total || s->resets_missed)
		story_say(story, "reset",
			  "%llu established connections by Weir, %llu were "
			  "gone before",
			  (unsigned long long)s->resets_total,
			  (unsigned long long)s->resets_missed);
	if (s->would_reset_total)
		story_say(story, "reset",
			  "observe: %llu established connections would have "
			  "been",
			  (unsigned long long)s->would_reset_total);
}

static void (*const of_numbers[])(struct story *) = {
	tell_enforcement, tell_failures, tell_connects, tell_turns,
	tell_overdue,	  tell_manner,	 tell_resets,	tell_refusals,
	tell_not_counted, tell_worst,	 tell_now,
};

void why_numbers(struct story *story)
{
	for (size_t i = 0; i < COUNT_OF(of_numbers); i++)
		of_numbers[i](story);
}
