/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * egress.bpf.c - cgroup_skb/egress: a SYN that is not to leave, or not yet.
 *
 * Attached only while a policy says `newConnections: drop` or has a queue. The
 * kernel takes the SYN for sent and lost and sends it again. An attempt that is
 * to be lost stays so until the application's own timeout decides, for it holds
 * no slot; only without a living agent is it let go (W8). One that waits goes
 * as soon as it has been granted its places.
 */
#include "bpf/victim.h"
#include "bpf/wait.h"

#define EGRESS_PASS 1
#define EGRESS_DROP 0

/* For the one who is to wake it. */
static __always_inline void describe(struct weir_waiter *w, struct tcp_sock *tp)
{
	victim_describe(&w->socket, (struct sock *)tp);
	w->socket.wake = 1;
	/* Last: from here on it can be woken. 0 stands for unknown. */
	__sync_lock_test_and_set(&w->socket.seq, tp->snd_una | !tp->snd_una);
}

static __always_inline int hold(struct weir_conn *conn, struct bpf_sock *sk)
{
	const struct weir_control *control = control_active();
	struct weir_service *service =
		control ? service_find(control, conn->slot) : NULL;
	struct weir_waiter *w = waiter_at(conn->waiter);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!service || !w || !tp)
		return EGRESS_DROP;
	if (wait_over(conn, service))
		return EGRESS_PASS;
	if (w->socket.seq)
		return EGRESS_DROP;
	describe(w, tp);
	/* If it was granted meanwhile, nobody knew yet whom to wake. */
	return wait_over(conn, service) ? EGRESS_PASS : EGRESS_DROP;
}

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
	if (!conn)
		return EGRESS_PASS;
	if (conn->flags & WEIR_CONN_WAITING)
		return hold(conn, sk);
	if (conn->flags & WEIR_CONN_EXPIRED)
		return EGRESS_DROP;
	if (!(conn->flags & WEIR_CONN_DROPPED))
		return EGRESS_PASS;
	return lease_holds(control) ? EGRESS_DROP : EGRESS_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
