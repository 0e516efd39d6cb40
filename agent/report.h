/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.h - the agent's state as a snapshot, for the HTTP thread to render.
 */
#pragma once

#include "agent/agent.h"

/* With the agent's lock held. NULL: out of memory. */
struct snapshot *report_snapshot(struct agent *agent);

/* Once a second: a point for rates; now and then a baseline for quantiles. */
void report_tick(struct agent *agent, uint64_t now_ns);
