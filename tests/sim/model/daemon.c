/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * daemon.c - see daemon.h.
 */
#include "tests/sim/model/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "agent/audit.h"
#include "agent/clients.h"
#include "agent/publish.h"
#include "tests/sim/model/host.h"
#include "tests/sim/model/maps.h"

/* As in agent/loop.c. */
#define TICKS_AUDIT	  20u
#define TICKS_AUDIT_EAGER 2u
#define TICKS_HEARTBEAT	  2u
#define TICKS_SECOND	  10u
#define TICKS_SCAN	  50u

/* Read-only data of the programs, which the agent sets before loading. */
uint32_t weir_services_max, weir_send_hook, weir_turn_hook;

/* ---- in place of agent/dataplane.c and agent/events.c --------------------------------- */

int dataplane_audit(struct dataplane *plane)
{
	memset(plane->recounts, 0,
	       dataplane_subjects_max(plane) * sizeof(*plane->recounts));
	host_audit();
	return 0;
}

int dataplane_adopt(struct dataplane *plane)
{
	(void)plane;
	return 0;
}

void events_add(struct events *events, struct snapshot_event *event)
{
	(void)events, (void)event;
}

void events_say(struct events *events, enum snapshot_event_type type,
		const char *service, const char *format, ...)
{
	(void)events, (void)type, (void)service, (void)format;
}

/* ---- its life ---------------------------------------------------------------------------- */

static void beat(struct daemon *d)
{
	d->plane.control->heartbeat_ns = host_now_ns;
}

static void map_plane(struct dataplane *plane)
{
	plane->control = maps_memory(MAP_CONTROL);
	plane->verdicts = maps_memory(MAP_VERDICT);
	plane->subjects = maps_memory(MAP_SUBJECT);
	plane->hists = maps_memory(MAP_HIST);
	plane->recounts = maps_memory(MAP_RECOUNT);
	plane->rule_fd = MAP_RULE;
	plane->client_fd = MAP_CLIENT;
	plane->service_fd = MAP_SERVICE;
	plane->stat_fd = MAP_STAT;
	plane->endpoint_fd = MAP_ENDPOINT;
	plane->free_fd = MAP_FREE;
	plane->fault_fd = MAP_FAULT;
}

void daemon_start(struct daemon *d, const struct weir_policies *policies,
		  uint64_t seed)
{
	map_plane(&d->plane);
	weir_services_max = d->plane.services_max;
	weir_send_hook = d->plane.send_hook;
	weir_turn_hook = 1;
	memset(&d->registry, 0, sizeof(d->registry));
	if (registry_open(&d->registry, &d->plane, host_now_ns))
		abort();
	d->decide = (struct decide){.registry = &d->registry, .seed = seed};
	d->running = true;
	beat(d);
	daemon_apply(d, policies);
}

void daemon_kill(struct daemon *d)
{
	if (!d->running)
		return;
	registry_close(&d->registry);
	compiled_free(d->compiled);
	d->compiled = NULL;
	d->running = false;
	d->plane.adopted = true;
}

static void publish_verdicts(struct daemon *d)
{
	for (uint32_t id = 0; id < dataplane_subjects_max(&d->plane); id++)
		if (d->registry.subjects[id])
			decide_publish(&d->decide, d->registry.subjects[id],
				       host_now_ns);
}

void daemon_apply(struct daemon *d, const struct weir_policies *policies)
{
	struct registry_moment now = {&d->registry, host_now_ns};
	const struct clients nobody = {0};
	struct weir_errors errors = {0};
	struct compiled *compiled;

	if (compile_policies(&compiled, &errors, policies, registry_slot,
			     &now) ||
	    publish_fill(&d->registry, compiled, &nobody))
		abort();
	publish_flip(&d->plane, compiled);
	registry_bind(&d->registry, policies, host_now_ns);
	publish_verdicts(d);
	compiled_free(d->compiled);
	d->compiled = compiled;
}

/* ---- its loop ------------------------------------------------------------------------------ */

static void look(struct daemon *d, struct subject *subject)
{
	if (!subject || subject->retired_ns)
		return;
	decide_step(&d->decide, subject, host_now_ns);
	d->looked(d->ctx, subject);
}

static void meet(struct daemon *d, const struct weir_event *event)
{
	struct subject *subject = registry_endpoint(
		&d->registry, &event->key, event->subject, host_now_ns);

	if (subject)
		d->met(d->ctx, subject);
}

void daemon_drain(struct daemon *d)
{
	struct weir_event event;

	while (d->running && host_event(&event)) {
		if (event.type == WEIR_EVENT_ENDPOINT)
			meet(d, &event);
		/* Who was turned away is only told, and decides nothing. */
		else if (event.type != WEIR_EVENT_DENIED &&
			 event.type != WEIR_EVENT_FULL)
			look(d, d->registry.subjects[event.subject]);
	}
}

static void audit(struct daemon *d)
{
	if (d->tick % TICKS_AUDIT &&
	    (d->tick % TICKS_AUDIT_EAGER ||
	     (d->plane.send_hook && !decide_wants_audit(&d->decide))))
		return;
	audit_run(&d->registry, NULL);
	d->audited(d->ctx);
}

static void every_second(struct daemon *d)
{
	if (host_events_lost != d->lost_seen || d->tick % TICKS_SCAN == 0)
		registry_scan(&d->registry, host_now_ns);
	d->lost_seen = host_events_lost;
	registry_sweep(&d->registry, host_now_ns);
}

static void tell_looks(struct daemon *d)
{
	for (uint32_t slot = 0; slot < d->plane.services_max; slot++) {
		struct service *service = d->registry.services[slot];

		if (!service)
			continue;
		d->looked(d->ctx, &service->subject);
		for (size_t i = 0; i < service->endpoint_count; i++)
			if (!service->endpoints[i]->retired_ns)
				d->looked(d->ctx, service->endpoints[i]);
	}
}

void daemon_tick(struct daemon *d)
{
	d->tick++;
	if (d->tick % TICKS_HEARTBEAT == 0)
		beat(d);
	daemon_drain(d);
	audit(d);
	decide_tick(&d->decide, host_now_ns);
	tell_looks(d);
	if (d->tick % TICKS_SECOND == 0)
		every_second(d);
}
