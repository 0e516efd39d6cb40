/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oracle.h - a second breaker, to check the first.
 *
 * Written from the words of the design, not from agent/core/breaker.c, and fed
 * with what really happened on each connection, not with what the hooks took
 * it for. It says what the hooks must answer to every connect() and what every
 * look of the agent must come to; any difference ends the run.
 *
 * One thing it takes from the agent: how many calls a look found overdue, if
 * that is within what is possible (the agent cannot tell the calls of before
 * an epoch from those after when both have been in flight for long).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/registry.h"

#define ORACLE_ENTRIES (WINDOW_BUCKETS_MAX + 4)

/* How a call ended, as the world knows it. */
enum oracle_end { ORACLE_ANSWERED, ORACLE_FAILED, ORACLE_LOCAL };

/* What must become of a connect(). */
struct oracle_ruling {
	bool refused;
	bool shadow; /* let through, would have been refused */
	bool ghost;  /* a shadow that enforcing would not have let in */
	bool probe;
};

/* A connection, as the oracle knows it. */
struct oracle_conn {
	uint32_t slot, endpoint, breaker;
	uint32_t epoch;
	bool held, shadow, ghost, probe;
	bool connected, connecting;
	/* Successes that are not believed before another follows. */
	bool owed;	 /* the connect */
	uint32_t unsure; /* the first answers */
	bool believed;	 /* another followed */
	bool answered;
	uint64_t heard_us; /* the latest data of the peer */
	bool calling;	   /* a call is in flight */
	bool seen;	   /* and the kernel was told of its start */
	uint64_t admitted_us, start_us, connected_us;
	struct oracle_conn *before, *after; /* in flight on the same breaker */
};

/* What one look, or the looks of one bucket, brought into the window. */
struct oracle_entry {
	uint64_t at_ns;
	struct window_counts counts;
};

struct oracle_subject {
	bool known, is_endpoint, listed;
	uint32_t slot;
	enum weir_state state;
	uint32_t epoch, level;
	uint64_t since_ns, until_ns, healthy_ns, probe_ns, active_ns;
	uint64_t epoch_us; /* calls from before it are stale */
	uint64_t fresh_us; /* calls from before it are never found overdue */
	/* Failures in a row, as of now and as of the last look. */
	uint32_t row, row_epoch, row_seen;
	uint64_t last_us;
	/* Since the last look. */
	uint32_t success, failure, uses;
	/* Slow calls: ended and overdue ones together count once each. */
	uint64_t slow_ended, slow_counted;
	uint32_t in_flight, doubtful;
	bool unsure; /* it became the breaker: overdue calls may be old */
	struct oracle_conn *first, *last; /* by start */
	uint32_t taken, ok, bad;	  /* tokens of this epoch */
	uint32_t held, ghosts;		  /* connections */
	uint64_t looked_ns;
	struct oracle_entry entries[ORACLE_ENTRIES];
	uint32_t entry_count;
};

struct oracle_service {
	const struct weir_policy *policy;
	uint32_t slice_shift;
	uint64_t tripped_ns;
	bool panic;
};

struct oracle {
	uint32_t services_max, subjects_max;
	struct oracle_service *services;
	struct oracle_subject *subjects;
	uint64_t heartbeat_ns, lease_ns;
	bool by_audit;	/* the kernel does not see turns begin */
	bool recounted; /* an audit has just been there */
	bool local_fault;
	uint64_t trips, closings, looks; /* for people */
	uint64_t states[WEIR_STATE_COUNT], causes[WEIR_TRIP_COUNT];
};

void oracle_open(struct oracle *o, uint32_t services_max,
		 uint32_t subjects_max);
void oracle_close(struct oracle *o);

/* A policy came into force; NULL: none. */
void oracle_bind(struct oracle *o, uint32_t slot,
		 const struct weir_policy *policy, uint64_t now_ns);

/* How the agent came to know of a subject. */
enum oracle_meeting {
	ORACLE_TOLD,	  /* by the kernel's event, or the policy */
	ORACLE_FOUND,	  /* by a scan: the event was lost */
	ORACLE_RESTARTED, /* it is another agent */
};

/* It knows of a subject, knows of it again, or has let it go. */
void oracle_meet(struct oracle *o, const struct subject *subject,
		 enum oracle_meeting how, uint64_t now_ns);
void oracle_forget(struct oracle *o, uint32_t id);

/* ---- connections --------------------------------------------------------------- */

struct oracle_ruling oracle_rule(const struct oracle *o, uint32_t slot,
				 uint32_t endpoint, uint64_t now_ns);
void oracle_admit(struct oracle *o, struct oracle_conn *c, uint32_t slot,
		  uint32_t endpoint, struct oracle_ruling ruling,
		  uint64_t now_us);
void oracle_start(struct oracle *o, struct oracle_conn *c, bool seen,
		  uint64_t now_us);
void oracle_finish(struct oracle *o, struct oracle_conn *c, enum oracle_end how,
		   uint64_t now_us);
/* An attempt, whatever becomes of it. */
void oracle_use(struct oracle *o, uint32_t slot, uint32_t endpoint);
/* It ended in order: what was not believed yet went well, if anything did. */
void oracle_settle(struct oracle *o, struct oracle_conn *c, uint64_t now_us);
/* The connection is established and nothing is awaited: what now? */
void oracle_probe_well(struct oracle *o, struct oracle_conn *c);
void oracle_probe_reset(struct oracle *o, struct oracle_conn *c);
void oracle_probe_void(struct oracle *o, struct oracle_conn *c);
void oracle_leave(struct oracle *o, struct oracle_conn *c);
/* The policy changed: another breaker may govern it now. */
void oracle_rehome(struct oracle *o, struct oracle_conn *c);

/* ---- looks ----------------------------------------------------------------------- */

/* The agent looked: NULL, or what it should have come to instead. */
const char *oracle_look(struct oracle *o, const struct subject *subject,
			uint64_t now_ns);

/* After each tick: what concerns a service, and the host. */
const char *oracle_tick(struct oracle *o, const struct registry *registry,
			uint64_t now_ns);

/* Would a look at this moment trip it on samples that have ended? */
bool oracle_must_wake(struct oracle *o, uint32_t id, uint64_t now_ns);

/* The operator. */
void oracle_force(struct oracle *o, uint32_t id, enum weir_state to,
		  uint64_t ttl_ns, uint64_t now_ns);
void oracle_reset(struct oracle *o, uint32_t id, uint64_t now_ns);
