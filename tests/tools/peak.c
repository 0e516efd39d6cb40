/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peak.c - counts the connections that the processes of one cgroup accept and
 * those of another make, and says "ready", then on SIGTERM how many there were;
 * see tests/bpf/peak.bpf.c.
 *
 *   peak SERVER-CGROUP CLIENT-CGROUP PORT-MIN PORT-MAX
 *
 *   server now N peak N total N
 *   client now N peak N total N
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bpf/peak.h"

#include "tests/bpf/peak.skel.h"

/* The link goes with the process. */
static void attach(struct bpf_program *program, const char *cgroup)
{
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !bpf_program__attach_cgroup(program, fd)) {
		fprintf(stderr, "peak: %s: %s\n", cgroup, strerror(errno));
		exit(1);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct peak_bpf *skeleton;
	sigset_t set;
	int signal;

	if (argc != 5) {
		fprintf(stderr, "usage: peak SERVER-CGROUP CLIENT-CGROUP "
				"PORT-MIN PORT-MAX\n");
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	skeleton = peak_bpf__open_and_load();
	if (!skeleton)
		return 1;
	skeleton->bss->port_min = (unsigned)strtoul(argv[3], NULL, 10);
	skeleton->bss->port_max = (unsigned)strtoul(argv[4], NULL, 10);
	attach(skeleton->progs.peak_server, argv[1]);
	attach(skeleton->progs.peak_client, argv[2]);
	attach(skeleton->progs.peak_release, argv[2]);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &signal);
	printf("server now %u peak %u total %llu\n", skeleton->bss->server.now,
	       skeleton->bss->server.peak, skeleton->bss->server.total);
	printf("client now %u peak %u total %llu\n", skeleton->bss->client.now,
	       skeleton->bss->client.peak, skeleton->bss->client.total);
	peak_bpf__destroy(skeleton);
	return 0;
}
