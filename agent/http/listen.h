/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listen.h - the two listening sockets, each with a sentence when it fails.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Binds and listens; mode 0660, group `gid` unless (gid_t)-1. A socket file
 * nobody answers on is replaced. -EADDRINUSE: someone answers, or the path is
 * not a socket; -ENAMETOOLONG.
 */
int listen_unix(int *out, const char *path, gid_t gid, char *why,
		size_t why_bytes);

/* "127.0.0.1:19347", "[::1]:19347"; a host name is not looked up. */
int listen_tcp(int *out, const char *address, char *why, size_t why_bytes);
