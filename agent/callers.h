/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * callers.h - names a process for people, as far as it can still be known.
 */
#pragma once

#include <stddef.h>

#include "agent/view/snapshot.h"
#include "weir/abi.h"

/*
 * Who has ended is still known by its cgroup's id, and that is a directory's
 * inode: looking for it costs reading directories, so there is a limit.
 */
#define CALLERS_DIRECTORIES_MAX 4096u

struct callers_search {
	const char *root;	  /* where cgroup2 is mounted */
	unsigned directories_max; /* that may still be read */
};

/*
 * "php (pid 4711, uid 33, /system.slice/php-fpm.service)"; without a search the
 * cgroup of a process that has ended is left out.
 */
void callers_name(const struct weir_event *event,
		  struct callers_search *opt_search, char *out, size_t bytes);

/*
 * Fills process, unit, cgroup and name from pid, uid and cgroup_id. What has
 * ended, or lives where /proc is another one's, is "orders.service/[4711]".
 */
void callers_describe(struct snapshot_client *client,
		      struct callers_search *search);
