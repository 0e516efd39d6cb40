/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sockops.bpf.c - what becomes of a connection that was let through.
 *
 * CONNECT starts the connect call, ESTABLISHED ends it, and the change to
 * CLOSE tells how everything ended. These programs have no recursion guard,
 * so unlike tracepoints they see every end: counting is done here. What a
 * listener of ours accepts is in accept.h.
 */
#include "bpf/accept.h"
#include "bpf/turn.h"

static __always_inline void on_connect(struct bpf_sock_ops *ctx,
				       struct weir_conn *conn,
				       const struct weir_service *service)
{
	if (conn->flags & WEIR_CONN_DROPPED)
		return;
	/* One byte shared by all programs on this socket: always OR. */
	if (bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags |
						   BPF_SOCK_OPS_STATE_CB_FLAG))
		fault_count(WEIR_FAULT_NO_FLAG);
	__sync_val_compare_and_swap(&conn->held, WEIR_HELD_RESERVED,
				    WEIR_HELD_COUNTED);
	call_start(conn, service, WEIR_CALL_CONNECT, now_us());
}

/* An endpoint whose connections do not take turns: this one neither. */
static __always_inline void start_turns(struct weir_conn *conn)
{
	struct weir_subject *s = subject_find(conn->endpoint);

	if (s && manner_known(s->manner, s->opened))
		conn_flag_set(conn, WEIR_CONN_DUPLEX);
}

static __always_inline void connect_end(struct tcp_sock *tp,
					struct weir_conn *conn,
					const struct weir_service *service,
					__u32 failure, __u64 at_us)
{
	struct ending end = {
		.call = WEIR_CALL_CONNECT,
		.failure = failure,
		.resent = tp->total_retrans != 0,
		.at_us = at_us,
	};

	call_end(conn, service, &end);
}

static __always_inline void on_established(struct tcp_sock *tp,
					   struct weir_conn *conn,
					   const struct weir_service *service)
{
	__u64 at_us = tp->tcp_mstamp;
	__u64 start_us = conn->call_us;
	struct weir_stat *stat;

	if (conn->call != WEIR_CALL_CONNECT)
		return;
	if (at_us < start_us)
		at_us = start_us;
	conn->turn_seq = tp->write_seq;
	conn->established_us = conn->heard_us = at_us;
	syn_release(conn);
	start_turns(conn);
	conn_flag_set(conn, WEIR_CONN_ESTABLISHED);
	latency_count(conn, WEIR_PHASE_CONNECT, at_us - start_us);
	stat = stat_find(conn->slot);
	if (stat)
		stat->established++;
	connect_end(tp, conn, service, WEIR_FAILURE_COUNT, at_us);
	conn->retransmits = tp->total_retrans;
}

static __always_inline void count_close(struct weir_conn *conn,
					struct tcp_sock *tp, __u32 close)
{
	struct weir_stat *stat = stat_find(conn->slot);

	if (!stat || close >= WEIR_CLOSE_COUNT)
		return;
	stat->closed[close]++;
	stat->sent_bytes += tp->bytes_sent;
	stat->received_bytes += tp->bytes_received;
	stat->retransmits += tp->total_retrans;
}

/* A probe that was never answered: orderly is well, a reset is not. */
static __always_inline void settle_probe(struct weir_conn *conn, __u32 close)
{
	if (close == WEIR_CLOSE_FIN)
		probe_end(conn, PROBE_ONE_OK);
	else if (close == WEIR_CLOSE_RST_REMOTE || close == WEIR_CLOSE_TIMEOUT)
		probe_end(conn, PROBE_ONE_BAD);
	else
		probe_end(conn, 0);
}

/* It took turns to its end. */
static __always_inline void keep_manner(const struct weir_conn *conn)
{
	struct weir_subject *s = subject_find(conn->endpoint);

	if (s && s->manner &&
	    (conn->flags & (WEIR_CONN_ANSWERED | WEIR_CONN_DUPLEX)) ==
		    WEIR_CONN_ANSWERED)
		s->manner = manner_kept(s->manner);
}

static __always_inline void on_close(struct tcp_sock *tp,
				     struct weir_conn *conn,
				     const struct weir_service *service,
				     int old_state)
{
	int error = ((struct sock *)tp)->sk_err;
	bool established = conn->flags & WEIR_CONN_ESTABLISHED;
	__u32 failure = classify_failure(error);
	__u32 close =
		conn->flags & WEIR_CONN_RESET
			? WEIR_CLOSE_WEIR
			: classify_close(error, established,
					 old_state != BPF_TCP_ESTABLISHED);

	if (conn->call == WEIR_CALL_CONNECT)
		connect_end(tp, conn, service, failure, now_us());
	else if (conn->held == WEIR_HELD_RESERVED)
		connect_never_sent(conn, service);
	else if (established &&
		 !(conn->flags & (WEIR_CONN_RELEASED | WEIR_CONN_RESET)) &&
		 turn_awaited(conn, tp))
		turn_fail(conn, service, tp, failure);
	else if (close == WEIR_CLOSE_FIN)
		success_settle(conn, service);
	settle_probe(conn, close);
	if (!conn_release(conn))
		return;
	count_close(conn, tp, close);
	keep_manner(conn);
}

/* The peer's FIN, with nothing before it, while an answer is awaited. */
static __always_inline void on_peer_fin(struct tcp_sock *tp,
					struct weir_conn *conn,
					const struct weir_service *service)
{
	if (!turn_awaited(conn, tp) ||
	    tp->bytes_received - conn->received_bytes > 1)
		return;
	turn_fail(conn, service, tp,
		  classify_peer_fin(conn->flags & WEIR_CONN_ANSWERED,
				    written_seq(tp) - conn->turn_seq));
	conn->turn_seq = tp->write_seq;
}

/* The application has closed it, and no call was known to be in flight. */
static __always_inline void settle_release(struct tcp_sock *tp,
					   struct weir_conn *conn,
					   const struct weir_service *service)
{
	if (!(conn->flags & WEIR_CONN_UNSETTLED) ||
	    !(conn_flag_clear(conn, WEIR_CONN_UNSETTLED) & WEIR_CONN_UNSETTLED))
		return;
	/* Given up: neutral, or slow if it was awaited for too long. */
	if (turn_awaited(conn, tp)) {
		turn_fail(conn, service, tp, WEIR_FAILURE_LOCAL);
		return;
	}
	success_settle(conn, service);
	probe_end(conn, PROBE_ONE_OK);
}

/* Accepted here: it gives back its place, and is no call of ours. */
static __always_inline void on_accepted_state(struct bpf_sock_ops *ctx,
					      struct tcp_sock *tp,
					      struct weir_conn *conn)
{
	int old_state = ctx->args[0], new_state = ctx->args[1];

	conn_flag_set(conn, WEIR_CONN_STATE_SEEN);
	if (new_state != BPF_TCP_CLOSE)
		return;
	conn_flag_clear(conn, WEIR_CONN_DOOMED);
	if (conn_release(conn))
		count_close(conn, tp,
			    classify_close(((struct sock *)tp)->sk_err, true,
					   old_state != BPF_TCP_ESTABLISHED));
}

static __always_inline void on_state(struct bpf_sock_ops *ctx,
				     struct tcp_sock *tp,
				     struct weir_conn *conn,
				     const struct weir_service *service)
{
	int old_state = ctx->args[0], new_state = ctx->args[1];

	conn_flag_set(conn, WEIR_CONN_STATE_SEEN);
	settle_release(tp, conn, service);
	if (new_state == BPF_TCP_CLOSE)
		on_close(tp, conn, service, old_state);
	else if (new_state == BPF_TCP_CLOSE_WAIT)
		on_peer_fin(tp, conn, service);
}

SEC("sockops")
int weir_sockops(struct bpf_sock_ops *ctx)
{
	const struct weir_control *control = control_active();
	struct weir_service *service;
	struct weir_conn *conn;
	struct tcp_sock *tp;
	int op = ctx->op;

	if (!control || !ctx->sk)
		return 1;
	if (op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		on_accepted(ctx, control);
		return 1;
	}
	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB &&
	    op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	conn = conn_find(ctx->sk);
	if (!conn)
		return 1;
	service = service_find(control, conn->slot);
	tp = tcp_of(ctx);
	if (!service || !tp)
		return 1;
	if (conn->flags & WEIR_CONN_INGRESS)
		on_accepted_state(ctx, tp, conn);
	else if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		on_connect(ctx, conn, service);
	else if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		on_established(tp, conn, service);
	else
		on_state(ctx, tp, conn, service);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
