/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.c - see report.h.
 */
#include "agent/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/quantiles.h"
#include "weir/words.h"

/* Everything a part of the snapshot is filled from. */
struct filling {
	struct agent *agent;
	struct snapshot *out;
	uint64_t now_ns;
	int64_t offset_ns; /* realtime - monotonic */
};

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static int64_t wall(const struct filling *f, uint64_t monotonic_ns)
{
	return monotonic_ns ? (int64_t)monotonic_ns + f->offset_ns : 0;
}

/* ---- one subject -------------------------------------------------------------------- */

static struct rate_point point_of(const struct weir_subject *k, uint64_t now_ns)
{
	struct rate_point point = {
		.at_ns = now_ns,
		.failed = k->judged[WEIR_RESULT_FAILURE],
		.slow = k->judged[WEIR_RESULT_SLOW],
		.refused = k->refused,
	};

	point.calls =
		k->judged[WEIR_RESULT_SUCCESS] + point.failed + point.slow;
	return point;
}

static void fill_rates(struct snapshot_subject *out,
		       const struct subject *subject,
		       const struct weir_subject *k, uint64_t now_ns)
{
	const struct rate_point *then = &subject->points[0];
	struct rate_point now = point_of(k, now_ns);
	double span, calls;

	/* The oldest point that was taken at all. */
	for (size_t i = 0; i < REGISTRY_RATE_POINTS && !then->at_ns; i++)
		then = &subject->points[i];
	if (!then->at_ns || now.at_ns <= then->at_ns)
		return;
	span = seconds(now.at_ns - then->at_ns);
	calls = (double)(now.calls - then->calls);
	out->calls_per_second = calls / span;
	out->refused_per_second = (double)(now.refused - then->refused) / span;
	if (calls <= 0)
		return;
	out->failed_ratio = (double)(now.failed - then->failed) / calls;
	out->slow_ratio = (double)(now.slow - then->slow) / calls;
}

static void fill_breaker(const struct filling *f, struct snapshot_subject *out,
			 struct subject *subject)
{
	struct breaker *b = &subject->breaker;
	const struct weir_subject *k = &f->agent->plane->subjects[subject->id];
	bool forced = b->state == WEIR_STATE_FORCED_OPEN ||
		      b->state == WEIR_STATE_FORCED_CLOSED;
	const struct weir_policy *policy = subject->service->policy;

	out->has_breaker = registry_has_breaker(subject) || forced;
	out->enforced = policy && policy->mode == WEIR_MODE_ENFORCE &&
			!subject->service->panic &&
			b->state != WEIR_STATE_OPEN_SUPPRESSED;
	out->state = b->state;
	out->epoch = b->epoch;
	out->level = b->level;
	out->since_realtime_ns = wall(f, b->since_ns);
	out->until_realtime_ns = wall(f, b->until_ns);
	out->since_seconds =
		f->now_ns > b->since_ns ? seconds(f->now_ns - b->since_ns) : 0;
	out->until_seconds =
		b->until_ns > f->now_ns ? seconds(b->until_ns - f->now_ns) : 0;
	out->last = b->last;
	out->window = window_sum(&b->window, f->now_ns);
	if (probe_epoch(k->probe) == b->epoch) {
		out->probes_taken = probe_taken(k->probe);
		out->probes_ok = probe_ok(k->probe);
		out->probes_bad = probe_bad(k->probe);
	}
	memcpy(out->override_by, subject->override_by,
	       sizeof(out->override_by));
	memcpy(out->override_reason, subject->override_reason,
	       sizeof(out->override_reason));
}

static void fill_subject(const struct filling *f, struct snapshot_subject *out,
			 struct subject *subject)
{
	const struct weir_subject *k = &f->agent->plane->subjects[subject->id];

	fill_breaker(f, out, subject);
	out->in_use = k->in_use;
	out->connecting = k->connecting;
	out->waiting = k->waiting;
	out->shadow = k->shadow;
	out->calls_active = k->calls_active;
	out->calls_overdue =
		decide_overdue(&f->agent->decide, subject, f->now_ns);
	out->opened = k->opened;
	out->refused = k->refused;
	memcpy(out->calls, k->calls, sizeof(out->calls));
	memcpy(out->failures, k->failures, sizeof(out->failures));
	memcpy(out->resent, k->resent, sizeof(out->resent));
	out->overdue_seen = f->agent->plane->recounts[subject->id].overdue;
	out->overdue_unsent = f->agent->plane->recounts[subject->id].unsent;
	out->takes_turns = k->manner < WEIR_MANNER_KNOWN;
	fill_rates(out, subject, k, f->now_ns);
}

static void fill_quantiles(struct snapshot_subject *out,
			   const struct dataplane *plane,
			   struct subject *const *endpoints, size_t count)
{
	uint64_t connect[WEIR_HIST_BUCKETS] = {0};
	uint64_t response[WEIR_HIST_BUCKETS] = {0};

	for (size_t i = 0; i < count; i++)
		quantiles_collect(
			endpoints[i],
			&plane->hists[endpoints[i]->id - plane->services_max],
			connect, response);
	out->connect = quantiles_of(connect);
	out->response = quantiles_of(response);
}

/* ---- services and endpoints ------------------------------------------------------------ */

static void add_endpoint(const struct filling *f, size_t service,
			 struct subject *subject)
{
	struct snapshot_endpoint *out =
		&f->out->endpoints[f->out->endpoint_count++];

	out->service = service;
	memcpy(out->name, subject->name, sizeof(out->name));
	out->listed = subject->listed;
	fill_subject(f, &out->subject, subject);
	fill_quantiles(&out->subject, f->agent->plane, &subject, 1);
}

static void fill_policy(struct snapshot_service *out,
			const struct service *service)
{
	const struct weir_policy *policy = service->policy;

	out->scope = service->rules.scope;
	out->mode = WEIR_MODE_OBSERVE;
	if (!policy)
		return;
	out->mode = policy->mode;
	out->direction = policy_direction(policy);
	snprintf(out->file, sizeof(out->file), "%s", policy->file);
	out->line = policy->line;
	out->breaker = policy->breaker;
	out->bulkhead = policy->bulkhead;
	out->rate = policy->rate;
	memcpy(out->positions, policy->positions, sizeof(out->positions));
	out->position_count = policy->position_count;
}

static void fill_stat(const struct filling *f, struct snapshot_service *out,
		      uint32_t slot)
{
	uint64_t waits[WEIR_HIST_BUCKETS];
	struct weir_stat stat;

	if (dataplane_stat(f->agent->plane, slot, &stat))
		return;
	memcpy(out->decisions, stat.decisions, sizeof(out->decisions));
	memcpy(out->closed, stat.closed, sizeof(out->closed));
	out->established = stat.established;
	out->adopted = stat.adopted;
	out->sent_bytes = stat.sent_bytes;
	out->received_bytes = stat.received_bytes;
	out->retransmits = stat.retransmits;
	out->connect = stat.connect;
	out->response = stat.response;
	out->queued = stat.queued;
	for (size_t i = 0; i < WEIR_HIST_BUCKETS; i++)
		waits[i] = stat.queued.bucket[i];
	out->queue_wait = quantiles_of(waits);
	out->queue_expired = stat.queue_expired;
	out->queue_left = stat.queue_left;
}

static void count_state(struct snapshot_service *out,
			const struct subject *subject)
{
	out->endpoints_by_state[subject->breaker.state]++;
}

static void add_service(const struct filling *f, struct service *service)
{
	size_t index = f->out->service_count++;
	struct snapshot_service *out = &f->out->services[index];

	memcpy(out->name, service->name, sizeof(out->name));
	fill_subject(f, &out->subject, &service->subject);
	fill_quantiles(&out->subject, f->agent->plane, service->endpoints,
		       service->endpoint_count);
	fill_policy(out, service);
	fill_stat(f, out, service->slot);
	memcpy(out->transitions, service->transitions,
	       sizeof(out->transitions));
	out->probes_ok_total = service->probes_ok_total;
	out->probes_bad_total = service->probes_bad_total;
	out->suppressed_total = service->suppressed_total;
	out->drift_total = service->drift_total;
	out->resets_total = service->resets_total;
	out->resets_missed = service->resets_missed;
	out->would_reset_total = service->would_reset_total;
	out->full = service->full ? snapshot_copy_full(service->full) : NULL;
	out->panic = service->panic;
	out->endpoint_first = f->out->endpoint_count;
	for (size_t i = 0; i < service->endpoint_count; i++) {
		if (service->endpoints[i]->retired_ns)
			continue;
		add_endpoint(f, index, service->endpoints[i]);
		count_state(out, service->endpoints[i]);
	}
	out->endpoint_count = f->out->endpoint_count - out->endpoint_first;
}

static void widen(struct weir_histogram *out,
		  const uint32_t bucket[WEIR_HIST_BUCKETS])
{
	double sum_us = 0;

	for (uint32_t i = 0; i < WEIR_HIST_BUCKETS; i++) {
		out->bucket[i] = bucket[i];
		sum_us += bucket[i] * quantiles_middle_us(i);
	}
	/* Endpoints keep no sum: this one is good to half a bucket. */
	out->sum_us = (uint64_t)sum_us;
}

/* A destination that no policy names is shown as a service of its own. */
static void add_observed(const struct filling *f, struct subject *subject)
{
	struct dataplane *plane = f->agent->plane;
	const struct weir_subject *k = &plane->subjects[subject->id];
	const struct weir_endpoint_hist *hist =
		&plane->hists[subject->id - plane->services_max];
	size_t index = f->out->service_count++;
	struct snapshot_service *out = &f->out->services[index];

	memcpy(out->name, subject->name, sizeof(out->name));
	out->observed = true;
	out->mode = WEIR_MODE_OBSERVE;
	fill_subject(f, &out->subject, subject);
	fill_quantiles(&out->subject, plane, &subject, 1);
	out->decisions[WEIR_VERDICT_ALLOW][WEIR_REASON_NONE] = k->opened;
	out->established = k->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_SUCCESS];
	widen(&out->connect, hist->connect);
	widen(&out->response, hist->response);
	out->endpoint_first = f->out->endpoint_count;
	out->endpoint_count = 1;
	add_endpoint(f, index, subject);
	count_state(out, subject);
}

static void add_all_observed(const struct filling *f,
			     const struct service *service)
{
	for (size_t i = 0; i < service->endpoint_count; i++) {
		struct subject *subject = service->endpoints[i];

		if (!subject->retired_ns &&
		    f->agent->plane->subjects[subject->id].opened +
			    f->agent->plane->subjects[subject->id].in_use)
			add_observed(f, subject);
	}
}

/* qsort(3) has no context argument; names are inside the records. */
static int by_name(const void *a, const void *b)
{
	const struct service *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static int fill_services(const struct filling *f)
{
	struct registry *registry = &f->agent->registry;
	uint32_t services_max = f->agent->plane->services_max;
	struct service **sorted = calloc(services_max, sizeof(*sorted));
	size_t count = 0;

	f->out->services = calloc(services_max + registry->endpoint_count + 1,
				  sizeof(*f->out->services));
	f->out->endpoints = calloc(registry->endpoint_count + 1,
				   sizeof(*f->out->endpoints));
	if (!sorted || !f->out->services || !f->out->endpoints) {
		free(sorted);
		return -1;
	}
	for (uint32_t slot = 1; slot < services_max; slot++)
		if (registry->services[slot] &&
		    registry->services[slot]->policy)
			sorted[count++] = registry->services[slot];
	qsort(sorted, count, sizeof(struct service *), by_name);
	for (size_t i = 0; i < count; i++)
		add_service(f, sorted[i]);
	free(sorted);
	add_all_observed(f, registry->services[WEIR_SLOT_OBSERVED]);
	return 0;
}

/* ---- the agent ---------------------------------------------------------------------------- */

static void fill_agent(const struct filling *f)
{
	const struct agent *agent = f->agent;
	struct snapshot *out = f->out;
	struct utsname host;

	snprintf(out->version, sizeof(out->version), "%s", WEIR_VERSION);
	out->pid = (uint32_t)getpid();
	out->started_realtime_ns = agent->started_realtime_ns;
	out->now_realtime_ns = clock_realtime_ns();
	out->uptime_seconds = seconds(f->now_ns - agent->started_ns);
	if (!uname(&host))
		snprintf(out->kernel, sizeof(out->kernel), "%s", host.release);
	memcpy(out->cgroup, agent->cgroup, sizeof(out->cgroup));
	out->heartbeat_age_seconds =
		seconds(f->now_ns - agent->plane->control->heartbeat_ns);
	out->lease_seconds = seconds(agent->plane->control->lease_ns);
	out->rate_seconds = REGISTRY_RATE_POINTS - 1;
	out->generation = agent->plane->control->generation;
	out->reload_ok = agent->reload_ok;
	out->reload_realtime_ns = agent->reload_realtime_ns;
	memcpy(out->reload_error, agent->reload_error,
	       sizeof(out->reload_error));
	out->hints_total = agent->hints_total;
	out->wakes_missed_total = agent->wakes_missed;
	out->local_fault = agent->registry.local_fault;
	memcpy(out->generations, agent->generations, sizeof(out->generations));
	out->generation_count = agent->generation_count;
}

static void set_entries(struct snapshot *out, const char *map, uint64_t entries)
{
	for (size_t i = 0; i < out->map_count; i++)
		if (!strcmp(out->maps[i].name, map))
			out->maps[i].entries = entries;
}

static void fill_kernel(const struct filling *f)
{
	struct dataplane *plane = f->agent->plane;
	struct snapshot *out = f->out;
	uint64_t in_use = 0;

	dataplane_faults(plane, out->faults);
	out->events_lost_total = out->faults[WEIR_FAULT_RING_FULL];
	out->program_count =
		dataplane_programs(plane, out->programs, SNAPSHOT_PROGRAMS_MAX);
	out->map_count = dataplane_maps(plane, out->maps, SNAPSHOT_MAPS_MAX);
	out->feature_count =
		dataplane_features(plane, out->features, SNAPSHOT_FEATURES_MAX);
	out->interface_count = shed_show(&plane->shed, out->interfaces,
					 SNAPSHOT_INTERFACES_MAX);
	for (uint32_t slot = 0; slot < plane->services_max; slot++)
		in_use += plane->subjects[slot].in_use;
	set_entries(out, "weir_conn", in_use);
	set_entries(out, "weir_endpoint", f->agent->registry.endpoint_count);
	set_entries(out, "weir_free",
		    plane->endpoints_max - f->agent->registry.endpoint_count);
	if (!f->agent->compiled)
		return;
	set_entries(out, "weir_rule", f->agent->compiled->rule_count);
	set_entries(out, "weir_client", f->agent->clients.count);
	set_entries(out, "weir_network", f->agent->clients.network_count);
}

static int fill_policies(const struct filling *f)
{
	const struct policy_set *set = f->agent->set;
	size_t count = set ? set->row_count : 0;

	f->out->policies = calloc(count + 1, sizeof(*f->out->policies));
	if (!f->out->policies)
		return -1;
	if (count)
		memcpy(f->out->policies, set->rows, count * sizeof(*set->rows));
	f->out->policy_count = count;
	return 0;
}

static void sum_drift(struct snapshot *out)
{
	for (size_t i = 0; i < out->service_count; i++)
		out->drift_total += out->services[i].drift_total;
}

struct snapshot *report_snapshot(struct agent *agent)
{
	struct filling f = {
		.agent = agent,
		.out = calloc(1, sizeof(*f.out)),
		.now_ns = clock_monotonic_ns(),
	};

	if (!f.out)
		return NULL;
	f.offset_ns = clock_realtime_ns() - (int64_t)f.now_ns;
	fill_agent(&f);
	fill_kernel(&f);
	if (fill_services(&f) || fill_policies(&f)) {
		snapshot_free(f.out);
		return NULL;
	}
	sum_drift(f.out);
	f.out->drift_total +=
		agent->registry.services[WEIR_SLOT_OBSERVED]->drift_total;
	f.out->events = events_copy(agent->events, &f.out->event_count);
	return f.out;
}

/* ---- once a second --------------------------------------------------------------------------- */

void report_tick(struct agent *agent, uint64_t now_ns)
{
	struct dataplane *plane = agent->plane;
	uint32_t subjects_max = dataplane_subjects_max(plane);
	bool rotate = now_ns / QUANTILES_SPAN_NS !=
		      (now_ns - NS_PER_S) / QUANTILES_SPAN_NS;

	for (uint32_t id = 0; id < subjects_max; id++) {
		struct subject *subject = agent->registry.subjects[id];

		if (!subject)
			continue;
		memmove(&subject->points[0], &subject->points[1],
			sizeof(subject->points) - sizeof(subject->points[0]));
		subject->points[REGISTRY_RATE_POINTS - 1] =
			point_of(&plane->subjects[id], now_ns);
		if (rotate && subject->is_endpoint)
			quantiles_rotate(
				subject,
				&plane->hists[id - plane->services_max]);
	}
}
