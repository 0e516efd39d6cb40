/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reset.h - what an open breaker does to established connections.
 *
 * onOpen.establishedConnections, at most onOpen.resetRate a second for each
 * service. In observe mode the same connections are found at the same pace, and
 * only counted.
 */
#pragma once

#include "agent/events.h"
#include "agent/registry.h"
#include "agent/resetter.h"

struct resets {
	struct registry *registry;
	struct events *events;
	struct resetter *resetter;
};

/* On the tick, after the decisions. */
void reset_tick(struct resets *resets, uint64_t now_ns);

/* Does a policy want it? For what a host must be able to do. */
bool reset_is_wanted(const struct weir_policy *policy);
