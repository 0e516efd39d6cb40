/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * turns.bpf.c - requests and answers, without reading a byte of either.
 *
 * A turn starts when something is written after the last answer
 * (sock_send_length) and ends at the answer's first byte (sk_data_ready). The
 * send tracepoint fires after sendmsg() returned, so on loopback the answer
 * may be there first: both sides then look at turn_seq and at the call word,
 * each after a full barrier, and exactly one of them takes the call out again.
 * Tracepoints can be skipped by their recursion guard: nothing that must be
 * exact depends on them. Before 6.3 tcp_probe stands in for sk_data_ready.
 */
#include "bpf/conn.h"

struct turn {
	struct weir_conn *conn;
	struct tcp_sock *tp;
	struct weir_service *service;
};

/* Is this a socket of ours? The cheap questions first: it runs host-wide. */
static __always_inline bool turn_find(struct turn *t, struct sock *sk)
{
	const struct weir_control *control;

	if (!sk->sk_bpf_storage)
		return false;
	control = control_active();
	if (!control)
		return false;
	t->conn = conn_find(sk);
	if (!t->conn || t->conn->flags & WEIR_CONN_DUPLEX ||
	    !(t->conn->flags & WEIR_CONN_ESTABLISHED))
		return false;
	t->tp = bpf_skc_to_tcp_sock(sk);
	if (!t->tp)
		return false;
	t->service = service_find(control, t->conn->slot);
	return t->service;
}

/* It does not wait for answers: from here on only the connection counts. */
static __always_inline void leave_turns(struct turn *t)
{
	conn_flag_set(t->conn, WEIR_CONN_DUPLEX);
	call_stop(t->conn, WEIR_CALL_TURN);
	/* A peer that speaks first has answered a probe. */
	probe_end(t->conn, PROBE_ONE_OK);
}

/*
 * An answer while part of the request is still unacknowledged: the two sides
 * do not take turns. Once may be an early answer; the fourth time it is
 * pipelining, HTTP/2 or the like.
 */
static __always_inline bool overlaps(struct turn *t)
{
	__u32 seen = t->conn->flags / WEIR_CONN_OVERLAP & 3;

	if (t->tp->snd_una == t->tp->snd_nxt)
		return false;
	if (seen < 3)
		atomic_add(&t->conn->flags, WEIR_CONN_OVERLAP);
	return seen == 3;
}

/* The answer's first byte is here; at_us is when it arrived. */
static __always_inline void turn_end(struct turn *t, __u32 seq, __u64 at_us)
{
	struct weir_conn *conn = t->conn;
	struct tcp_sock *tp = t->tp;
	__u64 start_us = tp->first_tx_mstamp;
	bool resent = tp->total_retrans != conn->retransmits;
	struct outcome o = {
		.phase = WEIR_PHASE_TURN,
		.failure = WEIR_FAILURE_COUNT,
	};

	/* Before the call word: see the start of this file. */
	__sync_lock_test_and_set(&conn->turn_seq, seq);
	conn->retransmits = tp->total_retrans;
	if (resent && conn->call == WEIR_CALL_TURN)
		start_us = conn->call_us;
	if (at_us < start_us)
		at_us = start_us;
	o.call_us = start_us;
	call_stop(conn, WEIR_CALL_TURN);
	conn_flag_set(conn, WEIR_CONN_ANSWERED);
	/* After a retransmission first_tx is that of the copy. */
	if (!resent)
		latency_count(conn, WEIR_PHASE_TURN, at_us - start_us);
	o.result = classify_result(0, 0, at_us - start_us, t->service->slow_us);
	outcome_record(conn, t->service, &o);
}

static __always_inline void data_arrived(struct turn *t, __u64 at_us)
{
	__u32 seq = written_seq(t->tp);

	if (!t->tp->bytes_sent)
		leave_turns(t);
	else if (seq != t->conn->turn_seq)
		turn_end(t, seq, at_us);
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(weir_data_ready, struct sock *sk)
{
	struct turn t;
	__u64 received;

	if (!turn_find(&t, sk))
		return 0;
	received = t.tp->bytes_received - t.conn->received_bytes;
	/* A FIN counts as one byte received. */
	if (received <= (sk_state(t.tp) != BPF_TCP_ESTABLISHED ? 1 : 0))
		return 0;
	t.conn->received_bytes += received;
	if (overlaps(&t))
		leave_turns(&t);
	else
		data_arrived(&t, t.tp->tcp_mstamp);
	return 0;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(weir_tcp_probe, struct sock *sk, struct sk_buff *skb)
{
	struct tcp_skb_cb *cb;
	__u32 bytes;
	struct turn t;

	if (!turn_find(&t, sk))
		return 0;
	cb = (struct tcp_skb_cb *)skb->cb;
	bytes = BPF_CORE_READ(cb, end_seq) - BPF_CORE_READ(cb, seq);
	if (BPF_CORE_READ(cb, tcp_flags) & TCPHDR_FIN && bytes)
		bytes--;
	if (!bytes)
		return 0;
	t.conn->received_bytes += bytes;
	/* It runs before the ACK is processed and the clock is taken. */
	data_arrived(&t, now_us());
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(weir_send, struct sock *sk, int ret, int flags)
{
	struct turn t;
	__u32 seq;
	__u64 at_us;

	if (ret <= 0 || !turn_find(&t, sk))
		return 0;
	seq = written_seq(t.tp);
	if (t.conn->call != WEIR_CALL_NONE || seq == t.conn->turn_seq)
		return 0;
	/* All of it sent: the stack has just looked at the clock. */
	at_us = t.tp->snd_nxt == seq ? t.tp->tcp_mstamp : now_us();
	call_start(t.conn, t.service, WEIR_CALL_TURN, at_us);
	if (*(volatile __u32 *)&t.conn->turn_seq == seq ||
	    sk_state(t.tp) == BPF_TCP_CLOSE)
		call_stop(t.conn, WEIR_CALL_TURN);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
