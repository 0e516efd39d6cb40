/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clients.h - from connections to the processes that hold them.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "agent/view/snapshot.h"
#include "weir/holders.h"

#define CLIENTS_MAX	 1024u /* processes in one list */
#define CLIENTS_TOLD_MAX 5u /* of these in a sentence, and kept of a moment */

/*
 * Groups connections by service and process. Sorts `records`. Names are left
 * empty. NULL: out of memory; the caller frees it.
 */
struct snapshot_clients *clients_group(struct weir_holder *records,
				       size_t count, double jiffy_seconds);

/*
 * "leaky.service/java[4711] 97 (12 in CLOSE_WAIT, 40 idle, longest for 3h), ...
 * and 3 more": at most CLIENTS_TOLD_MAX processes, and not more than fit.
 */
void clients_phrase(const struct snapshot_clients *clients, char *out,
		    size_t bytes);

/* The parts of docs/API.md. */
json_t *clients_list(const struct snapshot_clients *clients);
json_t *clients_full(const struct snapshot_full *opt_full);

/* {"time", "connections", "unlisted", "processes", "holders"}, or null. */
json_t *clients_moment(const struct snapshot_clients *opt_clients);
