/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oracle_state.c - what moves breakers besides looks: policies, restarts,
 * operators, and what concerns services and the host; see oracle.h.
 */
#include <string.h>

#include "agent/clock.h"
#include "tests/sim/model/oracle_rules.h"

/* ---- services, and the host ----------------------------------------------------------------------------- */

static bool suspects_host(const struct oracle *o, uint64_t now_ns)
{
	uint32_t active = 0, tripped = 0;

	for (uint32_t slot = 1; slot < o->services_max; slot++) {
		const struct oracle_service *service = &o->services[slot];
		const struct policy_breaker *rules =
			oracle_policy_rules(o, slot);
		uint64_t window_ns =
			rules ? rules->window_ns : oracle_no_rules.window_ns;

		if (!service->policy ||
		    now_ns - o->subjects[slot].active_ns > window_ns)
			continue;
		active++;
		tripped += service->tripped_ns &&
			   now_ns - service->tripped_ns <= window_ns;
	}
	return active >= 3 && tripped * 2 >= active;
}

const char *oracle_tick(struct oracle *o, const struct registry *registry,
			uint64_t now_ns)
{
	for (uint32_t slot = 1; slot < o->services_max; slot++) {
		struct oracle_service *service = &o->services[slot];
		const struct service *agents = registry->services[slot];

		service->panic = oracle_panics(o, slot, now_ns);
		if (agents && agents->panic != service->panic)
			return oracle_complain(
				"service %u: panic is %d, it should "
				"be %d",
				slot, agents->panic, service->panic);
		if (agents && agents->drift_total)
			return oracle_complain(
				"service %u: the count of connections "
				"drifted",
				slot);
	}
	o->recounted = false;
	o->local_fault = suspects_host(o, now_ns);
	if (registry->local_fault != o->local_fault)
		return oracle_complain("local fault is %d, it should be %d",
				       registry->local_fault, o->local_fault);
	return NULL;
}

void oracle_bind(struct oracle *o, uint32_t slot,
		 const struct weir_policy *policy, uint64_t now_ns)
{
	struct oracle_service *service = &o->services[slot];
	struct policy_breaker before[2];
	bool panic = service->panic;

	before[0] = *oracle_rules(o, slot);
	for (uint32_t id = 0; id < o->subjects_max; id++)
		if (o->subjects[id].slot == slot && o->subjects[id].is_endpoint)
			before[1] = *oracle_rules(o, id);
	service->policy = policy;
	for (uint32_t id = 0; id < o->subjects_max; id++) {
		struct oracle_subject *s = &o->subjects[id];

		if (s->slot != slot || (id != slot && !s->is_endpoint))
			continue;
		s->looked_ns = 0;
		oracle_reshape(s, &before[s->is_endpoint], oracle_rules(o, id),
			       now_ns);
		if (!oracle_carries(o, id) && s->state != WEIR_STATE_CLOSED &&
		    s->state != WEIR_STATE_FORCED_OPEN &&
		    s->state != WEIR_STATE_FORCED_CLOSED) {
			s->level = 0;
			oracle_move(o, s, WEIR_STATE_CLOSED, now_ns);
		}
	}
	/* The next tick looks whether that goes on. */
	service->panic = panic;
}

static void slice_changed(struct oracle_subject *s, uint64_t now_ns)
{
	s->fresh_us = now_ns / NS_PER_US;
	s->doubtful = s->in_flight;
}

void oracle_meet(struct oracle *o, const struct subject *subject,
		 enum oracle_meeting how, uint64_t now_ns)
{
	struct oracle_subject *s = &o->subjects[subject->id];
	struct oracle_service *service = &o->services[subject->service->slot];

	if (subject->service->slice_shift != service->slice_shift &&
	    subject->id == subject->service->slot) {
		service->slice_shift = subject->service->slice_shift;
		for (uint32_t id = 0; id < o->subjects_max; id++)
			if (o->subjects[id].slot == s->slot)
				slice_changed(&o->subjects[id], now_ns);
	}
	s->listed = subject->listed;
	if (s->known && how != ORACLE_RESTARTED)
		return;
	s->slot = subject->service->slot;
	s->is_endpoint = subject->is_endpoint;
	s->active_ns = subject->active_ns;
	s->healthy_ns = now_ns;
	if (!s->known)
		s->since_ns = subject->breaker.since_ns;
	s->known = true;
	/* Found late: how old its calls are nobody knows. */
	if (how == ORACLE_FOUND)
		slice_changed(s, now_ns);
	if (how != ORACLE_RESTARTED)
		return;
	s->entry_count = 0;
	s->row_seen = 0;
	s->probe_ns = 0;
	oracle_start_epoch(s, now_ns);
}

void oracle_forget(struct oracle *o, uint32_t id)
{
	struct oracle_subject *s = &o->subjects[id];
	uint32_t held = s->held, ghosts = s->ghosts;

	*s = (struct oracle_subject){.held = held, .ghosts = ghosts};
}

/* ---- the operator ------------------------------------------------------------------------------------------ */

static bool is_forced(enum weir_state state)
{
	return state == WEIR_STATE_FORCED_OPEN ||
	       state == WEIR_STATE_FORCED_CLOSED;
}

void oracle_force(struct oracle *o, uint32_t id, enum weir_state to,
		  uint64_t ttl_ns, uint64_t now_ns)
{
	struct oracle_subject *s = &o->subjects[id];

	if (to == WEIR_STATE_CLOSED)
		s->level = 0;
	if (s->state != to)
		oracle_move(o, s, to, now_ns);
	else if (to == WEIR_STATE_CLOSED)
		s->entry_count = 0;
	if (is_forced(to))
		s->until_ns = ttl_ns ? now_ns + ttl_ns : 0;
	o->services[s->slot].panic = oracle_panics(o, s->slot, now_ns);
}

static void reset_one(struct oracle *o, uint32_t id, uint64_t now_ns)
{
	struct oracle_subject *s = &o->subjects[id];

	oracle_discard(o, id, now_ns);
	if (!is_forced(s->state)) {
		oracle_force(o, id, WEIR_STATE_CLOSED, 0, now_ns);
		return;
	}
	s->level = 0;
	s->entry_count = 0;
}

void oracle_reset(struct oracle *o, uint32_t id, uint64_t now_ns)
{
	uint32_t slot = o->subjects[id].slot;

	reset_one(o, id, now_ns);
	for (uint32_t i = o->services_max;
	     !o->subjects[id].is_endpoint && i < o->subjects_max; i++)
		if (o->subjects[i].known && o->subjects[i].slot == id)
			reset_one(o, i, now_ns);
	o->services[slot].panic = oracle_panics(o, slot, now_ns);
}
