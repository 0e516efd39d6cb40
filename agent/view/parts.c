/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parts.c - see parts.h.
 */
#include "agent/view/parts.h"

#include <math.h>

#include "agent/view/names.h"
#include "common/text.h"

json_t *parts_object(const char *kind)
{
	return json_pack("{s:s, s:s}", "apiVersion", "weir/v1", "kind", kind);
}

json_t *parts_list(const char *kind, json_t *items)
{
	json_t *list = parts_object(kind);

	json_object_set_new(list, "items", items);
	return list;
}

json_t *parts_time(int64_t realtime_ns)
{
	char text[TEXT_TIME_BYTES];

	if (!realtime_ns)
		return json_null();
	text_time(realtime_ns, text);
	return json_string(text);
}

json_t *parts_text(const char *text)
{
	json_t *string = json_string(text);
	char plain[512];
	size_t i;

	if (string)
		return string;
	for (i = 0; text[i] && i < sizeof(plain) - 1; i++)
		plain[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	plain[i] = '\0';
	return json_string(plain);
}

json_t *parts_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *ratio(uint64_t part, uint64_t whole)
{
	return whole ? json_real((double)part / (double)whole) : json_null();
}

static json_t *counts(const char *const *names, const uint64_t *values,
		      size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, names[i], integer(values[i]));
	return object;
}

static json_t *window(const struct window_counts *w)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "calls",
			 integer(w->calls), "failures", integer(w->failures),
			 "slow", integer(w->slow), "failure_ratio",
			 ratio(w->failures, w->calls), "slow_ratio",
			 ratio(w->slow, w->calls));
}

static json_t * override(const struct snapshot_subject *subject)
{
	if (!subject->override_by[0])
		return json_null();
	return json_pack("{s:o, s:o}", "by", parts_text(subject->override_by),
			 "reason", parts_text(subject->override_reason));
}

/* How many tokens the policy of a subject permits; a subject has no way up. */
static uint32_t permitted(const struct snapshot *s,
			  const struct snapshot_subject *subject)
{
	for (size_t i = 0; i < s->service_count; i++)
		if (&s->services[i].subject == subject)
			return s->services[i].breaker.probes;
	for (size_t i = 0; i < s->endpoint_count; i++)
		if (&s->endpoints[i].subject == subject &&
		    s->endpoints[i].service < s->service_count)
			return s->services[s->endpoints[i].service]
				.breaker.probes;
	return 0;
}

json_t *parts_breaker(const struct snapshot *s,
		      const struct snapshot_subject *b)
{
	json_t *object;

	if (!b->has_breaker)
		return json_null();
	object = json_pack("{s:s, s:b, s:o, s:o}", "state",
			   names_state[b->state], "enforced", b->enforced,
			   "epoch", integer(b->epoch), "level",
			   integer(b->level));
	json_object_set_new(object, "since", parts_time(b->since_realtime_ns));
	json_object_set_new(object, "since_seconds",
			    parts_number(b->since_seconds));
	json_object_set_new(object, "until", parts_time(b->until_realtime_ns));
	json_object_set_new(object, "until_seconds",
			    b->until_realtime_ns
				    ? parts_number(b->until_seconds)
				    : json_null());
	json_object_set_new(object, "trip",
			    json_string(names_trip[b->last.trip]));
	json_object_set_new(object, "value", integer(b->last.value));
	json_object_set_new(object, "threshold", integer(b->last.threshold));
	json_object_set_new(object, "window", window(&b->window));
	json_object_set_new(object, "probes",
			    json_pack("{s:o, s:o, s:o, s:o}", "permitted",
				      integer(permitted(s, b)), "taken",
				      integer(b->probes_taken), "ok",
				      integer(b->probes_ok), "bad",
				      integer(b->probes_bad)));
	json_object_set_new(object, "override", override(b));
	return object;
}

json_t *parts_quantiles(const struct snapshot_quantiles *q)
{
	return json_pack("{s:o, s:o, s:o}", "count", integer(q->count),
			 "p50_seconds", parts_number(q->p50_seconds),
			 "p99_seconds", parts_number(q->p99_seconds));
}

/* What tells a slow network from a slow backend. */
static json_t *network(const struct snapshot_subject *t)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:b}", "connects_resent",
			 integer(t->resent[WEIR_PHASE_CONNECT]), "turns_resent",
			 integer(t->resent[WEIR_PHASE_TURN]), "overdue",
			 integer(t->overdue_seen), "overdue_unsent",
			 integer(t->overdue_unsent), "takes_turns",
			 t->takes_turns);
}

void parts_add_traffic(json_t *to, const struct snapshot_subject *t)
{
	json_t *calls =
		json_pack("{s:o, s:o}", "active", integer(t->calls_active),
			  "overdue", integer(t->calls_overdue));

	for (int phase = 0; phase < WEIR_PHASE_COUNT; phase++)
		json_object_set_new(calls, names_phase[phase],
				    counts(names_result, t->calls[phase],
					   WEIR_RESULT_COUNT));
	json_object_set_new(
		to, "connections",
		json_pack("{s:o, s:o, s:o, s:o}", "active", integer(t->in_use),
			  "connecting", integer(t->connecting), "opened",
			  integer(t->opened), "refused", integer(t->refused)));
	json_object_set_new(to, "calls", calls);
	json_object_set_new(
		to, "failures",
		counts(names_failure, t->failures, WEIR_FAILURE_COUNT));
	json_object_set_new(to, "network", network(t));
	json_object_set_new(
		to, "rates",
		json_pack("{s:o, s:o, s:o, s:o}", "calls_per_second",
			  parts_number(t->calls_per_second), "failed_ratio",
			  parts_number(t->failed_ratio), "slow_ratio",
			  parts_number(t->slow_ratio), "refused_per_second",
			  parts_number(t->refused_per_second)));
	json_object_set_new(to, "connect", parts_quantiles(&t->connect));
	json_object_set_new(to, "response", parts_quantiles(&t->response));
}

json_t *parts_event(const struct snapshot_event *event)
{
	json_t *object = json_pack(
		"{s:o, s:o, s:s, s:o, s:o, s:o}", "seq", integer(event->seq),
		"time", parts_time(event->realtime_ns), "type",
		names_event_type[event->type], "service",
		parts_text(event->service), "endpoint",
		parts_text(event->endpoint), "text", parts_text(event->text));

	if (event->type != SNAPSHOT_EVENT_BREAKER)
		return object;
	json_object_set_new(object, "from",
			    json_string(names_state[event->from]));
	json_object_set_new(object, "to", json_string(names_state[event->to]));
	json_object_set_new(object, "trip",
			    json_string(names_trip[event->trip]));
	json_object_set_new(object, "value", integer(event->value));
	json_object_set_new(object, "threshold", integer(event->threshold));
	json_object_set_new(object, "calls", integer(event->calls));
	json_object_set_new(object, "enforced", json_boolean(event->enforced));
	return object;
}
