/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * auth.c - see auth.h.
 */
#include "agent/http/auth.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/scoped.h"

static gid_t find_group(const char *opt_name)
{
	char buffer[4096];
	struct group group, *found = NULL;

	/* Without its own buffer the look-up would not be thread-safe. */
	if (!opt_name || !opt_name[0] ||
	    getgrnam_r(opt_name, &group, buffer, sizeof(buffer), &found) ||
	    !found)
		return AUTH_NO_GROUP;
	return found->gr_gid;
}

void auth_open(struct auth *auth, const char *opt_read_group,
	       const char *opt_admin_group)
{
	auth->own_uid = geteuid();
	auth->read_gid = find_group(opt_read_group);
	auth->admin_gid = find_group(opt_admin_group);
}

int auth_caller(int fd, struct http_caller *out)
{
	struct ucred credentials;
	socklen_t bytes = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes))
		return -errno;
	*out = (struct http_caller){
		.uid = credentials.uid,
		.gid = credentials.gid,
		.pid = credentials.pid,
	};
	return 0;
}

/* Is gid among the groups the peer had when it connected? */
static bool in_group(int fd, const struct http_caller *caller, gid_t gid)
{
	scoped(memory) void *memory = NULL;
	socklen_t bytes = 0;
	const gid_t *groups;

	if (gid == AUTH_NO_GROUP)
		return false;
	if (caller->gid == gid)
		return true;
	/* With no room the kernel says how much it needs. */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) ||
	    errno != ERANGE || !(memory = malloc(bytes)) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, memory, &bytes))
		return false;
	groups = memory;
	for (size_t i = 0; i < bytes / sizeof(*groups); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

bool auth_may(const struct auth *auth, int fd, const struct http_caller *caller,
	      bool change)
{
	if (caller->uid == 0 || caller->uid == auth->own_uid)
		return true;
	if (in_group(fd, caller, auth->admin_gid))
		return true;
	return !change && in_group(fd, caller, auth->read_gid);
}
