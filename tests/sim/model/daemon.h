/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * daemon.h - the agent on virtual time.
 *
 * The registry, decide, sample, publish and audit are the agent's own; what
 * is written anew is the loop that calls them (agent/loop.c needs a clock and
 * a ring buffer), in the same order and at the same intervals.
 */
#pragma once

#include "agent/core/compile.h"
#include "agent/decide.h"

#define DAEMON_TICK_NS (100 * 1000000ull)

struct daemon {
	struct dataplane plane;
	struct registry registry;
	struct decide decide;
	struct compiled *compiled;
	uint64_t tick, lost_seen;
	bool running;
	/* Whoever watches: a new endpoint, after each look and each audit. */
	void (*met)(void *ctx, const struct subject *subject);
	void (*looked)(void *ctx, struct subject *subject);
	void (*audited)(void *ctx);
	void *ctx;
};

void daemon_start(struct daemon *d, const struct weir_policies *policies,
		  uint64_t seed);

/* SIGKILL: the maps stay as they are. */
void daemon_kill(struct daemon *d);

/* Puts a set of policies in force; it must outlive the next call. */
void daemon_apply(struct daemon *d, const struct weir_policies *policies);

/* Takes in what the kernel has signalled. */
void daemon_drain(struct daemon *d);
void daemon_tick(struct daemon *d);
