/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * owner.c - see owner.h.
 */
#include "agent/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/log.h"
#include "common/scoped.h"

/* Who holds the lock on this inode, by /proc/locks; 0: not found. */
static pid_t find_holder(const struct stat *st)
{
	scoped(file) FILE *locks = fopen("/proc/locks", "re");
	char line[256];

	while (locks && fgets(line, sizeof(line), locks)) {
		unsigned major_number, minor_number;
		unsigned long inode;
		int pid;

		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid,
			   &major_number, &minor_number, &inode) != 4)
			continue;
		if (inode == st->st_ino &&
		    makedev(major_number, minor_number) == st->st_dev)
			return pid;
	}
	return 0;
}

/*
 * Everybody can open a cgroup's directory, and so lock it: only root's and our
 * own user's locks are an agent's. False when in doubt.
 */
static bool is_stranger(pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (!pid || stat(path, &st) < 0 || !st.st_uid || st.st_uid == geteuid())
		return false;
	log_warning("pid %d of uid %u locks what an agent locks, and is none: "
		    "it is ignored",
		    pid, st.st_uid);
	return true;
}

int owner_claim(int *out, pid_t *pid, const char *path)
{
	scoped(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		*pid = find_holder(&st);
		if (!is_stranger(*pid))
			return -EBUSY;
	}
	*out = TAKE_FD(fd);
	return 0;
}
