/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * process.c - see process.h.
 */
#include "agent/view/process.h"

#include <stdio.h>
#include <sys/resource.h>

#include "common/scoped.h"

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

/* The directory stream itself is one of the descriptors: not counted. */
static uint64_t count_fds(void)
{
	scoped(dir) DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	while (dir && readdir(dir))
		count++;
	return count > 3 ? count - 3 : 0;
}

void process_read(struct snapshot_process *out)
{
	scoped(file) FILE *file = fopen("/proc/self/statm", "re");
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long virtual_pages, resident_pages;
	struct rusage usage;
	struct rlimit limit;

	*out = (struct snapshot_process){0};
	if (!file ||
	    fscanf(file, "%llu %llu", &virtual_pages, &resident_pages) != 2 ||
	    getrusage(RUSAGE_SELF, &usage) || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	*out = (struct snapshot_process){
		.known = true,
		.cpu_seconds =
			seconds(&usage.ru_utime) + seconds(&usage.ru_stime),
		.resident_bytes = resident_pages * page,
		.virtual_bytes = virtual_pages * page,
		.open_fds = count_fds(),
		.max_fds = limit.rlim_cur,
	};
}
