/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * callers.c - see callers.h.
 */
#include "agent/callers.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/count_of.h"
#include "common/scoped.h"
#include "common/text.h"

/*
 * The kernel tells the pids of the host. In a pid namespace of our own they are
 * other processes here, and naming the wrong one is worse than none.
 */
static bool proc_is_the_hosts(void)
{
	char link[64] = "";

	return readlink("/proc/self/ns/pid", link, sizeof(link) - 1) > 0 &&
	       !strcmp(link, "pid:[4026531836]");
}

static void copy_printable(char *out, size_t bytes, const char *text)
{
	scoped(text) char *clean = text_printable(text, strlen(text));

	text_copy(out, bytes, clean ? clean : "");
}

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
		copy_printable(out, bytes, line + 3);
	}
}

static bool join(char *out, size_t bytes, const char *path, const char *name)
{
	return (size_t)snprintf(out, bytes, "%s/%s", path, name) < bytes;
}

static bool find_cgroup(struct callers_search *search, const char *below,
			uint64_t id, char *out, size_t bytes)
{
	char path[512], next[256];
	const struct dirent *entry;

	if (!search->directories_max ||
	    (size_t)snprintf(path, sizeof(path), "%s%s", search->root, below) >=
		    sizeof(path))
		return false;
	search->directories_max--;
	scoped(dir) DIR *directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    !join(next, sizeof(next), below, entry->d_name))
			continue;
		if (entry->d_ino == id) {
			copy_printable(out, bytes, next);
			return true;
		}
		if (find_cgroup(search, next, id, out, bytes))
			return true;
	}
	return false;
}

/* Where the process is; else where its socket was made. */
static void locate(uint32_t pid, uint64_t id, struct callers_search *opt_search,
		   char *out, size_t bytes)
{
	out[0] = '\0';
	if (pid && proc_is_the_hosts())
		read_cgroup(pid, out, bytes);
	if (!out[0] && opt_search && opt_search->root)
		find_cgroup(opt_search, "", id, out, bytes);
}

static void read_command(uint32_t pid, char *out, size_t bytes)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	scoped(file) FILE *file = fopen(path, "re");
	out[0] = '\0';
	if (!file || !fgets(line, sizeof(line), file))
		return;
	line[strcspn(line, "\n")] = '\0';
	copy_printable(out, bytes, line);
}

/* The innermost part of a cgroup's path that systemd runs processes in. */
static void find_unit(const char *cgroup, char *out, size_t bytes)
{
	static const char *const kinds[] = {".service", ".scope"};

	out[0] = '\0';
	for (const char *part = cgroup; *part; part += strcspn(part, "/")) {
		size_t length;

		part += *part == '/';
		length = strcspn(part, "/");
		for (size_t i = 0; i < COUNT_OF(kinds); i++) {
			size_t end = strlen(kinds[i]);

			if (length > end && length < bytes &&
			    !strncmp(part + length - end, kinds[i], end))
				snprintf(out, bytes, "%.*s", (int)length, part);
		}
	}
}

void callers_describe(struct snapshot_client *client,
		      struct callers_search *search)
{
	const char *home;

	locate(client->pid, client->cgroup_id, search, client->cgroup,
	       sizeof(client->cgroup));
	find_unit(client->cgroup, client->unit, sizeof(client->unit));
	if (client->pid && proc_is_the_hosts())
		read_command(client->pid, client->process,
			     sizeof(client->process));
	home = strrchr(client->cgroup, '/');
	home = client->unit[0] ? client->unit : home ? home + 1 : "";
	if (client->pid)
		snprintf(client->name, sizeof(client->name), "%.79s%s%s[%u]",
			 home, *home ? "/" : "", client->process, client->pid);
	else
		snprintf(client->name, sizeof(client->name),
			 "%.79s%sunknown[uid %u]", home, *home ? "/" : "",
			 client->uid);
}

void callers_name(const struct weir_event *event,
		  struct callers_search *opt_search, char *out, size_t bytes)
{
	char cgroup[200];
	scoped(text) char *command =
		text_printable(event->command,
			       strnlen(event->command, sizeof(event->command)));

	locate(event->pid, event->cgroup, opt_search, cgroup, sizeof(cgroup));
	snprintf(out, bytes, "%s (pid %u, uid %u%s%.180s)",
		 command && *command ? command : "a process", event->pid,
		 event->uid, cgroup[0] ? ", " : "", cgroup);
}
