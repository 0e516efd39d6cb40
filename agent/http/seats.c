/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * seats.c - see seats.h.
 */
#include "agent/http/seats.h"

#include <stddef.h>
#include <sys/socket.h>

#define RESERVE 8u /* seats kept free: the library stops accepting at 0 */

void seats_open(struct seats *seats)
{
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		seats->items[i] = (struct seat){.fd = -1};
	seats->taken = 0;
}

static void show_out_oldest(struct seats *seats)
{
	struct seat *oldest = NULL;

	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		struct seat *seat = &seats->items[i];

		if (seat->fd >= 0 &&
		    (!oldest || seat->since_ns < oldest->since_ns))
			oldest = seat;
	}
	if (!oldest)
		return;
	/* The library sees the end of it and closes the descriptor itself. */
	shutdown(oldest->fd, SHUT_RDWR);
	oldest->fd = -1;
}

struct seat *seats_take(struct seats *seats, int fd, uint64_t now_ns)
{
	if (seats->taken + RESERVE >= HTTP_CONNECTIONS_MAX)
		show_out_oldest(seats);
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		if (seats->items[i].since_ns == 0) {
			seats->items[i] = (struct seat){fd, now_ns};
			seats->taken++;
			return &seats->items[i];
		}
	return NULL;
}

void seats_leave(struct seats *seats, struct seat *seat)
{
	if (!seat)
		return;
	*seat = (struct seat){.fd = -1};
	seats->taken--;
}
