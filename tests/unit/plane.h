/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plane.h - a registry of services on maps in ordinary memory.
 *
 * What the kernel would write is written by the test; tests/sim/model/maps.c
 * takes the place of libbpf's map calls.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "agent/decide.h"
#include "common/error.h"
#include "tests/sim/model/maps.h"

#define PLANE_SERVICES	4u
#define PLANE_ENDPOINTS 16u
#define PLANE_SUBJECTS	(PLANE_SERVICES + PLANE_ENDPOINTS)

/* A service with a breaker for each endpoint, and one with a single breaker. */
#define PLANE_POLICIES                                                         \
	"apiVersion: weir/v1\nkind: ResiliencePolicy\n"                        \
	"metadata: {name: orders}\nspec:\n  mode: enforce\n"                   \
	"  service: {destinations: [{address: 10.0.8.0/24, ports: [5432]}]}\n" \
	"  circuitBreaker:\n    consecutiveFailures: 3\n"                      \
	"    minimumNumberOfCalls: 5\n    slowCallDurationThreshold: 500ms\n"  \
	"    waitDurationInOpenState: {initial: 5s, jitter: 0}\n"              \
	"    onOpen: {establishedConnections: resetStuck, resetRate: 50}\n"    \
	"  bulkhead: {maxConnections: 10}\n"                                   \
	"---\n"                                                                \
	"apiVersion: weir/v1\nkind: ResiliencePolicy\n"                        \
	"metadata: {name: search}\nspec:\n  mode: observe\n"                   \
	"  service: {destinations: [{address: 10.0.9.1, ports: [80]}]}\n"      \
	"  circuitBreaker:\n    scope: service\n    consecutiveFailures: 3\n"  \
	"    onOpen: {establishedConnections: resetAll, resetRate: 10}\n"

static inline void plane_map(struct dataplane *plane)
{
	static struct weir_waiter waiters[WEIR_WAITERS_MAX];

	maps_open(PLANE_SERVICES, PLANE_ENDPOINTS);
	*plane = (struct dataplane){
		.cgroup_fd = -1,
		.services_max = PLANE_SERVICES,
		.endpoints_max = PLANE_ENDPOINTS,
		.send_hook = true,
		.reset_works = true,
		.control = maps_memory(MAP_CONTROL),
		.verdicts = maps_memory(MAP_VERDICT),
		.subjects = maps_memory(MAP_SUBJECT),
		.hists = maps_memory(MAP_HIST),
		.recounts = maps_memory(MAP_RECOUNT),
		.waiters = waiters,
		.rule_fd = MAP_RULE,
		.client_fd = MAP_CLIENT,
		.service_fd = MAP_SERVICE,
		.stat_fd = MAP_STAT,
		.endpoint_fd = MAP_ENDPOINT,
		.free_fd = MAP_FREE,
		.fault_fd = MAP_FAULT,
	};
}

/* Puts policies in force, as far as the registry is concerned. */
static inline void plane_bind(struct registry *registry,
			      struct weir_policies *policies, const char *text,
			      uint64_t now_ns)
{
	struct registry_moment now = {registry, now_ns};
	struct weir_policies parsed = {0};
	struct weir_errors errors = {0};

	if (policies_parse(&parsed, &errors, "test.yaml", text, strlen(text)) ||
	    errors.count)
		abort();
	for (size_t i = 0; i < parsed.count; i++)
		if (registry_slot(&now, parsed.items[i]->name) == WEIR_NONE)
			abort();
	registry_bind(registry, &parsed, now_ns);
	policies_clear(policies);
	*policies = parsed;
}

struct plane {
	struct dataplane plane;
	struct registry registry;
	struct decide decide;
	struct events *events;
	struct weir_policies policies;
};

static inline void plane_open(struct plane *p, const char *policies,
			      uint64_t now_ns)
{
	memset(p, 0, sizeof(*p));
	plane_map(&p->plane);
	if (events_open(&p->events) ||
	    registry_open(&p->registry, &p->plane, now_ns))
		abort();
	p->decide = (struct decide){
		.registry = &p->registry,
		.events = p->events,
		.seed = 1,
	};
	plane_bind(&p->registry, &p->policies, policies, now_ns);
}

static inline void plane_close(struct plane *p)
{
	registry_close(&p->registry);
	policies_clear(&p->policies);
	events_close(p->events);
	maps_close();
}

/* The kernel sees a connect to an address of a service for the first time. */
static inline struct subject *plane_meet(struct registry *registry,
					 const char *service, uint32_t address,
					 uint16_t port, uint64_t now_ns)
{
	const struct subject *of = registry_find(registry, service);
	struct weir_endpoint_key key = {.port = port};
	uint32_t id;

	if (!of || maps_pop(MAP_FREE, &id))
		abort();
	key.slot = of->service->slot;
	key.addr[2] = __builtin_bswap32(0xffff);
	key.addr[3] = __builtin_bswap32(address);
	if (maps_set(MAP_ENDPOINT, &key, &id, 0))
		abort();
	return registry_endpoint(registry, &key, id, now_ns);
}
