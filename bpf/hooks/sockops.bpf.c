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
#include "bpf/wait.h"

/* One byte shared by all programs on this socket: always OR. */
static __always_inline void callbacks_add(struct bpf_sock_ops *ctx, int flags)
{
	if (bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | flags))
		fault_count(WEIR_FAULT_NO_FLAG);
}

/* ---- the queue ------------------------------------------------------------------ */

#define TCP_SYNCNT	 7
#define TCP_USER_TIMEOUT 18
#define SYN_COUNT_MAX	 127
#define SYN_TIMEOUT_US	 1000000ull

static __always_inline int option_get(struct bpf_sock_ops *ctx, int option)
{
	int value = 0;

	if (bpf_getsockopt(ctx, SOL_TCP, option, &value, sizeof(value)))
		return -1;
	return value;
}

static __always_inline int option_set(struct bpf_sock_ops *ctx, int option,
				      int value)
{
	return bpf_setsockopt(ctx, SOL_TCP, option, &value, sizeof(value));
}

/*
 * The timer begins with maxWait and doubles from there: a few more rounds, and
 * the connect has as long as it would have had from a second on.
 */
static __always_inline void give_more_rounds(struct bpf_sock_ops *ctx,
					     struct weir_conn *conn,
					     const struct weir_service *service)
{
	__u64 first_us = service->queue_wait_us;
	int count = option_get(ctx, TCP_SYNCNT), more = 0;

	for (; more < 10 && first_us < SYN_TIMEOUT_US; more++)
		first_us *= 2;
	if (count <= 0 || !more)
		return;
	conn->syn_count = count;
	option_set(ctx, TCP_SYNCNT,
		   count + more < SYN_COUNT_MAX ? count + more : SYN_COUNT_MAX);
}

/* Its options as the application had them. */
static __always_inline void give_options_back(struct bpf_sock_ops *ctx,
					      struct weir_conn *conn)
{
	if (conn->syn_count)
		option_set(ctx, TCP_SYNCNT, conn->syn_count);
	conn->syn_count = 0;
	if ((conn->flags & (WEIR_CONN_EXPIRED | WEIR_CONN_DROPPED)) ==
	    WEIR_CONN_EXPIRED)
		option_set(ctx, TCP_USER_TIMEOUT, conn->user_timeout);
}

/* Its SYN is about to be sent, or to be held. */
static __always_inline void wait_begin(struct bpf_sock_ops *ctx,
				       struct weir_conn *conn,
				       const struct weir_service *service)
{
	callbacks_add(ctx,
		      BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTO_CB_FLAG);
	if (!wait_over(conn, service))
		give_more_rounds(ctx, conn, service);
}

/* The timer of a SYN in jiffies; 0: as it would be. */
static __always_inline int first_timeout(const struct weir_conn *conn,
					 const struct weir_service *service)
{
	__u64 ticks;

	if (!(conn->flags & WEIR_CONN_WAITING) || !service->queue_wait_us)
		return 0;
	ticks = (service->queue_wait_us + weir_tick_us - 1) / weir_tick_us;
	return ticks < 0x7fffffff ? ticks : 0x7fffffff;
}

/*
 * The timer, before the SYN is sent again: it may go, or it has waited for
 * long enough. A millisecond as its limit ends it at the next timer, which is
 * the next but one jiffy.
 */
static __always_inline void on_timer(struct bpf_sock_ops *ctx,
				     struct weir_conn *conn,
				     const struct weir_service *service)
{
	struct weir_stat *stat;
	int timeout;

	if (!(conn->flags & WEIR_CONN_WAITING))
		return;
	queue_poke(conn->slot);
	if (wait_over(conn, service))
		return;
	/* Woken by something else. */
	if (now_us() - conn->admitted_us + weir_tick_us <
	    service->queue_wait_us)
		return;
	if (!weir_wait_leave(conn))
		return;
	stat = stat_find(conn->slot);
	if (stat)
		stat->queue_expired++;
	timeout = option_get(ctx, TCP_USER_TIMEOUT);
	conn->user_timeout = timeout > 0 ? timeout : 0;
	conn_flag_set(conn, WEIR_CONN_EXPIRED | WEIR_CONN_SHADOW);
	option_set(ctx, TCP_USER_TIMEOUT, 1);
}

/* ---- connecting ----------------------------------------------------------------- */

static __always_inline void on_connect(struct bpf_sock_ops *ctx,
				       struct weir_conn *conn,
				       const struct weir_service *service)
{
	if (conn->flags & WEIR_CONN_DROPPED)
		return;
	if (conn->flags & WEIR_CONN_WAITING) {
		wait_begin(ctx, conn, service);
		return;
	}
	callbacks_add(ctx, BPF_SOCK_OPS_STATE_CB_FLAG);
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
	if (new_state == BPF_TCP_CLOSE)
		give_options_back(ctx, conn);
	if (conn->flags & WEIR_CONN_WAITING) {
		if (new_state == BPF_TCP_CLOSE && weir_wait_leave(conn))
			wait_left(conn);
		return;
	}
	settle_release(tp, conn, service);
	if (new_state == BPF_TCP_CLOSE)
		on_close(tp, conn, service, old_state);
	else if (new_state == BPF_TCP_CLOSE_WAIT)
		on_peer_fin(tp, conn, service);
}

static __always_inline bool concerns(int op)
{
	return op == BPF_SOCK_OPS_TCP_CONNECT_CB ||
	       op == BPF_SOCK_OPS_TIMEOUT_INIT || op == BPF_SOCK_OPS_RTO_CB ||
	       op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ||
	       op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB ||
	       op == BPF_SOCK_OPS_STATE_CB;
}

SEC("sockops")
int weir_sockops(struct bpf_sock_ops *ctx)
{
	const struct weir_control *control = control_active();
	struct weir_service *service;
	struct weir_conn *conn;
	struct tcp_sock *tp;
	int op = ctx->op;

	if (!control || !concerns(op) || !ctx->sk)
		return 1;
	if (op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		on_accepted(ctx, control);
		return 1;
	}
	conn = conn_find(ctx->sk);
	if (!conn)
		return 1;
	service = service_find(control, conn->slot);
	tp = tcp_of(ctx);
	if (!service || !tp)
		return 1;
	if (conn->flags & WEIR_CONN_INGRESS) {
		if (op == BPF_SOCK_OPS_STATE_CB)
			on_accepted_state(ctx, tp, conn);
	} else if (op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		on_connect(ctx, conn, service);
	} else if (op == BPF_SOCK_OPS_TIMEOUT_INIT) {
		int ticks = first_timeout(conn, service);

		/* Other programs may have an answer for other sockets. */
		if (ticks)
			ctx->reply = ticks;
	} else if (op == BPF_SOCK_OPS_RTO_CB) {
		on_timer(ctx, conn, service);
	} else if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
		give_options_back(ctx, conn);
		on_established(tp, conn, service);
	} else {
		on_state(ctx, tp, conn, service);
	}
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
