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

#include "bpf/client.h"
#include "bpf/lookup.h"
#include "bpf/mechanisms/cap.h"
#include "bpf/mechanisms/classify.h"
#include "bpf/mechanisms/manner.h"
#include "bpf/mechanisms/probe.h"
#include "bpf/mechanisms/sample.h"
#include "bpf/mechanisms/slices.h"
#include "bpf/queue.h"
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
	if (slice != WEIR_NONE)
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
	if (slice != WEIR_NONE)
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
	/* What would have been refused is in flight, but never overdue. */
	conn->slice = conn->flags & WEIR_CONN_SHADOW
			      ? WEIR_NONE
			      : (__u32)(at_us >> (service->slice_shift & 63));
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
	/* Where calls in flight are limited somebody may wait for that. */
	queue_poke(conn->slot);
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
	__u32 resent;  /* something had to be sent twice */
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

/* Which subject's breaker governs a connection. */
static __always_inline __u32 breaker_of(const struct weir_service *service,
					__u32 slot, __u32 endpoint)
{
	return service->scope == WEIR_SCOPE_ENDPOINT && endpoint != WEIR_NONE
		       ? endpoint
		       : slot;
}

/* Failures in a row; true when they may trip. */
shared bool row_feed(struct weir_conn *conn, const struct weir_service *service,
		     __u32 epoch, __u32 result)
{
	struct weir_subject *s = subject_find(conn->breaker);
	__u64 now = now_us();
	bool silent;

	if (!s)
		return false;
	silent = service->silence_us &&
		 now - s->last_sample_us > service->silence_us;
	s->last_sample_us = now;
	if (result == WEIR_RESULT_SUCCESS)
		consecutive_reset(&s->consecutive, epoch);
	if (result != WEIR_RESULT_FAILURE)
		return false;
	return consecutive_hints(
		consecutive_add(&s->consecutive, epoch, silent),
		service->consecutive_max);
}

/* Failures and slow calls; true when there are enough for a rate to trip. */
shared bool bad_feed(struct weir_conn *conn, const struct weir_verdict *verdict)
{
	struct weir_subject *s = subject_find(conn->breaker);
	__u64 bad, hint_at;

	if (!s)
		return false;
	bad = __sync_fetch_and_add(&s->bad, 1) + 1;
	hint_at = verdict->hint_at;
	if (!hint_at || bad < hint_at || s->hinted == hint_at)
		return false;
	s->hinted = hint_at;
	return true;
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

/* `held`: a success that is not believed yet. */
static __always_inline void probe_judge(struct weir_conn *conn,
					const struct outcome *o, __u32 result,
					bool held)
{
	if (result == WEIR_RESULT_FAILURE || result == WEIR_RESULT_SLOW)
		probe_end(conn, PROBE_ONE_BAD);
	else if (result == WEIR_RESULT_NEUTRAL)
		probe_end(conn, 0);
	else if (o->phase == WEIR_PHASE_TURN && !held)
		probe_end(conn, PROBE_ONE_OK);
	/* else: what follows, its close, or a second of silence decides */
}

/* Its breaker; another one when the policy's scope has changed meanwhile. */
static __always_inline __u32 conn_rehome(struct weir_conn *conn,
					 const struct weir_service *service)
{
	__u32 breaker = breaker_of(service, conn->slot, conn->endpoint);

	if (breaker != conn->breaker) {
		probe_end(conn, 0);
		conn->breaker = breaker;
	}
	return breaker;
}

static __always_inline void judged_add(__u32 subject, const struct outcome *o,
				       __u32 result, __u32 count)
{
	struct weir_subject *s = subject_find(subject);

	if (!s || result >= WEIR_RESULT_COUNT)
		return;
	atomic_add(&s->judged[result], count);
	/* In constants: the verifier forgets the bound of a variable here. */
	if (!o->resent ||
	    (result != WEIR_RESULT_FAILURE && result != WEIR_RESULT_SLOW))
		return;
	if (o->phase == WEIR_PHASE_CONNECT)
		atomic_add(&s->resent[WEIR_PHASE_CONNECT], 1);
	else
		atomic_add(&s->resent[WEIR_PHASE_TURN], 1);
}

/*
 * Into the books that breakers are decided by; `count` is more than one only
 * for successes.
 */
static __always_inline void judge(struct weir_conn *conn,
				  const struct weir_service *service,
				  const struct weir_verdict *verdict,
				  const struct outcome *o, __u32 result,
				  __u32 count)
{
	bool judged = verdict && service->has_breaker &&
		      result != WEIR_RESULT_NEUTRAL;
	bool hint = false;

	/*
	 * The row before the totals, the hint after both: the agent looks in
	 * the other order, so no failure is in its totals and not in its row.
	 */
	if (judged)
		hint = row_feed(conn, service, verdict_epoch(verdict->word),
				result);
	judged_add(conn->slot, o, result, count);
	judged_add(conn->endpoint, o, result, count);
	if (judged && result != WEIR_RESULT_SUCCESS && bad_feed(conn, verdict))
		hint = true;
	if (hint)
		event_send(WEIR_EVENT_HINT, conn->breaker, NULL);
}

/* A connection's first answers may all belong to getting ready. */
#define SUCCESSES_HELD 2

static __always_inline __u32 successes_held(__u32 flags)
{
	return flags / WEIR_CONN_HELD & 3;
}

/*
 * A success that proves nothing yet. The kernel of a backend that hangs still
 * completes connects, its library still answers a TLS handshake, its front door
 * still logs in: each would dilute the failure rate, end the row of failures
 * and satisfy a probe, while no request is answered. So the connect and the
 * first two answers of a connection are held back. They count when another
 * success follows or the connection ends in order (success_settle()), and not
 * when what follows fails or is slow.
 */
static __always_inline bool hold_back(struct weir_conn *conn,
				      const struct outcome *o, __u32 result)
{
	__u32 flags = conn->flags;

	if (result != WEIR_RESULT_SUCCESS)
		return false;
	if (o->phase == WEIR_PHASE_GREETING)
		return true;
	if (!weir_turn_hook || flags & (WEIR_CONN_DUPLEX | WEIR_CONN_PROVEN))
		return false;
	if (o->phase == WEIR_PHASE_CONNECT)
		conn_flag_set(conn, WEIR_CONN_OWED);
	else if (successes_held(flags) < SUCCESSES_HELD)
		atomic_add(&conn->flags, WEIR_CONN_HELD);
	else
		return false;
	return true;
}

/* Takes what is held; the connect only where no answer followed it. */
static __always_inline __u32 take_held(struct weir_conn *conn)
{
	__u32 flags =
		conn_flag_clear(conn, WEIR_CONN_OWED | 3 * WEIR_CONN_HELD);
	__u32 held = successes_held(flags);

	return held ? held : !!(flags & WEIR_CONN_OWED);
}

static __always_inline __u32 neutral_unless_counted(
	struct weir_conn *conn, const struct weir_verdict *verdict,
	const struct outcome *o)
{
	if (conn->flags & (WEIR_CONN_SHADOW | WEIR_CONN_RESET))
		return WEIR_RESULT_NEUTRAL;
	return sample_counts(verdict ? verdict->word : 0,
			     verdict ? verdict->epoch_us : 0, o->call_us,
			     conn->flags & WEIR_CONN_PROBE, conn->epoch)
		       ? o->result
		       : WEIR_RESULT_NEUTRAL;
}

/*
 * Counts one call's end everywhere it is counted. What does not belong to the
 * breaker's present epoch, or would have been refused, or was reset by Weir, is
 * neutral.
 */
verified_once int outcome_record(struct weir_conn *conn,
				 const struct weir_service *service,
				 const struct outcome *o)
{
	struct weir_verdict *verdict;
	struct weir_stat *stat;
	__u32 result, count = 1;
	bool held;

	if (!conn || !service || !o)
		return 0;
	verdict = verdict_find(conn_rehome(conn, service));
	stat = stat_find(conn->slot);
	result = neutral_unless_counted(conn, verdict, o);
	outcome_add(conn->slot, o, result);
	outcome_add(conn->endpoint, o, result);
	if (stat && o->phase < WEIR_PHASE_COUNT && result < WEIR_RESULT_COUNT) {
		stat->calls[o->phase][result]++;
		if (o->failure < WEIR_FAILURE_COUNT)
			stat->failures[o->failure]++;
	}
	held = hold_back(conn, o, result);
	if (conn->flags & WEIR_CONN_PROBE)
		probe_judge(conn, o, result, held);
	if (held)
		return 0;
	if (o->phase == WEIR_PHASE_TURN && !(conn->flags & WEIR_CONN_PROVEN)) {
		__u32 before = take_held(conn);

		if (result == WEIR_RESULT_SUCCESS) {
			conn_flag_set(conn, WEIR_CONN_PROVEN);
			count += before;
		}
	}
	judge(conn, service, verdict, o, result, count);
	return 0;
}

/* So long after the last byte it may have been awaited in vain. */
#define SILENCE_US 1000000ull

/*
 * Nothing followed what went well, and the connection ended in order. A
 * connection that was silent for long before it ended is no success: if its
 * last answer was not the one that was awaited, nobody can tell.
 */
verified_once int success_settle(struct weir_conn *conn,
				 const struct weir_service *service)
{
	struct outcome o = {
		.phase = WEIR_PHASE_CONNECT,
		.result = WEIR_RESULT_SUCCESS,
		.failure = WEIR_FAILURE_COUNT,
	};
	struct weir_verdict *verdict;
	__u32 count;

	if (!conn || !service)
		return 0;
	count = take_held(conn);
	if (!count)
		return 0;
	if (conn->flags & WEIR_CONN_ANSWERED &&
	    now_us() - conn->heard_us >
		    (service->slow_us ? service->slow_us : SILENCE_US))
		return 0;
	o.call_us = conn->admitted_us;
	verdict = verdict_find(conn_rehome(conn, service));
	judge(conn, service, verdict, &o,
	      neutral_unless_counted(conn, verdict, &o), count);
	return 0;
}

/* How a call in flight ended. */
struct ending {
	__u32 call;    /* enum weir_call */
	__u32 failure; /* as in struct outcome; local ones are neutral */
	__u32 resent;
	__u64 at_us;
};

/* The end of the call in flight, if it is still ours to end. */
shared void call_end(struct weir_conn *conn, const struct weir_service *service,
		     const struct ending *end)
{
	__u64 start_us = conn->call_us;
	bool failed = end->failure < WEIR_FAILURE_COUNT;
	struct outcome o = {
		.phase = end->call == WEIR_CALL_CONNECT ? WEIR_PHASE_CONNECT
							: WEIR_PHASE_TURN,
		.failure = end->failure,
		.resent = end->resent,
		.call_us = start_us,
	};

	if (!call_stop(conn, end->call))
		return;
	o.result = classify_result(failed && classify_is_failure(end->failure),
				   failed && !classify_is_failure(end->failure),
				   end->at_us - start_us, service->slow_us);
	outcome_record(conn, service, &o);
}

/* The kernel sends an unanswered SYN again after a second. */
#define SYN_RESENT_US 1000000ull

/* The local side gave the call up. */
static __always_inline void call_give_up(struct weir_conn *conn,
					 const struct weir_service *service,
					 __u32 call)
{
	struct ending end = {
		.call = call,
		.failure = WEIR_FAILURE_LOCAL,
		.at_us = now_us(),
	};

	end.resent = call == WEIR_CALL_CONNECT &&
		     end.at_us - conn->call_us > SYN_RESENT_US;
	call_end(conn, service, &end);
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

/* Enforced, it would not be there, and hold no slot. */
static __always_inline bool conn_is_ghost(const struct weir_conn *conn)
{
	return (conn->flags & (WEIR_CONN_SHADOW | WEIR_CONN_ADVISORY)) ==
	       WEIR_CONN_SHADOW;
}

static __always_inline void subject_release(__u32 subject, bool ghost)
{
	struct weir_subject *s = subject_find(subject);

	if (!s)
		return;
	cap_give(&s->in_use);
	if (ghost)
		cap_give(&s->shadow);
	atomic_add(&s->released, 1);
}

/* Established or over: no SYN of it is out any more. */
static __always_inline void syn_release(struct weir_conn *conn)
{
	struct weir_subject *s;

	if (!(conn->flags & WEIR_CONN_SYN) ||
	    !(conn_flag_clear(conn, WEIR_CONN_SYN) & WEIR_CONN_SYN))
		return;
	s = subject_find(conn->slot);
	if (!s)
		return;
	cap_give(&s->syns);
	queue_poke(conn->slot);
}

/* Exchanged, because adoption may give it another client at this moment. */
static __always_inline void client_release(struct weir_conn *conn)
{
	if (conn->caller)
		weir_client_give(__sync_lock_test_and_set(&conn->caller, 0));
}

/* Whoever comes first releases; true for it (W5). */
shared bool conn_release(struct weir_conn *conn)
{
	__u32 held = conn->held;
	bool ghost = conn_is_ghost(conn);

	if (held == WEIR_HELD_FREE ||
	    __sync_val_compare_and_swap(&conn->held, held, WEIR_HELD_FREE) !=
		    held)
		return false;
	syn_release(conn);
	client_release(conn);
	subject_release(conn->slot, ghost);
	subject_release(conn->endpoint, ghost);
	queue_poke(conn->slot);
	return true;
}
