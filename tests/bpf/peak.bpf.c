/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peak.bpf.c - how many connections there were at most at one instant.
 *
 * A dump of the socket table is no instant: what closes behind it and opens
 * before it is counted twice. And a tracepoint is skipped when it interrupts
 * itself. So each change of state is counted where nothing is skipped, in
 * sockops. The client's programs are attached below Weir's: they run before, so
 * they see the end of a connection before its slot is given back.
 */
#include "tests/bpf/peak.h"
#include "bpf/kernel.h"

struct side server, client;
__u32 port_min, port_max;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} peak_held SEC(".maps");

static __always_inline void enter(struct side *side)
{
	__u32 now = __sync_fetch_and_add(&side->now, 1) + 1;

	__sync_fetch_and_add(&side->total, 1);
	for (int i = 0; i < 32; i++) {
		__u32 peak = *(volatile __u32 *)&side->peak;

		if (now <= peak ||
		    __sync_val_compare_and_swap(&side->peak, peak, now) == peak)
			break;
	}
}

static __always_inline bool ours(__u32 port)
{
	return port >= port_min && port <= port_max;
}

static __always_inline void want_state(struct bpf_sock_ops *ctx)
{
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags |
					       BPF_SOCK_OPS_STATE_CB_FLAG);
}

SEC("sockops")
int peak_server(struct bpf_sock_ops *ctx)
{
	if (!ours(ctx->local_port))
		return 1;
	if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		want_state(ctx);
		enter(&server);
	} else if (ctx->op == BPF_SOCK_OPS_STATE_CB &&
		   ctx->args[0] == BPF_TCP_ESTABLISHED) {
		__sync_fetch_and_add(&server.now, -1);
	}
	return 1;
}

/* Whoever sees its end first. */
static __always_inline void leave_client(void *sk)
{
	__u32 *held = bpf_sk_storage_get(&peak_held, sk, 0, 0);

	if (held && __sync_val_compare_and_swap(held, 1, 0) == 1)
		__sync_fetch_and_add(&client.now, -1);
}

/* From its SYN until the kernel has nothing of it but a time-wait entry. */
SEC("sockops")
int peak_client(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 *held;

	if (!sk || !ours(bpf_ntohl(ctx->remote_port)))
		return 1;
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		held = bpf_sk_storage_get(&peak_held, sk, 0,
					  BPF_SK_STORAGE_GET_F_CREATE);
		if (!held)
			return 1;
		*held = 1;
		want_state(ctx);
		enter(&client);
	} else if (ctx->op == BPF_SOCK_OPS_STATE_CB &&
		   ctx->args[1] == BPF_TCP_CLOSE) {
		leave_client(sk);
	}
	return 1;
}

/* Given up while it connects: Weir knows it here, the state comes later. */
SEC("cgroup/sock_release")
int peak_release(struct bpf_sock *ctx)
{
	if (ctx->state == BPF_TCP_SYN_SENT || ctx->state == BPF_TCP_CLOSE)
		leave_client(ctx);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
