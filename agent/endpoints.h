/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * endpoints.h - the life of an endpoint: found, idle, retired, reused.
 *
 *   hash entry --> idle or unbound --> out of the hash --> no socket left -->
 *   record cleared, subject back on the free list
 *
 * A connect that found the entry just before it was removed may still count on
 * the subject: hence the pause and the look at in_use before it is reused.
 */
#pragma once

#include "agent/registry.h"

/* The earlier agent's breaker, from the verdict map. */
void endpoints_restore(struct dataplane *plane, struct subject *subject,
		       uint64_t now_ns);

/* Takes it out of the hash; verdict lifted. Harmless when repeated. */
void endpoints_retire(struct dataplane *plane, struct subject *subject,
		      uint64_t now_ns);

/* Retires the idle, frees the drained ones of one service. */
void endpoints_sweep(struct registry *registry, struct service *service,
		     uint64_t now_ns);

void endpoints_free(struct subject *subject);
