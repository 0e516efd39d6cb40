/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * full.c - see full.h. All of `struct full` is under the agent's lock.
 */
#include "agent/full.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/callers.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/view/clients.h"

#define LOOK_REST_NS (10 * NS_PER_S) /* of one subject */
#define SAY_REST_NS \
	(60 * NS_PER_S) /* while it stays full: not the same again */
#define SAID_BYTES  80u /* of the sentence, around its names */
#define REST_FACTOR 10u /* of the time a look took, for all */

static uint32_t limit_of(const struct subject *subject)
{
	const struct weir_policy *policy = subject->service->policy;

	if (!policy || !policy->bulkhead.set)
		return WEIR_NONE;
	return subject->is_endpoint ? policy->bulkhead.endpoint_connections_max
				    : policy->bulkhead.connections_max;
}

void full_take(struct agent *agent, const struct weir_event *event,
	       uint64_t now_ns)
{
	struct subject *subject = agent->registry.subjects[event->subject];
	struct full *full = &agent->full;
	uint32_t limit = subject ? limit_of(subject) : WEIR_NONE;

	/* Its policy may have changed since. */
	if (limit == WEIR_NONE || now_ns < subject->full_rest_ns ||
	    full->count == FULL_QUESTIONS_MAX)
		return;
	subject->full_rest_ns = now_ns + LOOK_REST_NS;
	full->questions[full->count++] = (struct full_question){
		.subject = event->subject,
		.limit = limit,
		.enforced = subject->service->policy->mode == WEIR_MODE_ENFORCE,
		.event = *event,
	};
	if (full->running)
		pthread_cond_signal(&full->asked);
}

/* ---- the thread ----------------------------------------------------------------- */

static void say(struct agent *agent, struct subject *subject,
		const struct snapshot_full *full, uint64_t now_ns)
{
	const struct service *service = subject->service;
	const char *endpoint = subject->is_endpoint ? subject->name : "";
	char held[SNAPSHOT_EVENT_TEXT];
	size_t room = sizeof(held) - SAID_BYTES - strlen(service->name) -
		      strlen(endpoint) - strlen(full->refused);

	if (subject->full_said_ns &&
	    now_ns - subject->full_said_ns < SAY_REST_NS)
		return;
	subject->full_said_ns = now_ns;
	/* Who was refused must not be cut off. */
	clients_phrase(full->holders, held, room);
	events_say(agent->events, SNAPSHOT_EVENT_BULKHEAD, service->name,
		   "%s%s%s: cap of %u is full: held by %s; %s %s",
		   service->name, *endpoint ? " " : "", endpoint, full->limit,
		   held, full->refused,
		   full->enforced ? "was refused" : "would be refused");
}

/* By now it may be another's number, or nobody's: then it is not said. */
static void publish(struct agent *agent, const struct full_question *question,
		    struct snapshot_clients *holders, const char *refused)
{
	struct subject *subject = agent->registry.subjects[question->subject];
	struct snapshot_full *full = NULL;

	if (subject && limit_of(subject) == question->limit)
		full = calloc(1, sizeof(*full));
	if (!full) {
		free(holders);
		return;
	}
	full->realtime_ns = holders->realtime_ns;
	full->limit = question->limit;
	full->enforced = question->enforced;
	full->holders = snapshot_copy_clients(holders, CLIENTS_TOLD_MAX);
	free(holders);
	memcpy(full->subject, subject->name, sizeof(full->subject));
	memccpy(full->refused, refused, '\0', sizeof(full->refused) - 1);
	if (!full->holders) {
		free(full);
		return;
	}
	for (size_t i = 0; i < full->holders->count; i++)
		memcpy(full->holders->items[i].service, subject->service->name,
		       sizeof(subject->service->name));
	say(agent, subject, full, clock_monotonic_ns());
	snapshot_free_full(subject->service->full);
	subject->service->full = full;
}

/* Returns how long it took. The lock is let go meanwhile. */
static uint64_t answer(struct agent *agent)
{
	struct full *full = &agent->full;
	struct full_question question = full->questions[0];
	struct snapshot_clients *holders = NULL;
	uint64_t begun_ns = clock_monotonic_ns();
	struct callers_search search = {
		.root = agent->cgroup_root,
		.directories_max = CALLERS_DIRECTORIES_MAX,
	};
	char refused[256];
	int err;

	memmove(&full->questions[0], &full->questions[1],
		--full->count * sizeof(question));
	pthread_mutex_unlock(&agent->lock);
	/* First: who was turned away may end at any moment. */
	callers_name(&question.event, &search, refused, sizeof(refused));
	err = holders_list(&agent->holders, question.subject, &holders);
	pthread_mutex_lock(&agent->lock);
	if (err)
		log_warning("looking at who holds the connections: %s",
			    strerror(-err));
	else
		publish(agent, &question, holders, refused);
	return clock_monotonic_ns() - begun_ns;
}

static void rest(struct agent *agent, uint64_t ns)
{
	uint64_t end_ns = clock_monotonic_ns() + ns;
	const struct timespec end = {
		.tv_sec = (time_t)(end_ns / NS_PER_S),
		.tv_nsec = (long)(end_ns % NS_PER_S),
	};

	while (!agent->full.stopping &&
	       !pthread_cond_timedwait(&agent->full.asked, &agent->lock, &end))
		;
}

static void *work(void *ctx)
{
	struct agent *agent = ctx;
	struct full *full = &agent->full;

	pthread_mutex_lock(&agent->lock);
	while (!full->stopping) {
		if (full->count)
			rest(agent, answer(agent) * REST_FACTOR);
		else
			pthread_cond_wait(&full->asked, &agent->lock);
	}
	pthread_mutex_unlock(&agent->lock);
	return NULL;
}

int full_start(struct agent *agent)
{
	struct full *full = &agent->full;
	pthread_condattr_t attributes;
	int err;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&full->asked, &attributes);
	pthread_condattr_destroy(&attributes);
	err = pthread_create(&full->thread, NULL, work, agent);
	/* The loop may be asking already: it looks at this under the lock. */
	pthread_mutex_lock(&agent->lock);
	full->running = !err;
	pthread_mutex_unlock(&agent->lock);
	return -err;
}

void full_stop(struct agent *agent)
{
	struct full *full = &agent->full;

	if (!full->running)
		return;
	pthread_mutex_lock(&agent->lock);
	full->stopping = true;
	pthread_cond_signal(&full->asked);
	pthread_mutex_unlock(&agent->lock);
	pthread_join(full->thread, NULL);
	pthread_cond_destroy(&full->asked);
	full->running = false;
}
