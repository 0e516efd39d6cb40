/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * preflight.h - can this host run Weir at all? Reads only; changes nothing.
 *
 * Used by the agent before it touches the host and by `weirctl check` when no
 * agent answers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum preflight_status { PREFLIGHT_OK, PREFLIGHT_WARNING, PREFLIGHT_FAILED };

struct preflight_check {
	const char *group; /* "kernel", "cgroup", "privilege" */
	const char *name;  /* "BTF", "cgroup2", "CAP_BPF", … */
	enum preflight_status status;
	char text[256]; /* what was found */
	char hint[256]; /* what to do; "" when ok */
};

#define PREFLIGHT_CHECKS_MAX 32

/* Where the facts are read; NULL members mean the real host's paths. */
struct preflight_paths {
	const char *btf;       /* /sys/kernel/btf/vmlinux */
	const char *mountinfo; /* /proc/self/mountinfo */
	const char *lockdown;  /* /sys/kernel/security/lockdown */
	const char *status;    /* /proc/self/status */
	const char *release;   /* uname -r as text */
};

/* Fills at most `max` checks, returns how many. */
size_t preflight_run(const struct preflight_paths *opt_paths,
		     struct preflight_check *out, size_t max);

/*
 * The mount point of the first cgroup2 file system, found through mountinfo.
 * 0, -ENOENT when there is none, or -errno.
 */
int preflight_cgroup2(const char *opt_mountinfo, char *out, size_t bytes);

/* Numeric "6.12.3-foo" -> 6012; 0 when it cannot be read. */
unsigned preflight_kernel(const char *release);
