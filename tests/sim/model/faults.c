/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * faults.c - what is done to the agent, by hosts, operators and editors.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/model/host.h"
#include "tests/sim/model/maps.h"
#include "tests/sim/model/world.h"

/* ---- policies in force ---------------------------------------------------------------- */

static void find_slots(struct world *w)
{
	for (uint32_t i = 0; i < w->shape->service_count; i++) {
		const struct subject *subject =
			registry_find(&w->daemon.registry, w->policies[i].name);

		w->slots[i] = subject ? subject->id : WEIR_SLOT_OBSERVED;
	}
}

/* A breaker that comes or goes takes the window as the agent has it along. */
static void adopt_window(struct world *w, const struct subject *subject)
{
	struct oracle_subject *s = &w->oracle.subjects[subject->id];
	const struct window *window = &subject->breaker.window;

	s->entry_count = 0;
	for (uint32_t i = 0; i < window->buckets && i <= window->head; i++) {
		uint64_t number = window->head - window->buckets + 1 + i;
		struct window_counts counts =
			window->ring[number % window->buckets];

		if (counts.calls)
			s->entries[s->entry_count++] = (struct oracle_entry){
				number * window->bucket_ns, counts};
	}
}

void faults_sync(struct world *w, enum oracle_meeting how)
{
	struct registry *registry = &w->daemon.registry;

	if (!w->daemon.running)
		return;
	for (uint32_t id = 0; id < w->oracle.subjects_max; id++) {
		const struct subject *subject = registry->subjects[id];

		if (subject && !subject->retired_ns) {
			oracle_meet(&w->oracle, subject, how, host_now_ns);
		} else if (w->oracle.subjects[id].known) {
			oracle_forget(&w->oracle, id);
			w->epochs[id] = 0;
		}
	}
}

static bool carries(const struct weir_policy *policy,
		    const struct oracle_subject *s)
{
	return policy && policy->breaker.set &&
	       s->is_endpoint == (policy->breaker.scope == WEIR_SCOPE_ENDPOINT);
}

static void bind(struct world *w, const struct weir_policy *before, uint32_t i)
{
	struct oracle *o = &w->oracle;
	uint32_t slot = w->slots[i];

	o->services[slot].policy = before;
	oracle_bind(o, slot, &w->policies[i], host_now_ns);
	for (uint32_t id = 0; id < o->subjects_max; id++) {
		const struct subject *subject = w->daemon.registry.subjects[id];
		struct oracle_subject *s = &o->subjects[id];

		if (subject && subject->service->slot == slot && s->known &&
		    carries(before, s) != carries(&w->policies[i], s)) {
			adopt_window(w, subject);
			s->unsure = true;
		}
		if (subject)
			w->epochs[id] = subject->breaker.epoch;
	}
}

static void apply(struct world *w, const struct weir_policy *before)
{
	daemon_apply(&w->daemon, &w->set);
	for (uint32_t i = 0; i < w->shape->service_count; i++)
		bind(w, &before[i], i);
	faults_sync(w, ORACLE_TOLD);
	traffic_rehome(w);
}

/* ---- start and restart ------------------------------------------------------------------- */

void faults_plan(struct world *w)
{
	const struct shape *shape = w->shape;

	memcpy(w->policies, shape->policies, sizeof(w->policies));
	for (uint32_t i = 0; i < shape->service_count; i++)
		w->items[i] = &w->policies[i];
	w->set = (struct weir_policies){w->items, shape->service_count};
	((struct weir_control *)maps_memory(MAP_CONTROL))->lease_ns =
		w->oracle.lease_ns;
	daemon_start(&w->daemon, &w->set, shape->seed);
	w->oracle.heartbeat_ns = host_now_ns;
	find_slots(w);
	for (uint32_t i = 0; i < shape->service_count; i++)
		w->oracle.services[w->slots[i]].policy = &w->policies[i];
	faults_sync(w, ORACLE_TOLD);
	for (uint32_t i = 0; i < shape->fault_count; i++)
		world_schedule(w, shape->faults[i].at_ns, EVENT_FAULT, i, 0);
	world_schedule(w, host_now_ns + shape->chaos_ns, EVENT_HEAL, 0, 0);
}

void faults_restart(struct world *w)
{
	world_say(w, "the agent starts again");
	daemon_start(&w->daemon, &w->set, w->shape->seed + w->sequence);
	w->oracle.heartbeat_ns = host_now_ns;
	w->oracle.local_fault = false;
	for (uint32_t id = 0; id < w->oracle.subjects_max; id++)
		w->oracle.subjects[id].uses = 0;
	for (uint32_t i = 0; i < WORLD_SERVICES_MAX + 1; i++) {
		w->oracle.services[i].tripped_ns = 0;
		w->oracle.services[i].panic = false;
	}
	faults_sync(w, ORACLE_RESTARTED);
	for (uint32_t id = 0; id < w->oracle.subjects_max; id++)
		if (w->daemon.registry.subjects[id])
			w->epochs[id] =
				w->daemon.registry.subjects[id]->breaker.epoch;
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void operate(struct world *w, const struct fault_plan *plan)
{
	struct random r = {plan->detail};
	uint32_t service = (uint32_t)random_below(&r, w->shape->service_count);
	uint32_t slot = w->slots[service];
	struct service *bound = w->daemon.registry.services[slot];
	struct subject *subject = &bound->subject;
	enum weir_state states[] = {WEIR_STATE_FORCED_OPEN,
				    WEIR_STATE_FORCED_CLOSED,
				    WEIR_STATE_CLOSED};
	enum weir_state to = random_pick(&r, states);
	uint64_t ttl_ns = random_chance(&r, 60) ? plan->for_ns / 2 : 0;

	if (w->policies[service].breaker.scope == WEIR_SCOPE_ENDPOINT &&
	    bound->endpoint_count && random_chance(&r, 60))
		subject = bound->endpoints[random_below(&r,
							bound->endpoint_count)];
	if (subject->retired_ns)
		return;
	if (random_chance(&r, 40)) {
		world_say(w, "reset %s", subject->name);
		oracle_reset(&w->oracle, subject->id, host_now_ns);
		decide_reset(&w->daemon.decide, subject, "sim", host_now_ns);
	} else {
		world_say(w, "force %s to %d", subject->name, to);
		oracle_force(&w->oracle, subject->id, to, ttl_ns, host_now_ns);
		decide_force(&w->daemon.decide, subject, to, ttl_ns, "sim",
			     "sim", host_now_ns);
	}
}

static bool agent_is_there(const struct world *w)
{
	return w->daemon.running && host_now_ns >= w->stalled_until_ns;
}

void faults_reload(struct world *w)
{
	struct weir_policy before[WORLD_SERVICES_MAX];
	struct random r = {w->reload_seed++};
	uint32_t i = (uint32_t)random_below(&r, w->shape->service_count);

	if (!w->reloads_left || w->healing)
		return;
	w->reloads_left--;
	world_schedule(w, host_now_ns + w->reload_pause_ns, EVENT_RELOAD, 0, 0);
	if (!agent_is_there(w))
		return;
	memcpy(before, w->policies, sizeof(before));
	shape_redraw(&w->policies[i], &r, w->shape->twin);
	apply(w, before);
	world_say(w, "reload: %s", w->policies[i].name);
}

static void start_reloads(struct world *w, const struct fault_plan *plan)
{
	bool running = w->reloads_left > 0;
	struct random r = {plan->detail};

	w->reloads_left = (uint32_t)random_between(&r, 1, 12);
	w->reload_pause_ns = random_between(&r, 1, 150) * MS_NS;
	w->reload_seed = plan->detail;
	if (!running)
		world_schedule(w, host_now_ns, EVENT_RELOAD, 0, 0);
}

void faults_strike(struct world *w, uint32_t index)
{
	const struct fault_plan *plan = &w->shape->faults[index];
	static const char *const names[] = {"kill", "stall",  "lose events",
					    "jump", "reload", "operator"};

	world_say(w, "fault: %s, %.3f s", names[plan->fault],
		  (double)plan->for_ns / 1e9);
	w->deaf = true;
	switch (plan->fault) {
	case FAULT_KILL:
		daemon_kill(&w->daemon);
		w->dead_until_ns = host_now_ns + plan->for_ns;
		break;
	case FAULT_STALL:
		w->stalled_until_ns = host_now_ns + plan->for_ns;
		world_schedule(w, w->stalled_until_ns, EVENT_DRAIN, 0, 0);
		break;
	case FAULT_LOSE:
		w->lossy_until_ns = host_now_ns + plan->for_ns;
		host_loses_events = true;
		break;
	case FAULT_JUMP:
		host_now_ns += plan->for_ns;
		break;
	case FAULT_RELOAD:
		start_reloads(w, plan);
		break;
	default:
		if (agent_is_there(w))
			operate(w, plan);
	}
}

/* ---- and no more of it -------------------------------------------------------------------------- */

static void release_forced(struct world *w)
{
	for (uint32_t id = 0; id < w->oracle.subjects_max; id++) {
		struct subject *subject = w->daemon.registry.subjects[id];

		if (!subject || subject->retired_ns ||
		    (subject->breaker.state != WEIR_STATE_FORCED_OPEN &&
		     subject->breaker.state != WEIR_STATE_FORCED_CLOSED))
			continue;
		oracle_force(&w->oracle, id, WEIR_STATE_CLOSED, 0, host_now_ns);
		decide_force(&w->daemon.decide, subject, WEIR_STATE_CLOSED, 0,
			     "sim", "sim", host_now_ns);
	}
}

/* A full bulkhead would keep the healthy traffic from the probes. */
static void lift_caps(struct world *w)
{
	struct weir_policy before[WORLD_SERVICES_MAX];
	bool any = false;

	memcpy(before, w->policies, sizeof(before));
	for (uint32_t i = 0; i < w->shape->service_count; i++) {
		any = any || w->policies[i].bulkhead.set;
		w->policies[i].bulkhead.set = false;
	}
	if (any)
		apply(w, before);
}

void faults_heal(struct world *w)
{
	world_say(w, "from here on all is well");
	w->healing = w->deaf = true;
	w->dead_until_ns = w->stalled_until_ns = w->lossy_until_ns = 0;
	host_loses_events = false;
	if (!w->daemon.running)
		faults_restart(w);
	lift_caps(w);
	release_forced(w);
	w->end_ns = host_now_ns + w->shape->heal_ns;
}
