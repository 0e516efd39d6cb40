/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peak.bpf.c - how many connections there were at most at one instant.
 *
 * A dump of the socket table is no instant: what closes behind it and opens
 * before it is counted twice. So each change of state is counted as it happens,
 * on both sides: the server's established connections, the client's from its
 * SYN until it closes them. (The state is stored right after the socket has
 * left it for Weir: a connection that ends in a reset can be counted here for
 * some instructions longer.)
 */
#include "tests/bpf/peak.h"
#include "bpf/kernel.h"

struct side server, client;
__u32 port_min, port_max;

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

static __always_inline void leave(struct side *side)
{
	__sync_fetch_and_add(&side->now, -1);
}

static __always_inline bool ours(__u32 port)
{
	return port >= port_min && port <= port_max;
}

static __always_inline bool held(int state)
{
	return state == BPF_TCP_SYN_SENT || state == BPF_TCP_ESTABLISHED ||
	       state == BPF_TCP_CLOSE_WAIT;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(peak_state, struct sock *sk, int before, int after)
{
	__u32 netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);

	if (netns == server.netns && ours(sk->__sk_common.skc_num)) {
		if (after == BPF_TCP_ESTABLISHED)
			enter(&server);
		else if (before == BPF_TCP_ESTABLISHED)
			leave(&server);
	}
	if (netns == client.netns &&
	    ours(bpf_ntohs(sk->__sk_common.skc_dport))) {
		if (!held(before) && held(after))
			enter(&client);
		else if (held(before) && !held(after))
			leave(&client);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
