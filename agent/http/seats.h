/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * seats.h - room for the next scraper, whoever sits on the metrics port.
 *
 * Anyone who can reach the port can open connections and dawdle: a byte now and
 * then defeats every inactivity timeout. So when the seats run short the one
 * who has finished nothing for longest must go; a scraper that sends its
 * request at once is never that one. Used by the port's single thread.
 */
#pragma once

#include <stdint.h>

#include "agent/http.h"

struct seat {
	int fd;		   /* -1: empty, or already shown out */
	uint64_t since_ns; /* arrived, or was last served */
};

struct seats {
	struct seat items[HTTP_CONNECTIONS_MAX];
	unsigned taken;
};

void seats_open(struct seats *seats);

/* NULL: none was free, then nobody is tracked. Shuts the oldest if few are left. */
struct seat *seats_take(struct seats *seats, int fd, uint64_t now_ns);
void seats_leave(struct seats *seats, struct seat *seat);
