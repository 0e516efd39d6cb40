/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * apply.h - from policies on disk or from weirctl to a generation in force.
 *
 * Parse all, check all, compile all, fill beside what is in force, write to
 * disk, flip. Any error: nothing changes. Call with the agent's lock held.
 */
#pragma once

#include "agent/agent.h"

struct apply_request {
	const struct store_change *change; /* NULL: read again */
	bool dry_run;
	const char *by; /* "start", "reload", "uid 0" */
};

/* `result` may be NULL. -EINVAL and the like with errors, as store_load(). */
int apply_run(struct agent *agent, const struct apply_request *request,
	      struct http_result *result, struct weir_errors *errors);

/* At start: the directories, or the last good set, or nothing. */
int apply_start(struct agent *agent);

/* New cgroups may match a client selector. */
void apply_refresh_clients(struct agent *agent);

/* So may new network namespaces be in need of the hook that refuses. */
void apply_refresh_lookups(struct agent *agent);
