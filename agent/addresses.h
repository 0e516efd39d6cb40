/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * addresses.h - which addresses are this host's own, told to the kernel.
 *
 * An XDP program cannot ask: a router or the host of containers sees SYNs for
 * others too. What is not in the map passes (W1).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "weir/abi.h"

struct addresses {
	int map_fd;
	uint32_t items[WEIR_LOCAL_MAX][4]; /* in the map now; sorted */
	size_t count;
};

/*
 * Brings the map up to date with the addresses of the caller's network
 * namespace. -E2BIG: there are more than fit, the rest is missing; -errno: some
 * could not be read or written.
 */
int addresses_refresh(struct addresses *addresses);
