/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * adopt.bpf.c - iter/tcp: connections that were there before the agent.
 *
 * The hooks are attached first, then every network namespace is walked once:
 * whatever has no storage yet and is a connection of our cgroup is counted.
 * Listeners come first in the walk, so by the time connections are seen their
 * ports are known: what was accepted on one of them is counted if a policy
 * guards that port, what is left is outbound. The walk holds each socket's lock, so no other hook is at work on it. After a
 * change of policies it moves connections to the service that governs them now.
 */
#include "bpf/arrival.h"
#include "bpf/turn.h"

/* Is the socket's cgroup the one we are attached to, or below it? */
static __always_inline bool in_our_cgroup(struct sock *sk)
{
	struct cgroup *cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);

	for (int i = 0; i < CGROUP_DEPTH_MAX && cgroup; i++) {
		if (BPF_CORE_READ(cgroup, kn, id) == weir_cgroup_id)
			return true;
		cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
	}
	return false;
}

static __always_inline void remember_listener(__u32 port)
{
	__u8 here = 1;

	if (bpf_map_update_elem(&weir_listen, &port, &here, BPF_ANY))
		fault_count(WEIR_FAULT_LISTEN_FULL);
}

static __always_inline void read_peer(struct weir_endpoint_key *key,
				      struct sock *sk)
{
	key->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		key->addr[2] = bpf_htonl(0xffff);
		key->addr[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		return;
	}
	BPF_CORE_READ_INTO(&key->addr, sk,
			   __sk_common.skc_v6_daddr.in6_u.u6_addr32);
}

static __always_inline void count_adoption(__u32 subject)
{
	struct weir_subject *s = subject_find(subject);

	if (!s)
		return;
	atomic_add(&s->in_use, 1);
	atomic_add(&s->acquired, 1);
}

/* True if the STATE callback will tell us when it closes (6.12 and later). */
static __always_inline bool ask_for_state(struct tcp_sock *tp)
{
	int flags = 0;

	if (bpf_getsockopt(tp, SOL_TCP, WEIR_TCP_BPF_SOCK_OPS_CB_FLAGS, &flags,
			   sizeof(flags)))
		return false;
	flags |= BPF_SOCK_OPS_STATE_CB_FLAG;
	return !bpf_setsockopt(tp, SOL_TCP, WEIR_TCP_BPF_SOCK_OPS_CB_FLAGS,
			       &flags, sizeof(flags));
}

static __always_inline void adopt(struct tcp_sock *tp, struct weir_conn *conn,
				  struct weir_endpoint_key *key,
				  const struct weir_service *service)
{
	struct weir_stat *stat = stat_find(key->slot);

	if (__sync_val_compare_and_swap(&conn->held, WEIR_HELD_FREE,
					WEIR_HELD_COUNTED) != WEIR_HELD_FREE)
		return;
	conn->slot = key->slot;
	conn->endpoint = weir_endpoint_of(key);
	conn->breaker = service->scope == WEIR_SCOPE_ENDPOINT &&
					conn->endpoint != WEIR_NONE
				? conn->endpoint
				: conn->slot;
	conn->admitted_us = conn->established_us = conn->heard_us = now_us();
	/* What is in flight now began before us: it is not judged. */
	conn->turn_seq = tp->write_seq;
	conn->received_bytes = tp->bytes_received;
	conn->retransmits = tp->total_retrans;
	count_adoption(conn->slot);
	count_adoption(conn->endpoint);
	if (stat)
		stat->adopted++;
	conn_flag_set(conn,
		      WEIR_CONN_ESTABLISHED | WEIR_CONN_ADOPTED |
			      (ask_for_state(tp) ? WEIR_CONN_STATE_SEEN : 0));
}

/* Its client's limit may be new, or tell clients apart by something else. */
static __always_inline void join_client(struct weir_conn *conn,
					const struct weir_control *control,
					const struct weir_service *service,
					const struct owner *owner)
{
	struct weir_caller *holds = client_at(conn->caller);
	struct cgroup *cgroup = (struct cgroup *)owner->cgroup;
	struct caller_ask ask = {
		.key = {.slot = conn->slot, .by = service->client_by},
		.max = WEIR_NONE,
	};

	if (holds && holds->key.by == service->client_by)
		return;
	client_release(conn);
	if (conn->flags & WEIR_CONN_SHADOW)
		return;
	if (service->client_by == WEIR_BY_CGROUP)
		ask.key.id[0] = BPF_CORE_READ(cgroup, kn, id);
	else if (service->client_by == WEIR_BY_USER)
		ask.key.id[0] = owner->uid;
	else
		return; /* nothing says which process it was */
	ask.now_ns = bpf_ktime_get_ns();
	weir_client_take(&ask, control->seed);
	__sync_lock_test_and_set(&conn->caller, ask.place);
	/* It may have closed meanwhile, before it held this. */
	if (*(volatile __u32 *)&conn->held == WEIR_HELD_FREE)
		client_release(conn);
}

/* Another service's by now: it gives back what it holds there. */
static __always_inline void leave_old(struct weir_conn *conn, __u32 slot)
{
	if (conn->slot == slot || conn->held != WEIR_HELD_COUNTED)
		return;
	call_stop(conn, WEIR_CALL_TURN);
	probe_end(conn, 0);
	if (conn_release(conn))
		conn_flag_clear(conn, WEIR_CONN_SHADOW);
}

/* ---- accepted here -------------------------------------------------------------- */

static __always_inline void read_local(struct weir_endpoint_key *key,
				       struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;

	key->port = c->skc_num;
	if (c->skc_family == AF_INET) {
		key->addr[2] = bpf_htonl(0xffff);
		key->addr[3] = c->skc_rcv_saddr;
		return;
	}
	for (int i = 0; i < 4; i++)
		key->addr[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
}

/* Nobody has reset it: if there is room by now, it takes its places. */
static __always_inline void pardon(struct weir_conn *conn, struct arrival *a)
{
	bool enforced = arrival_enforced(a);
	struct caller_ask ask = {};

	if (cap_take(&a->subject->in_use, enforced ? a->service->connections_max
						   : WEIR_NONE) != CAP_TAKEN)
		return;
	if (a->service->client_by) {
		ask = arrival_ask_place(a, &a->peer);
		if (!enforced)
			ask.max = WEIR_NONE;
		if (weir_client_take(&ask, a->control->seed) ==
		    CALLER_CAP_FULL) {
			cap_give(&a->subject->in_use);
			return;
		}
	}
	atomic_add(&a->subject->acquired, 1);
	conn->caller = ask.place;
	conn->held = WEIR_HELD_COUNTED;
	conn_flag_clear(conn, WEIR_CONN_DOOMED);
}

/* As join_client(): its client's limit may be new, or of other networks. */
static __always_inline void join_network(struct weir_conn *conn,
					 struct arrival *a)
{
	struct weir_caller *holds = client_at(conn->caller);
	struct caller_ask ask = arrival_ask_place(a, &a->peer);

	if (holds && caller_is(holds, &ask.key))
		return;
	client_release(conn);
	if (conn->flags & WEIR_CONN_SHADOW || !a->service->client_by)
		return;
	ask.max = WEIR_NONE;
	weir_client_take(&ask, a->control->seed);
	__sync_lock_test_and_set(&conn->caller, ask.place);
	/* It may have closed meanwhile, before it held this. */
	if (*(volatile __u32 *)&conn->held == WEIR_HELD_FREE)
		client_release(conn);
}

/* Nobody would give back what it holds before it is accepted, or after close. */
static __always_inline bool end_is_seen(struct tcp_sock *tp,
					struct weir_conn *conn)
{
	if (conn->flags & WEIR_CONN_STATE_SEEN)
		return true;
	if (!ask_for_state(tp))
		return ((struct sock *)tp)->sk_socket;
	conn_flag_set(conn, WEIR_CONN_STATE_SEEN);
	return true;
}

static __always_inline void hold_accepted(struct tcp_sock *tp,
					  struct weir_conn *conn, __u32 slot)
{
	struct weir_stat *stat = stat_find(slot);

	if (!end_is_seen(tp, conn) ||
	    __sync_val_compare_and_swap(&conn->held, WEIR_HELD_FREE,
					WEIR_HELD_COUNTED) != WEIR_HELD_FREE)
		return;
	conn->slot = conn->breaker = slot;
	conn->endpoint = WEIR_NONE;
	conn->admitted_us = conn->established_us = now_us();
	conn_flag_set(conn, WEIR_CONN_INGRESS | WEIR_CONN_ESTABLISHED |
				    WEIR_CONN_ADOPTED | WEIR_CONN_DUPLEX);
	count_adoption(slot);
	if (stat)
		stat->adopted++;
}

/* Not guarded any more: it holds nothing, and nobody is to reset it. */
static __always_inline void let_be(struct weir_conn *conn)
{
	if (!(conn->flags & WEIR_CONN_INGRESS))
		return;
	conn_release(conn);
	conn_flag_clear(conn, WEIR_CONN_SHADOW | WEIR_CONN_DOOMED);
}

static __always_inline void adopt_accepted(const struct weir_control *control,
					   struct tcp_sock *tp)
{
	struct weir_conn *conn = bpf_sk_storage_get(&weir_conn, tp, 0, 0);
	struct weir_endpoint_key peer = {};
	struct arrival a = {.control = control};

	read_local(&a.key, (struct sock *)tp);
	read_peer(&peer, (struct sock *)tp);
	__builtin_memcpy(a.peer.addr, peer.addr, sizeof(a.peer.addr));
	if (!arrival_find(&a)) {
		if (conn)
			let_be(conn);
		return;
	}
	if (!conn)
		conn = bpf_sk_storage_get(&weir_conn, tp, 0,
					  BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		fault_count(WEIR_FAULT_NO_STORAGE);
		return;
	}
	if (conn_is_doomed(conn) && conn->slot == a.slot) {
		pardon(conn, &a);
		return;
	}
	if (conn->slot != a.slot)
		let_be(conn);
	hold_accepted(tp, conn, a.slot);
	if (conn->held == WEIR_HELD_COUNTED)
		join_network(conn, &a);
}

/* ---- each socket ---------------------------------------------------------------- */

static __always_inline bool adoptable(__u8 state)
{
	return state == BPF_TCP_ESTABLISHED || state == BPF_TCP_CLOSE_WAIT ||
	       state == BPF_TCP_FIN_WAIT1 || state == BPF_TCP_FIN_WAIT2;
}

SEC("iter/tcp")
int weir_adopt(struct bpf_iter__tcp *ctx)
{
	const struct weir_control *control = control_active();
	struct sock_common *skc = ctx->sk_common;
	struct weir_endpoint_key key = {};
	struct weir_service *service;
	struct weir_conn *conn;
	struct owner owner = {};
	struct tcp_sock *tp;
	__u32 port;
	__u8 state;

	if (!control || !skc)
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	if (!tp)
		return 0;
	state = sk_state(tp);
	port = ((struct sock *)tp)->__sk_common.skc_num;
	if (state == BPF_TCP_LISTEN) {
		remember_listener(port);
		return 0;
	}
	if (!adoptable(state) || !in_our_cgroup((struct sock *)tp))
		return 0;
	if (bpf_map_lookup_elem(&weir_listen, &port)) {
		adopt_accepted(control, tp);
		return 0;
	}
	read_peer(&key, (struct sock *)tp);
	owner.uid = ctx->uid;
	owner.cgroup =
		(__u64)BPF_CORE_READ((struct sock *)tp, sk_cgrp_data.cgroup);
	key.slot = service_match(control, &key, &owner);
	service = service_find(control, key.slot);
	if (!service ||
	    (key.slot == WEIR_SLOT_OBSERVED && !control->observe_all))
		return 0;
	conn = bpf_sk_storage_get(&weir_conn, tp, 0,
				  BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		fault_count(WEIR_FAULT_NO_STORAGE);
		return 0;
	}
	leave_old(conn, key.slot);
	adopt(tp, conn, &key, service);
	join_client(conn, control, service, &owner);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
