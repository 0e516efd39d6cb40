/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * story.c - see story.h.
 */
#include "agent/view/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/view/names.h"
#include "agent/view/parts.h"

const char *const story_state_words[WEIR_STATE_COUNT] = {
	[WEIR_STATE_CLOSED] = "CLOSED",
	[WEIR_STATE_OPEN] = "OPEN",
	[WEIR_STATE_HALF_OPEN] = "HALF-OPEN",
	[WEIR_STATE_OPEN_SUPPRESSED] = "OPEN, SUPPRESSED",
	[WEIR_STATE_FORCED_OPEN] = "FORCED OPEN",
	[WEIR_STATE_FORCED_CLOSED] = "FORCED CLOSED",
};

#define LINE_BYTES 768

bool story_begin(struct story *out, const struct snapshot *s, const char *name)
{
	const struct snapshot_service *service = snapshot_find_service(s, name);
	const struct snapshot_endpoint *endpoint =
		snapshot_find_endpoint(s, name);

	*out = (struct story){.snapshot = s, .lines = json_array()};
	/* A destination seen without policy is both; a policy's endpoint wins. */
	if (endpoint && endpoint->service < s->service_count &&
	    (!service ||
	     (service->observed && !s->services[endpoint->service].observed))) {
		out->service = &s->services[endpoint->service];
		story_focus(out, endpoint);
		return true;
	}
	if (!service) {
		json_decref(out->lines);
		out->lines = NULL;
		return false;
	}
	out->service = service;
	out->name = service->name;
	out->subject = &service->subject;
	out->cause = &service->subject.last;
	return true;
}

void story_focus(struct story *story, const struct snapshot_endpoint *endpoint)
{
	story->endpoint = endpoint;
	story->name = endpoint->name;
	story->subject = &endpoint->subject;
	story->cause = &endpoint->subject.last;
}

void story_say(struct story *story, const char *label, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(story->lines,
			      json_pack("{s:s, s:o}", "label", label, "text",
					parts_text(text)));
}

void story_place_in(struct story *story, const char *block, const char *knob)
{
	const struct snapshot_service *s = story->service;
	char path[128];

	snprintf(path, sizeof(path), "%s.%s", block, knob);
	for (size_t i = 0; i < s->position_count; i++)
		if (s->positions[i].line &&
		    !strcmp(s->positions[i].path, path)) {
			story_say(story, "", "%s:%u:%u  %s", s->file,
				  s->positions[i].line, s->positions[i].column,
				  knob);
			return;
		}
	story_say(story, "", "%s:%u  %s is the default", s->file, s->line,
		  knob);
}

void story_place(struct story *story, const char *knob)
{
	story_place_in(story, "spec.circuitBreaker", knob);
}

/* Not closed before closed, then by the share of bad calls. */
static double trouble(const struct snapshot_endpoint *e)
{
	const struct snapshot_subject *t = &e->subject;
	double share = t->failed_ratio + t->slow_ratio;

	if (t->window.calls)
		share = (double)(t->window.failures + t->window.slow) /
			(double)t->window.calls;
	return (t->has_breaker ? 10 * snapshot_severity(t->state) : 0) + share;
}

size_t story_worst(const struct story *story,
		   const struct snapshot_endpoint **out, size_t max)
{
	const struct snapshot *s = story->snapshot;
	size_t index = (size_t)(story->service - s->services);
	size_t count = 0;

	for (size_t i = 0; i < s->endpoint_count; i++) {
		const struct snapshot_endpoint *e = &s->endpoints[i];
		size_t at = count;

		if (e->service != index)
			continue;
		while (at > 0 && trouble(e) > trouble(out[at - 1]))
			at--;
		if (at == max)
			continue;
		count += count < max;
		memmove(&out[at + 1], &out[at],
			(count - at - 1) * sizeof(*out));
		out[at] = e;
	}
	return count;
}

const struct snapshot_event *story_event(const struct story *story,
					 enum weir_state to)
{
	const struct snapshot *s = story->snapshot;
	const char *endpoint = story->endpoint ? story->endpoint->name : "";

	for (size_t i = s->event_count; i-- > 0;) {
		const struct snapshot_event *e = &s->events[i];

		if (e->type == SNAPSHOT_EVENT_BREAKER && e->to == to &&
		    !strcmp(e->service, story->service->name) &&
		    !strcmp(e->endpoint, endpoint))
			return e;
	}
	return NULL;
}

uint64_t story_decisions(const struct snapshot_service *service,
			 enum weir_verdict_id verdict)
{
	uint64_t sum = 0;

	for (int reason = 0; reason < WEIR_REASON_COUNT; reason++)
		sum += service->decisions[verdict][reason];
	return sum;
}

json_t *story_end(struct story *story, const struct story *focus)
{
	enum weir_state state = story->endpoint
					? story->subject->state
					: snapshot_state(story->service);
	json_t *why = parts_object("Why");

	json_object_set_new(why, "name", json_string(story->name));
	json_object_set_new(why, "service", json_string(story->service->name));
	json_object_set_new(why, "endpoint",
			    story->endpoint ? json_string(story->endpoint->name)
					    : json_null());
	json_object_set_new(why, "state", json_string(names_state[state]));
	json_object_set_new(why, "lines", story->lines);
	json_object_set_new(why, "breaker",
			    parts_breaker(story->snapshot, focus->subject));
	return why;
}
