/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run.c - runs the table of cases.h inside the kernel. Needs root.
 */
#include <bpf/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bpf/table.h"

/* The skeleton uses the types of the table. */
#include "tests/bpf/mechanisms.skel.h"

#define HAMMERS	    8
#define HAMMER_RUNS 200

static unsigned passed, failed;

static void report(bool ok, const char *name, const char *detail)
{
	printf("%s %s%s%s\n", ok ? "ok" : "FAIL", name, ok ? "" : ": ",
	       ok ? "" : detail);
	passed += ok;
	failed += !ok;
}

static int run_program(int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(fd, &options);
}

static void run_row(struct mechanisms_bpf *skeleton, const struct case_row *row)
{
	struct case_io *io = &skeleton->bss->io;
	char detail[200];
	int err;

	memset(io, 0, sizeof(*io));
	memcpy(io->in, row->in, sizeof(io->in));
	io->op = row->op;
	err = run_program(bpf_program__fd(skeleton->progs.weir_case));
	snprintf(detail, sizeof(detail),
		 "run %d, got {%llx, %llx}, want {%llx, %llx}", err,
		 (unsigned long long)io->out[0], (unsigned long long)io->out[1],
		 (unsigned long long)row->out[0],
		 (unsigned long long)row->out[1]);
	report(!err && !memcmp(io->out, row->out, sizeof(io->out)),
	       row->promise, detail);
}

static void *hammer(void *argument)
{
	int fd = *(int *)argument;

	for (int i = 0; i < HAMMER_RUNS; i++)
		run_program(fd);
	return NULL;
}

static void run_hammer(struct mechanisms_bpf *skeleton)
{
	int fd = bpf_program__fd(skeleton->progs.weir_hammer);
	pthread_t threads[HAMMERS];
	char detail[160];

	for (int i = 0; i < HAMMERS; i++)
		pthread_create(&threads[i], NULL, hammer, &fd);
	for (int i = 0; i < HAMMERS; i++)
		pthread_join(threads[i], NULL);
	snprintf(detail, sizeof(detail), "most %u, left %u, admitted %u",
		 skeleton->bss->hammer_most, skeleton->bss->hammer_in_use,
		 skeleton->bss->hammer_admitted);
	report(skeleton->bss->hammer_most <= skeleton->data->hammer_cap &&
		       skeleton->bss->hammer_most > 0 &&
		       !skeleton->bss->hammer_in_use,
	       "cap_holds_on_all_cpus_and_comes_back_to_zero", detail);
	snprintf(detail, sizeof(detail), "%u tokens",
		 skeleton->bss->hammer_tokens);
	report(skeleton->bss->hammer_tokens == 100,
	       "exactly_the_permitted_tokens_are_given_on_all_cpus", detail);
}

int main(void)
{
	struct mechanisms_bpf *skeleton = mechanisms_bpf__open_and_load();

	if (!skeleton) {
		printf("FAIL the test programs do not load (root is needed)\n"
		       "0 passed, 1 failed, 0 skipped\n");
		return 1;
	}
	for (size_t i = 0; i < CASE_ROWS; i++)
		run_row(skeleton, &case_rows[i]);
	run_hammer(skeleton);
	mechanisms_bpf__destroy(skeleton);
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
