/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * full.h - a cap is full and somebody was turned away: who holds it right now?
 *
 * The kernel says so at most once a second for each subject. A thread of its
 * own looks at the holders, at most every ten seconds for each subject and a
 * tenth of the time in all, and leaves what it saw with the service.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/abi.h"

#define FULL_QUESTIONS_MAX 32u /* that wait; the kernel will say it again */

struct agent;

struct full_question {
	uint32_t subject;
	uint32_t limit;
	bool enforced;
	struct weir_event event; /* who was turned away */
};

struct full {
	struct full_question questions[FULL_QUESTIONS_MAX];
	size_t count;
	pthread_cond_t asked;
	pthread_t thread;
	bool running;
	bool stopping;
};

/* The thread has the capabilities of the caller. 0 or -errno. */
int full_start(struct agent *agent);
void full_stop(struct agent *agent);

/* WEIR_EVENT_FULL was received; called with the agent's lock held. */
void full_take(struct agent *agent, const struct weir_event *event,
	       uint64_t now_ns);
