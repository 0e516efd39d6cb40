/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * select.bpf.c - iter/bpf_sk_storage_map: connections that Weir is to reset.
 *
 * Lists those of one subject that hang, that idle, or all, up to a number. From
 * the moment a connection is listed what becomes of it is Weir's doing and no
 * failure of the backend (W9).
 */
#include "bpf/turn.h"
#include "bpf/victim.h"

static __always_inline bool concerns(const struct weir_conn *conn,
				     const struct weir_select *select)
{
	return conn->held == WEIR_HELD_COUNTED &&
	       (conn->flags & (WEIR_CONN_ESTABLISHED | WEIR_CONN_RELEASED |
			       WEIR_CONN_RESET | select->mark)) ==
		       WEIR_CONN_ESTABLISHED &&
	       (conn->slot == select->subject ||
		conn->endpoint == select->subject);
}

static __always_inline bool chosen(struct weir_conn *conn, struct tcp_sock *tp,
				   const struct weir_select *select)
{
	bool awaited = turn_awaited(conn, tp);

	if (select->which == WEIR_ESTABLISHED_RESET_STUCK)
		return awaited &&
		       now_us() - tp->first_tx_mstamp > select->stuck_us;
	return select->which == WEIR_ESTABLISHED_RESET_ALL || !awaited;
}

SEC("iter/bpf_sk_storage_map")
int weir_choose(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	__u32 zero = 0;
	struct weir_select *select = bpf_map_lookup_elem(&weir_select, &zero);
	struct sock *sk = ctx->sk;
	struct weir_victim victim = {};
	struct weir_conn *conn;
	struct tcp_sock *tp;
	__u8 state;

	if (!select || !sk || !ctx->value || select->found >= select->max)
		return 0;
	conn = conn_find(sk);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!conn || !tp || !concerns(conn, select))
		return 0;
	state = sk_state(tp);
	if ((state != BPF_TCP_ESTABLISHED && state != BPF_TCP_CLOSE_WAIT) ||
	    !chosen(conn, tp, select))
		return 0;
	victim.subject = select->subject;
	victim_describe(&victim, sk);
	victim.cookie = bpf_get_socket_cookie(sk);
	/* No room: the walk comes back to it with an empty buffer. */
	if (bpf_seq_write(ctx->meta->seq, &victim, sizeof(victim)))
		return 0;
	conn_flag_set(conn, select->mark);
	if (select->mark == WEIR_CONN_RESET)
		call_stop(conn, WEIR_CALL_TURN);
	select->found++;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
