/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * audit.c - see audit.h.
 */
#include "agent/audit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/namespaces.h"

#define DRIFT_PASSES 4

/* ---- recount -------------------------------------------------------------------- */

static uint64_t churn(const struct weir_subject *k)
{
	return __atomic_load_n(&k->acquired, __ATOMIC_RELAXED) +
	       __atomic_load_n(&k->released, __ATOMIC_RELAXED);
}

static void correct(struct weir_subject *k, int64_t drift)
{
	__atomic_fetch_sub(&k->in_use, (uint32_t)drift, __ATOMIC_RELAXED);
}

/*
 * Counted minus found, less what traffic during the pass can explain. The few
 * instructions between counting a connection and storing it can look like
 * drift once; not in DRIFT_PASSES passes in a row.
 */
static int64_t measure(const struct registry *registry,
		       const struct subject *subject)
{
	const struct dataplane *plane = registry->plane;
	const struct weir_subject *k = &plane->subjects[subject->id];
	int64_t moved = (int64_t)(churn(k) - subject->churn);
	int64_t drift = (int64_t)__atomic_load_n(&k->in_use, __ATOMIC_RELAXED) -
			(int64_t)plane->recounts[subject->id].held;

	if (llabs(drift) <= moved)
		return 0;
	return drift > 0 ? drift - moved : drift + moved;
}

static void compare(struct registry *registry, struct events *events,
		    struct subject *subject)
{
	int64_t drift = measure(registry, subject);

	if (!drift || (drift > 0) != (subject->drift > 0))
		subject->drift_passes = 0;
	/* The least that was seen in all passes is what is surely wrong. */
	if (!subject->drift_passes || llabs(drift) < llabs(subject->drift))
		subject->drift = drift;
	if (!drift || ++subject->drift_passes < DRIFT_PASSES)
		return;
	correct(&registry->plane->subjects[subject->id], subject->drift);
	subject->service->drift_total += (uint64_t)llabs(subject->drift);
	subject->drift_passes = 0;
	events_say(events, SNAPSHOT_EVENT_BULKHEAD, subject->service->name,
		   "%s: the count was off by %lld connections; corrected "
		   "(this is a bug in Weir: please report it)",
		   subject->name, (long long)subject->drift);
}

int audit_run(struct registry *registry, struct events *events)
{
	struct dataplane *plane = registry->plane;
	uint32_t subjects_max = dataplane_subjects_max(plane);
	int err;

	for (uint32_t id = 0; id < subjects_max; id++)
		if (registry->subjects[id])
			registry->subjects[id]->churn =
				churn(&plane->subjects[id]);
	err = dataplane_audit(plane);
	if (err)
		return err;
	registry->recounted = true;
	for (uint32_t id = 0; id < subjects_max; id++)
		if (registry->subjects[id])
			compare(registry, events, registry->subjects[id]);
	return 0;
}

/* ---- adoption --------------------------------------------------------------------- */

struct adoption {
	struct dataplane *plane;
	const struct namespaces *list;
	int walked;
};

/* A thread of its own: the main thread never changes its namespace. */
static void *adopt_all(void *argument)
{
	struct adoption *adoption = argument;

	for (size_t i = 0; i < adoption->list->count; i++) {
		if (setns(adoption->list->fds[i], CLONE_NEWNET) < 0) {
			/* The first is our own: that needs no permission. */
			if (i > 0) {
				log_warning("adopting connections of another "
					    "network namespace: %s",
					    strerror(errno));
				continue;
			}
		}
		if (dataplane_adopt(adoption->plane) == 0)
			adoption->walked++;
	}
	return NULL;
}

int audit_adopt(struct dataplane *plane, const char *cgroup,
		const char *const *netns, size_t netns_count)
{
	struct namespaces list;
	struct adoption adoption = {.plane = plane, .list = &list};
	pthread_t thread;
	int err;

	namespaces_list(&list, cgroup, netns, netns_count);
	err = pthread_create(&thread, NULL, adopt_all, &adoption);
	if (!err)
		pthread_join(thread, NULL);
	namespaces_close(&list);
	return err ? -err : adoption.walked;
}
