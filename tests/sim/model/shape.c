/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shape.c - what a seed's world looks like; see world.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "tests/sim/model/world.h"

#define ADDRESS	    0x0a000000u /* 10.0.0.0 */
#define LARGE_EVERY 500u	/* seeds: one with thousands of endpoints */
#define LISTED_MAX  16u

/* ---- policies --------------------------------------------------------------------- */

static void draw_window(struct policy_breaker *b, struct random *r)
{
	static const uint32_t rates[] = {10, 25, 50, 75, 100};
	static const uint32_t rows[] = {0, 0, 1, 2, 3, 5, 8};

	b->window_ns = random_between(r, 20, 200) * 10 * MS_NS;
	b->window_buckets = (uint32_t)random_between(r, 1, 12);
	b->calls_min = (uint32_t)random_between(r, 1, 10);
	b->failures_min = (uint32_t)random_between(r, 1, b->calls_min);
	b->failure_rate = random_pick(r, rates);
	b->slow_rate = random_pick(r, rates);
	b->consecutive = random_pick(r, rows);
}

static void draw_slow(struct policy_breaker *b, struct random *r)
{
	static const uint64_t slow_ms[] = {0, 0, 10, 50, 100, 400, 1200};

	b->slow_ns = random_pick(r, slow_ms) * MS_NS;
}

static void draw_waits(struct policy_breaker *b, struct random *r)
{
	static const double multipliers[] = {1, 1.5, 2, 3};
	static const double jitters[] = {0, 0.2, 1};
	static const uint32_t probes[] = {1, 1, 2, 3, 10};

	b->wait_initial_ns = random_between(r, 5, 60) * 10 * MS_NS;
	b->wait_multiplier = random_pick(r, multipliers);
	b->wait_max_ns = b->wait_initial_ns * random_between(r, 1, 5);
	b->wait_jitter = random_pick(r, jitters);
	b->probes = random_pick(r, probes);
	b->half_open_timeout_ns = random_between(r, 2, 20) * 100 * MS_NS;
}

static void draw_guards(struct policy_breaker *b, struct random *r)
{
	static const uint32_t ejections[] = {1, 10, 34, 50, 100};
	static const uint32_t panics[] = {0, 0, 30, 50, 80};

	b->ejection_max = random_pick(r, ejections);
	b->panic_threshold = random_pick(r, panics);
}

static void draw_bulkhead(struct policy_bulkhead *b, struct random *r)
{
	b->set = random_chance(r, 25);
	b->connections_max = random_chance(r, 70)
				     ? (uint32_t)random_between(r, 1, 12)
				     : WEIR_NONE;
	b->endpoint_connections_max =
		random_chance(r, 50) ? (uint32_t)random_between(r, 1, 5)
				     : WEIR_NONE;
}

void shape_redraw(struct weir_policy *policy, struct random *r, bool twin)
{
	struct policy_breaker *b = &policy->breaker;

	b->set = random_chance(r, 90);
	if (random_chance(r, 50))
		draw_window(b, r);
	if (random_chance(r, 30))
		draw_slow(b, r);
	if (random_chance(r, 30))
		draw_guards(b, r);
	if (random_chance(r, 30))
		draw_waits(b, r);
	if (random_chance(r, 30))
		draw_bulkhead(&policy->bulkhead, r);
	if (random_chance(r, 10))
		b->scope = b->scope == WEIR_SCOPE_ENDPOINT
				   ? WEIR_SCOPE_SERVICE
				   : WEIR_SCOPE_ENDPOINT;
	if (twin)
		b->wait_jitter = 0;
	else if (random_chance(r, 20))
		policy->mode = policy->mode == WEIR_MODE_ENFORCE
				       ? WEIR_MODE_OBSERVE
				       : WEIR_MODE_ENFORCE;
}

static void draw_policy(struct weir_policy *policy, struct random *r)
{
	static char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
	struct policy_breaker *b = &policy->breaker;

	policy->name = random_pick(r, names);
	policy->mode =
		random_chance(r, 75) ? WEIR_MODE_ENFORCE : WEIR_MODE_OBSERVE;
	b->set = true;
	b->scope =
		random_chance(r, 70) ? WEIR_SCOPE_ENDPOINT : WEIR_SCOPE_SERVICE;
	b->refuse_errno = ECONNREFUSED;
	draw_window(b, r);
	draw_slow(b, r);
	draw_waits(b, r);
	draw_guards(b, r);
	draw_bulkhead(&policy->bulkhead, r);
}

/* ---- servers ---------------------------------------------------------------------------- */

static void draw_moods(struct shape *shape, struct server *server,
		       struct random *r)
{
	uint64_t at_ns = WORLD_START_NS;

	server->moods[0] = (struct mood_change){at_ns, MOOD_FINE};
	server->mood_count = 1;
	if (random_chance(r, 30))
		server->moods[0].mood = random_below(r, MOOD_COUNT);
	while (server->mood_count < WORLD_MOODS_MAX) {
		at_ns += random_between(r, 1, shape->chaos_ns / MS_NS / 2) *
			 MS_NS;
		if (at_ns >= WORLD_START_NS + shape->chaos_ns)
			break;
		server->moods[server->mood_count++] = (struct mood_change){
			at_ns,
			random_chance(r, 40) ? MOOD_FINE
					     : random_below(r, MOOD_COUNT),
		};
	}
}

enum mood shape_mood(const struct server *server, uint64_t now_ns)
{
	uint32_t i = server->mood_count - 1;

	while (i > 0 && server->moods[i].at_ns > now_ns)
		i--;
	return server->moods[i].mood;
}

/* Servers by address, or the network they are in. */
static void draw_destinations(struct shape *shape, uint32_t service,
			      uint32_t first, uint32_t count, struct random *r)
{
	struct weir_policy *policy = &shape->policies[service];
	bool listed = count <= LISTED_MAX && random_chance(r, 50);

	policy->destinations = &shape->destinations[service * LISTED_MAX];
	policy->destination_count = listed ? count : 1;
	for (uint32_t i = 0; i < policy->destination_count; i++) {
		struct policy_destination *to = &policy->destinations[i];
		uint32_t address = shape->servers[first + i].address;

		to->address[10] = to->address[11] = 0xff;
		to->address[12] = (uint8_t)(address >> 24);
		to->address[13] = (uint8_t)(address >> 16);
		to->address[14] = listed ? (uint8_t)(address >> 8) : 0;
		to->address[15] = listed ? (uint8_t)address : 0;
		to->prefix = listed ? 128 : 112;
		to->ports[0] = (struct policy_ports){WORLD_PORT, WORLD_PORT};
		to->port_count = 1;
	}
}

static uint32_t draw_server_count(struct random *r, bool large)
{
	static const uint32_t counts[] = {1, 1, 2, 3, 3, 4, 6, 11};

	return large ? (uint32_t)random_between(r, 1000, 3000)
		     : random_pick(r, counts);
}

static void draw_service(struct shape *shape, uint32_t service, bool large,
			 struct random *r)
{
	static char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
	uint32_t first = shape->server_count;
	uint32_t count = draw_server_count(r, large && service == 0);

	draw_policy(&shape->policies[service], r);
	shape->policies[service].name = names[service];
	for (uint32_t i = 0; i < count; i++) {
		struct server *server = &shape->servers[first + i];

		server->service = service;
		server->address = ADDRESS + (service << 16) + i + 1;
		draw_moods(shape, server, r);
	}
	shape->server_count += count;
	draw_destinations(shape, service, first, count, r);
}

/* ---- faults -------------------------------------------------------------------------------- */

static uint64_t draw_length(enum fault fault, struct random *r)
{
	if (fault == FAULT_JUMP && random_chance(r, 10))
		return random_between(r, 200, 900) * NS_PER_S;
	if (fault == FAULT_KILL && random_chance(r, 50))
		return random_between(r, 1, 500) * MS_NS;
	return random_between(r, 1, 4500) * MS_NS;
}

static void draw_faults(struct shape *shape, struct random *r)
{
	shape->fault_count = (uint32_t)random_below(r, WORLD_FAULTS_MAX);
	if (random_chance(r, 30))
		shape->fault_count = 0;
	for (uint32_t i = 0; i < shape->fault_count; i++) {
		enum fault fault = random_below(r, FAULT_COUNT);

		shape->faults[i] = (struct fault_plan){
			.fault = fault,
			.at_ns = WORLD_START_NS +
				 random_below(r, shape->chaos_ns),
			.for_ns = draw_length(fault, r),
			.detail = random_next(r),
		};
	}
}

/* ---- the whole -------------------------------------------------------------------------------- */

/* After this long every breaker is closed, whatever went before. */
static uint64_t heal_time(const struct shape *shape)
{
	/* The longest that draw_waits() makes, with twice the jitter. */
	(void)shape;
	return 16 * NS_PER_S;
}

static void draw_sizes(struct shape *shape, struct random *r, bool large)
{
	shape->service_count = random_chance(r, 15)
				       ? (uint32_t)random_between(r, 3, 6)
				       : (uint32_t)random_between(r, 1, 2);
	shape->client_count = large ? 2000 : (uint32_t)random_between(r, 2, 12);
	shape->pause_ns = random_between(r, 30, 300) * MS_NS;
	shape->chaos_ns = random_between(r, 15, 60) * 100 * MS_NS;
	if (large) {
		shape->service_count = 1;
		shape->pause_ns = 1500 * MS_NS;
		shape->chaos_ns = 3 * NS_PER_S;
	}
	shape->endpoints_max = large ? 4096 : 80;
	shape->sockets_max = large ? 16384 : 512;
}

void shape_make(struct shape *shape, uint64_t seed)
{
	struct random r = {random_mix(seed)};
	bool large = seed % LARGE_EVERY == LARGE_EVERY - 1;

	memset(shape, 0, sizeof(*shape));
	shape->seed = seed;
	draw_sizes(shape, &r, large);
	shape->servers = calloc(shape->endpoints_max, sizeof(*shape->servers));
	shape->destinations = calloc((size_t)WORLD_SERVICES_MAX * LISTED_MAX,
				     sizeof(*shape->destinations));
	if (!shape->servers || !shape->destinations)
		abort();
	for (uint32_t i = 0; i < shape->service_count; i++)
		draw_service(shape, i, large, &r);
	draw_faults(shape, &r);
	shape->heal_ns = heal_time(shape);
	shape->hint_ns = random_chance(&r, 60)
				 ? 0
				 : random_between(&r, 1, 3000) * NS_PER_US;
	shape->untraced = random_chance(&r, 20) ? 10 : 0;
	shape->old_kernel = random_chance(&r, 15);
	shape->state_early = random_chance(&r, 50);
}

void shape_twin(struct shape *shape, enum weir_mode mode)
{
	shape->twin = true;
	shape->hint_ns = 0;
	for (uint32_t i = 0; i < shape->service_count; i++) {
		shape->policies[i].mode = mode;
		shape->policies[i].breaker.wait_jitter = 0;
	}
}

void shape_clear(struct shape *shape)
{
	free(shape->servers);
	free(shape->destinations);
	memset(shape, 0, sizeof(*shape));
}

void shape_print(const struct shape *shape)
{
	printf("%u services, %u servers, %u clients%s, hints %llu us, "
	       "untraced %u %%\n",
	       shape->service_count, shape->server_count, shape->client_count,
	       shape->old_kernel ? ", old kernel" : "",
	       (unsigned long long)(shape->hint_ns / NS_PER_US),
	       shape->untraced);
	for (uint32_t i = 0; i < shape->service_count; i++) {
		const struct weir_policy *p = &shape->policies[i];
		const struct policy_breaker *b = &p->breaker;

		printf("%s: %s, %s; window %.2f s in %u, calls %u, failures "
		       "%u, %u %%, row %u; slow %.3f s, %u %%; wait %.2f s * "
		       "%.1f <= %.2f s, jitter %.1f; probes %u in %.1f s; "
		       "eject %u %%, panic %u %%; bulkhead %d: %d, %d\n",
		       p->name,
		       p->mode == WEIR_MODE_ENFORCE ? "enforce" : "observe",
		       b->scope == WEIR_SCOPE_ENDPOINT ? "endpoint" : "service",
		       (double)b->window_ns / 1e9, b->window_buckets,
		       b->calls_min, b->failures_min, b->failure_rate,
		       b->consecutive, (double)b->slow_ns / 1e9, b->slow_rate,
		       (double)b->wait_initial_ns / 1e9, b->wait_multiplier,
		       (double)b->wait_max_ns / 1e9, b->wait_jitter, b->probes,
		       (double)b->half_open_timeout_ns / 1e9, b->ejection_max,
		       b->panic_threshold, p->bulkhead.set,
		       (int)p->bulkhead.connections_max,
		       (int)p->bulkhead.endpoint_connections_max);
	}
}
