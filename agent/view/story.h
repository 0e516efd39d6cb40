/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * story.h - whom a `why` is about, and the lines it is told in.
 */
#pragma once

#include <jansson.h>

#include "agent/view/snapshot.h"

/* By enum weir_state, as a story writes them. */
extern const char *const story_state_words[WEIR_STATE_COUNT];

struct story {
	const struct snapshot *snapshot;
	const char *name; /* of the service or the endpoint */
	const struct snapshot_service *service;
	const struct snapshot_endpoint *endpoint; /* NULL: a service */
	const struct snapshot_subject *subject;
	/* The change to explain: the latest one that a rule caused. */
	const struct breaker_change *cause;
	json_t *lines;
};

/* False: no service and no endpoint has that name. */
bool story_begin(struct story *out, const struct snapshot *s, const char *name);

/* Turns it to an endpoint of the same service; the lines stay shared. */
void story_focus(struct story *story, const struct snapshot_endpoint *endpoint);

void story_say(struct story *story, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Where a knob of the circuit breaker was written, or that it is a default. */
void story_place(struct story *story, const char *knob);
void story_place_in(struct story *story, const char *block, const char *knob);

/* Endpoints of the service, the most troubled first; how many there were. */
size_t story_worst(const struct story *story,
		   const struct snapshot_endpoint **out, size_t max);

/* The latest event in which the subject went to `to`; NULL: not held any more. */
const struct snapshot_event *story_event(const struct story *story,
					 enum weir_state to);

uint64_t story_decisions(const struct snapshot_service *service,
			 enum weir_verdict_id verdict);

/* The Why object; `focus` is whose breaker it shows. */
json_t *story_end(struct story *story, const struct story *focus);
