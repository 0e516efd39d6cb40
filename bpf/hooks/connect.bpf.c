/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connect.bpf.c - cgroup/connect4 and connect6: may this connection begin?
 *
 * Gather who calls whom, decide in the order access, forced, breaker, cap, the
 * client's cap, rates, count, and return. A refusal happens before any packet
 * leaves; whatever is missing lets the connection through, counted (W1, W6).
 */
#include "bpf/announce.h"
#include "bpf/conn.h"
#include "bpf/limits.h"
#include "bpf/service.h"
#include "bpf/wait.h"

enum { CONNECT_DENY, CONNECT_ALLOW };

struct attempt {
	struct weir_endpoint_key key;
	const struct weir_control *control;
	struct weir_service *service;
	struct weir_subject *subject;  /* of the service */
	struct weir_subject *endpoint; /* NULL: table full */
	__u32 slot;
	__u32 endpoint_id;
	__u32 breaker;
	__u32 epoch;
	__u32 flags;	 /* of the connection to be */
	__u32 reason;	 /* enum weir_reason of what objected */
	__u32 caller;	 /* the client's place that it holds; 0: none */
	bool drop;	 /* what objected loses the SYN instead of refusing */
	bool wait;	 /* full, but it has a place in the queue */
	bool would_wait; /* the same, when observing */
};

/* ---- decide --------------------------------------------------------------------- */

/* Is it lost, instead of refused? */
static __always_inline bool loses_syn(const struct weir_service *service,
				      __u32 reason)
{
	if (reason == WEIR_REASON_CAP || reason == WEIR_REASON_CLIENT_CAP)
		return service->on_full == WEIR_FULL_DROP;
	return service->drop && (reason == WEIR_REASON_BREAKER ||
				 reason == WEIR_REASON_HALF_OPEN);
}

/* A rule objects. True: refused; false: let through, but as a shadow. */
static __always_inline bool refuse(struct attempt *a, __u32 reason,
				   bool enforced)
{
	/* What would have refused first is the reason; a real refusal wins. */
	if (enforced || !(a->flags & WEIR_CONN_SHADOW)) {
		a->reason = reason;
		a->drop = loses_syn(a->service, reason);
	}
	if (!enforced) {
		a->flags |= WEIR_CONN_SHADOW;
		a->flags &= ~WEIR_CONN_ADVISORY;
	}
	return enforced;
}

/* The guard or a panic lets it through: in either mode it is there. */
static __always_inline bool advise(struct attempt *a, __u32 reason)
{
	bool shadow = a->flags & WEIR_CONN_SHADOW;

	refuse(a, reason, false);
	if (!shadow)
		a->flags |= WEIR_CONN_ADVISORY;
	return false;
}

/* The database-per-service rule: who may connect at all. */
static __always_inline bool gate_access(struct attempt *a, bool enforcing)
{
	if (!a->service->access ||
	    weir_caller_in(a->control->generation & 1, a->service->access))
		return false;
	announce_caller(WEIR_EVENT_DENIED, a->slot, &a->key);
	return refuse(a, WEIR_REASON_ACCESS, enforcing);
}

static __always_inline bool gate_forced(struct attempt *a, bool enforcing)
{
	struct weir_verdict *verdict = verdict_find(a->slot);

	if (!verdict || verdict_gate(verdict->word) != WEIR_GATE_FORCED)
		return false;
	return lease_holds(a->control) &&
	       refuse(a, WEIR_REASON_FORCED, enforcing);
}

/* The breaker's verdict; a half-open one gives a token or refuses. */
static __always_inline bool gate_breaker(struct attempt *a, bool enforcing)
{
	struct weir_verdict *verdict = verdict_find(a->breaker);
	struct weir_subject *subject = subject_find(a->breaker);
	__u32 reason = WEIR_REASON_BREAKER;
	enum weir_gate gate;
	__u64 word;

	if (!verdict || !subject)
		return false;
	word = verdict->word;
	gate = verdict_gate(word);
	a->epoch = verdict_epoch(word);
	if (gate == WEIR_GATE_ADMIT || !lease_holds(a->control))
		return false;
	if (gate == WEIR_GATE_FORCED)
		reason = WEIR_REASON_FORCED;
	if (gate == WEIR_GATE_PROBE) {
		reason = WEIR_REASON_HALF_OPEN;
		if (weir_token_take(a->breaker, a->epoch,
				    verdict_permitted(word)) == PROBE_TAKEN) {
			a->flags |= WEIR_CONN_PROBE;
			return false;
		}
	}
	if (verdict_flags(word) & VERDICT_ADVISORY)
		return advise(a, reason);
	return refuse(a, reason, enforcing);
}

static __always_inline void token_give(struct attempt *a)
{
	if (a->flags & WEIR_CONN_PROBE)
		weir_token_give(a->breaker, a->epoch);
	a->flags &= ~WEIR_CONN_PROBE;
}

/* Whatever it has got so far. */
static __always_inline void all_give(struct attempt *a)
{
	struct places p = {
		.slot = a->slot,
		.endpoint = a->endpoint_id,
		.syn = a->flags & WEIR_CONN_SYN,
	};

	if (a->wait) {
		cap_give(&a->subject->waiting);
	} else {
		weir_places_give(&p);
		queue_poke(a->slot);
	}
	a->wait = false;
	a->flags &= ~WEIR_CONN_SYN;
	weir_client_give(a->caller);
	a->caller = 0;
	token_give(a);
}

/* The agent looks at who holds it; not of limits that nobody holds. */
static __always_inline void announce_full(struct attempt *a, bool endpoint)
{
	__u32 id = endpoint ? a->endpoint_id : a->slot;
	__u32 cap = endpoint ? a->service->endpoint_connections_max
			     : a->service->connections_max;
	struct weir_subject *s = subject_find(id);

	if (s && s->in_use >= cap)
		announce_caller(WEIR_EVENT_FULL, id, &a->key);
}

/* Full: into the queue, if there is one with room. True: refused. */
static __always_inline bool full(struct attempt *a, bool endpoint)
{
	if (a->service->queue_max &&
	    weir_queue_room(a->slot, a->service->queue_max)) {
		a->wait = true;
		return false;
	}
	token_give(a);
	announce_full(a, endpoint);
	return refuse(a, WEIR_REASON_CAP, true);
}

static __always_inline bool bulkhead_full(struct attempt *a)
{
	struct places p = {
		.slot = a->slot,
		.endpoint = a->endpoint_id,
		.syn = !(a->flags & WEIR_CONN_SHADOW),
	};

	int result = PLACES_SERVICE_FULL;

	/* Who came before goes before. */
	if (!a->service->queue_max || !a->subject->waiting)
		result = weir_places_take(a->service, &p);
	if (result != PLACES_TAKEN)
		return full(a, result == PLACES_ENDPOINT_FULL);
	if (p.syn)
		a->flags |= WEIR_CONN_SYN;
	return false;
}

/* Nothing is refused: what would be has a shadow's place and no other. */
static __always_inline void look_at_bulkhead(struct attempt *a)
{
	struct places p = {
		.slot = a->slot,
		.endpoint = a->endpoint_id,
		/* Enforced, it would not be connecting. */
		.syn = !(a->flags & WEIR_CONN_SHADOW),
	};

	a->would_wait = a->subject->shadow < a->service->queue_max;
	if (weir_places_look(a->service, &p)) {
		announce_full(a, false);
		announce_full(a, true);
		refuse(a, WEIR_REASON_CAP, false);
	}
	if (p.syn)
		a->flags |= WEIR_CONN_SYN;
}

static __always_inline bool gate_bulkhead(struct attempt *a, bool enforcing)
{
	if (enforcing)
		return bulkhead_full(a);
	look_at_bulkhead(a);
	return false;
}

/* ---- each client ------------------------------------------------------------------ */

/* Who calls, as the policy tells clients apart. */
static __always_inline struct weir_caller_key caller_key(struct attempt *a,
							 __u32 by)
{
	struct weir_caller_key key = {.slot = a->slot, .by = by};

	if (by == WEIR_BY_CGROUP)
		key.id[0] = bpf_get_current_cgroup_id();
	else if (by == WEIR_BY_USER)
		key.id[0] = (__u32)bpf_get_current_uid_gid();
	else
		key.id[0] = bpf_get_current_pid_tgid() >> 32;
	return key;
}

/* What the panic lets through is there; what enforce refuses is not. */
static __always_inline bool is_ghost(const struct attempt *a)
{
	return (a->flags & (WEIR_CONN_SHADOW | WEIR_CONN_ADVISORY)) ==
	       WEIR_CONN_SHADOW;
}

static __always_inline bool client_full(struct attempt *a, bool enforcing)
{
	struct caller_ask ask = {.max = a->service->client_max};

	if (!a->service->client_by || is_ghost(a))
		return false;
	ask.key = caller_key(a, a->service->client_by);
	ask.now_ns = bpf_ktime_get_ns();
	if (weir_client_take(&ask, a->control->seed) != CALLER_CAP_FULL) {
		a->caller = ask.place;
		return false;
	}
	if (!refuse(a, WEIR_REASON_CLIENT_CAP, enforcing))
		return false;
	all_give(a);
	return true;
}

static __always_inline bool
client_too_fast(struct attempt *a, struct caller_ask *ask, bool enforcing)
{
	if (!a->service->client_rate_by || a->flags & WEIR_CONN_SHADOW)
		return false;
	ask->key = caller_key(a, a->service->client_rate_by);
	ask->rate_ns = a->service->client_rate_ns;
	ask->burst_ns = a->service->client_rate_burst_ns;
	ask->now_ns = bpf_ktime_get_ns();
	return weir_client_take(ask, a->control->seed) ==
		       CALLER_RATE_EXCEEDED &&
	       refuse(a, WEIR_REASON_CLIENT_RATE, enforcing);
}

static __always_inline bool
service_too_fast(struct attempt *a, struct caller_ask *ask, bool enforcing)
{
	if (!a->service->rate_ns || a->flags & WEIR_CONN_SHADOW ||
	    weir_rate_take(a->service, a->slot))
		return false;
	weir_client_unrate(ask);
	return refuse(a, WEIR_REASON_RATE, enforcing);
}

/*
 * Last, so that what is refused for another reason uses up no rate; and the
 * client's before the service's, so that a hasty client uses up nobody else's.
 */
static __always_inline bool rate_exceeded(struct attempt *a, bool enforcing)
{
	struct caller_ask ask = {};

	if (!client_too_fast(a, &ask, enforcing) &&
	    !service_too_fast(a, &ask, enforcing))
		return false;
	all_give(a);
	return true;
}

static __always_inline bool decide(struct attempt *a)
{
	bool enforcing = a->service->mode == WEIR_MODE_ENFORCE;

	if (gate_access(a, enforcing) || gate_forced(a, enforcing) ||
	    gate_breaker(a, enforcing) || gate_bulkhead(a, enforcing) ||
	    client_full(a, enforcing) || rate_exceeded(a, enforcing))
		return true;
	/* Enforced, it would not be there to prove anything. */
	if (a->flags & WEIR_CONN_SHADOW)
		token_give(a);
	return false;
}

/* ---- count ---------------------------------------------------------------------- */

static __always_inline void count_refusal(struct weir_subject *subject)
{
	if (subject)
		atomic_add(&subject->refused, 1);
}

static __always_inline void count_admission(struct weir_subject *subject,
					    bool ghost)
{
	if (!subject)
		return;
	atomic_add(&subject->opened, 1);
	atomic_add(&subject->acquired, 1);
	if (ghost)
		atomic_add(&subject->shadow, 1);
}

static __always_inline void count_decision(const struct attempt *a,
					   __u32 verdict)
{
	struct weir_stat *stat = stat_find(a->slot);

	if (!stat || a->reason >= WEIR_REASON_COUNT)
		return;
	stat->decisions[verdict][a->reason]++;
	if (verdict != WEIR_VERDICT_REFUSE && verdict != WEIR_VERDICT_DROP &&
	    verdict != WEIR_VERDICT_QUEUE)
		stat->opened++;
}

static __always_inline __u32 verdict_of_admitted(const struct attempt *a)
{
	if (!(a->flags & WEIR_CONN_SHADOW))
		return WEIR_VERDICT_ALLOW;
	if (a->would_wait && a->reason == WEIR_REASON_CAP)
		return WEIR_VERDICT_WOULD_QUEUE;
	return a->drop ? WEIR_VERDICT_WOULD_DROP : WEIR_VERDICT_WOULD_REFUSE;
}

/* ---- admit ---------------------------------------------------------------------- */

/* From 6.12 on the STATE callback can be asked for before the SYN. */
static __always_inline void ask_for_state(struct bpf_sock_addr *ctx)
{
	int flags = 0;

	if (bpf_getsockopt(ctx, SOL_TCP, WEIR_TCP_BPF_SOCK_OPS_CB_FLAGS, &flags,
			   sizeof(flags)))
		return;
	flags |= BPF_SOCK_OPS_STATE_CB_FLAG;
	bpf_setsockopt(ctx, SOL_TCP, WEIR_TCP_BPF_SOCK_OPS_CB_FLAGS, &flags,
		       sizeof(flags));
}

/* What will be known of the connection; NULL: nothing can be. */
static __always_inline struct weir_conn *remember(struct bpf_sock_addr *ctx,
						  const struct attempt *a,
						  struct weir_conn *conn)
{
	if (!conn)
		conn = bpf_sk_storage_get(&weir_conn, ctx->sk, 0,
					  BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		fault_count(WEIR_FAULT_NO_STORAGE);
		return NULL;
	}
	__builtin_memset(conn, 0, sizeof(*conn));
	conn->slot = a->slot;
	conn->endpoint = a->endpoint_id;
	conn->breaker = a->breaker;
	conn->epoch = a->epoch;
	conn->flags = a->flags;
	conn->caller = a->caller;
	conn->admitted_us = now_us();
	conn->pid = bpf_get_current_pid_tgid() >> 32;
	return conn;
}

static __always_inline void admit(struct bpf_sock_addr *ctx, struct attempt *a,
				  struct weir_conn *conn)
{
	conn = remember(ctx, a, conn);
	if (!conn) {
		/* It is not counted, and goes on. */
		all_give(a);
		count_decision(a, verdict_of_admitted(a));
		return;
	}
	count_admission(a->subject, conn_is_ghost(conn));
	count_admission(a->endpoint, conn_is_ghost(conn));
	conn->held = WEIR_HELD_RESERVED;
	count_decision(a, verdict_of_admitted(a));
	ask_for_state(ctx);
}

/* The same socket connects again: what it held goes back first. */
verified_once int weir_renew(struct weir_conn *conn, __u32 generation)
{
	struct weir_service *service;
	__u32 index;

	if (!conn)
		return 0;
	index = conn->slot * 2 + (generation & 1);
	service = bpf_map_lookup_elem(&weir_service, &index);
	if (weir_wait_leave(conn))
		wait_left(conn);
	if (service)
		call_give_up(conn, service, WEIR_CALL_CONNECT);
	probe_end(conn, 0);
	conn_release(conn);
	return 0;
}

static __always_inline struct weir_conn *
renew(struct bpf_sock_addr *ctx, const struct weir_control *control)
{
	struct weir_conn *conn;

	if (!ctx->sk)
		return NULL;
	conn = bpf_sk_storage_get(&weir_conn, ctx->sk, 0, 0);
	weir_renew(conn, control->generation);
	return conn;
}

static __always_inline bool gather(struct attempt *a)
{
	a->slot = service_match(a->control, &a->key, NULL);
	if (a->slot == WEIR_SLOT_OBSERVED && !a->control->observe_all) {
		fault_count(WEIR_FAULT_UNMATCHED);
		return false;
	}
	a->service = service_find(a->control, a->slot);
	a->subject = subject_find(a->slot);
	if (!a->service || !a->subject) {
		fault_count(WEIR_FAULT_NO_SERVICE);
		return false;
	}
	a->key.slot = a->slot;
	a->endpoint_id = weir_endpoint_of(&a->key);
	a->endpoint = subject_find(a->endpoint_id);
	a->breaker = breaker_of(a->service, a->slot,
				a->endpoint ? a->endpoint_id : WEIR_NONE);
	return true;
}

/*
 * Its SYN will be dropped by the egress hook, for as long as it is sent again:
 * the application waits, and its own timeout decides. It holds no slot. False:
 * nothing can remember it, so it must be refused.
 */
static __always_inline bool drop(struct bpf_sock_addr *ctx, struct attempt *a,
				 struct weir_conn *conn)
{
	conn = remember(ctx, a, conn);
	if (!conn)
		return false;
	conn->flags = WEIR_CONN_SHADOW | WEIR_CONN_DROPPED;
	/* A full bulkhead needs no agent to stay full. */
	if (a->reason == WEIR_REASON_CAP || a->reason == WEIR_REASON_CLIENT_CAP)
		conn->flags |= WEIR_CONN_EXPIRED;
	count_decision(a, WEIR_VERDICT_DROP);
	return true;
}

/*
 * The bulkhead is full and it has a place in the queue: its SYN waits. False:
 * nothing can remember it, or the ring has no place, so it must be refused.
 */
static __always_inline bool hold(struct bpf_sock_addr *ctx, struct attempt *a,
				 struct weir_conn *conn)
{
	struct seat seat = {
		.slot = a->slot,
		.endpoint = a->endpoint_id,
		.breaker = a->breaker,
		.probe = a->flags & WEIR_CONN_PROBE,
		.since_us = now_us(),
	};

	conn = remember(ctx, a, conn);
	if (!conn)
		return false;
	if (!weir_queue_join(a->service, &seat)) {
		/* What is given back for it is not its own any more. */
		conn->flags = conn->caller = 0;
		return false;
	}
	conn->flags |= WEIR_CONN_WAITING;
	conn->waiter = seat.index;
	conn->ticket = seat.ticket;
	a->reason = WEIR_REASON_CAP;
	count_decision(a, WEIR_VERDICT_QUEUE);
	ask_for_state(ctx);
	/* What was given back since it was looked at. */
	queue_serve(a->slot);
	return true;
}

/* Held back: counted, and nothing of it is held. */
static __always_inline int turn_away(struct bpf_sock_addr *ctx,
				     struct attempt *a, struct weir_conn *conn)
{
	count_refusal(a->subject);
	count_refusal(a->endpoint);
	if (a->drop && drop(ctx, a, conn))
		return CONNECT_ALLOW;
	/* What an earlier connect() of the socket left says nothing of this. */
	if (conn)
		conn->flags = 0;
	count_decision(a, WEIR_VERDICT_REFUSE);
	bpf_set_retval(-(int)a->service->refuse_errno);
	return CONNECT_DENY;
}

static __always_inline int connect_common(struct bpf_sock_addr *ctx,
					  struct attempt *a)
{
	struct weir_conn *conn;

	if (ctx->protocol != IPPROTO_TCP)
		return CONNECT_ALLOW;
	a->control = control_active();
	if (!a->control)
		return CONNECT_ALLOW;
	if (bpf_get_retval() < 0) {
		fault_count(WEIR_FAULT_DENIED_BEFORE);
		return CONNECT_ALLOW;
	}
	a->key.port = bpf_ntohs((__u16)ctx->user_port);
	conn = renew(ctx, a->control);
	if (!gather(a))
		return CONNECT_ALLOW;
	if (decide(a))
		return turn_away(ctx, a, conn);
	if (a->wait) {
		if (hold(ctx, a, conn))
			return CONNECT_ALLOW;
		all_give(a);
		refuse(a, WEIR_REASON_CAP, true);
		return turn_away(ctx, a, conn);
	}
	if (a->flags & WEIR_CONN_SHADOW) {
		count_refusal(a->subject);
		count_refusal(a->endpoint);
	}
	admit(ctx, a, conn);
	return CONNECT_ALLOW;
}

SEC("cgroup/connect4")
int weir_connect4(struct bpf_sock_addr *ctx)
{
	struct attempt a = {};

	a.key.addr[2] = bpf_htonl(0xffff);
	a.key.addr[3] = ctx->user_ip4;
	return connect_common(ctx, &a);
}

/* A mapped address (::ffff:a.b.c.d) is already in the form of the keys. */
SEC("cgroup/connect6")
int weir_connect6(struct bpf_sock_addr *ctx)
{
	struct attempt a = {};

	a.key.addr[0] = ctx->user_ip6[0];
	a.key.addr[1] = ctx->user_ip6[1];
	a.key.addr[2] = ctx->user_ip6[2];
	a.key.addr[3] = ctx->user_ip6[3];
	return connect_common(ctx, &a);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
