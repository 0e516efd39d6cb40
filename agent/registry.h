/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * registry.h - what the agent knows of each service and endpoint.
 *
 * The kernel's records hold counts; here is what gives them meaning: names,
 * breakers, baselines. Slots are found again by name after a restart, so
 * counts and breakers survive both edits of a policy and the agent itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/breaker.h"
#include "agent/dataplane.h"
#include "common/policy.h"
#include "weir/abi.h"

#define REGISTRY_RATE_POINTS 6u /* one a second: rates over five seconds */
#define REGISTRY_IDLE_NS     (600ull * 1000000000) /* then an endpoint goes */
#define REGISTRY_DRAIN_NS    (2ull * 1000000000) /* before its subject is reused */
#define REGISTRY_ACTIVE_NS   (300ull * 1000000000) /* counts for the guard */

struct rate_point {
	uint64_t at_ns;
	uint64_t calls; /* judged ones: success, failure, slow */
	uint64_t failed;
	uint64_t slow;
	uint64_t refused;
};

struct service;

/* One breaker's worth of counting: a service, or one endpoint of it. */
struct subject {
	uint32_t id; /* index of the kernel's arrays */
	bool is_endpoint;
	bool listed;		      /* named by address in the policy */
	struct weir_endpoint_key key; /* endpoints */
	char name[64];		      /* "10.0.0.7:5432"; a service's name */
	struct service *service;
	struct breaker breaker;
	/* Baselines of the kernel's totals at the last step. */
	uint64_t success_seen, failure_seen, slow_seen;
	uint64_t bad_seen;    /* what the kernel wakes us by, likewise */
	uint64_t stale_calls; /* in flight since before fresh_us */
	uint64_t fresh_us;    /* calls that started later are judged */
	uint32_t stale_first; /* of those before, in the slice of fresh_us */
	uint64_t uses_seen;
	uint64_t active_ns;  /* when it last had a call; 0: never */
	uint64_t retired_ns; /* taken out of the hash; 0: in use */
	uint64_t churn;	     /* acquired + released before the audit */
	int64_t drift;	     /* see audit.c */
	uint32_t drift_passes;
	char override_by[64];
	char override_reason[128];
	uint64_t reset_rest_ns; /* no walk for victims before */
	uint32_t resets_unsaid; /* since the last event about them */
	uint64_t full_rest_ns;	/* its holders are not looked at before */
	uint64_t full_said_ns;	/* the latest event about them; 0: none */
	struct rate_point points[REGISTRY_RATE_POINTS];
	struct weir_endpoint_hist *older, *newer; /* quantile baselines */
};

/* Places of weir_waiter; 0 of them: none. */
struct queue_ring {
	uint32_t base, places;
};

struct service {
	uint32_t slot;
	char name[WEIR_NAME_BYTES];
	const struct weir_policy *policy; /* NULL: draining, or slot 0 */
	struct policy_breaker rules;	  /* of the policy, or neutral ones */
	uint32_t slice_shift;
	struct subject subject;
	struct subject **endpoints;
	size_t endpoint_count, endpoint_capacity;
	uint64_t transitions[WEIR_STATE_COUNT][WEIR_STATE_COUNT]
			    [WEIR_TRIP_COUNT];
	uint64_t probes_ok_total, probes_bad_total, suppressed_total;
	uint64_t drift_total;
	uint64_t resets_total, would_reset_total;
	uint64_t resets_missed; /* ordered, and not carried out */
	uint64_t reset_next_ns; /* see pace.h */
	struct queue_ring queue;
	struct queue_ring queue_left; /* the one before, in use until then: */
	uint64_t queue_left_ns;
	uint64_t tripped_ns;	    /* latest trip, for the local-fault guard */
	struct snapshot_full *full; /* owned; see full.h */
	bool panic;
	bool warned; /* above bulkhead.warnAt */
};

struct registry {
	struct dataplane *plane;
	struct service **services; /* [services_max], by slot */
	struct subject **subjects; /* [subjects_max], by id */
	size_t endpoint_count;
	bool local_fault;
	bool opened;	/* what an earlier agent left has been taken over */
	bool recounted; /* the audit has just been there */
};

int registry_open(struct registry *registry, struct dataplane *plane,
		  uint64_t now_ns);
void registry_close(struct registry *registry);

struct registry_moment {
	struct registry *registry;
	uint64_t now_ns;
};

/*
 * compile_policies()'s slot_of: by name, else a free one, else WEIR_NONE.
 * `moment` is a struct registry_moment.
 */
uint32_t registry_slot(void *moment, const char *name);

/*
 * Binds the services of a set of policies; services without one drain. State
 * stays. Policies stay owned by the caller and must outlive the next call.
 */
void registry_bind(struct registry *registry,
		   const struct weir_policies *policies, uint64_t now_ns);

/* The kernel made an endpoint. NULL: unknown service, or out of memory. */
struct subject *registry_endpoint(struct registry *registry,
				  const struct weir_endpoint_key *key,
				  uint32_t id, uint64_t now_ns);

/* Reads all of weir_endpoint: at start, and when an event may be lost. */
void registry_scan(struct registry *registry, uint64_t now_ns);

/* Makes the endpoints a policy names by address, before their first connect. */
void registry_list(struct registry *registry, struct service *service,
		   uint64_t now_ns);

/* Lets idle endpoints and drained services go. */
void registry_sweep(struct registry *registry, uint64_t now_ns);

/* A service by name, or any subject by "service" or "address:port". */
struct subject *registry_find(struct registry *registry, const char *name);

/* Does this subject carry the breaker of its service's policy? */
bool registry_has_breaker(const struct subject *subject);

/* The policy's thresholds, or such that nothing reaches. */
const struct policy_breaker *registry_rules(const struct subject *subject);

/* "10.0.0.7:5432", "[fd00::7]:5432" */
void registry_name(const struct weir_endpoint_key *key, char out[64]);
