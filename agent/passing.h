/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * passing.h - messages between two processes, with open files in them.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define PASSING_FDS_MAX 3

/* 0 or -errno; the files stay open here, too. */
int passing_send(int socket, const void *data, size_t bytes, const int *fds,
		 size_t count);

/*
 * How many bytes came, 0 at the end, or -errno. *count: how many files came
 * with them, which are the caller's to close.
 */
ssize_t passing_receive(int socket, void *data, size_t bytes,
			int fds[PASSING_FDS_MAX], size_t *count);
