/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * namespaces.h - the network namespaces in which our processes have sockets.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define NAMESPACES_MAX 256u /* further ones are not looked into */

struct namespaces {
	int fds[NAMESPACES_MAX];
	ino_t inodes[NAMESPACES_MAX];
	size_t count;
};

/*
 * The caller's own first, then those at the paths `netns`, then those of the
 * processes in `cgroup` and below. What cannot be opened is left out.
 */
void namespaces_list(struct namespaces *out, const char *cgroup,
		     const char *const *netns, size_t netns_count);

void namespaces_close(struct namespaces *list);
