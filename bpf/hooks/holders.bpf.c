/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * holders.bpf.c - who holds the connections, when somebody asks.
 *
 * connect() remembers the process that called it. A socket that existed before
 * the agent has no such process, and one that was inherited or sent to another
 * process has the wrong one. So iter/task_file goes over the open files of all
 * processes first and writes down who has each tracked socket open now: a fifth
 * of a microsecond a file, without any right to look into /proc/PID/fd.
 * iter/bpf_sk_storage_map then lists the connections.
 */
#include "bpf/turn.h"

/* Here and not in kernel.h: the simulation has sockets of its own. */
struct socket {
	struct sock *sk;
} __attribute__((preserve_access_index));

static __always_inline struct weir_look *look_find(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&weir_look, &zero);
}

/* Processes come by rising pid: of several the first, mostly the parent. */
SEC("iter/task_file")
int weir_owner(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct weir_look *look;
	struct weir_conn *conn;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !sk->sk_bpf_storage)
		return 0;
	conn = conn_find(sk);
	look = look_find();
	if (!conn || !look || conn->seen == look->pass)
		return 0;
	conn->pid = task->tgid;
	conn->seen = look->pass;
	return 0;
}

static __always_inline bool concerns(const struct weir_conn *conn,
				     const struct weir_look *look)
{
	return conn->held != WEIR_HELD_FREE &&
	       (look->subject == WEIR_NONE || conn->slot == look->subject ||
		conn->endpoint == look->subject);
}

static __always_inline __u32 silent_for(struct tcp_sock *tp)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)tp;
	__u32 now = (__u32)bpf_jiffies64();
	__u32 sent = now - tp->lsndtime;
	__u32 received = now - icsk->icsk_ack.lrcvtime;

	return icsk->icsk_ack.lrcvtime && received < sent ? received : sent;
}

static __always_inline __u16 describe(struct weir_conn *conn,
				      struct tcp_sock *tp,
				      const struct weir_look *look)
{
	__u16 flags = 0;

	/* Later than the walk over the files: nobody can have passed it on. */
	if (conn->seen == look->pass || conn->admitted_us >= look->pass_us)
		flags |= WEIR_HOLDER_OPEN;
	if (conn->flags & WEIR_CONN_ESTABLISHED && turn_awaited(conn, tp))
		flags |= WEIR_HOLDER_WAITING;
	if (conn->flags & WEIR_CONN_RELEASED)
		flags |= WEIR_HOLDER_CLOSING;
	if (conn->flags & WEIR_CONN_ADOPTED)
		flags |= WEIR_HOLDER_ADOPTED;
	if (conn_is_ghost(conn))
		flags |= WEIR_HOLDER_OVER;
	return flags;
}

SEC("iter/bpf_sk_storage_map")
int weir_holder(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct weir_look *look = look_find();
	struct sock *sk = ctx->sk;
	struct weir_holder holder = {};
	struct weir_conn *conn;
	struct tcp_sock *tp;

	if (!look)
		return 0;
	if (!sk || !ctx->value) {
		look->jiffies = bpf_jiffies64();
		look->at_us = now_us();
		return 0;
	}
	conn = conn_find(sk);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!conn || !tp || !concerns(conn, look))
		return 0;
	if (look->found >= look->max) {
		look->found++;
		return 0;
	}
	holder.cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	holder.age_us = now_us() - conn->admitted_us;
	holder.silent_jiffies = silent_for(tp);
	holder.pid = conn->pid;
	holder.uid = BPF_CORE_READ(sk, sk_uid.val);
	holder.slot = conn->slot;
	holder.endpoint = conn->endpoint;
	holder.state = sk_state(tp);
	holder.flags = describe(conn, tp, look);
	/* No room: the walk comes back to it with an empty buffer. */
	if (!bpf_seq_write(ctx->meta->seq, &holder, sizeof(holder)))
		look->found++;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
