/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wait.h - a connection in its service's queue: how it gets out again.
 *
 * Its first SYN is dropped by the egress hook and its timer is set to the whole
 * of maxWait. When it is granted its places the agent wakes it, which brings
 * the timer forward; without an agent the timer itself finds the grant. If
 * there is none by then it leaves, and the next timer ends it with ETIMEDOUT.
 */
#pragma once

#include "bpf/conn.h"

static __always_inline void wait_count(struct weir_conn *conn, __u64 us)
{
	struct weir_stat *stat = stat_find(conn->slot);
	__u32 bucket = hist_bucket(us);

	if (!stat || bucket >= WEIR_HIST_BUCKETS)
		return;
	stat->opened++;
	stat->queued.bucket[bucket]++;
	stat->queued.sum_us += us;
}

/* Takes over what was granted; 1: the connection holds it now. */
verified_once int weir_wait_pick(struct weir_conn *conn)
{
	struct weir_waiter *w;
	__u32 ticket;
	bool syn;

	if (!conn || !(conn->flags & WEIR_CONN_WAITING))
		return 0;
	ticket = conn->ticket;
	w = waiter_at(conn->waiter);
	if (!w)
		return 0;
	syn = waiter_move(w, ticket, WEIR_WAITER_GRANTED_SYN, WEIR_WAITER_GONE);
	if (!syn &&
	    !waiter_move(w, ticket, WEIR_WAITER_GRANTED, WEIR_WAITER_GONE))
		return 0;
	if (syn)
		conn_flag_set(conn, WEIR_CONN_SYN);
	conn_flag_clear(conn, WEIR_CONN_WAITING);
	wait_count(conn, now_us() - conn->admitted_us);
	__sync_lock_test_and_set(&conn->held, WEIR_HELD_RESERVED);
	return 1;
}

/* Out of the queue, whatever it was granted; true for who took it out. */
verified_once int weir_wait_leave(struct weir_conn *conn)
{
	struct weir_subject *s;
	struct weir_waiter *w;

	if (!conn || !(conn->flags & WEIR_CONN_WAITING))
		return 0;
	s = subject_find(conn->slot);
	w = waiter_at(conn->waiter);
	if (!s || !w)
		return 0;
	if (waiter_move(w, conn->ticket, WEIR_WAITER_WAITING,
			WEIR_WAITER_GONE)) {
		conn_flag_clear(conn, WEIR_CONN_WAITING);
		cap_give(&s->waiting);
		client_release(conn);
	} else if (!weir_wait_pick(conn) || !conn_release(conn)) {
		return 0;
	}
	probe_end(conn, 0);
	return 1;
}

/* The application did not wait for it to end. */
static __always_inline void wait_left(struct weir_conn *conn)
{
	struct weir_stat *stat = stat_find(conn->slot);

	if (stat)
		stat->queue_left++;
}

/* What was granted is picked up: its SYN leaves now, and the call begins. */
static __always_inline bool wait_over(struct weir_conn *conn,
				      const struct weir_service *service)
{
	if (!weir_wait_pick(conn))
		return false;
	__sync_val_compare_and_swap(&conn->held, WEIR_HELD_RESERVED,
				    WEIR_HELD_COUNTED);
	call_start(conn, service, WEIR_CALL_CONNECT, now_us());
	return true;
}
