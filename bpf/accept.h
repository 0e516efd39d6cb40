/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * accept.h - sockops: a handshake with a listener of ours is over.
 *
 * The child is not accepted yet, and may never be: its place is taken here and
 * given back when it closes, whoever closes it. Its storage is its own. What it
 * inherits from the listener are the callback flags, so they are added to.
 */
#pragma once

#include "bpf/arrival.h"
#include "bpf/victim.h"

static __always_inline struct tcp_sock *tcp_of(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return sk ? bpf_skc_to_tcp_sock(sk) : NULL;
}

/* Local end and peer; false: an address family of something else. */
static __always_inline bool accept_read(struct arrival *a,
					struct bpf_sock_ops *ctx)
{
	a->key.port = ctx->local_port;
	if (ctx->family == AF_INET) {
		a->key.addr[2] = a->peer.addr[2] = bpf_htonl(0xffff);
		a->key.addr[3] = context_word(ctx, local_ip4);
		a->peer.addr[3] = context_word(ctx, remote_ip4);
		return true;
	}
	a->key.addr[0] = context_word(ctx, local_ip6[0]);
	a->key.addr[1] = context_word(ctx, local_ip6[1]);
	a->key.addr[2] = context_word(ctx, local_ip6[2]);
	a->key.addr[3] = context_word(ctx, local_ip6[3]);
	a->peer.addr[0] = context_word(ctx, remote_ip6[0]);
	a->peer.addr[1] = context_word(ctx, remote_ip6[1]);
	a->peer.addr[2] = context_word(ctx, remote_ip6[2]);
	a->peer.addr[3] = context_word(ctx, remote_ip6[3]);
	return ctx->family == AF_INET6;
}

/*
 * The client's limits, then the service's rate: last, so that what is refused
 * for another reason uses up none of it. *place is what it holds of its client;
 * 0 when something objects.
 */
static __always_inline __u32 accept_limits(struct arrival *a, __u32 *place)
{
	const struct weir_service *service = a->service;
	struct caller_ask cap = {}, rate = {};
	__u32 seed = a->control->seed;
	enum rate_result taken;

	*place = 0;
	if (service->client_by) {
		cap = arrival_ask_place(a, &a->peer);
		if (weir_client_take(&cap, seed) == CALLER_CAP_FULL)
			return WEIR_REASON_CLIENT_CAP;
	}
	if (service->client_rate_by) {
		rate = arrival_ask_rate(a, &a->peer);
		if (weir_client_take(&rate, seed) == CALLER_RATE_EXCEEDED) {
			weir_client_give(cap.place);
			return WEIR_REASON_CLIENT_RATE;
		}
	}
	taken = service->rate_ns
			? rate_take(&a->subject->rate_at_ns, service->rate_ns,
				    service->rate_burst_ns, bpf_ktime_get_ns())
			: RATE_TAKEN;
	if (taken == RATE_TAKEN) {
		*place = cap.place;
		return WEIR_REASON_NONE;
	}
	if (taken == RATE_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
	weir_client_unrate(&rate);
	weir_client_give(cap.place);
	return WEIR_REASON_RATE;
}

/* Takes a place, or says why there is none; then nothing is held. */
static __always_inline __u32 accept_take(struct arrival *a, __u32 *place)
{
	__u32 *in_use = &a->subject->in_use, reason;
	enum cap_result cap;

	if (arrival_forced(a))
		return WEIR_REASON_FORCED;
	cap = cap_take(in_use, a->service->connections_max);
	if (cap == CAP_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
	if (cap != CAP_TAKEN)
		return WEIR_REASON_CAP;
	reason = accept_limits(a, place);
	if (reason != WEIR_REASON_NONE)
		cap_give(in_use);
	return reason;
}

/* Observe: it is let in and held; what would have objected is the answer. */
static __always_inline __u32 accept_watch(struct arrival *a, __u32 *place)
{
	struct weir_subject *subject = a->subject;
	__u32 max = a->service->connections_max;
	/* At once: of two that come together the second one sees the first. */
	__u32 before = __sync_fetch_and_add(&subject->in_use, 1);

	if (arrival_forced(a))
		return WEIR_REASON_FORCED;
	if (max != WEIR_NONE && cap_would_be_full(before, subject->shadow, max))
		return WEIR_REASON_CAP;
	return accept_limits(a, place);
}

static __always_inline void accept_ask_for_state(struct bpf_sock_ops *ctx)
{
	if (bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags |
						   BPF_SOCK_OPS_STATE_CB_FLAG))
		fault_count(WEIR_FAULT_NO_FLAG);
}

static __always_inline struct weir_conn *
accept_store(struct bpf_sock_ops *ctx, const struct arrival *a, __u32 flags)
{
	struct bpf_sock *sk = ctx->sk;
	struct weir_conn *conn =
		sk ? bpf_sk_storage_get(&weir_conn, sk, 0,
					BPF_SK_STORAGE_GET_F_CREATE)
		   : NULL;

	if (!conn) {
		fault_count(WEIR_FAULT_NO_STORAGE);
		return NULL;
	}
	conn->slot = a->slot;
	conn->endpoint = WEIR_NONE;
	conn->breaker = a->slot;
	conn->admitted_us = conn->established_us = now_us();
	/* Who calls is on the other side: no turns of it are judged here. */
	conn->flags = WEIR_CONN_INGRESS | WEIR_CONN_ESTABLISHED |
		      WEIR_CONN_DUPLEX | flags;
	return conn;
}

/* There was room at its SYN and is none now: the agent is woken to reset it. */
static __always_inline void accept_doom(struct bpf_sock_ops *ctx,
					const struct arrival *a, __u32 reason)
{
	struct tcp_sock *tp = tcp_of(ctx);
	struct weir_doomed *doomed;

	arrival_count(a, WEIR_VERDICT_RESET, reason);
	/* Marked, so that it is found again if the event is lost. */
	if (accept_store(ctx, a, WEIR_CONN_DOOMED))
		accept_ask_for_state(ctx);
	if (!tp)
		return;
	doomed = bpf_ringbuf_reserve(&weir_event, sizeof(*doomed), 0);
	if (!doomed) {
		fault_count(WEIR_FAULT_RING_FULL);
		return;
	}
	__builtin_memset(doomed, 0, sizeof(*doomed));
	doomed->type = WEIR_EVENT_DOOMED;
	doomed->subject = doomed->victim.subject = a->slot;
	doomed->at_ns = bpf_ktime_get_ns();
	doomed->victim.doomed = 1;
	victim_describe(&doomed->victim, (struct sock *)tp);
	doomed->victim.cookie = bpf_get_socket_cookie(ctx);
	bpf_ringbuf_submit(doomed, BPF_RB_FORCE_WAKEUP);
}

/* It has its places: from here on the end of it gives them back. */
static __always_inline void accept_hold(struct bpf_sock_ops *ctx,
					const struct arrival *a, __u32 place,
					bool shadow)
{
	struct weir_subject *subject = a->subject;
	struct weir_stat *stat = stat_find(a->slot);
	struct weir_conn *conn =
		accept_store(ctx, a, shadow ? WEIR_CONN_SHADOW : 0);

	if (!conn) {
		cap_give(&subject->in_use);
		weir_client_give(place);
		return;
	}
	atomic_add(&subject->opened, 1);
	atomic_add(&subject->acquired, 1);
	if (shadow)
		atomic_add(&subject->shadow, 1);
	if (stat) {
		stat->opened++;
		stat->established++;
	}
	conn->caller = place;
	conn->held = WEIR_HELD_COUNTED;
	accept_ask_for_state(ctx);
}

static __always_inline bool
accept_would_drop(const struct weir_service *service)
{
	return service->on_full == WEIR_FULL_DROP ||
	       (service->on_full == WEIR_FULL_SHED && weir_shed_drops);
}

/* A frame of its own: the others' way through the program stays short. */
shared void on_accepted(struct bpf_sock_ops *ctx,
			const struct weir_control *control)
{
	struct arrival a = {.control = control};
	__u32 verdict = WEIR_VERDICT_ALLOW, reason, place = 0;

	if (!accept_read(&a, ctx) || !arrival_find(&a))
		return;
	if (arrival_enforced(&a)) {
		reason = accept_take(&a, &place);
		if (reason != WEIR_REASON_NONE) {
			accept_doom(ctx, &a, reason);
			return;
		}
	} else {
		reason = accept_watch(&a, &place);
		if (reason != WEIR_REASON_NONE)
			verdict = accept_would_drop(a.service)
					  ? WEIR_VERDICT_WOULD_DROP
					  : WEIR_VERDICT_WOULD_REFUSE;
	}
	arrival_count(&a, verdict, reason);
	accept_hold(ctx, &a, place, reason != WEIR_REASON_NONE);
}
