/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * turn.h - requests and answers of a connection, as its socket shows them.
 */
#pragma once

#include "bpf/conn.h"

static __always_inline __u8 sk_state(struct tcp_sock *tp)
{
	return ((struct sock *)tp)->__sk_common.skc_state;
}

/* Everything the application wrote; our own FIN took one number. */
static __always_inline __u32 written_seq(struct tcp_sock *tp)
{
	__u8 state = sk_state(tp);
	__u32 seq = tp->write_seq;

	if (state == BPF_TCP_ESTABLISHED || state == BPF_TCP_CLOSE_WAIT ||
	    state == BPF_TCP_CLOSE)
		return seq;
	return seq - 1;
}

/*
 * So many bytes, written since the last answer: are they no request? Not the
 * first ones of a connection, nor where such were answered before.
 */
static __always_inline bool asks_nothing(const struct weir_conn *conn,
					 __u32 bytes)
{
	return (conn->flags & (WEIR_CONN_ANSWERED | WEIR_CONN_TERSE)) ==
		       WEIR_CONN_ANSWERED &&
	       manner_acknowledges(bytes);
}

/* Has a request been written that no answer has followed? */
static __always_inline bool turn_awaited(struct weir_conn *conn,
					 struct tcp_sock *tp)
{
	__u32 unanswered = written_seq(tp) - conn->turn_seq;

	if (conn->flags & WEIR_CONN_DUPLEX)
		return false;
	return conn->call == WEIR_CALL_TURN ||
	       (tp->bytes_sent && unanswered &&
		!asks_nothing(conn, unanswered));
}

/* Did anything since the last answer have to be sent again? */
static __always_inline bool turn_resent(const struct weir_conn *conn,
					const struct tcp_sock *tp)
{
	return tp->total_retrans != conn->retransmits;
}

/* A turn ends without an answer: `failure` as in struct ending. */
shared void turn_fail(struct weir_conn *conn,
		      const struct weir_service *service, struct tcp_sock *tp,
		      __u32 failure)
{
	struct outcome o = {
		.phase = WEIR_PHASE_TURN,
		.failure = failure,
		.resent = turn_resent(conn, tp),
		.call_us = tp->first_tx_mstamp,
	};

	if (conn->call == WEIR_CALL_TURN) {
		struct ending end = {
			.call = WEIR_CALL_TURN,
			.failure = failure,
			.resent = o.resent,
			.at_us = now_us(),
		};

		call_end(conn, service, &end);
		return;
	}
	o.result = classify_result(classify_is_failure(failure),
				   !classify_is_failure(failure),
				   now_us() - o.call_us, service->slow_us);
	outcome_record(conn, service, &o);
}

/*
 * It does not take turns: from here on only the connection counts, and what
 * was in flight is nobody's failure.
 */
shared void turns_leave(struct weir_conn *conn,
			const struct weir_service *service)
{
	struct weir_subject *s = subject_find(conn->endpoint);

	if (conn_flag_set(conn, WEIR_CONN_DUPLEX) & WEIR_CONN_DUPLEX)
		return;
	call_stop(conn, WEIR_CALL_TURN);
	/* Two CPUs may find one at once: a score may be a little off. */
	if (s)
		s->manner = manner_found(s->manner);
	success_settle(conn, service);
	/* A peer that speaks has answered a probe. */
	probe_end(conn, PROBE_ONE_OK);
}
