/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * resetter.h - the small process that resets connections.
 *
 * Resetting needs CAP_NET_ADMIN, in other network namespaces also the right to
 * enter them. A process of its own keeps those; the one that reads policies and
 * answers clients does not need them. It knows three orders: reset this socket,
 * wake this one (see wake.h), and attach this program to the packets that leave
 * a cgroup, for which the kernel asks for CAP_NET_ADMIN once more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "weir/abi.h"

#define RESETTER_BATCH_MAX   64u
#define RESETTER_PATIENCE_MS 2000

struct resetter {
	int fd; /* -1: not running */
	pid_t pid;
	bool resets; /* this host can reset connections */
	bool wakes;  /* and wake those whose SYN is held */
};

/* What became of an order. */
struct reset_result {
	uint32_t subject;
	int32_t error; /* 0, or -errno as of inet_diag_destroy() */
};

/*
 * Forks, so call it before there are threads, locks or secrets. -EOPNOTSUPP or
 * another error when this host cannot reset connections; it runs all the same,
 * unless it could not be started at all.
 */
int resetter_start(struct resetter *resetter, const char *cgroup,
		   const char *const *netns, size_t netns_count);

/*
 * Resets, or wakes. Never blocks. -EAGAIN: it is behind; -EPIPE: it is gone. A
 * wake has no result: without it a connect only waits for longer.
 */
int resetter_order(struct resetter *resetter, const struct weir_victim *victims,
		   size_t count);

/* Never blocks: how many results there were, at most RESETTER_BATCH_MAX. */
size_t resetter_results(struct resetter *resetter,
			struct reset_result out[RESETTER_BATCH_MAX]);

/*
 * Attaches a cgroup_skb/egress program; *link is the caller's. Waits for the
 * answer, RESETTER_PATIENCE_MS at most.
 */
int resetter_attach(struct resetter *resetter, int program, int cgroup,
		    int *link);

void resetter_stop(struct resetter *resetter);
