/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json.c - the objects of docs/API.md from a snapshot; see render.h.
 */
#include <jansson.h>
#include <string.h>

#include "agent/view/clients.h"
#include "agent/view/names.h"
#include "agent/view/parts.h"
#include "agent/view/render.h"
#include "common/count_of.h"

#define STATUS_EVENTS 5u

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *by_state(const uint32_t counts[WEIR_STATE_COUNT])
{
	json_t *object = json_object();

	for (int state = 0; state < WEIR_STATE_COUNT; state++)
		json_object_set_new(object, names_state[state],
				    integer(counts[state]));
	return object;
}

/* ---- status ----------------------------------------------------------------- */

static json_t *count_services(const struct snapshot *s)
{
	uint32_t counts[WEIR_STATE_COUNT] = {0};

	for (size_t i = 0; i < s->service_count; i++)
		counts[snapshot_state(&s->services[i])]++;
	return json_pack("{s:o, s:o}", "total", integer(s->service_count),
			 "by_state", by_state(counts));
}

static json_t *count_policies(const struct snapshot *s)
{
	unsigned counts[3] = {0};
	json_t *object = json_object();

	for (size_t i = 0; i < s->policy_count; i++)
		if (!s->policies[i].overridden_by[0])
			counts[s->policies[i].mode]++;
	for (int mode = 0; mode < 3; mode++)
		json_object_set_new(object, names_mode[mode],
				    integer(counts[mode]));
	return object;
}

static json_t *faults(const struct snapshot *s)
{
	json_t *object = json_object();

	for (int fault = 0; fault < WEIR_FAULT_COUNT; fault++)
		json_object_set_new(object, names_fault[fault],
				    integer(s->faults[fault]));
	return object;
}

static json_t *features(const struct snapshot *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->feature_count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:b, s:s}", "name",
					s->features[i].name, "supported",
					s->features[i].supported, "effect",
					s->features[i].effect));
	return list;
}

static json_t *maps(const struct snapshot *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->map_count; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:o}", "name", s->maps[i].name,
				  "entries", integer(s->maps[i].entries),
				  "max_entries",
				  integer(s->maps[i].max_entries)));
	return list;
}

static json_t *programs(const struct snapshot *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->program_count; i++) {
		const struct snapshot_program *p = &s->programs[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o}", "name", p->name,
					"run_count", integer(p->run_count),
					"run_seconds",
					json_real((double)p->run_ns / 1e9),
					"recursion_misses",
					integer(p->recursion_misses)));
	}
	return list;
}

static json_t *latest_events(const struct snapshot *s)
{
	json_t *list = json_array();
	size_t first = s->event_count > STATUS_EVENTS
			       ? s->event_count - STATUS_EVENTS
			       : 0;

	for (size_t i = first; i < s->event_count; i++)
		json_array_append_new(list, parts_event(&s->events[i]));
	return list;
}

static json_t *reload(const struct snapshot *s)
{
	return json_pack("{s:b, s:o, s:o}", "ok", s->reload_ok, "time",
			 parts_time(s->reload_realtime_ns), "error",
			 s->reload_error[0] ? parts_text(s->reload_error)
					    : json_null());
}

json_t *json_status(const struct snapshot *s)
{
	json_t *status = parts_object("Status");
	const struct {
		const char *key;
		json_t *value;
	} members[] = {
		{"version", json_string(s->version)},
		{"pid", integer(s->pid)},
		{"started", parts_time(s->started_realtime_ns)},
		{"uptime_seconds", parts_number(s->uptime_seconds)},
		{"kernel", json_string(s->kernel)},
		{"cgroup", parts_text(s->cgroup)},
		{"generation", integer(s->generation)},
		{"heartbeat_age_seconds",
		 parts_number(s->heartbeat_age_seconds)},
		{"lease_seconds", parts_number(s->lease_seconds)},
		{"reload", reload(s)},
		{"services", count_services(s)},
		{"policies", count_policies(s)},
		{"problems", parts_problems(s)},
		{"faults", faults(s)},
		{"drift_total", integer(s->drift_total)},
		{"events_lost_total", integer(s->events_lost_total)},
		{"local_fault", json_boolean(s->local_fault)},
		{"features", features(s)},
		{"maps", maps(s)},
		{"programs", programs(s)},
		{"events", latest_events(s)},
	};

	for (size_t i = 0; i < COUNT_OF(members); i++)
		json_object_set_new(status, members[i].key, members[i].value);
	return status;
}

/* ---- services and endpoints ---------------------------------------------------- */

static json_t *limit(const struct policy_bulkhead *bulkhead, uint32_t max)
{
	return bulkhead->set && max != WEIR_NONE ? integer(max) : json_null();
}

static json_t *decisions(const struct snapshot_service *service)
{
	json_t *object = json_object();

	for (int verdict = 0; verdict < WEIR_VERDICT_COUNT; verdict++) {
		json_t *reasons = json_object();

		for (int reason = 0; reason < WEIR_REASON_COUNT; reason++)
			json_object_set_new(
				reasons, names_reason[reason],
				integer(service->decisions[verdict][reason]));
		json_object_set_new(object, names_verdict[verdict], reasons);
	}
	return object;
}

static json_t *policy_place(const struct snapshot_service *service)
{
	if (service->observed)
		return json_null();
	return json_pack("{s:o, s:o}", "file", parts_text(service->file),
			 "line", integer(service->line));
}

/* With scope endpoint the breakers are elsewhere; people ask for one word. */
static void add_state(json_t *object, const struct snapshot *s,
		      const struct snapshot_service *service)
{
	const struct snapshot_subject *speaker = snapshot_speaker(s, service);
	bool judged = speaker || service->breaker.set;

	json_object_set_new(
		object, "state",
		judged ? json_string(names_state[snapshot_state(service)])
		       : json_null());
	json_object_set_new(
		object, "since",
		parts_time(speaker ? speaker->since_realtime_ns : 0));
	json_object_set_new(object, "since_seconds",
			    speaker && speaker->since_realtime_ns
				    ? parts_number(speaker->since_seconds)
				    : json_null());
}

static json_t *queue(const struct snapshot_service *service)
{
	if (!service->bulkhead.queue_set)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "waiting",
			 integer(service->subject.waiting), "max",
			 integer(service->bulkhead.queue_length), "expired",
			 integer(service->queue_expired), "left",
			 integer(service->queue_left), "wait",
			 parts_quantiles(&service->queue_wait));
}

static json_t *service_object(const struct snapshot *s,
			      const struct snapshot_service *service)
{
	const struct policy_bulkhead *bulkhead = &service->bulkhead;
	json_t *object = parts_object("Service");

	json_object_set_new(object, "name", json_string(service->name));
	json_object_set_new(object, "observed",
			    json_boolean(service->observed));
	json_object_set_new(object, "mode",
			    json_string(names_mode[service->mode]));
	json_object_set_new(object, "scope",
			    json_string(names_scope[service->scope]));
	json_object_set_new(object, "policy", policy_place(service));
	json_object_set_new(object, "panic", json_boolean(service->panic));
	add_state(object, s, service);
	json_object_set_new(object, "breaker",
			    parts_breaker(s, &service->subject));
	json_object_set_new(
		object, "limits",
		json_pack("{s:o, s:o}", "connections",
			  limit(bulkhead, bulkhead->connections_max),
			  "endpoint_connections",
			  limit(bulkhead, bulkhead->endpoint_connections_max)));
	json_object_set_new(object, "queue", queue(service));
	json_object_set_new(object, "endpoints",
			    json_pack("{s:o, s:o}", "total",
				      integer(service->endpoint_count),
				      "by_state",
				      by_state(service->endpoints_by_state)));
	parts_add_traffic(object, &service->subject);
	json_object_set_new(object, "decisions", decisions(service));
	return object;
}

json_t *json_services(const struct snapshot *s, const char *opt_name)
{
	json_t *items = json_array();

	for (size_t i = 0; i < s->service_count; i++)
		if (!opt_name || !strcmp(opt_name, s->services[i].name))
			json_array_append_new(
				items, service_object(s, &s->services[i]));
	return parts_list("ServiceList", items);
}

static const char *service_of(const struct snapshot *s,
			      const struct snapshot_endpoint *endpoint)
{
	return endpoint->service < s->service_count
		       ? s->services[endpoint->service].name
		       : "";
}

json_t *json_endpoints(const struct snapshot *s, const char *opt_service)
{
	json_t *items = json_array();

	for (size_t i = 0; i < s->endpoint_count; i++) {
		const struct snapshot_endpoint *e = &s->endpoints[i];
		json_t *object;

		if (opt_service && strcmp(opt_service, service_of(s, e)))
			continue;
		object = parts_object("Endpoint");
		json_object_set_new(object, "name", json_string(e->name));
		json_object_set_new(object, "service",
				    json_string(service_of(s, e)));
		json_object_set_new(object, "listed", json_boolean(e->listed));
		json_object_set_new(object, "breaker",
				    parts_breaker(s, &e->subject));
		parts_add_traffic(object, &e->subject);
		json_array_append_new(items, object);
	}
	return parts_list("EndpointList", items);
}

/* ---- policies, overrides, generations -------------------------------------------- */

/* "team=payments,tier=1" */
static json_t *labels(const char *text)
{
	json_t *object = json_object();

	while (*text) {
		size_t length = strcspn(text, ",");
		size_t key = strcspn(text, "=,");
		const char *value = text + key + (key < length);
		char name[256];

		if (key < sizeof(name)) {
			memcpy(name, text, key);
			name[key] = '\0';
			json_object_set_new(
				object, name,
				json_stringn(value,
					     (size_t)(text + length - value)));
		}
		text += length + (text[length] == ',');
	}
	return object;
}

json_t *json_policies(const struct snapshot *s)
{
	json_t *items = json_array();

	for (size_t i = 0; i < s->policy_count; i++) {
		const struct snapshot_policy *p = &s->policies[i];
		json_t *object = parts_object("Policy");

		json_object_set_new(object, "name", json_string(p->name));
		json_object_set_new(object, "file", parts_text(p->file));
		json_object_set_new(object, "line", integer(p->line));
		json_object_set_new(object, "mode",
				    json_string(names_mode[p->mode]));
		json_object_set_new(object, "labels", labels(p->labels));
		json_object_set_new(object, "overridden_by",
				    p->overridden_by[0]
					    ? parts_text(p->overridden_by)
					    : json_null());
		json_array_append_new(items, object);
	}
	return parts_list("PolicyList", items);
}

static void add_override(json_t *items, const char *name,
			 const struct snapshot_subject *subject)
{
	if (!subject->has_breaker ||
	    (subject->state != WEIR_STATE_FORCED_OPEN &&
	     subject->state != WEIR_STATE_FORCED_CLOSED))
		return;
	json_array_append_new(
		items,
		json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "name", name,
			  "state", names_state[subject->state], "by",
			  parts_text(subject->override_by), "reason",
			  parts_text(subject->override_reason), "since",
			  parts_time(subject->since_realtime_ns), "until",
			  parts_time(subject->until_realtime_ns)));
}

json_t *json_overrides(const struct snapshot *s)
{
	json_t *items = json_array();

	for (size_t i = 0; i < s->service_count; i++)
		add_override(items, s->services[i].name,
			     &s->services[i].subject);
	for (size_t i = 0; i < s->endpoint_count; i++)
		add_override(items, s->endpoints[i].name,
			     &s->endpoints[i].subject);
	return parts_list("OverrideList", items);
}

json_t *json_generations(const struct snapshot *s)
{
	json_t *items = json_array();

	for (size_t i = 0; i < s->generation_count; i++) {
		const struct snapshot_generation *g = &s->generations[i];

		json_array_append_new(
			items,
			json_pack("{s:o, s:o, s:o, s:o, s:b}", "number",
				  integer(g->number), "time",
				  parts_time(g->realtime_ns), "policies",
				  integer(g->policies), "by", parts_text(g->by),
				  "current", g->number == s->generation));
	}
	return parts_list("GenerationList", items);
}

/* ---- clients ----------------------------------------------------------------------- */

json_t *json_clients(const struct snapshot_clients *clients)
{
	return clients_list(clients);
}

/* ---- events ------------------------------------------------------------------------ */

static bool wanted(const struct snapshot_event *event, const char *opt_service,
		   const char *opt_type)
{
	return (!opt_service || !strcmp(opt_service, event->service)) &&
	       (!opt_type || !strcmp(opt_type, names_event_type[event->type]));
}

/* Where to start so that `limit` wanted ones are left: the newest. */
static size_t newest(const struct snapshot *s, size_t limit,
		     const char *opt_service, const char *opt_type)
{
	size_t i = s->event_count;

	while (i > 0 && limit > 0)
		if (wanted(&s->events[--i], opt_service, opt_type))
			limit--;
	return i;
}

json_t *json_events(const struct snapshot *s, uint64_t since_seq, size_t limit,
		    const char *opt_service, const char *opt_type)
{
	uint64_t last = s->event_count ? s->events[s->event_count - 1].seq : 0;
	uint64_t next = since_seq, lost = 0;
	json_t *items = json_array(), *list;
	size_t i = 0;

	/* A number we never gave out: the agent was restarted, begin anew. */
	if (since_seq > last)
		next = since_seq = 0;
	if (!since_seq) {
		i = newest(s, limit, opt_service, opt_type);
		next = last;
	}
	if (since_seq && s->event_count && s->events[0].seq > since_seq + 1)
		lost = s->events[0].seq - since_seq - 1;
	for (; i < s->event_count && json_array_size(items) < limit; i++) {
		if (s->events[i].seq <= since_seq)
			continue;
		if (since_seq)
			next = s->events[i].seq;
		if (wanted(&s->events[i], opt_service, opt_type))
			json_array_append_new(items,
					      parts_event(&s->events[i]));
	}
	list = parts_list("EventList", items);
	json_object_set_new(list, "next", integer(next));
	json_object_set_new(list, "lost", integer(lost));
	return list;
}
