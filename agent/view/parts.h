/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parts.h - the JSON that more than one object of docs/API.md is made of.
 */
#pragma once

#include <jansson.h>

#include "agent/view/snapshot.h"

/* {"apiVersion", "kind"} */
json_t *parts_object(const char *kind);

/* A list object; `items` is taken over. */
json_t *parts_list(const char *kind, json_t *items);

/* RFC 3339, null for 0. */
json_t *parts_time(int64_t realtime_ns);

/*
 * A string that may have been cut inside a character, or came from a file
 * name: what is not UTF-8 becomes "?" instead of a missing member.
 */
json_t *parts_text(const char *text);

/* null when it is not finite. */
json_t *parts_number(double value);

/* A Breaker; null when the subject carries none. */
json_t *parts_breaker(const struct snapshot *s,
		      const struct snapshot_subject *subject);

/* Adds the members of Traffic. */
void parts_add_traffic(json_t *to, const struct snapshot_subject *subject);

json_t *parts_event(const struct snapshot_event *event);

/* What an operator should hear of now, the worst first. */
json_t *parts_problems(const struct snapshot *s);

json_t *parts_quantiles(const struct snapshot_quantiles *q);
