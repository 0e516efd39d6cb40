/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * owner.h - one agent for one directory (a cgroup, a pin directory).
 *
 * Two agents on one cgroup would each undo the other's verdicts. The claim is
 * a lock on the directory itself: it needs no file and dies with its process.
 */
#pragma once

#include <sys/types.h>

/*
 * Opens and locks `path`. 0 with the fd in *out; -EBUSY when another process
 * holds it (*pid names it, 0 if that cannot be found out); or -errno. A lock of
 * a user who cannot run an agent is ignored.
 */
int owner_claim(int *out, pid_t *pid, const char *path);
