/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * world.c - see world.h. Time, and who acts when.
 */
#include "tests/sim/model/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/host.h"
#include "tests/sim/model/maps.h"

#define SERVICES_MAX (WORLD_SERVICES_MAX + 1) /* and slot 0 */
#define LEASE_NS     (3000 * MS_NS)

static const char *const state_words[] = {"closed",	 "open",
					  "half-open",	 "suppressed",
					  "forced-open", "forced-closed"};

/* ---- what people are told ------------------------------------------------------------- */

void world_fail(struct world *world, const char *format, ...)
{
	va_list args;
	int at;

	if (world->wrong[0])
		return;
	at = snprintf(world->wrong, sizeof(world->wrong), "at %.6f s: ",
		      (double)(host_now_ns - WORLD_START_NS) / 1e9);
	va_start(args, format);
	vsnprintf(world->wrong + at, sizeof(world->wrong) - (size_t)at, format,
		  args);
	va_end(args);
}

void world_say(struct world *world, const char *format, ...)
{
	va_list args;

	if (!world->trace)
		return;
	printf("%12.6f ", (double)(host_now_ns - WORLD_START_NS) / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- the queue of events: a heap ---------------------------------------------------------- */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns
				    : a->sequence < b->sequence;
}

static void swap(struct event *a, struct event *b)
{
	struct event c = *a;

	*a = *b;
	*b = c;
}

void world_schedule(struct world *world, uint64_t at_ns, enum event_kind kind,
		    uint32_t index, uint32_t step)
{
	uint32_t i = world->heap_count++;
	struct event *heap;

	if (i == world->heap_max) {
		world->heap_max = world->heap_max * 2 + 256;
		world->heap = realloc(world->heap,
				      world->heap_max * sizeof(*world->heap));
		if (!world->heap)
			abort();
	}
	heap = world->heap;
	heap[i] = (struct event){at_ns, world->sequence++, kind, index, step};
	for (; i && earlier(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&heap[i], &heap[(i - 1) / 2]);
}

static struct event take_next(struct world *world)
{
	struct event *heap = world->heap, next = heap[0];
	uint32_t count = --world->heap_count, i = 0;

	heap[0] = heap[count];
	for (;;) {
		uint32_t least = i;

		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < count &&
			    earlier(&heap[child], &heap[least]))
				least = child;
		if (least == i)
			return next;
		swap(&heap[i], &heap[least]);
		i = least;
	}
}

/* ---- the agent, watched ----------------------------------------------------------------------- */

static void note_move(struct world *world, const struct subject *subject)
{
	const struct breaker *b = &subject->breaker;

	world->epochs[subject->id] = b->epoch;
	if (!b->last.changed)
		return;
	world_say(world, "%s %s: %s -> %s, cause %u (level %u, %.3f s)",
		  subject->service->name,
		  subject->is_endpoint ? subject->name : "",
		  state_words[b->last.from], state_words[b->last.to],
		  b->last.trip, b->level,
		  b->until_ns ? (double)(b->until_ns - host_now_ns) / 1e9 : 0);
	if (world->move_count < WORLD_MOVES_MAX)
		world->moves[world->move_count++] = (struct world_move){
			.at_ns = host_now_ns,
			.slot = subject->service->slot,
			.address =
				subject->is_endpoint ? subject->key.addr[3] : 0,
			.from = b->last.from,
			.to = b->last.to,
			.trip = b->last.trip,
		};
}

static void looked(void *ctx, struct subject *subject)
{
	struct world *world = ctx;
	const char *wrong;

	/* Slot 0 has no breaker, and is not restored. */
	if (world->wrong[0] || subject->id == WEIR_SLOT_OBSERVED)
		return;
	wrong = oracle_look(&world->oracle, subject, host_now_ns);
	if (wrong)
		world_fail(world, "%s %s: %s", subject->service->name,
			   subject->is_endpoint ? subject->name : "", wrong);
	if (subject->breaker.epoch != world->epochs[subject->id])
		note_move(world, subject);
}

static void met(void *ctx, const struct subject *subject)
{
	struct world *world = ctx;

	oracle_meet(&world->oracle, subject, ORACLE_TOLD, host_now_ns);
}

static void audited(void *ctx)
{
	traffic_audited(ctx);
}

static bool agent_is_there(const struct world *world)
{
	return world->daemon.running && host_now_ns >= world->stalled_until_ns;
}

static void drain(struct world *world)
{
	if (agent_is_there(world))
		daemon_drain(&world->daemon);
	world->drain_due = false;
}

static void tick(struct world *world)
{
	const char *wrong;

	if (!world->daemon.running && host_now_ns >= world->dead_until_ns)
		faults_restart(world);
	host_loses_events = host_now_ns < world->lossy_until_ns;
	world->deaf = host_loses_events || !agent_is_there(world);
	world_schedule(world, host_now_ns + DAEMON_TICK_NS, EVENT_TICK, 0, 0);
	if (!agent_is_there(world))
		return;
	daemon_tick(&world->daemon);
	wrong = oracle_tick(&world->oracle, &world->daemon.registry,
			    host_now_ns);
	if (wrong)
		world_fail(world, "%s", wrong);
	faults_sync(world, ORACLE_FOUND);
	world->oracle.heartbeat_ns = world->daemon.plane.control->heartbeat_ns;
}

/* ---- running -------------------------------------------------------------------------------------- */

/* An event in the ring wakes the agent, if it is there, after a while. */
static void wake(struct world *world)
{
	if (world->shape->hint_ns == 0) {
		drain(world);
		return;
	}
	if (world->drain_due)
		return;
	world->drain_due = true;
	world_schedule(world, host_now_ns + world->shape->hint_ns, EVENT_DRAIN,
		       0, 0);
}

static void act(struct world *world, const struct event *event)
{
	switch (event->kind) {
	case EVENT_ARRIVE:
		traffic_arrive(world, event->index);
		break;
	case EVENT_FLOW:
	case EVENT_IMPATIENT:
		traffic_step(world, event->index, event->step,
			     event->kind == EVENT_IMPATIENT);
		break;
	case EVENT_TICK:
		tick(world);
		break;
	case EVENT_DRAIN:
		drain(world);
		break;
	case EVENT_FAULT:
		faults_strike(world, event->index);
		break;
	case EVENT_RELOAD:
		faults_reload(world);
		break;
	case EVENT_HEAL:
		faults_heal(world);
		break;
	}
}

/* Every breaker is closed: no need to wait for longer. */
static bool healed(const struct world *world)
{
	for (uint32_t id = 0; id < world->oracle.subjects_max; id++) {
		const struct subject *subject =
			world->daemon.registry.subjects[id];

		if (subject && !subject->retired_ns &&
		    subject->breaker.state != WEIR_STATE_CLOSED)
			return false;
	}
	return world->daemon.running;
}

static void must_be_closed(struct world *world)
{
	for (uint32_t id = 0; id < world->oracle.subjects_max; id++) {
		const struct subject *subject =
			world->daemon.registry.subjects[id];

		if (subject && !subject->retired_ns &&
		    subject->breaker.state != WEIR_STATE_CLOSED)
			world_fail(world,
				   "%s: still %s after %.1f s of healthy "
				   "traffic",
				   subject->name,
				   state_words[subject->breaker.state],
				   (double)world->shape->heal_ns / 1e9);
	}
}

void world_run(struct world *world)
{
	while (!world->wrong[0]) {
		struct event event = take_next(world);

		if (event.at_ns > host_now_ns)
			host_now_ns = event.at_ns;
		if (world->healing &&
		    (host_now_ns >= world->end_ns ||
		     (event.kind == EVENT_TICK && healed(world))))
			break;
		act(world, &event);
		wake(world);
	}
	if (!world->wrong[0])
		must_be_closed(world);
}

void world_open(struct world *world, const struct shape *shape, bool trace)
{
	struct host_options options = {
		.services_max = SERVICES_MAX,
		.endpoints_max = shape->endpoints_max,
		.sockets_max = shape->sockets_max,
		.old_kernel = shape->old_kernel,
		.state_early = shape->state_early,
	};
	uint32_t subjects_max = SERVICES_MAX + shape->endpoints_max;

	memset(world, 0, sizeof(*world));
	world->shape = shape;
	world->trace = trace;
	world->random.state = random_mix(~shape->seed);
	world->moves = calloc(WORLD_MOVES_MAX, sizeof(*world->moves));
	world->epochs = calloc(subjects_max, sizeof(*world->epochs));
	if (!world->moves || !world->epochs)
		abort();
	host_now_ns = WORLD_START_NS;
	host_open(&options);
	oracle_open(&world->oracle, SERVICES_MAX, subjects_max);
	world->oracle.lease_ns = LEASE_NS;
	world->oracle.by_audit = shape->old_kernel;
	world->daemon.plane.services_max = SERVICES_MAX;
	world->daemon.plane.endpoints_max = shape->endpoints_max;
	world->daemon.plane.send_hook = !shape->old_kernel;
	world->daemon.met = met;
	world->daemon.looked = looked;
	world->daemon.audited = audited;
	world->daemon.ctx = world;
	faults_plan(world);
	traffic_open(world);
	world_schedule(world, host_now_ns + DAEMON_TICK_NS, EVENT_TICK, 0, 0);
}

void world_stop(struct world *world)
{
	if (!world->heap)
		return;
	daemon_kill(&world->daemon);
	traffic_close(world);
	oracle_close(&world->oracle);
	host_close();
	free(world->heap);
	world->heap = NULL;
}

void world_close(struct world *world)
{
	world_stop(world);
	free(world->moves);
	free(world->epochs);
}
