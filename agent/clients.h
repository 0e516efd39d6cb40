/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clients.h - `clients` of policies, resolved to what the kernel can compare.
 *
 * A user is a uid, a network itself; a systemd unit or a cgroup glob is the set of cgroups that
 * match now. Cgroups come and go, so the tree is looked at again every few
 * seconds; a descendant of a matching cgroup belongs to it in the kernel.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/core/compile.h"
#include "weir/abi.h"

struct clients {
	struct weir_client_key *keys; /* sorted, generation left 0 */
	size_t count;
	size_t dropped;			   /* beyond WEIR_CLIENTS_MAX */
	struct weir_network_key *networks; /* generation left 0 */
	size_t network_count;
};

/* Resolves all selectors of `compiled` below the cgroup2 mount `root`. */
int clients_resolve(struct clients *out, const struct compiled *compiled,
		    const char *root);
void clients_clear(struct clients *clients);

/* Replaces everything the maps hold for one parity. */
int clients_write(const struct clients *clients, int map_fd, int network_fd,
		  uint32_t parity);

/* Writes only the difference between `before` and `now`; networks have none. */
int clients_update(const struct clients *before, const struct clients *now,
		   int map_fd, uint32_t parity);
