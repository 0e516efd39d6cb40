/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hooks.c - nanoseconds each hook took, by the kernel's own statistics.
 *
 *   hooks CGROUP -- COMMAND...
 *
 * Turns statistics on for as long as it runs (no sysctl is changed), attaches
 * the empty programs to CGROUP next to Weir's, runs COMMAND, and prints
 * "NAME RUNS NS" for every program whose name starts with weir_ or empty_.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/empty.skel.h"

#define PROGRAMS_MAX 64

struct sample {
	char name[BPF_OBJ_NAME_LEN];
	uint32_t id;
	uint64_t runs, ns;
};

static bool ours(const char *name)
{
	return !strncmp(name, "weir_", 5) || !strncmp(name, "empty_", 6);
}

static size_t take(struct sample *out, size_t max)
{
	uint32_t id = 0;
	size_t count = 0;

	while (count < max && !bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {};
		uint32_t bytes = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &bytes) &&
		    ours(info.name)) {
			memcpy(out[count].name, info.name, sizeof(info.name));
			out[count].id = id;
			out[count].runs = info.run_cnt;
			out[count++].ns = info.run_time_ns;
		}
		close(fd);
	}
	return count;
}

static void print(const struct sample *before, size_t before_count,
		  const struct sample *after, size_t after_count)
{
	for (size_t i = 0; i < after_count; i++) {
		uint64_t runs = after[i].runs, ns = after[i].ns;

		for (size_t j = 0; j < before_count; j++)
			if (before[j].id == after[i].id) {
				runs -= before[j].runs;
				ns -= before[j].ns;
			}
		if (runs)
			printf("%s %llu %.1f\n", after[i].name,
			       (unsigned long long)runs,
			       (double)ns / (double)runs);
	}
}

static int attach(struct empty_bpf *skeleton, const char *cgroup)
{
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	skeleton->links.empty_connect4 =
		bpf_program__attach_cgroup(skeleton->progs.empty_connect4, fd);
	skeleton->links.empty_sockops =
		bpf_program__attach_cgroup(skeleton->progs.empty_sockops, fd);
	skeleton->links.empty_release =
		bpf_program__attach_cgroup(skeleton->progs.empty_release, fd);
	skeleton->links.empty_ready =
		bpf_program__attach(skeleton->progs.empty_ready);
	skeleton->links.empty_send =
		bpf_program__attach(skeleton->progs.empty_send);
	close(fd);
	return skeleton->links.empty_connect4 &&
			       skeleton->links.empty_sockops &&
			       skeleton->links.empty_release &&
			       skeleton->links.empty_ready &&
			       skeleton->links.empty_send
		       ? 0
		       : -errno;
}

static int run(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	static struct sample before[PROGRAMS_MAX], after[PROGRAMS_MAX];
	struct empty_bpf *skeleton;
	size_t before_count;
	int stats, failed;

	if (argc < 4 || strcmp(argv[2], "--")) {
		fprintf(stderr, "usage: hooks CGROUP -- COMMAND...\n");
		return 2;
	}
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	skeleton = empty_bpf__open_and_load();
	if (stats < 0 || !skeleton || attach(skeleton, argv[1])) {
		fprintf(stderr, "hooks: attaching the empty programs: %s\n",
			strerror(errno));
		return 1;
	}
	before_count = take(before, PROGRAMS_MAX);
	failed = run(argv + 3);
	print(before, before_count, after, take(after, PROGRAMS_MAX));
	empty_bpf__destroy(skeleton);
	close(stats);
	return failed != 0;
}
