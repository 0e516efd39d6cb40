/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * world.h - clients, servers, faults, an agent, and all the time there is.
 *
 * Everything that happens follows from the shape and the seed. What a server
 * makes of a call depends on the call and the hour alone, never on what was
 * refused before, so the same world can be run in observe and in enforce mode.
 */
#pragma once

#include "tests/sim/model/daemon.h"
#include "tests/sim/model/oracle.h"
#include "tests/sim/model/random.h"

#define WORLD_SERVICES_MAX 7u
#define WORLD_MOODS_MAX	   8u
#define WORLD_FAULTS_MAX   12u
#define WORLD_MOVES_MAX	   4096u
#define WORLD_START_NS	   (1000ull * 1000000000)
#define WORLD_PORT	   5432u

#define MS_NS 1000000ull

/* How a server behaves for a while. */
enum mood {
	MOOD_FINE,
	MOOD_SLOW,
	MOOD_HANG,	/* accepts, never answers */
	MOOD_REFUSE,	/* RST to the SYN */
	MOOD_BLACKHOLE, /* no answer to the SYN */
	MOOD_UNREACHABLE,
	MOOD_RESET,	 /* accepts, resets when asked */
	MOOD_FIN,	 /* accepts, closes when asked */
	MOOD_PARTIAL,	 /* the first byte, then nothing */
	MOOD_FLAP,	 /* any of the above, call by call */
	MOOD_GREET,	 /* speaks first */
	MOOD_IDLE_RESET, /* accepts, resets who keeps silent */
	MOOD_COUNT,
};

struct mood_change {
	uint64_t at_ns;
	enum mood mood;
};

struct server {
	uint32_t service, address;
	struct mood_change moods[WORLD_MOODS_MAX];
	uint32_t mood_count;
};

enum fault {
	FAULT_KILL,	/* agent, with restart after `for_ns` */
	FAULT_STALL,	/* agent does nothing */
	FAULT_LOSE,	/* the event ring is full */
	FAULT_JUMP,	/* time passes and nothing else happens */
	FAULT_RELOAD,	/* new thresholds, several times */
	FAULT_OPERATOR, /* force or reset */
	FAULT_COUNT,
};

struct fault_plan {
	enum fault fault;
	uint64_t at_ns, for_ns;
	uint64_t detail;
};

struct shape {
	uint64_t seed;
	uint32_t service_count, server_count, client_count;
	uint32_t endpoints_max, sockets_max;
	struct server *servers;
	struct weir_policy policies[WORLD_SERVICES_MAX];
	struct policy_destination *destinations;
	struct fault_plan faults[WORLD_FAULTS_MAX];
	uint32_t fault_count;
	uint64_t chaos_ns, heal_ns; /* how long each part lasts */
	uint64_t pause_ns;	    /* between the requests of a client */
	uint64_t hint_ns;  /* until the agent takes in an event; 0: at once */
	unsigned untraced; /* percent of writes the tracepoint misses */
	bool old_kernel, state_early;
	bool twin; /* to be compared: same mode throughout, no jitter */
};

/* One change of state, for the comparison of two runs. */
struct world_move {
	uint64_t at_ns;
	uint32_t slot, address; /* 0: the service itself */
	enum weir_state from, to;
	enum weir_trip trip;
};

struct flow;
struct event;

struct world {
	const struct shape *shape;
	struct weir_policy policies[WORLD_SERVICES_MAX];
	struct weir_policy *items[WORLD_SERVICES_MAX];
	struct weir_policies set;
	uint32_t slots[WORLD_SERVICES_MAX];
	struct daemon daemon;
	struct oracle oracle;
	struct random random;
	struct flow *flows, *free_flow;
	struct event *heap;
	uint32_t heap_count, heap_max;
	uint64_t sequence, requests;
	uint64_t end_ns; /* of healing */
	uint64_t stalled_until_ns, dead_until_ns, lossy_until_ns;
	uint32_t reloads_left, next_server;
	uint64_t reload_pause_ns, reload_seed;
	bool deaf; /* hints since the last tick may have been lost */
	bool drain_due, healing, overflow, trace;
	struct world_move *moves;
	uint32_t move_count;
	uint32_t *epochs; /* of each subject, as last seen */
	char wrong[500];  /* what is; empty: nothing */
};

/* A world of the seed's own; free with shape_clear(). */
void shape_make(struct shape *shape, uint64_t seed);
void shape_clear(struct shape *shape);
void shape_print(const struct shape *shape);
/* Another draw of what a reload may change. */
void shape_redraw(struct weir_policy *policy, struct random *r, bool twin);
/* The same world in one mode from start to end, to be compared. */
void shape_twin(struct shape *shape, enum weir_mode mode);
/* The mood of a server at a time. */
enum mood shape_mood(const struct server *server, uint64_t now_ns);

void world_open(struct world *world, const struct shape *shape, bool trace);
/* Runs to the end, or until something is wrong. */
void world_run(struct world *world);
/* The world ends; what is known of it stays until world_close(). */
void world_stop(struct world *world);
void world_close(struct world *world);

void world_fail(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_say(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- between the parts of the world --------------------------------------------- */

enum event_kind {
	EVENT_ARRIVE,
	EVENT_FLOW,	 /* the flow's next step is due */
	EVENT_IMPATIENT, /* its application gives up */
	EVENT_TICK,
	EVENT_DRAIN,
	EVENT_FAULT,
	EVENT_RELOAD,
	EVENT_HEAL,
};

struct event {
	uint64_t at_ns, sequence;
	enum event_kind kind;
	uint32_t index, step;
};

void world_schedule(struct world *world, uint64_t at_ns, enum event_kind kind,
		    uint32_t index, uint32_t step);

void traffic_open(struct world *world);
void traffic_close(struct world *world);
void traffic_arrive(struct world *world, uint32_t client);
void traffic_step(struct world *world, uint32_t flow, uint32_t step,
		  bool impatient);
/* Probes that connected and kept silent: the audit has been there. */
void traffic_audited(struct world *world);
void traffic_rehome(struct world *world);

void faults_plan(struct world *world);
void faults_strike(struct world *world, uint32_t index);
void faults_reload(struct world *world);
void faults_heal(struct world *world);
void faults_restart(struct world *world);
/* What the agent knows now, the oracle knows too. */
void faults_sync(struct world *world, enum oracle_meeting how);
