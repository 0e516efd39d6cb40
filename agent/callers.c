/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * callers.c - see callers.h.
 */
#include "agent/callers.h"

#include <stdio.h>
#include <string.h>

#include "common/scoped.h"
#include "common/text.h"

/* Its cgroup2 path, while it lives; "" after. */
static void read_cgroup(uint32_t pid, char *out, size_t bytes)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	scoped(file) FILE *file = fopen(path, "re");
	out[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, bytes, "%.180s", line + 3);
	}
}

void callers_name(const struct weir_event *event, char *out, size_t bytes)
{
	char cgroup[200];
	scoped(text) char *command =
		text_printable(event->command,
			       strnlen(event->command, sizeof(event->command)));

	read_cgroup(event->pid, cgroup, sizeof(cgroup));
	snprintf(out, bytes, "%s (pid %u, uid %u%s%s)",
		 command && *command ? command : "a process", event->pid,
		 event->uid, cgroup[0] ? ", " : "", cgroup);
}
