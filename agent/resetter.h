/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * resetter.h - the small process that resets connections.
 *
 * Resetting needs CAP_NET_ADMIN, in other network namespaces also the right to
 * enter them. A process of its own keeps those; the one that reads policies and
 * answers clients does not need them. It knows one order: this socket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "weir/abi.h"

#define RESETTER_BATCH_MAX 64u

struct resetter {
	int fd; /* -1: not running */
	pid_t pid;
};

/* What became of an order. */
struct reset_result {
	uint32_t subject;
	int32_t error; /* 0, or -errno as of inet_diag_destroy() */
};

/*
 * Forks, so call it before there are threads, locks or secrets. -EOPNOTSUPP or
 * another error when this host cannot reset connections; nothing runs then.
 */
int resetter_start(struct resetter *resetter, const char *cgroup,
		   const char *const *netns, size_t netns_count);

/* Never blocks. -EAGAIN: it is behind; -EPIPE: it is gone. */
int resetter_order(struct resetter *resetter, const struct weir_victim *victims,
		   size_t count);

/* Never blocks: how many results there were, at most RESETTER_BATCH_MAX. */
size_t resetter_results(struct resetter *resetter,
			struct reset_result out[RESETTER_BATCH_MAX]);

void resetter_stop(struct resetter *resetter);
