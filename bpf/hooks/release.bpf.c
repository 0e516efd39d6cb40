/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * release.bpf.c - cgroup/sock_release: the application let go of the socket.
 *
 * Usually the connection still has its FIN to exchange and is held until the
 * STATE callback says CLOSE. Here ends what the application gave up, and what
 * no STATE callback will ever report (connect() failed before a SYN).
 */
#include "bpf/wait.h"

/*
 * Nothing was seen to be in flight. The send tracepoint may have been skipped,
 * or not exist: whether an answer was awaited only the STATE callback can see.
 */
static __always_inline void let_go_idle(struct weir_conn *conn,
					const struct weir_service *service)
{
	bool well = conn->flags & WEIR_CONN_ESTABLISHED;

	if (well && conn->flags & WEIR_CONN_STATE_SEEN) {
		conn_flag_set(conn, WEIR_CONN_UNSETTLED);
		return;
	}
	if (well)
		success_settle(conn, service);
	probe_end(conn, well ? PROBE_ONE_OK : 0);
}

static __always_inline void let_go(struct bpf_sock *ctx, struct weir_conn *conn,
				   const struct weir_service *service)
{
	__u32 call = conn->call;

	if (conn_flag_set(conn, WEIR_CONN_RELEASED) & WEIR_CONN_RELEASED)
		return;
	if (conn->held == WEIR_HELD_RESERVED && ctx->state == BPF_TCP_CLOSE)
		connect_never_sent(conn, service);
	/* Given up: neutral, or slow if it was awaited for too long. */
	if (call != WEIR_CALL_NONE)
		call_give_up(conn, service, call);
	else
		let_go_idle(conn, service);
}

/* No STATE callback will report this end: how it came to it is not known. */
static __always_inline void count_close(struct weir_conn *conn)
{
	bool established = conn->flags & WEIR_CONN_ESTABLISHED;
	struct weir_stat *stat = stat_find(conn->slot);

	if (conn_release(conn) && stat)
		stat->closed[established ? WEIR_CLOSE_OTHER
					 : WEIR_CLOSE_FAILED]++;
}

SEC("cgroup/sock_release")
int weir_release(struct bpf_sock *ctx)
{
	const struct weir_control *control = control_active();
	struct weir_service *service;
	struct weir_conn *conn;

	if (!control || ctx->protocol != IPPROTO_TCP)
		return 1;
	conn = conn_find(ctx);
	if (!conn)
		return 1;
	if (conn->flags & WEIR_CONN_WAITING) {
		if (weir_wait_leave(conn))
			wait_left(conn);
		return 1;
	}
	service = service_find(control, conn->slot);
	if (service)
		let_go(ctx, conn, service);
	if (ctx->state == BPF_TCP_CLOSE ||
	    !(conn->flags & WEIR_CONN_STATE_SEEN))
		count_close(conn);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
