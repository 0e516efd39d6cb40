/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oracle.c - see oracle.h. Connections and their calls; looks are next door.
 */
#include "tests/sim/model/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/oracle_rules.h"

void oracle_open(struct oracle *o, uint32_t services_max, uint32_t subjects_max)
{
	memset(o, 0, sizeof(*o));
	o->services_max = services_max;
	o->subjects_max = subjects_max;
	o->services = calloc(services_max, sizeof(*o->services));
	o->subjects = calloc(subjects_max, sizeof(*o->subjects));
	if (!o->services || !o->subjects)
		abort();
}

void oracle_close(struct oracle *o)
{
	free(o->services);
	free(o->subjects);
	memset(o, 0, sizeof(*o));
}

/* ---- may it begin? ------------------------------------------------------------------- */

enum gate { GATE_ADMIT, GATE_REFUSE, GATE_PROBE, GATE_FORCED };

static enum gate gate_of(const struct oracle *o, uint32_t slot, uint32_t id)
{
	if (o->subjects[slot].state == WEIR_STATE_FORCED_CLOSED)
		return GATE_ADMIT;
	switch (o->subjects[id].state) {
	case WEIR_STATE_OPEN:
	case WEIR_STATE_OPEN_SUPPRESSED:
		return GATE_REFUSE;
	case WEIR_STATE_HALF_OPEN:
		return GATE_PROBE;
	case WEIR_STATE_FORCED_OPEN:
		return GATE_FORCED;
	default:
		return GATE_ADMIT;
	}
}

static bool lease_holds(const struct oracle *o, uint64_t now_ns)
{
	return now_ns - o->heartbeat_ns <= o->lease_ns;
}

static uint32_t breaker_of(const struct oracle *o, uint32_t slot,
			   uint32_t endpoint)
{
	const struct policy_breaker *rules = oracle_policy_rules(o, slot);

	return rules && rules->scope == WEIR_SCOPE_ENDPOINT &&
			       endpoint != WEIR_NONE
		       ? endpoint
		       : slot;
}

static void object(struct oracle_ruling *ruling, bool enforced)
{
	if (enforced)
		ruling->refused = true;
	else
		ruling->shadow = ruling->ghost = true;
}

static void rule_breaker(const struct oracle *o, struct oracle_ruling *ruling,
			 uint32_t slot, uint32_t id, bool enforced)
{
	const struct oracle_subject *s = &o->subjects[id];
	enum gate gate = gate_of(o, slot, id);
	bool advisory =
		s->state == WEIR_STATE_OPEN_SUPPRESSED ||
		(o->services[slot].panic && s->state != WEIR_STATE_FORCED_OPEN);

	if (gate == GATE_ADMIT)
		return;
	/* Who would have been refused before takes no token. */
	if (gate == GATE_PROBE && !ruling->shadow &&
	    s->taken < oracle_rules(o, id)->probes)
		ruling->probe = true;
	else if (advisory)
		ruling->shadow = true;
	else
		object(ruling, enforced);
}

static void rule_cap(struct oracle_ruling *ruling,
		     const struct oracle_subject *s, uint32_t cap,
		     bool enforced)
{
	uint32_t held = enforced ? s->held : s->held - s->ghosts;

	if (!ruling->refused && cap != WEIR_NONE && held >= cap)
		object(ruling, enforced);
}

struct oracle_ruling oracle_rule(const struct oracle *o, uint32_t slot,
				 uint32_t endpoint, uint64_t now_ns)
{
	const struct weir_policy *policy = o->services[slot].policy;
	bool enforced = policy && policy->mode == WEIR_MODE_ENFORCE;
	struct oracle_ruling ruling = {0};

	if (lease_holds(o, now_ns)) {
		if (o->subjects[slot].state == WEIR_STATE_FORCED_OPEN)
			object(&ruling, enforced);
		if (!ruling.refused)
			rule_breaker(o, &ruling, slot,
				     breaker_of(o, slot, endpoint), enforced);
	}
	if (policy && policy->bulkhead.set) {
		rule_cap(&ruling, &o->subjects[slot],
			 policy->bulkhead.connections_max, enforced);
		if (endpoint != WEIR_NONE)
			rule_cap(&ruling, &o->subjects[endpoint],
				 policy->bulkhead.endpoint_connections_max,
				 enforced);
	}
	if (ruling.refused || ruling.shadow)
		ruling.probe = false;
	return ruling;
}

/* ---- its life -------------------------------------------------------------------------- */

static void hold(struct oracle *o, uint32_t id, bool ghost, int by)
{
	if (id == WEIR_NONE)
		return;
	o->subjects[id].held += by;
	if (ghost)
		o->subjects[id].ghosts += by;
}

void oracle_admit(struct oracle *o, struct oracle_conn *c, uint32_t slot,
		  uint32_t endpoint, struct oracle_ruling ruling,
		  uint64_t now_us)
{
	*c = (struct oracle_conn){
		.slot = slot,
		.endpoint = endpoint,
		.breaker = breaker_of(o, slot, endpoint),
		.held = true,
		.shadow = ruling.shadow,
		.ghost = ruling.ghost,
		.probe = ruling.probe,
		.admitted_us = now_us,
	};
	c->epoch = o->subjects[c->breaker].epoch;
	if (ruling.probe)
		o->subjects[c->breaker].taken++;
	hold(o, slot, c->ghost, 1);
	hold(o, endpoint, c->ghost, 1);
}

void oracle_leave(struct oracle *o, struct oracle_conn *c)
{
	if (!c->held)
		return;
	c->held = false;
	hold(o, c->slot, c->ghost, -1);
	hold(o, c->endpoint, c->ghost, -1);
}

/* Among the calls of a breaker, by start; usually it is the latest. */
static void link_call(struct oracle_subject *s, struct oracle_conn *c)
{
	struct oracle_conn *before = s->last;

	while (before && before->start_us > c->start_us)
		before = before->before;
	c->before = before;
	c->after = before ? before->after : s->first;
	if (c->before)
		c->before->after = c;
	else
		s->first = c;
	if (c->after)
		c->after->before = c;
	else
		s->last = c;
	s->in_flight++;
}

void oracle_start(struct oracle *o, struct oracle_conn *c, bool seen,
		  uint64_t now_us)
{
	c->calling = true;
	c->seen = seen;
	c->start_us = now_us;
	link_call(&o->subjects[c->breaker], c);
}

static void unlink_call(struct oracle_subject *s, struct oracle_conn *c)
{
	if (c->before)
		c->before->after = c->after;
	else
		s->first = c->after;
	if (c->after)
		c->after->before = c->before;
	else
		s->last = c->before;
	c->before = c->after = NULL;
	s->in_flight--;
}

/* Does the outcome of a call belong to the present epoch? */
static bool counts(const struct oracle *o, const struct oracle_conn *c,
		   uint64_t start_us)
{
	const struct oracle_subject *s = &o->subjects[c->breaker];

	if (c->shadow)
		return false;
	switch (gate_of(o, c->slot, c->breaker)) {
	case GATE_ADMIT:
		return start_us >= s->epoch_us;
	case GATE_PROBE:
		return c->probe && c->epoch == s->epoch;
	default:
		return false;
	}
}

/* Failures in a row; slow calls neither lengthen nor end the row. */
static void feed_row(struct oracle *o, struct oracle_conn *c,
		     enum weir_result result, uint64_t now_us)
{
	struct oracle_subject *s = &o->subjects[c->breaker];
	const struct policy_breaker *rules = oracle_policy_rules(o, c->slot);
	bool silent;

	if (!rules)
		return;
	silent = now_us - s->last_us > rules->window_ns / 1000;
	s->last_us = now_us;
	if (result == WEIR_RESULT_SUCCESS || s->row_epoch != s->epoch) {
		s->row_epoch = s->epoch;
		s->row = 0;
	}
	if (result == WEIR_RESULT_FAILURE)
		s->row = silent ? 1 : s->row + 1;
}

/* The token of a probe: spent well, spent badly, or given back. */
static void settle(struct oracle *o, struct oracle_conn *c, uint32_t ok,
		   uint32_t bad)
{
	struct oracle_subject *s = &o->subjects[c->breaker];

	if (!c->probe)
		return;
	c->probe = false;
	if (c->epoch != s->epoch || s->state != WEIR_STATE_HALF_OPEN)
		return;
	s->ok += ok;
	s->bad += bad;
	s->taken -= !ok && !bad;
}

void oracle_probe_well(struct oracle *o, struct oracle_conn *c)
{
	settle(o, c, 1, 0);
}

void oracle_probe_reset(struct oracle *o, struct oracle_conn *c)
{
	settle(o, c, 0, 1);
}

void oracle_probe_void(struct oracle *o, struct oracle_conn *c)
{
	settle(o, c, 0, 0);
}

static enum weir_result class_of(const struct oracle *o,
				 const struct oracle_conn *c,
				 enum oracle_end how, uint64_t now_us)
{
	const struct policy_breaker *rules = oracle_policy_rules(o, c->slot);

	if (rules && rules->slow_ns &&
	    now_us - c->start_us > rules->slow_ns / 1000)
		return WEIR_RESULT_SLOW;
	if (how == ORACLE_FAILED)
		return WEIR_RESULT_FAILURE;
	return how == ORACLE_LOCAL ? WEIR_RESULT_NEUTRAL : WEIR_RESULT_SUCCESS;
}

void oracle_use(struct oracle *o, uint32_t slot, uint32_t endpoint)
{
	o->subjects[slot].uses++;
	if (endpoint != WEIR_NONE)
		o->subjects[endpoint].uses++;
}

static void add_result(struct oracle_subject *s, enum weir_result result,
		       uint32_t count)
{
	s->success += result == WEIR_RESULT_SUCCESS ? count : 0;
	s->failure += result == WEIR_RESULT_FAILURE;
	s->slow_ended += result == WEIR_RESULT_SLOW;
}

/* Into the books; what is neutral leaves no trace. */
static void record(struct oracle *o, struct oracle_conn *c,
		   enum weir_result result, uint32_t count, uint64_t now_us)
{
	if (result == WEIR_RESULT_NEUTRAL)
		return;
	oracle_use(o, c->slot, c->endpoint);
	add_result(&o->subjects[c->slot], result, count);
	if (c->endpoint != WEIR_NONE)
		add_result(&o->subjects[c->endpoint], result, count);
	feed_row(o, c, result, now_us);
}

#define UNSURE_MAX  2
#define PATIENCE_US 1000000ull

/*
 * A hanging backend's kernel completes the connect, its library the TLS
 * handshake: neither is believed on its own.
 */
static bool holds_back(struct oracle_conn *c, enum weir_result result)
{
	if (result != WEIR_RESULT_SUCCESS || c->believed)
		return false;
	if (c->connecting)
		c->owed = true;
	else if (c->unsure < UNSURE_MAX)
		c->unsure++;
	else
		return false;
	return true;
}

void oracle_finish(struct oracle *o, struct oracle_conn *c, enum oracle_end how,
		   uint64_t now_us)
{
	enum weir_result result = class_of(o, c, how, now_us);
	uint32_t count = 1;

	unlink_call(&o->subjects[c->breaker], c);
	c->calling = false;
	if (!counts(o, c, c->start_us))
		result = WEIR_RESULT_NEUTRAL;
	if (how == ORACLE_ANSWERED && !c->connecting) {
		c->answered = true;
		c->heard_us = now_us;
	}
	if (holds_back(c, result))
		return;
	if (!c->connecting && !c->believed) {
		count += result == WEIR_RESULT_SUCCESS ? c->unsure : 0;
		c->believed = result == WEIR_RESULT_SUCCESS;
		c->unsure = 0;
		c->owed = false;
	}
	record(o, c, result, count, now_us);
	if (result == WEIR_RESULT_NEUTRAL)
		settle(o, c, 0, 0);
	else if (result == WEIR_RESULT_SUCCESS)
		settle(o, c, 1, 0);
	else
		settle(o, c, 0, 1);
}

void oracle_settle(struct oracle *o, struct oracle_conn *c, uint64_t now_us)
{
	const struct policy_breaker *rules = oracle_policy_rules(o, c->slot);
	uint64_t patience_us =
		rules && rules->slow_ns ? rules->slow_ns / 1000 : PATIENCE_US;
	uint32_t count = c->unsure ? c->unsure : c->owed;

	c->owed = false;
	c->unsure = 0;
	/* Silent for so long: what it waited for may never have come. */
	if (!count || (c->answered && now_us - c->heard_us > patience_us))
		return;
	record(o, c,
	       counts(o, c, c->admitted_us) ? WEIR_RESULT_SUCCESS
					    : WEIR_RESULT_NEUTRAL,
	       count, now_us);
}

void oracle_rehome(struct oracle *o, struct oracle_conn *c)
{
	uint32_t breaker = breaker_of(o, c->slot, c->endpoint);

	if (breaker == c->breaker)
		return;
	settle(o, c, 0, 0);
	if (c->calling)
		unlink_call(&o->subjects[c->breaker], c);
	c->breaker = breaker;
	if (!c->calling)
		return;
	link_call(&o->subjects[breaker], c);
	o->subjects[breaker].doubtful++;
}
