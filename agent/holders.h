/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * holders.h - which processes hold the connections of a service.
 *
 * Costs a fifth of a microsecond for each file that any process has open, and two
 * for each connection. So it is done when somebody asks, on the thread of
 * whoever asks and without the agent's lock: nothing that decides waits for it.
 */
#pragma once

#include <pthread.h>

#include "agent/dataplane.h"

struct holders {
	struct dataplane *plane;
	const char *cgroup_root; /* borrowed: the cgroup2 mount */
	pthread_mutex_t lock;
	uint64_t passed_ns;  /* end of the latest walk over all files */
	uint64_t jiffies;    /* an earlier moment, on both clocks: */
	uint64_t jiffies_us; /* what a jiffy is, is the kernel's secret */
};

void holders_open(struct holders *holders, struct dataplane *plane,
		  const char *cgroup_root);
void holders_close(struct holders *holders);

/*
 * Of a subject, of all with WEIR_NONE; all names but those of the services are
 * filled in. 0 or -errno; the caller frees it.
 */
int holders_list(struct holders *holders, uint32_t subject,
		 struct snapshot_clients **out);
