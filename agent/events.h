/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.h - the latest things that happened, for people to read and follow.
 *
 * A ring of EVENTS_MAX; sequence numbers have no holes, so a reader that was
 * too slow sees by them how many it missed. Has its own lock: the HTTP thread
 * waits here while the agent works on.
 */
#pragma once

#include <stdint.h>

#include "agent/view/snapshot.h"

#define EVENTS_MAX 2048u

struct events;

int events_open(struct events **out);
void events_close(struct events *events);

/* Completes seq and time of *event, stores it and logs its text. */
void events_add(struct events *events, struct snapshot_event *event);

/* A plain event; service may be "". */
void events_say(struct events *events, enum snapshot_event_type type,
		const char *service, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Blocks until an event newer than seq exists, at most timeout_ms. */
void events_wait(struct events *events, uint64_t seq, unsigned timeout_ms);

/* Lets every waiter go, for good: the agent is stopping. */
void events_wake(struct events *events);

/* A copy of all held events, oldest first; the caller frees it. */
struct snapshot_event *events_copy(struct events *events, size_t *count);
