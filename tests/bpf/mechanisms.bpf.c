/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mechanisms.bpf.c - the hooks' arithmetic, in the kernel, on request.
 *
 * SEC("syscall") programs are run by BPF_PROG_TEST_RUN and attach to nothing.
 */
#include "bpf/kernel.h"
#include "tests/bpf/cases.h"

struct case_io io;

/* For the hammer: several CPUs fight for one bulkhead and one probe word. */
__u32 hammer_cap = 3;
__u32 hammer_in_use;
__u32 hammer_most;
__u32 hammer_admitted;
__u64 hammer_probe;
__u32 hammer_tokens;

SEC("syscall")
int weir_case(void *ctx)
{
	case_run(&io);
	return 0;
}

static long blow(__u32 index, void *ctx)
{
	if (cap_take(&hammer_in_use, hammer_cap) == CAP_TAKEN) {
		__u32 seen = *(volatile __u32 *)&hammer_in_use;

		if (seen > hammer_most)
			hammer_most = seen;
		__sync_fetch_and_add(&hammer_admitted, 1);
		cap_give(&hammer_in_use);
	}
	if (probe_take(&hammer_probe, 7, 100) == PROBE_TAKEN)
		__sync_fetch_and_add(&hammer_tokens, 1);
	return 0;
}

SEC("syscall")
int weir_hammer(void *ctx)
{
	bpf_loop(1000, blow, NULL, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
