/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * egress.bpf.c - cgroup_skb/egress: a SYN that is not to leave.
 *
 * Attached only while a policy says `newConnections: drop`. The kernel takes
 * the SYN for sent and lost, sends it again, and in the end the application's
 * own timeout decides. An attempt that began so stays so, for it holds no slot;
 * only without a living agent is it let go (W8).
 */
#include "bpf/conn.h"

#define EGRESS_PASS 1
#define EGRESS_DROP 0

SEC("cgroup_skb/egress")
int weir_egress(struct __sk_buff *skb)
{
	const struct weir_control *control;
	struct bpf_sock *sk = skb->sk;
	struct weir_conn *conn;

	if (!sk || sk->state != BPF_TCP_SYN_SENT)
		return EGRESS_PASS;
	sk = bpf_sk_fullsock(sk);
	control = control_active();
	if (!sk || !control || sk->protocol != IPPROTO_TCP)
		return EGRESS_PASS;
	conn = conn_find(sk);
	if (!conn || !(conn->flags & WEIR_CONN_DROPPED))
		return EGRESS_PASS;
	return lease_holds(control) ? EGRESS_DROP : EGRESS_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
