/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * watch.h - what the aggregator and the agent say about themselves.
 *
 * Looked at from a thread of its own, so that a slow answer delays no request
 * of the load. The agent is asked as Prometheus asks it, over its metrics
 * port: what the table shows, every monitoring system can show.
 */
#pragma once

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>

#include "demo/net.h"

#define WATCH_METRICS_BYTES (4u * 1024 * 1024)
#define WATCH_PERIOD_NS	    (100 * NS_PER_MS)
#define WATCH_METRICS_EVERY 2u /* periods */

struct watch {
	struct sockaddr_in stats;   /* of the aggregator */
	struct sockaddr_in metrics; /* of the agent; port 0: there is none */
	const char *service;
	pthread_mutex_t lock; /* of all below */
	unsigned stuck;	      /* threads, now */
	unsigned stuck_max;   /* since the reader last set it back */
	unsigned stuck_peak;  /* since the start */
	unsigned waiting_peak;
	unsigned long refused; /* connections, since the start */
	char state[24];	       /* of the service's breaker, "-": unknown */
};

static inline void watch_aggregator(struct watch *watch)
{
	scoped(fd) int fd = -1;
	char line[128];
	unsigned stuck, busy, waiting;

	if (connect_to(&watch->stats, 1, &fd) ||
	    receive_line(fd, line, sizeof(line)) ||
	    sscanf(line, "stuck %u busy %u waiting %u", &stuck, &busy,
		   &waiting) != 3)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->stuck = stuck;
	if (stuck > watch->stuck_max)
		watch->stuck_max = stuck;
	if (stuck > watch->stuck_peak)
		watch->stuck_peak = stuck;
	if (waiting > watch->waiting_peak)
		watch->waiting_peak = waiting;
	pthread_mutex_unlock(&watch->lock);
}

static inline size_t receive_all(int fd, char *out, size_t bytes)
{
	size_t used = 0;

	while (used + 1 < bytes) {
		ssize_t got = recv(fd, out + used, bytes - 1 - used, 0);

		if (got <= 0)
			break;
		used += (size_t)got;
	}
	out[used] = '\0';
	return used;
}

static inline bool has_label(const char *line, const char *name,
			     const char *value)
{
	char label[96];

	snprintf(label, sizeof(label), "%s=\"%s\"", name, value);
	return strstr(line, label) != NULL;
}

static inline double sample_value(const char *line)
{
	const char *space = strrchr(line, ' ');

	return space ? strtod(space + 1, NULL) : 0;
}

/* The `half_open` of state="half_open", as the word people know. */
static inline void read_state(const char *line, char *out, size_t bytes)
{
	const char *at = strstr(line, "state=\"");
	size_t used = 0;

	for (at = at ? at + 7 : ""; *at && *at != '"'; at++)
		if (used + 1 < bytes)
			out[used++] =
				*at == '_' ? '-' : (char)toupper((int)*at);
	out[used] = '\0';
}

static inline void read_metrics(struct watch *watch, char *text)
{
	char state[sizeof(watch->state)] = "-";
	unsigned long refused = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (!has_label(line, "service", watch->service))
			continue;
		if (!strncmp(line, "weir_breaker_state{", 19) &&
		    sample_value(line) == 1)
			read_state(line, state, sizeof(state));
		if (!strncmp(line, "weir_decisions_total{", 21) &&
		    has_label(line, "verdict", "refuse"))
			refused += (unsigned long)sample_value(line);
	}
	pthread_mutex_lock(&watch->lock);
	memcpy(watch->state, state, sizeof(state));
	watch->refused = refused;
	pthread_mutex_unlock(&watch->lock);
}

static inline void watch_agent(struct watch *watch, char *text, size_t bytes)
{
	scoped(fd) int fd = -1;

	if (connect_to(&watch->metrics, 1, &fd) ||
	    send_text(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
			  "Connection: close\r\n\r\n"))
		return;
	if (receive_all(fd, text, bytes))
		read_metrics(watch, text);
}

/* A thread's body; ends with the program. */
static inline void *watch_for_ever(void *argument)
{
	struct timespec period = {.tv_nsec = (long)WATCH_PERIOD_NS};
	scoped(text) char *text = malloc(WATCH_METRICS_BYTES);
	struct watch *watch = argument;

	for (unsigned turn = 0;; turn++) {
		watch_aggregator(watch);
		if (watch->metrics.sin_port && text &&
		    turn % WATCH_METRICS_EVERY == 0)
			watch_agent(watch, text, WATCH_METRICS_BYTES);
		nanosleep(&period, NULL);
	}
	return NULL;
}
