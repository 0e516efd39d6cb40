/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * queues.h - which places of weir_waiter are whose queue.
 *
 * Each queue is a ring of more places than may wait: who went away in the middle
 * keeps its place until the head has passed, and so does who was interrupted
 * between taking its ticket and sitting down. A service keeps its ring
 * for as long as it has its slot.
 */
#pragma once

#include "agent/core/compile.h"
#include "agent/registry.h"

/*
 * Gives every compiled service with a queue its ring, and notes it in its
 * record. -ENOSPC: none is left that is large enough.
 */
int queues_assign(struct registry *registry, struct compiled *compiled,
		  uint64_t now_ns);

/* Its ring, also when its policy has no queue any more: some may wait in it. */
void queues_note(const struct service *service, struct weir_service *record);
