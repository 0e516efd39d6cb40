/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * namespaces.c - see namespaces.h.
 */
#include "agent/namespaces.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/scoped.h"

#define DEPTH_MAX 32

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

void namespaces_list(struct namespaces *out, const char *cgroup,
		     const char *const *netns, size_t netns_count)
{
	out->count = 0;
	add_namespace(out, "/proc/self/ns/net");
	for (size_t i = 0; i < netns_count; i++)
		add_namespace(out, netns[i]);
	add_cgroup(out, AT_FDCWD, cgroup, 0);
}

void namespaces_close(struct namespaces *list)
{
	for (size_t i = 0; i < list->count; i++)
		close(list->fds[i]);
	list->count = 0;
}
