/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * holders.c - see holders.h.
 *
 * A connection that comes or goes during the walk may be missed or seen twice;
 * nothing is decided by these numbers.
 */
#include "agent/holders.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "agent/callers.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/view/clients.h"
#include "common/scoped.h"

/* A program that polls does not make us look at every file each time. */
#define PASS_REST_NS NS_PER_S
/* Before that a jiffy more or less would make too much of a difference. */
#define CALIBRATION_US 200000u
/* Connections that were opened since we counted them. */
#define SLACK 1024u

DEFINE_SCOPED(lock, pthread_mutex_t *, pthread_mutex_unlock(*it))

static int look(struct holders *h, struct weir_holder *out, size_t *count)
{
	return dataplane_holders(h->plane, out, count);
}

void holders_open(struct holders *holders, struct dataplane *plane,
		  const char *cgroup_root)
{
	struct weir_look *ask = plane->look;
	size_t none = 0;
	int err;

	*holders = (struct holders){
		.plane = plane,
		.cgroup_root = cgroup_root,
	};
	pthread_mutex_init(&holders->lock, NULL);
	*ask = (struct weir_look){.subject = WEIR_NONE};
	err = look(holders, NULL, &none);
	if (err) {
		log_warning("who holds connections cannot be looked up: %s; "
			    "all else goes on",
			    strerror(-err));
		return;
	}
	holders->jiffies = ask->jiffies;
	holders->jiffies_us = ask->at_us;
}

void holders_close(struct holders *holders)
{
	if (holders->plane)
		pthread_mutex_destroy(&holders->lock);
}

/*
 * Numbers of passes go up over the lives of agents, because what they are
 * compared with stays in the sockets: milliseconds do.
 */
static void find_owners(struct holders *h)
{
	struct weir_look *ask = h->plane->look;
	uint64_t now_ns = clock_monotonic_ns();

	if (h->passed_ns && now_ns - h->passed_ns < PASS_REST_NS)
		return;
	ask->pass_us = now_ns / NS_PER_US;
	ask->pass = (uint32_t)(now_ns / NS_PER_MS) | 1;
	/* Without it there still is who connected. */
	if (!dataplane_find_owners(h->plane))
		h->passed_ns = clock_monotonic_ns();
}

static uint32_t most_of(const struct dataplane *plane, uint32_t subject)
{
	uint64_t most = SLACK;

	if (subject != WEIR_NONE)
		most += plane->subjects[subject].in_use;
	for (uint32_t slot = 0;
	     subject == WEIR_NONE && slot < plane->services_max; slot++)
		most += plane->subjects[slot].in_use;
	return most < WEIR_HOLDERS_MAX ? (uint32_t)most : WEIR_HOLDERS_MAX;
}

static double jiffy_seconds(const struct holders *h)
{
	const struct weir_look *seen = h->plane->look;
	uint64_t span_us = seen->at_us - h->jiffies_us;

	if (!h->jiffies || span_us < CALIBRATION_US ||
	    seen->jiffies == h->jiffies)
		return NAN;
	return (double)span_us / 1e6 / (double)(seen->jiffies - h->jiffies);
}

int holders_list(struct holders *holders, uint32_t subject,
		 struct snapshot_clients **out)
{
	struct weir_look *ask = holders->plane->look;
	uint32_t max = most_of(holders->plane, subject);
	scoped(memory) void *memory = calloc(max, sizeof(struct weir_holder));
	struct callers_search search = {
		.root = holders->cgroup_root,
		.directories_max = CALLERS_DIRECTORIES_MAX,
	};
	struct snapshot_clients *clients;
	scoped(lock) pthread_mutex_t *locked = &holders->lock;
	size_t count = 0;
	int err;

	pthread_mutex_lock(locked);
	if (!memory)
		return -ENOMEM;
	find_owners(holders);
	ask->subject = subject;
	ask->max = max;
	err = look(holders, memory, &count);
	if (err)
		return err;
	clients = clients_group(memory, count, jiffy_seconds(holders));
	if (!clients)
		return -ENOMEM;
	clients->realtime_ns = clock_realtime_ns();
	if (ask->found > count) {
		clients->connections += ask->found - (uint32_t)count;
		clients->unlisted += ask->found - (uint32_t)count;
	}
	for (size_t i = 0; i < clients->count; i++)
		callers_describe(&clients->items[i], &search);
	*out = clients;
	return 0;
}
