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
#include "bpf/turn.h"

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

/*
 * Once more the two sides did not wait for each other; true when that has
 * become a habit and the connection is out of the turns.
 */
static __always_inline bool strike(struct turn *t, __u32 one)
{
	struct weir_conn *conn = t->conn;

	conn_flag_clear(conn, MANNER_CLEAN_BITS);
	if (manner_strikes(conn->flags, one) + 1 < MANNER_STRIKES) {
		atomic_add(&conn->flags, one);
		return false;
	}
	turns_leave(conn, t->service);
	return true;
}

/* A turn as it should be, after some that were not. */
static __always_inline void forgive(struct weir_conn *conn)
{
	__u32 flags = conn->flags;

	if (!(flags & MANNER_STRIKE_BITS))
		return;
	if (manner_forgives(flags))
		conn_flag_clear(conn, MANNER_STRIKE_BITS | MANNER_CLEAN_BITS);
	else
		atomic_add(&conn->flags, WEIR_CONN_CLEAN);
}

/* The answer's first byte is here; at_us is when it arrived. */
static __always_inline void turn_end(struct turn *t, __u32 seq, __u64 at_us)
{
	struct weir_conn *conn = t->conn;
	struct tcp_sock *tp = t->tp;
	__u64 start_us = tp->first_tx_mstamp;
	struct outcome o = {
		.phase = WEIR_PHASE_TURN,
		.failure = WEIR_FAILURE_COUNT,
		.resent = turn_resent(conn, tp),
	};

	/* It was a request: here they are that short. */
	if (manner_acknowledges(seq - conn->turn_seq))
		conn_flag_set(conn, WEIR_CONN_TERSE);
	/* Before the call word: see the start of this file. */
	__sync_lock_test_and_set(&conn->turn_seq, seq);
	conn->retransmits = tp->total_retrans;
	if (o.resent && conn->call == WEIR_CALL_TURN)
		start_us = conn->call_us;
	if (at_us < start_us)
		at_us = start_us;
	o.call_us = start_us;
	call_stop(conn, WEIR_CALL_TURN);
	conn_flag_set(conn, WEIR_CONN_ANSWERED);
	forgive(conn);
	/* After a retransmission first_tx is that of the copy. */
	if (!o.resent)
		latency_count(conn, WEIR_PHASE_TURN, at_us - start_us);
	o.result = classify_result(0, 0, at_us - start_us, t->service->slow_us);
	outcome_record(conn, t->service, &o);
}

/* The peer spoke first (MySQL, SMTP, SSH): it lives, and asks for a request. */
static __always_inline void greeted(struct turn *t, __u64 at_us)
{
	struct weir_conn *conn = t->conn;
	__u64 start_us = conn->established_us;
	struct outcome o = {
		.phase = WEIR_PHASE_GREETING,
		.failure = WEIR_FAILURE_COUNT,
		.call_us = start_us,
	};

	if (conn_flag_set(conn, WEIR_CONN_ANSWERED) & WEIR_CONN_ANSWERED)
		return;
	if (at_us < start_us)
		at_us = start_us;
	o.result = classify_result(0, 0, at_us - start_us, t->service->slow_us);
	outcome_record(conn, t->service, &o);
	probe_end(conn, PROBE_ONE_OK);
}

static __always_inline void data_arrived(struct turn *t, __u64 at_us)
{
	struct weir_conn *conn = t->conn;
	__u32 seq = written_seq(t->tp);
	__u64 silent_us = at_us - conn->heard_us;

	conn->heard_us = at_us;
	if (!t->tp->bytes_sent)
		greeted(t, at_us);
	else if (seq != conn->turn_seq)
		turn_end(t, seq, at_us);
	else if ((__s64)silent_us > (__s64)MANNER_PUSH_PAUSE_US)
		strike(t, WEIR_CONN_PUSH);
}

/*
 * An answer while part of the request is still unacknowledged. Once may be an
 * early answer; as a habit it is pipelining, HTTP/2 or the like.
 */
static __always_inline bool overlaps(const struct turn *t)
{
	return t->tp->snd_una != t->tp->snd_nxt;
}

/*
 * It was sent before the peer had all that is written: it answers what was
 * acknowledged, if anything, and the rest is still awaited. (A TLS 1.3 server's
 * session tickets cross the first request like this.)
 */
static __always_inline void part_answered(struct turn *t, __u64 at_us)
{
	__u32 seq = t->tp->snd_una;

	t->conn->heard_us = at_us;
	if (strike(t, WEIR_CONN_OVERLAP) || seq == t->conn->turn_seq)
		return;
	turn_end(t, seq, at_us);
	if (weir_send_hook && !asks_nothing(t->conn, written_seq(t->tp) - seq))
		call_start(t->conn, t->service, WEIR_CALL_TURN, at_us);
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
		part_answered(&t, t.tp->tcp_mstamp);
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

/* A request as large as this is an upload: it is awaited from its end on. */
#define UPLOAD_BYTES 262144u

/*
 * More is written while an answer is awaited. After a pause it was not written
 * for that answer's sake. The age of an upload counts from its latest piece:
 * the backend is not slow while it is being fed.
 */
static __always_inline void written_on(struct turn *t, __u32 seq, __u64 at_us)
{
	struct weir_conn *conn = t->conn;
	__u64 pause_us = at_us - conn->wrote_us;

	conn->wrote_us = at_us;
	if ((__s64)pause_us > (__s64)MANNER_PAUSE_US &&
	    strike(t, WEIR_CONN_LONE))
		return;
	if (seq - conn->turn_seq > UPLOAD_BYTES &&
	    call_stop(conn, WEIR_CALL_TURN))
		call_start(conn, t->service, WEIR_CALL_TURN, at_us);
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
	if (seq == t.conn->turn_seq)
		return 0;
	/* All of it sent: the stack has just looked at the clock. */
	at_us = t.tp->snd_nxt == seq ? t.tp->tcp_mstamp : now_us();
	if (t.conn->call == WEIR_CALL_NONE) {
		t.conn->wrote_us = at_us;
		if (asks_nothing(t.conn, seq - t.conn->turn_seq))
			return 0;
		call_start(t.conn, t.service, WEIR_CALL_TURN, at_us);
	} else if (t.conn->call == WEIR_CALL_TURN) {
		written_on(&t, seq, at_us);
	}
	if (*(volatile __u32 *)&t.conn->turn_seq == seq ||
	    sk_state(t.tp) == BPF_TCP_CLOSE)
		call_stop(t.conn, WEIR_CALL_TURN);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
