/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide.h - from the kernel's counts to a verdict, through the pure breaker.
 *
 * decide_step() is called when the kernel hints at one subject and for all of
 * them on the tick; calling it once more than needed changes nothing.
 */
#pragma once

#include "agent/events.h"
#include "agent/registry.h"

struct decide {
	struct registry *registry;
	struct events *events;
	uint64_t seed; /* of the jitter */
};

/* One subject, now. */
void decide_step(struct decide *decide, struct subject *subject,
		 uint64_t now_ns);

/* All of them, and what concerns a service as a whole (panic, warnAt). */
void decide_tick(struct decide *decide, uint64_t now_ns);

/* Writes a subject's verdict again: its policy or its service changed. */
void decide_publish(struct decide *decide, struct subject *subject,
		    uint64_t now_ns);

/* Operator: `to` is FORCED_OPEN, FORCED_CLOSED or CLOSED (automatic). */
void decide_force(struct decide *decide, struct subject *subject,
		  enum weir_state to, uint64_t ttl_ns, const char *by,
		  const char *reason, uint64_t now_ns);

/* Operator: window and level to zero; a service takes its endpoints along. */
void decide_reset(struct decide *decide, struct subject *subject,
		  const char *by, uint64_t now_ns);

/* Calls in flight for longer than slowCallDurationThreshold; 0 without one. */
uint32_t decide_overdue(const struct decide *decide,
			const struct subject *subject, uint64_t now_ns);

/* Is a probe out whose outcome only the audit can see? */
bool decide_wants_audit(const struct decide *decide);
