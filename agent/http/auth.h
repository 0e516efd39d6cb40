/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * auth.h - who is at the other end of a UNIX socket, and what that one may do.
 *
 * Only what the kernel recorded at connect() counts: uid, gid, supplementary
 * groups. A pid may be another process by now and is never looked at.
 */
#pragma once

#include <stdbool.h>

#include "agent/http.h"

#define AUTH_NO_GROUP ((gid_t)-1)

struct auth {
	uid_t own_uid;
	gid_t read_gid; /* AUTH_NO_GROUP: no such group */
	gid_t admin_gid;
};

/* Looks the groups up once; a group made later needs a restart. */
void auth_open(struct auth *auth, const char *opt_read_group,
	       const char *opt_admin_group);

/* 0 or -errno when the kernel does not say who it is: then refuse. */
int auth_caller(int fd, struct http_caller *out);

/* May the caller at fd read; may it change? */
bool auth_may(const struct auth *auth, int fd, const struct http_caller *caller,
	      bool change);
