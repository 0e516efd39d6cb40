/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * audit.bpf.c - iter/bpf_sk_storage_map: look at every tracked connection.
 *
 * Recounts what is held (the agent compares), releases reservations whose
 * socket closed without any hook seeing it, settles half-open probes that
 * connected and stayed silent for a second, and counts the calls that have been
 * awaited for too long: where no send hook exists that is what is decided on,
 * elsewhere it tells a slow backend from a slow network.
 */
#include "bpf/turn.h"
#include "bpf/wait.h"

#define STALE_US	1000000ull
#define SILENT_PROBE_US 1000000ull

static __always_inline void recount(__u32 subject, __u32 overdue, __u32 unsent)
{
	struct weir_recount *r = NULL;

	if (subject != WEIR_NONE)
		r = bpf_map_lookup_elem(&weir_recount, &subject);
	if (!r)
		return;
	r->held++;
	r->overdue += overdue;
	r->unsent += unsent;
}

static __always_inline bool call_overdue(struct weir_conn *conn,
					 struct tcp_sock *tp,
					 const struct weir_service *service,
					 __u64 now)
{
	struct weir_verdict *verdict =
		verdict_find(breaker_of(service, conn->slot, conn->endpoint));

	if (!service->slow_us || !verdict ||
	    !(conn->flags & WEIR_CONN_ESTABLISHED) ||
	    conn->flags &
		    (WEIR_CONN_SHADOW | WEIR_CONN_RELEASED | WEIR_CONN_RESET))
		return false;
	/* A call from before the epoch says nothing about it. */
	return turn_awaited(conn, tp) &&
	       tp->first_tx_mstamp >= verdict->epoch_us &&
	       now - tp->first_tx_mstamp > service->slow_us;
}

static __always_inline bool reservation_stale(const struct weir_conn *conn,
					      struct tcp_sock *tp, __u64 now)
{
	return conn->held == WEIR_HELD_RESERVED &&
	       sk_state(tp) == BPF_TCP_CLOSE &&
	       now - conn->admitted_us > STALE_US;
}

static __always_inline bool probe_silent(struct weir_conn *conn,
					 struct tcp_sock *tp, __u64 now)
{
	return conn->flags & WEIR_CONN_PROBE &&
	       conn->flags & WEIR_CONN_ESTABLISHED && !turn_awaited(conn, tp) &&
	       now - conn->established_us > SILENT_PROBE_US;
}

/*
 * It waits: what it was granted is held. And whatever the reason may be that
 * nobody served the queue, the audit does, at least.
 */
static __always_inline void look_at_waiter(struct weir_conn *conn,
					   struct tcp_sock *tp, __u64 now)
{
	struct weir_waiter *w = waiter_at(conn->waiter);
	__u64 word;

	if (sk_state(tp) == BPF_TCP_CLOSE &&
	    now - conn->admitted_us > STALE_US) {
		if (weir_wait_leave(conn))
			fault_count(WEIR_FAULT_STALE_RELEASED);
		return;
	}
	queue_poke(conn->slot);
	weir_queue_serve_late(conn->slot, conn->ticket);
	word = w ? *(volatile __u64 *)&w->word : 0;
	if (pair_high(word) != conn->ticket ||
	    pair_low(word) < WEIR_WAITER_GRANTED)
		return;
	recount(conn->slot, 0, 0);
	recount(conn->endpoint, 0, 0);
}

SEC("iter/bpf_sk_storage_map")
int weir_audit(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	const struct weir_control *control = control_active();
	struct sock *sk = ctx->sk;
	struct weir_service *service;
	struct weir_conn *conn;
	struct tcp_sock *tp;
	__u64 now;

	if (!control || !sk || !ctx->value)
		return 0;
	conn = conn_find(sk);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!conn || !tp)
		return 0;
	service = service_find(control, conn->slot);
	if (!service)
		return 0;
	now = now_us();
	if (conn->flags & WEIR_CONN_WAITING) {
		look_at_waiter(conn, tp, now);
		return 0;
	}
	if (reservation_stale(conn, tp, now) && conn_release(conn))
		fault_count(WEIR_FAULT_STALE_RELEASED);
	if (probe_silent(conn, tp, now))
		probe_end(conn, PROBE_ONE_OK);
	if (conn_is_doomed(conn) && sk_state(tp) != BPF_TCP_CLOSE) {
		struct weir_recount *r =
			bpf_map_lookup_elem(&weir_recount, &conn->slot);

		if (r)
			r->doomed++;
	}
	if (conn->held != WEIR_HELD_FREE) {
		__u32 overdue = call_overdue(conn, tp, service, now);
		/* Whose fault: not even the peer's kernel has all of it. */
		__u32 unsent = overdue && tp->snd_una != tp->write_seq;

		recount(conn->slot, overdue, unsent);
		recount(conn->endpoint, overdue, unsent);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
