/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reset.h - what an open breaker does to established connections, and a full
 * listener to those it had accepted already.
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
	/* Accepted beyond a limit, not ordered yet. */
	struct weir_victim doomed[RESETTER_BATCH_MAX];
	size_t doomed_count;
};

/* On the tick, after the decisions. */
void reset_tick(struct resets *resets, uint64_t now_ns);

/* The kernel accepted it and had no room: it is reset with the next flush. */
void reset_doomed(struct resets *resets, const struct weir_doomed *doomed);
void reset_flush(struct resets *resets);

/* After an audit: those whose event was lost, or that an agent left behind. */
void reset_left_over(struct resets *resets);

/* Does a policy want it? For what a host must be able to do. */
bool reset_is_wanted(const struct weir_policy *policy);
