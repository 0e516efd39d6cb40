/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * audit.c - see audit.h.
 */
#include "agent/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/log.h"
#include "common/scoped.h"

#define DRIFT_PASSES   4
#define NAMESPACES_MAX 256u
#define DEPTH_MAX      32

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

struct namespaces {
	int fds[NAMESPACES_MAX];
	ino_t inodes[NAMESPACES_MAX];
	size_t count;
};

static void add_namespace(struct namespaces *list, const char *path)
{
	scoped(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || list->count == NAMESPACES_MAX)
		return;
	for (size_t i = 0; i < list->count; i++)
		if (list->inodes[i] == st.st_ino)
			return;
	list->inodes[list->count] = st.st_ino;
	list->fds[list->count++] = TAKE_FD(fd);
}

static void add_processes(struct namespaces *list, int dir_fd)
{
	scoped(fd) int fd =
		openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	scoped(file) FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");
	char path[64];
	int pid;

	if (!procs)
		return;
	fd = -1; /* the stream's now */
	while (fscanf(procs, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		add_namespace(list, path);
	}
}

static void add_cgroup(struct namespaces *list, int parent_fd, const char *name,
		       int depth)
{
	scoped(fd) int fd =
		openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	if (fd < 0 || depth > DEPTH_MAX)
		return;
	add_processes(list, fd);
	scoped(dir) DIR *dir = fdopendir(fd);
	if (!dir)
		return;
	fd = -1; /* the stream's now */
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			add_cgroup(list, dirfd(dir), entry->d_name, depth + 1);
}

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
	struct namespaces list = {.count = 0};
	struct adoption adoption = {.plane = plane, .list = &list};
	pthread_t thread;
	int err;

	add_namespace(&list, "/proc/self/ns/net");
	for (size_t i = 0; i < netns_count; i++)
		add_namespace(&list, netns[i]);
	add_cgroup(&list, AT_FDCWD, cgroup, 0);
	err = pthread_create(&thread, NULL, adopt_all, &adoption);
	if (!err)
		pthread_join(thread, NULL);
	for (size_t i = 0; i < list.count; i++)
		close(list.fds[i]);
	return err ? -err : adoption.walked;
}
