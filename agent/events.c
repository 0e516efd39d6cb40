/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.c - see events.h.
 */
#include "agent/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/clock.h"
#include "agent/log.h"
#include "common/scoped.h"

struct events {
	pthread_mutex_t lock;
	pthread_cond_t grown;
	uint64_t seq; /* of the newest; 0: none yet */
	bool stopping;
	struct snapshot_event ring[EVENTS_MAX];
};

int events_open(struct events **out)
{
	struct events *events = calloc(1, sizeof(*events));
	pthread_condattr_t attributes;

	if (!events)
		return -ENOMEM;
	pthread_mutex_init(&events->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&events->grown, &attributes);
	pthread_condattr_destroy(&attributes);
	*out = events;
	return 0;
}

void events_close(struct events *events)
{
	if (!events)
		return;
	pthread_cond_destroy(&events->grown);
	pthread_mutex_destroy(&events->lock);
	free(events);
}

void events_add(struct events *events, struct snapshot_event *event)
{
	event->realtime_ns = clock_realtime_ns();
	pthread_mutex_lock(&events->lock);
	event->seq = ++events->seq;
	events->ring[event->seq % EVENTS_MAX] = *event;
	pthread_cond_broadcast(&events->grown);
	pthread_mutex_unlock(&events->lock);
	log_info("%s", event->text);
}

void events_say(struct events *events, enum snapshot_event_type type,
		const char *service, const char *format, ...)
{
	struct snapshot_event event = {.type = type};
	va_list args;

	snprintf(event.service, sizeof(event.service), "%s", service);
	va_start(args, format);
	vsnprintf(event.text, sizeof(event.text), format, args);
	va_end(args);
	events_add(events, &event);
}

void events_wait(struct events *events, uint64_t seq, unsigned timeout_ms)
{
	uint64_t end_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	struct timespec end = {
		.tv_sec = (time_t)(end_ns / NS_PER_S),
		.tv_nsec = (long)(end_ns % NS_PER_S),
	};

	pthread_mutex_lock(&events->lock);
	while (events->seq <= seq && !events->stopping)
		if (pthread_cond_timedwait(&events->grown, &events->lock, &end))
			break;
	pthread_mutex_unlock(&events->lock);
}

void events_wake(struct events *events)
{
	pthread_mutex_lock(&events->lock);
	events->stopping = true;
	pthread_cond_broadcast(&events->grown);
	pthread_mutex_unlock(&events->lock);
}

struct snapshot_event *events_copy(struct events *events, size_t *count)
{
	struct snapshot_event *copy = NULL;
	uint64_t first;
	size_t held = 0;

	pthread_mutex_lock(&events->lock);
	first = events->seq > EVENTS_MAX ? events->seq - EVENTS_MAX + 1 : 1;
	if (events->seq)
		copy = malloc((events->seq - first + 1) * sizeof(*copy));
	for (uint64_t seq = first; copy && seq <= events->seq; seq++)
		copy[held++] = events->ring[seq % EVENTS_MAX];
	pthread_mutex_unlock(&events->lock);
	*count = held;
	return copy;
}
