/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conn.h - the life of one tracked connection.
 *
 *   reserve --> [connect call] --> established --> [turn]* --> close
 *      |              |                                          |
 *      '--------------'--------- release, exactly once <---------'
 *
 * Several hooks may see the same end, in any order and on any CPU. Each thing
 * that must happen once (leave the slice, settle the probe, release the slot)
 * is owned by whoever wins a compare-and-swap on the connection's own word.
 */
#pragma once

#include "bpf/lookup.h"
#include "bpf/mechanisms/cap.h"
#include "bpf/mechanisms/classify.h"
#include "bpf/mechanisms/probe.h"
#include "bpf/mechanisms/sample.h"
#include "bpf/mechanisms/slices.h"
#include "weir/histogram.h"

/* One copy a program instead of one a caller; not every hook uses each. */
#define shared static __noinline __attribute__((unused))

static __always_inline __u64 now_us(void)
{
	return bpf_ktime_get_ns() / 1000;
}

static __always_inline struct weir_conn *conn_find(void *sk)
{
	return bpf_sk_storage_get(&weir_conn, sk, 0, 0);
}

/* Sets and clears flags at once; returns what was there. */
static __always_inline __u32 conn_flag_set(struct weir_conn *conn, __u32 flags)
{
	return __sync_fetch_and_or(&conn->flags, flags);
}

static __always_inline __u32 conn_flag_clear(struct weir_conn *conn,
					     __u32 flags)
{
	return __sync_fetch_and_and(&conn->flags, ~flags);
}

/* ---- in flight -------------------------------------------------------------- */

static __always_inline void call_enter(__u32 subject, __u32 slice, __u32 call)
{
	struct weir_subject *s = subject_find(subject);

	if (!s)
		return;
	slice_start(s->slices, &s->older, slice);
	atomic_add(&s->calls_active, 1);
	if (call == WEIR_CALL_CONNECT)
		atomic_add(&s->connecting, 1);
}

static __always_inline void call_leave(__u32 subject, __u32 slice, __u32 call)
{
	struct weir_subject *s = subject_find(subject);

	if (!s)
		return;
	slice_end(s->slices, &s->older, slice);
	cap_give(&s->calls_active);
	if (call == WEIR_CALL_CONNECT)
		cap_give(&s->connecting);
}

static __always_inline void call_start(struct weir_conn *conn,
				       const struct weir_service *service,
				       __u32 call, __u64 at_us)
{
	/* Two threads may write at once: one of them starts the call. */
	if (__sync_val_compare_and_swap(&conn->call, WEIR_CALL_NONE,
					WEIR_CALL_STARTING) != WEIR_CALL_NONE)
		return;
	conn->call_us = at_us;
	conn->slice = (__u32)(at_us >> (service->slice_shift & 63));
	call_enter(conn->slot, conn->slice, call);
	call_enter(conn->endpoint, conn->slice, call);
	/* Last: whoever ends it finds it in its slice. */
	__sync_lock_test_and_set(&conn->call, call);
}

/* True for the one caller that took the call out of flight. */
static __always_inline bool call_stop(struct weir_conn *conn, __u32 call)
{
	if (__sync_val_compare_and_swap(&conn->call, call, WEIR_CALL_NONE) !=
	    call)
		return false;
	call_leave(conn->slot, conn->slice, call);
	call_leave(conn->endpoint, conn->slice, call);
	return true;
}

/* ---- latency --------------------------------------------------------------------- */

shared void latency_count(struct weir_conn *conn, __u32 phase, __u64 us)
{
	__u32 bucket = hist_bucket(us), endpoint = conn->endpoint;
	struct weir_stat *stat = stat_find(conn->slot);
	bool connect = phase == WEIR_PHASE_CONNECT;
	struct weir_endpoint_hist *hist;

	if (bucket >= WEIR_HIST_BUCKETS)
		return;
	if (stat && connect) {
		stat->connect.bucket[bucket]++;
		stat->connect.sum_us += us;
	} else if (stat) {
		stat->response.bucket[bucket]++;
		stat->response.sum_us += us;
	}
	if (endpoint == WEIR_NONE)
		return;
	endpoint -= weir_services_max;
	hist = bpf_map_lookup_elem(&weir_hist, &endpoint);
	if (hist && connect)
		atomic_add(&hist->connect[bucket], 1);
	else if (hist)
		atomic_add(&hist->response[bucket], 1);
}

/* ---- outcomes ----------------------------------------------------------------- */

struct outcome {
	__u32 phase;   /* enum weir_phase */
	__u32 result;  /* enum weir_result */
	__u32 failure; /* enum weir_failure, WEIR_FAILURE_COUNT: none */
	__u64 call_us; /* when the call started */
};

static __always_inline void outcome_add(__u32 subject, const struct outcome *o,
					__u32 result)
{
	struct weir_subject *s = subject_find(subject);

	if (!s || o->phase >= WEIR_PHASE_COUNT || result >= WEIR_RESULT_COUNT)
		return;
	atomic_add(&s->calls[o->phase][result], 1);
	if (o->failure < WEIR_FAILURE_COUNT) {
		atomic_add(&s->failures[o->failure], 1);
		s->last_failure = o->failure;
	}
}

/*
 * Both feeds are global functions: the verifier looks at each once, and not
 * once for every way that leads to an outcome.
 */

/* Failures in a row; true when they may trip. */
__weak __noinline int weir_row_feed(__u32 subject, __u32 epoch, __u32 result,
				    __u32 row_max, __u64 silence_us)
{
	struct weir_subject *s = subject_find(subject);
	__u64 now = now_us();
	bool silent;

	if (!s)
		return 0;
	silent = silence_us && now - s->last_sample_us > silence_us;
	s->last_sample_us = now;
	if (result == WEIR_RESULT_SUCCESS)
		consecutive_reset(&s->consecutive, epoch);
	if (result != WEIR_RESULT_FAILURE)
		return 0;
	return consecutive_hints(
		consecutive_add(&s->consecutive, epoch, silent), row_max);
}

/* Failures and slow calls; true when there are enough for a rate to trip. */
__weak __noinline int weir_bad_feed(__u32 subject, __u32 result, __u64 hint_at)
{
	struct weir_subject *s = subject_find(subject);
	__u64 bad;

	if (!s || result == WEIR_RESULT_SUCCESS)
		return 0;
	bad = __sync_fetch_and_add(&s->bad, 1) + 1;
	if (!hint_at || bad < hint_at || s->hinted == hint_at)
		return 0;
	s->hinted = hint_at;
	return 1;
}

/* A probe is over, once: `change` as in probe_settle(), 0 gives it back. */
shared void probe_end(struct weir_conn *conn, __u64 change)
{
	struct weir_subject *s;

	if (!(conn->flags & WEIR_CONN_PROBE) ||
	    !(conn_flag_clear(conn, WEIR_CONN_PROBE) & WEIR_CONN_PROBE))
		return;
	s = subject_find(conn->breaker);
	if (!s)
		return;
	if (change)
		probe_settle(&s->probe, conn->epoch, change);
	else
		probe_give(&s->probe, conn->epoch);
	event_send(WEIR_EVENT_HINT, conn->breaker, NULL);
}

static __always_inline void probe_judge(struct weir_conn *conn,
					const struct outcome *o, __u32 result)
{
	if (result == WEIR_RESULT_FAILURE || result == WEIR_RESULT_SLOW)
		probe_end(conn, PROBE_ONE_BAD);
	else if (result == WEIR_RESULT_NEUTRAL)
		probe_end(conn, 0);
	else if (o->phase == WEIR_PHASE_TURN)
		probe_end(conn, PROBE_ONE_OK);
	/* else: connected; the answer, or a second of silence, decides */
}

/*
 * Counts one call's end everywhere it is counted. What does not belong to the
 * breaker's present epoch, or would have been refused, is neutral.
 */
shared void outcome_record(struct weir_conn *conn,
			   const struct weir_service *service,
			   const struct outcome *o)
{
	struct weir_verdict *verdict = verdict_find(conn->breaker);
	struct weir_stat *stat = stat_find(conn->slot);
	__u32 result = o->result;
	__u64 word = verdict ? verdict->word : 0;
	__u32 flags = conn->flags;
	bool probe = flags & WEIR_CONN_PROBE;
	__u32 subject = WEIR_NONE;
	int hint;

	if (flags & WEIR_CONN_SHADOW ||
	    !sample_counts(word, verdict ? verdict->epoch_us : 0, o->call_us,
			   probe, conn->epoch))
		result = WEIR_RESULT_NEUTRAL;
	if (verdict && service->has_breaker && result != WEIR_RESULT_NEUTRAL)
		subject = conn->breaker;
	/*
	 * The row before the totals, the hint after both: the agent looks in
	 * the other order, so no failure is in its totals and not in its row.
	 */
	hint = weir_row_feed(subject, verdict_epoch(word), result,
			     service->consecutive_max, service->silence_us);
	outcome_add(conn->slot, o, result);
	outcome_add(conn->endpoint, o, result);
	if (stat && o->phase < WEIR_PHASE_COUNT && result < WEIR_RESULT_COUNT) {
		stat->calls[o->phase][result]++;
		if (o->failure < WEIR_FAILURE_COUNT)
			stat->failures[o->failure]++;
	}
	if (probe)
		probe_judge(conn, o, result);
	hint |= weir_bad_feed(subject, result, verdict ? verdict->hint_at : 0);
	if (hint)
		event_send(WEIR_EVENT_HINT, conn->breaker, NULL);
}

/*
 * The end of the call in flight, if it is still ours to end. `failure` is
 * WEIR_FAILURE_COUNT when there was none; local ones are neutral.
 */
shared void call_end(struct weir_conn *conn, const struct weir_service *service,
		     __u32 call, __u32 failure, __u64 at_us)
{
	__u64 start_us = conn->call_us;
	bool failed = failure < WEIR_FAILURE_COUNT;
	struct outcome o = {
		.phase = call == WEIR_CALL_CONNECT ? WEIR_PHASE_CONNECT
						   : WEIR_PHASE_TURN,
		.failure = failure,
		.call_us = start_us,
	};

	if (!call_stop(conn, call))
		return;
	o.result = classify_result(failed && classify_is_failure(failure),
				   failed && !classify_is_failure(failure),
				   at_us - start_us, service->slow_us);
	outcome_record(conn, service, &o);
}

/* connect() failed before the SYN: no route, no port. Never the backend's. */
shared void connect_never_sent(struct weir_conn *conn,
			       const struct weir_service *service)
{
	struct outcome o = {
		.phase = WEIR_PHASE_CONNECT,
		.result = WEIR_RESULT_NEUTRAL,
		.failure = WEIR_FAILURE_LOCAL,
		.call_us = conn->admitted_us,
	};

	outcome_record(conn, service, &o);
}

/* ---- release -------------------------------------------------------------------- */

static __always_inline void subject_release(__u32 subject, bool shadow)
{
	struct weir_subject *s = subject_find(subject);

	if (!s)
		return;
	cap_give(&s->in_use);
	if (shadow)
		cap_give(&s->shadow);
	atomic_add(&s->released, 1);
}

/* Whoever comes first releases; true for it (W5). */
shared bool conn_release(struct weir_conn *conn)
{
	__u32 held = conn->held;
	bool shadow = conn->flags & WEIR_CONN_SHADOW;

	if (held == WEIR_HELD_FREE ||
	    __sync_val_compare_and_swap(&conn->held, held, WEIR_HELD_FREE) !=
		    held)
		return false;
	subject_release(conn->slot, shadow);
	subject_release(conn->endpoint, shadow);
	return true;
}

/* ---- turns ------------------------------------------------------------------------ */

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

/* Has a request been written that no answer has followed? */
static __always_inline bool turn_awaited(struct weir_conn *conn,
					 struct tcp_sock *tp)
{
	if (conn->flags & WEIR_CONN_DUPLEX)
		return false;
	return conn->call == WEIR_CALL_TURN ||
	       (tp->bytes_sent && written_seq(tp) != conn->turn_seq);
}

/* A turn ends without an answer: `failure` as in call_end(). */
shared void turn_fail(struct weir_conn *conn,
		      const struct weir_service *service, struct tcp_sock *tp,
		      __u32 failure)
{
	struct outcome o = {
		.phase = WEIR_PHASE_TURN,
		.failure = failure,
		.call_us = tp->first_tx_mstamp,
	};

	if (conn->call == WEIR_CALL_TURN) {
		call_end(conn, service, WEIR_CALL_TURN, failure, now_us());
		return;
	}
	o.result = classify_result(classify_is_failure(failure),
				   !classify_is_failure(failure),
				   now_us() - o.call_us, service->slow_us);
	outcome_record(conn, service, &o);
}
