/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render.h - from a snapshot to what people and programs read.
 *
 * All functions are pure, allocate their result (the caller frees it) and
 * return NULL only when out of memory, or when the named object does not exist
 * where that is said.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/view/snapshot.h"

enum metrics_format { METRICS_TEXT_004, METRICS_OPENMETRICS_1 };

/* Prometheus exposition; at most 200 services, the rest folded into _other. */
char *metrics_render(const struct snapshot *s, enum metrics_format format,
		     size_t *bytes);

/* The objects of docs/API.md. */
json_t *json_status(const struct snapshot *s);
json_t *json_services(const struct snapshot *s, const char *opt_name);
json_t *json_endpoints(const struct snapshot *s, const char *opt_service);
json_t *json_policies(const struct snapshot *s);

/* Adds to each policy its effective values; [] when it is not in force. */
void json_add_values(json_t *policies, const struct snapshot *s);

json_t *json_overrides(const struct snapshot *s);
json_t *json_generations(const struct snapshot *s);
json_t *json_clients(const struct snapshot_clients *clients);
json_t *json_events(const struct snapshot *s, uint64_t since_seq, size_t limit,
		    const char *opt_service, const char *opt_type);

/*
 * The causal story of a service ("orders-db") or an endpoint
 * ("10.0.0.7:5432"). NULL when there is no such thing.
 */
json_t *json_why(const struct snapshot *s, const char *name);
