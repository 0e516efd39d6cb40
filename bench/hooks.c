/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hooks.c - nanoseconds each hook took, by the kernel's own statistics.
 *
 *   hooks AGENT-PID CGROUP -- COMMAND...
 *
 * Turns statistics on for as long as it runs (no sysctl is changed), attaches
 * the empty programs to CGROUP next to the agent's, runs COMMAND, and prints
 * "NAME RUNS NS" for every program that ran. Other agents on the host are not
 * counted: programs are found by what AGENT-PID holds open.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/empty.skel.h"

#define PROGRAMS_MAX 64
#define WALK_US	     200000

struct program {
	char name[BPF_OBJ_NAME_LEN];
	int fd;
	uint64_t runs, ns; /* before the command */
};

static struct program programs[PROGRAMS_MAX];
static size_t program_count;
static int conn_map = -1;

static void add_program(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t bytes = sizeof(info);
	struct program *p = &programs[program_count];

	if (fd < 0 || program_count == PROGRAMS_MAX ||
	    bpf_obj_get_info_by_fd(fd, &info, &bytes))
		return;
	memcpy(p->name, info.name, sizeof(p->name));
	p->fd = fd;
	p->runs = info.run_cnt;
	p->ns = info.run_time_ns;
	program_count++;
}

/* Where the connections are remembered: what walks go over. */
static void add_map(uint32_t id)
{
	struct bpf_map_info info = {};
	uint32_t bytes = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd >= 0 && conn_map < 0 &&
	    !bpf_obj_get_info_by_fd(fd, &info, &bytes) &&
	    info.type == BPF_MAP_TYPE_SK_STORAGE)
		conn_map = fd;
	else if (fd >= 0)
		close(fd);
}

static void read_fdinfo(const char *path)
{
	FILE *file = fopen(path, "re");
	bool link = false;
	char line[128];
	unsigned id;

	while (file && fgets(line, sizeof(line), file)) {
		/* A link names its program, too: once is enough. */
		link |= !strncmp(line, "link_type:", 10);
		if (!link && sscanf(line, "prog_id: %u", &id) == 1)
			add_program(bpf_prog_get_fd_by_id(id));
		if (sscanf(line, "map_id: %u", &id) == 1)
			add_map(id);
	}
	if (file)
		fclose(file);
}

static void find_agents(const char *pid)
{
	char path[300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid,
			 entry->d_name);
		read_fdinfo(path);
	}
	if (dir)
		closedir(dir);
}

static void print(const struct program *p)
{
	struct bpf_prog_info info = {};
	uint32_t bytes = sizeof(info);
	uint64_t runs;

	if (bpf_obj_get_info_by_fd(p->fd, &info, &bytes))
		return;
	runs = info.run_cnt - p->runs;
	if (runs)
		printf("%s %llu %.1f\n", p->name, (unsigned long long)runs,
		       (double)(info.run_time_ns - p->ns) / (double)runs);
}

static int attach(struct empty_bpf *s, const char *cgroup)
{
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_program *program;
	bool all = fd >= 0;

	bpf_object__for_each_program(program, s->obj)
	{
		struct bpf_link *link;

		add_program(bpf_program__fd(program));
		if (program == s->progs.none_walk)
			continue;
		link = bpf_program__type(program) == BPF_PROG_TYPE_TRACING
			       ? bpf_program__attach(program)
			       : bpf_program__attach_cgroup(program, fd);
		/* It goes with this process. */
		all &= link != NULL;
	}
	if (fd >= 0)
		close(fd);
	return all ? 0 : -errno;
}

/* Once over all connections, doing nothing. */
static void walk(struct bpf_program *program)
{
	union bpf_iter_link_info info = {.map.map_fd = (uint32_t)conn_map};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(program, &options);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char nothing[64];

	while (fd >= 0 && read(fd, nothing, sizeof(nothing)) > 0)
		continue;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
}

static int run(char **command, struct empty_bpf *skeleton)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		usleep(WALK_US);
		walk(skeleton->progs.none_walk);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	struct empty_bpf *skeleton;
	int stats, failed;

	if (argc < 5 || strcmp(argv[3], "--")) {
		fprintf(stderr, "usage: hooks AGENT-PID CGROUP -- COMMAND\n");
		return 2;
	}
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	skeleton = empty_bpf__open_and_load();
	find_agents(argv[1]);
	if (stats < 0 || !skeleton || conn_map < 0 ||
	    attach(skeleton, argv[2])) {
		fprintf(stderr, "hooks: attaching the empty programs: %s\n",
			strerror(errno));
		return 1;
	}
	failed = run(argv + 4, skeleton);
	for (size_t i = 0; i < program_count; i++)
		print(&programs[i]);
	return failed != 0;
}
