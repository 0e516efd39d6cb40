/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * adopt.bpf.c - iter/tcp: connections that were there before the agent.
 *
 * The hooks are attached first, then every network namespace is walked once:
 * whatever has no storage yet and is an outbound connection of our cgroup is
 * counted. Listeners come first in the walk, so by the time connections are
 * seen their ports are known, and what was accepted on one is not adopted. The
 * walk holds each socket's lock, so no other hook is at work on it. After a
 * change of policies it moves connections to the service that governs them now.
 */
#include "bpf/service.h"
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
	if (!adoptable(state) || bpf_map_lookup_elem(&weir_listen, &port) ||
	    !in_our_cgroup((struct sock *)tp))
		return 0;
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
