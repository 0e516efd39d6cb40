/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reset.c - see reset.h.
 *
 * A walk over the connections costs a third of a microsecond for each, so one
 * that found less than it might have rests a while before it looks again.
 */
#include "agent/reset.h"

#include <errno.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/core/pace.h"
#include "agent/log.h"
#include "agent/view/names.h"

#define REST_MIN_NS (100 * NS_PER_MS)
#define REST_MAX_NS NS_PER_S

bool reset_is_wanted(const struct weir_policy *policy)
{
	return policy->breaker.set && policy->mode == WEIR_MODE_ENFORCE &&
	       policy->breaker.established != WEIR_ESTABLISHED_KEEP;
}

/* Suppressed or in panic the traffic flows, so its connections stay. */
static bool is_shut(const struct subject *subject)
{
	enum weir_state state = subject->breaker.state;

	return !subject->retired_ns &&
	       (state == WEIR_STATE_FORCED_OPEN ||
		(state == WEIR_STATE_OPEN && !subject->service->panic &&
		 registry_has_breaker(subject)));
}

static bool is_ingress(const struct service *service)
{
	return service->policy &&
	       policy_direction(service->policy) == WEIR_INGRESS;
}

/* ---- what was done ----------------------------------------------------------------- */

/* It may have gone meanwhile; and another process says which one it was. */
static void take_result(struct registry *registry,
			const struct reset_result *result)
{
	struct subject *subject =
		result->subject < dataplane_subjects_max(registry->plane)
			? registry->subjects[result->subject]
			: NULL;

	if (!subject)
		return;
	/* A client that had no room may have gone by itself meanwhile. */
	if (result->error == -ENOENT && is_ingress(subject->service))
		return;
	if (result->error)
		subject->service->resets_missed++;
	else
		subject->service->resets_total++;
}

static void take_results(struct resets *resets)
{
	struct reset_result results[RESETTER_BATCH_MAX];
	size_t count;

	while ((count = resetter_results(resets->resetter, results)) > 0)
		for (size_t i = 0; i < count; i++)
			take_result(resets->registry, &results[i]);
}

/* Said when there are no more for now, not once for each. */
static void announce(struct resets *resets, struct subject *subject,
		     bool observing)
{
	struct service *service = subject->service;

	events_say(resets->events, SNAPSHOT_EVENT_BREAKER, service->name,
		   "%s%s%s: %u connections (%s) %s (resetRate %u/s)",
		   service->name, subject->is_endpoint ? " " : "",
		   subject->is_endpoint ? subject->name : "",
		   subject->resets_unsaid,
		   names_reset[service->rules.established],
		   observing ? "would have been reset" : "are being reset",
		   service->rules.reset_rate);
	subject->resets_unsaid = 0;
}

static uint64_t rest_ns(const struct policy_breaker *rules)
{
	uint64_t rest = rules->slow_ns / 2;

	if (rules->established != WEIR_ESTABLISHED_RESET_STUCK ||
	    rest > REST_MAX_NS)
		return REST_MAX_NS;
	return rest < REST_MIN_NS ? REST_MIN_NS : rest;
}

static int order(struct resets *resets, struct service *service,
		 const struct weir_victim *victims, size_t count)
{
	int err = resetter_order(resets->resetter, victims, count);

	if (!err)
		return 0;
	service->resets_missed += count;
	if (err == -EPIPE && resets->registry->plane->reset_works) {
		resets->registry->plane->reset_works = false;
		log_error("the process that resets connections is gone: "
			  "established connections are kept until the agent is "
			  "restarted");
	}
	return err;
}

/* ---- no room for them ---------------------------------------------------------------- */

void reset_flush(struct resets *resets)
{
	struct subject **subjects = resets->registry->subjects;
	size_t count = resets->doomed_count, i = 0;

	resets->doomed_count = 0;
	/* Of a mixed batch one service counts what could not be ordered. */
	while (i < count && !subjects[resets->doomed[i].subject])
		i++;
	if (i < count)
		order(resets, subjects[resets->doomed[i].subject]->service,
		      resets->doomed, count);
}

void reset_doomed(struct resets *resets, const struct weir_doomed *doomed)
{
	if (doomed->subject >= resets->registry->plane->services_max)
		return;
	if (resets->doomed_count == RESETTER_BATCH_MAX)
		reset_flush(resets);
	resets->doomed[resets->doomed_count++] = doomed->victim;
}

void reset_left_over(struct resets *resets)
{
	struct dataplane *plane = resets->registry->plane;

	for (uint32_t slot = 1; slot < plane->services_max; slot++) {
		const struct weir_select ask = {
			.subject = slot,
			.which = WEIR_ESTABLISHED_DOOMED,
			.max = RESETTER_BATCH_MAX,
			.mark = WEIR_CONN_DOOMED,
		};
		struct subject *subject = resets->registry->subjects[slot];
		struct weir_victim victims[RESETTER_BATCH_MAX];
		size_t count = 0;

		if (!plane->recounts[slot].doomed || !subject ||
		    dataplane_select(plane, &ask, victims, &count) || !count)
			continue;
		order(resets, subject->service, victims, count);
	}
}

/* ---- one subject --------------------------------------------------------------------- */

static void reset_some(struct resets *resets, struct subject *subject,
		       uint32_t max, uint64_t now_ns)
{
	struct service *service = subject->service;
	bool observing = service->policy->mode != WEIR_MODE_ENFORCE;
	const struct weir_select ask = {
		.subject = subject->id,
		.which = service->rules.established,
		.max = max,
		.stuck_us = service->rules.slow_ns / NS_PER_US,
		.mark = observing ? WEIR_CONN_SPARED : WEIR_CONN_RESET,
	};
	struct weir_victim victims[RESETTER_BATCH_MAX];
	size_t count = 0;

	if (dataplane_select(resets->registry->plane, &ask, victims, &count))
		count = 0;
	pace_return(&service->reset_next_ns, service->rules.reset_rate,
		    max - (uint32_t)count);
	if (count < max)
		subject->reset_rest_ns = now_ns + rest_ns(&service->rules);
	if (observing)
		service->would_reset_total += count;
	else if (count && order(resets, service, victims, count))
		return;
	subject->resets_unsaid += (uint32_t)count;
	if (count < max && subject->resets_unsaid)
		announce(resets, subject, observing);
}

static void look_at(struct resets *resets, struct subject *subject,
		    uint64_t now_ns)
{
	struct service *service = subject->service;
	uint32_t max;

	if (!is_shut(subject)) {
		subject->reset_rest_ns = 0;
		if (subject->resets_unsaid)
			announce(resets, subject,
				 service->policy->mode != WEIR_MODE_ENFORCE);
		return;
	}
	if (now_ns < subject->reset_rest_ns)
		return;
	max = pace_take(&service->reset_next_ns, service->rules.reset_rate,
			RESETTER_BATCH_MAX, now_ns);
	if (max)
		reset_some(resets, subject, max, now_ns);
}

void reset_tick(struct resets *resets, uint64_t now_ns)
{
	struct registry *registry = resets->registry;

	take_results(resets);
	for (uint32_t slot = 1; slot < registry->plane->services_max; slot++) {
		struct service *service = registry->services[slot];

		if (!service || !service->policy ||
		    service->rules.established == WEIR_ESTABLISHED_KEEP ||
		    (service->policy->mode == WEIR_MODE_ENFORCE &&
		     !registry->plane->reset_works))
			continue;
		look_at(resets, &service->subject, now_ns);
		for (size_t i = 0; i < service->endpoint_count; i++)
			look_at(resets, service->endpoints[i], now_ns);
	}
}
