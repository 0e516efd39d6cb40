/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop.h - what the agent does when: hints at once, time every 100 ms.
 */
#pragma once

#include "agent/agent.h"

/* Before any thread exists: signals are the loop's alone. */
void loop_block_signals(void);

int loop_open(struct agent *agent);

/* Until SIGTERM or SIGINT. */
int loop_run(struct agent *agent);

/* With the lock held: takes in what the kernel has said up to now. */
void loop_catch_up(struct agent *agent);

/* One record of the ring: an event of the kernel, whatever is in it. */
void loop_take_event(struct agent *agent, const void *data, size_t bytes,
		     uint64_t now_ns);

void loop_close(struct agent *agent);
