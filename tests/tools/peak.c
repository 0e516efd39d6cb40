/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peak.c - counts the connections between two network namespaces, and says
 * "ready", then on SIGTERM how many there were; see tests/bpf/peak.bpf.c.
 *
 *   peak SERVER-NETNS CLIENT-NETNS PORT-MIN PORT-MAX   (namespaces: files)
 *
 *   server now N peak N total N
 *   client now N peak N total N
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/bpf/peak.h"

#include "tests/bpf/peak.skel.h"

static unsigned netns_inode(const char *path)
{
	struct stat st;

	if (stat(path, &st)) {
		fprintf(stderr, "peak: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return (unsigned)st.st_ino;
}

int main(int argc, char **argv)
{
	struct peak_bpf *skeleton;
	sigset_t set;
	int signal;

	if (argc != 5) {
		fprintf(stderr, "usage: peak SERVER-NETNS CLIENT-NETNS "
				"PORT-MIN PORT-MAX\n");
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	skeleton = peak_bpf__open_and_load();
	if (!skeleton)
		return 1;
	skeleton->bss->server.netns = netns_inode(argv[1]);
	skeleton->bss->client.netns = netns_inode(argv[2]);
	skeleton->bss->port_min = (unsigned)strtoul(argv[3], NULL, 10);
	skeleton->bss->port_max = (unsigned)strtoul(argv[4], NULL, 10);
	if (peak_bpf__attach(skeleton))
		return 1;
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
