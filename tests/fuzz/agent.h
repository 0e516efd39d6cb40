/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent.h - the whole agent on maps in ordinary memory, for targets that feed
 * it. Its store is a directory of its own, empty again for each input.
 */
#pragma once

#include <sys/stat.h>

#include "agent/apply.h"
#include "agent/clock.h"
#include "agent/control.h"
#include "agent/loop.h"
#include "agent/report.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/plane.h"
#include "weir/words.h"

/* ---- in place of agent/dataplane.c ------------------------------------------- */

int dataplane_need(struct dataplane *plane, enum dataplane_extra extra,
		   bool needed)
{
	plane->attached[extra] = needed;
	return 0;
}

int dataplane_audit(struct dataplane *plane)
{
	memset(plane->recounts, 0, PLANE_SUBJECTS * sizeof(*plane->recounts));
	return 0;
}

int dataplane_adopt(struct dataplane *plane)
{
	(void)plane;
	return 0;
}

int dataplane_select(struct dataplane *plane, const struct weir_select *ask,
		     struct weir_victim *out, size_t *count)
{
	(void)plane, (void)ask, (void)out;
	*count = 0;
	return 0;
}

/* One of a stranger's, as the kernel would list it. */
int dataplane_holders(struct dataplane *plane, struct weir_holder *out,
		      size_t *count)
{
	const struct weir_look *look = plane->look;

	*count = look->max && look->subject < PLANE_SUBJECTS;
	if (*count)
		*out = (struct weir_holder){.slot = 1, .endpoint = WEIR_NONE};
	return 0;
}

int dataplane_find_owners(struct dataplane *plane)
{
	(void)plane;
	return 0;
}

int dataplane_stat(struct dataplane *plane, uint32_t slot,
		   struct weir_stat *out)
{
	(void)plane;
	memcpy(out, maps_find(MAP_STAT, &slot), sizeof(*out));
	return 0;
}

void dataplane_faults(struct dataplane *plane, uint64_t out[WEIR_FAULT_COUNT])
{
	(void)plane;
	memset(out, 0, WEIR_FAULT_COUNT * sizeof(out[0]));
}

size_t dataplane_programs(struct dataplane *plane, struct snapshot_program *out,
			  size_t max)
{
	(void)plane, (void)out, (void)max;
	return 0;
}

size_t dataplane_maps(struct dataplane *plane, struct snapshot_map *out,
		      size_t max)
{
	(void)plane, (void)out, (void)max;
	return 0;
}

size_t dataplane_features(struct dataplane *plane, struct snapshot_feature *out,
			  size_t max)
{
	(void)plane, (void)out, (void)max;
	return 0;
}

/* ---- its life ------------------------------------------------------------------ */

static struct agent fuzz_agent;
static struct dataplane fuzz_plane;
static struct weir_look fuzz_look;
static struct weir_waiter fuzz_waiters[WEIR_WAITERS_MAX];
static char fuzz_directory[96];
static const char *const fuzz_dirs[] = {fuzz_directory};

static void fuzz_clear_store(void)
{
	const struct store *store = &fuzz_agent.store;

	unlink(store->applied);
	unlink(store->accepted);
	unlink(store->overrides);
}

static void fuzz_remove_directory(void)
{
	char path[160];

	fuzz_clear_store();
	snprintf(path, sizeof(path), "%s/policies.yaml", fuzz_directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/state/applied", fuzz_directory);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/state", fuzz_directory);
	rmdir(path);
	rmdir(fuzz_directory);
}

static void fuzz_make_directory(void)
{
	char path[160];

	fuzz_directory_make(fuzz_directory, sizeof(fuzz_directory));
	atexit(fuzz_remove_directory);
	snprintf(path, sizeof(path), "%s/policies.yaml", fuzz_directory);
	FILE *file = fopen(path, "we");

	if (!file || fputs(PLANE_POLICIES, file) < 0 || fclose(file))
		abort();
	snprintf(path, sizeof(path), "%s/state", fuzz_directory);
	if (store_open(&fuzz_agent.store, fuzz_dirs, 1, path))
		abort();
}

static struct agent *fuzz_agent_start(void)
{
	struct agent *agent = &fuzz_agent;
	uint64_t now_ns = clock_monotonic_ns();

	if (!fuzz_directory[0])
		fuzz_make_directory();
	*agent = (struct agent){
		.store = agent->store,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.cgroup = "/nonexistent",
		.cgroup_root = "/nonexistent",
		.plane = &fuzz_plane,
		.resetter.fd = -1,
		.started_ns = now_ns,
	};
	fuzz_clear_store();
	plane_map(&fuzz_plane);
	fuzz_plane.look = &fuzz_look;
	fuzz_plane.waiters = fuzz_waiters;
	holders_open(&agent->holders, &fuzz_plane, "/nonexistent");
	if (events_open(&agent->events) ||
	    registry_open(&agent->registry, &fuzz_plane, now_ns))
		abort();
	agent->decide = (struct decide){
		.registry = &agent->registry,
		.events = agent->events,
		.seed = 1,
	};
	agent->resets = (struct resets){
		.registry = &agent->registry,
		.events = agent->events,
		.resetter = &agent->resetter,
	};
	if (apply_start(agent))
		abort();
	agent->ready = true;
	return agent;
}

static void fuzz_agent_stop(struct agent *agent)
{
	holders_close(&agent->holders);
	registry_close(&agent->registry);
	compiled_free(agent->compiled);
	policy_set_free(agent->set);
	clients_clear(&agent->clients);
	overrides_clear(&agent->overrides);
	events_close(agent->events);
	maps_close();
}

/* ---- what must hold of it ---------------------------------------------------------- */

static void fuzz_check_subject(const struct registry *registry, uint32_t id)
{
	const struct subject *subject = registry->subjects[id];
	const struct weir_verdict *verdict = &registry->plane->verdicts[id];
	size_t listed = 0;

	demand(verdict_gate(verdict->word) <= WEIR_GATE_FORCED);
	if (!subject)
		return;
	demand(subject->id == id);
	demand(subject->is_endpoint == (id >= PLANE_SERVICES));
	demand(subject->breaker.state < WEIR_STATE_COUNT);
	demand(subject->breaker.level <= BREAKER_LEVEL_MAX);
	demand(registry->services[subject->service->slot] == subject->service);
	for (size_t i = 0; i < subject->service->endpoint_count; i++)
		listed += subject->service->endpoints[i] == subject;
	demand(listed == subject->is_endpoint);
}

static inline void fuzz_check_registry(const struct registry *registry)
{
	size_t endpoints = 0;

	for (uint32_t id = 0; id < PLANE_SUBJECTS; id++) {
		fuzz_check_subject(registry, id);
		endpoints += id >= PLANE_SERVICES && registry->subjects[id];
	}
	demand(endpoints == registry->endpoint_count);
}
