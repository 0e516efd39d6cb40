/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * registry.c - see registry.h. Slots and services; endpoints are next door.
 */
#include "agent/registry.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/core/compile.h"
#include "agent/endpoints.h"
#include "agent/sample.h"

#define OBSERVED_NAME "_observed"

/* Thresholds that no sample reaches: for subjects without a breaker. */
static const struct policy_breaker neutral = {
	.window_ns = 10 * NS_PER_S,
	.window_buckets = 10,
	.calls_min = UINT32_MAX,
	.failures_min = UINT32_MAX,
	.failure_rate = 100,
	.slow_rate = 100,
	.wait_initial_ns = 5 * NS_PER_S,
	.wait_multiplier = 1,
	.wait_max_ns = 5 * NS_PER_S,
	.probes = 1,
	.half_open_timeout_ns = 10 * NS_PER_S,
	.ejection_max = 100,
};

static struct service *service_new(struct registry *registry, uint32_t slot,
				   const char *name, uint64_t now_ns)
{
	struct service *service = calloc(1, sizeof(*service));

	if (!service)
		return NULL;
	service->slot = slot;
	snprintf(service->name, sizeof(service->name), "%s", name);
	service->rules = neutral;
	service->slice_shift = 17;
	service->subject.id = slot;
	service->subject.service = service;
	snprintf(service->subject.name, sizeof(service->subject.name), "%s",
		 name);
	breaker_init(&service->subject.breaker, &service->rules, now_ns);
	registry->services[slot] = service;
	registry->subjects[slot] = &service->subject;
	return service;
}

/* The names an earlier agent gave to the slots. */
static void restore_services(struct registry *registry, uint64_t now_ns)
{
	struct dataplane *plane = registry->plane;
	uint32_t parity = plane->control->generation & 1;

	for (uint32_t slot = 1; slot < plane->services_max; slot++) {
		uint32_t index = slot * 2 + parity;
		struct weir_service record;
		struct service *service;

		if (bpf_map_lookup_elem(plane->service_fd, &index, &record) ||
		    !record.name[0])
			continue;
		record.name[WEIR_NAME_BYTES - 1] = '\0';
		service = service_new(registry, slot, record.name, now_ns);
		if (!service)
			continue;
		service->slice_shift = record.slice_shift;
		if (record.queue_mask)
			service->queue = (struct queue_ring){
				record.queue_base, record.queue_mask + 1};
		endpoints_restore(plane, &service->subject, now_ns);
	}
}

int registry_open(struct registry *registry, struct dataplane *plane,
		  uint64_t now_ns)
{
	registry->plane = plane;
	registry->services =
		calloc(plane->services_max, sizeof(*registry->services));
	registry->subjects = calloc(dataplane_subjects_max(plane),
				    sizeof(*registry->subjects));
	if (!registry->services || !registry->subjects ||
	    !service_new(registry, WEIR_SLOT_OBSERVED, OBSERVED_NAME, now_ns))
		return -ENOMEM;
	if (plane->adopted)
		restore_services(registry, now_ns);
	registry_scan(registry, now_ns);
	registry->opened = true;
	return 0;
}

static void service_free(struct service *service)
{
	if (!service)
		return;
	for (size_t i = 0; i < service->endpoint_count; i++)
		endpoints_free(service->endpoints[i]);
	free(service->endpoints);
	snapshot_free_full(service->full);
	free(service);
}

void registry_close(struct registry *registry)
{
	for (uint32_t i = 0;
	     registry->services && i < registry->plane->services_max; i++)
		service_free(registry->services[i]);
	free(registry->services);
	free(registry->subjects);
	registry->services = NULL;
	registry->subjects = NULL;
}

static struct service *find_service(struct registry *registry, const char *name)
{
	for (uint32_t slot = 1; slot < registry->plane->services_max; slot++)
		if (registry->services[slot] &&
		    !strcmp(registry->services[slot]->name, name))
			return registry->services[slot];
	return NULL;
}

uint32_t registry_slot(void *ctx, const char *name)
{
	const struct registry_moment *moment = ctx;
	struct registry *registry = moment->registry;
	struct service *service = find_service(registry, name);

	if (service)
		return service->slot;
	for (uint32_t slot = 1; slot < registry->plane->services_max; slot++)
		if (!registry->services[slot])
			return service_new(registry, slot, name, moment->now_ns)
				       ? slot
				       : WEIR_NONE;
	return WEIR_NONE;
}

/*
 * The kernel's ring is in units of the old slice length: what is in it moves
 * to `older`, where calls of unknown age are.
 */
static void forget_slices(struct registry *registry, struct subject *subject,
			  uint64_t now_ns)
{
	struct weir_subject *k = &registry->plane->subjects[subject->id];

	for (uint32_t i = 0; i < WEIR_SLICES; i++) {
		uint64_t word =
			__atomic_exchange_n(&k->slices[i], 0, __ATOMIC_ACQ_REL);

		__atomic_fetch_add(&k->older, (int64_t)(uint32_t)word,
				   __ATOMIC_RELAXED);
	}
	sample_refresh(subject, k, now_ns);
}

/* New thresholds; a breaker that moved elsewhere leaves nothing open here. */
static void reconfigure(struct registry *registry, struct subject *subject,
			uint64_t now_ns)
{
	const struct weir_subject *k = &registry->plane->subjects[subject->id];
	struct breaker *breaker = &subject->breaker;
	bool forced = breaker->state == WEIR_STATE_FORCED_OPEN ||
		      breaker->state == WEIR_STATE_FORCED_CLOSED;

	if (!registry_has_breaker(subject) && !forced &&
	    breaker->state != WEIR_STATE_CLOSED) {
		breaker_force(breaker, WEIR_STATE_CLOSED, 0, now_ns);
		/* A new epoch: what was counted before is none of its. */
		sample_rebase(subject, k);
		sample_refresh(subject, k, now_ns);
	}
	breaker_configure(breaker, registry_rules(subject), now_ns);
}

static void rebind(struct registry *registry, struct service *service,
		   const struct weir_policy *policy, uint64_t now_ns)
{
	struct weir_service record = {.slice_shift = 17};

	if (policy)
		record = compile_service(policy);
	service->policy = policy;
	service->rules =
		policy && policy->breaker.set ? policy->breaker : neutral;
	reconfigure(registry, &service->subject, now_ns);
	for (size_t i = 0; i < service->endpoint_count; i++)
		reconfigure(registry, service->endpoints[i], now_ns);
	if (record.slice_shift == service->slice_shift)
		return;
	service->slice_shift = record.slice_shift;
	forget_slices(registry, &service->subject, now_ns);
	for (size_t i = 0; i < service->endpoint_count; i++)
		forget_slices(registry, service->endpoints[i], now_ns);
}

static const struct weir_policy *
find_policy(const struct weir_policies *policies, const char *name)
{
	for (size_t i = 0; i < policies->count; i++)
		if (!strcmp(policies->items[i]->name, name) &&
		    policies->items[i]->mode != WEIR_MODE_DISABLED)
			return policies->items[i];
	return NULL;
}

/* Its policy is gone: verdicts are lifted, nothing is held against anybody. */
static void drain(struct registry *registry, struct service *service,
		  uint64_t now_ns)
{
	struct dataplane *plane = registry->plane;

	breaker_force(&service->subject.breaker, WEIR_STATE_CLOSED, 0, now_ns);
	__atomic_store_n(&plane->verdicts[service->slot].word, 0,
			 __ATOMIC_RELEASE);
	for (size_t i = 0; i < service->endpoint_count; i++)
		endpoints_retire(plane, service->endpoints[i], now_ns);
}

void registry_bind(struct registry *registry,
		   const struct weir_policies *policies, uint64_t now_ns)
{
	for (uint32_t slot = 1; slot < registry->plane->services_max; slot++) {
		struct service *service = registry->services[slot];
		const struct weir_policy *policy;

		if (!service)
			continue;
		policy = find_policy(policies, service->name);
		rebind(registry, service, policy, now_ns);
		if (policy)
			registry_list(registry, service, now_ns);
		else
			drain(registry, service, now_ns);
	}
}

const struct policy_breaker *registry_rules(const struct subject *subject)
{
	return registry_has_breaker(subject) ? &subject->service->rules
					     : &neutral;
}

bool registry_has_breaker(const struct subject *subject)
{
	const struct service *service = subject->service;

	if (!service->policy || !service->policy->breaker.set ||
	    subject->retired_ns)
		return false;
	return subject->is_endpoint ==
	       (service->rules.scope == WEIR_SCOPE_ENDPOINT);
}

struct subject *registry_find(struct registry *registry, const char *name)
{
	struct service *service = find_service(registry, name);
	struct subject *best = NULL;

	if (service)
		return &service->subject;
	for (uint32_t id = registry->plane->services_max;
	     id < dataplane_subjects_max(registry->plane); id++) {
		struct subject *subject = registry->subjects[id];

		if (!subject || subject->retired_ns ||
		    strcmp(subject->name, name))
			continue;
		/* A policy's endpoint before one that is merely observed. */
		if (!best || best->service->slot == WEIR_SLOT_OBSERVED)
			best = subject;
	}
	return best;
}

/* A service without policy and without a socket gives its slot back. */
static void release_service(struct registry *registry, struct service *service)
{
	struct dataplane *plane = registry->plane;
	uint32_t slot = service->slot;

	if (service->policy || service->endpoint_count ||
	    plane->subjects[slot].in_use)
		return;
	memset(&plane->subjects[slot], 0, sizeof(plane->subjects[slot]));
	memset(&plane->verdicts[slot], 0, sizeof(plane->verdicts[slot]));
	registry->services[slot] = NULL;
	registry->subjects[slot] = NULL;
	service_free(service);
}

void registry_sweep(struct registry *registry, uint64_t now_ns)
{
	for (uint32_t slot = 0; slot < registry->plane->services_max; slot++) {
		struct service *service = registry->services[slot];

		if (!service)
			continue;
		endpoints_sweep(registry, service, now_ns);
		if (slot != WEIR_SLOT_OBSERVED)
			release_service(registry, service);
	}
}
