/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connect.bpf.c - cgroup/connect4 and connect6: may this connection begin?
 *
 * Gather who calls whom, decide in the order access, forced, breaker, cap, the
 * client's cap, rate, count, and return. A refusal happens before any packet leaves; whatever is missing lets
 * the connection through and is counted (W1, W6).
 */
#include "bpf/conn.h"
#include "bpf/mechanisms/rate.h"
#include "bpf/service.h"

#define CONNECT_ALLOW 1
#define CONNECT_DENY  0

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
	__u32 flags;  /* of the connection to be */
	__u32 reason; /* enum weir_reason of what objected */
	__u32 caller; /* the client's place that it holds; 0: none */
	bool drop;    /* what objected loses the SYN instead of refusing */
};

/* ---- decide --------------------------------------------------------------------- */

/* A rule objects. True: refused; false: let through, but as a shadow. */
static __always_inline bool refuse(struct attempt *a, __u32 reason,
				   bool enforced)
{
	/* What would have refused first is the reason; a real refusal wins. */
	if (enforced || !(a->flags & WEIR_CONN_SHADOW)) {
		a->reason = reason;
		a->drop = a->service->drop && (reason == WEIR_REASON_BREAKER ||
					       reason == WEIR_REASON_HALF_OPEN);
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

#define NAME_DENIED_US 1000000ull /* one client a second is named */

static __always_inline void name_denied(struct attempt *a)
{
	__u64 now = now_us();
	struct weir_event *event;

	/* Two CPUs may both name one: that is one line too many. */
	if (now - a->subject->denied_us < NAME_DENIED_US)
		return;
	a->subject->denied_us = now;
	event = bpf_ringbuf_reserve(&weir_event, sizeof(*event), 0);
	if (!event) {
		fault_count(WEIR_FAULT_RING_FULL);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->type = WEIR_EVENT_DENIED;
	event->subject = a->slot;
	event->at_ns = bpf_ktime_get_ns();
	event->key = a->key;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(event->command, sizeof(event->command));
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

/* The database-per-service rule: who may connect at all. */
static __always_inline bool gate_access(struct attempt *a, bool enforcing)
{
	if (!a->service->access ||
	    weir_caller_in(a->control->generation & 1, a->service->access))
		return false;
	name_denied(a);
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
		if (probe_take(&subject->probe, a->epoch,
			       verdict_permitted(word)) == PROBE_TAKEN) {
			a->flags |= WEIR_CONN_PROBE;
			return false;
		}
	}
	if (verdict_flags(word) & VERDICT_ADVISORY)
		return advise(a, reason);
	return refuse(a, reason, enforcing);
}

/* One place in `subject`; full: refused, or only said so when observing. */
static __always_inline bool cap_full(struct attempt *a,
				     struct weir_subject *subject, __u32 cap,
				     bool enforcing)
{
	enum cap_result result;

	if (cap == WEIR_NONE || !enforcing) {
		if (cap != WEIR_NONE &&
		    cap_would_be_full(subject->in_use, subject->shadow, cap))
			refuse(a, WEIR_REASON_CAP, false);
		atomic_add(&subject->in_use, 1);
		return false;
	}
	result = cap_take(&subject->in_use, cap);
	if (result == CAP_TAKEN)
		return false;
	if (result == CAP_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
	return refuse(a, WEIR_REASON_CAP, true);
}

static __always_inline void token_give(struct attempt *a)
{
	struct weir_subject *subject = subject_find(a->breaker);

	if (subject && a->flags & WEIR_CONN_PROBE)
		probe_give(&subject->probe, a->epoch);
	a->flags &= ~WEIR_CONN_PROBE;
}

static __always_inline void places_give(struct attempt *a)
{
	cap_give(&a->subject->in_use);
	if (a->endpoint)
		cap_give(&a->endpoint->in_use);
	if (a->flags & WEIR_CONN_SYN)
		cap_give(&a->subject->syns);
	a->flags &= ~WEIR_CONN_SYN;
	client_give(a->caller);
	a->caller = 0;
	token_give(a);
}

/* Calls on open connections cannot be refused; what can be is one more. */
static __always_inline bool too_many_calls(struct attempt *a, bool enforcing)
{
	__u32 max = a->service->calls_max;

	return max && a->subject->calls_active >= max &&
	       refuse(a, WEIR_REASON_CAP, enforcing);
}

static __always_inline bool too_many_syns(struct attempt *a, bool enforcing)
{
	enum cap_result result;

	/* Enforced, it would not be connecting. */
	if (!a->service->connecting_max || a->flags & WEIR_CONN_SHADOW)
		return false;
	result = cap_take(&a->subject->syns, a->service->connecting_max);
	if (result == CAP_TAKEN) {
		a->flags |= WEIR_CONN_SYN;
		return false;
	}
	if (result == CAP_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
	return refuse(a, WEIR_REASON_CAP, enforcing);
}

/* Takes the places of service and endpoint; true: refused, nothing is held. */
static __always_inline bool bulkhead_full(struct attempt *a, bool enforcing)
{
	if (too_many_calls(a, enforcing) ||
	    cap_full(a, a->subject, a->service->connections_max, enforcing)) {
		token_give(a);
		return true;
	}
	if (a->endpoint &&
	    cap_full(a, a->endpoint, a->service->endpoint_connections_max,
		     enforcing)) {
		cap_give(&a->subject->in_use);
		token_give(a);
		return true;
	}
	if (too_many_syns(a, enforcing)) {
		places_give(a);
		return true;
	}
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
	places_give(a);
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
	enum rate_result result;

	if (!a->service->rate_ns || a->flags & WEIR_CONN_SHADOW)
		return false;
	result = rate_take(&a->subject->rate_at_ns, a->service->rate_ns,
			   a->service->rate_burst_ns, bpf_ktime_get_ns());
	if (result == RATE_TAKEN)
		return false;
	if (result == RATE_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
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
	places_give(a);
	return true;
}

static __always_inline bool decide(struct attempt *a)
{
	bool enforcing = a->service->mode == WEIR_MODE_ENFORCE;

	if (gate_access(a, enforcing) || gate_forced(a, enforcing) ||
	    gate_breaker(a, enforcing) || bulkhead_full(a, enforcing) ||
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
	if (verdict != WEIR_VERDICT_REFUSE && verdict != WEIR_VERDICT_DROP)
		stat->opened++;
}

static __always_inline __u32 verdict_of_admitted(const struct attempt *a)
{
	if (!(a->flags & WEIR_CONN_SHADOW))
		return WEIR_VERDICT_ALLOW;
	return a->drop ? WEIR_VERDICT_WOULD_DROP : WEIR_VERDICT_WOULD_REFUSE;
}

/* ---- admit ---------------------------------------------------------------------- */

/* Nothing can remember this connection: it is not counted, it goes on. */
static __always_inline void forget(struct attempt *a)
{
	fault_count(WEIR_FAULT_NO_STORAGE);
	places_give(a);
}

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

static __always_inline void admit(struct bpf_sock_addr *ctx, struct attempt *a,
				  struct weir_conn *conn)
{
	if (!conn)
		conn = bpf_sk_storage_get(&weir_conn, ctx->sk, 0,
					  BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		forget(a);
		count_decision(a, verdict_of_admitted(a));
		return;
	}
	__builtin_memset(conn, 0, sizeof(*conn));
	conn->slot = a->slot;
	conn->endpoint = a->endpoint_id;
	conn->breaker = a->breaker;
	conn->epoch = a->epoch;
	conn->flags = a->flags;
	conn->caller = a->caller;
	conn->admitted_us = now_us();
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
	if (!conn)
		conn = bpf_sk_storage_get(&weir_conn, ctx->sk, 0,
					  BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		fault_count(WEIR_FAULT_NO_STORAGE);
		return false;
	}
	__builtin_memset(conn, 0, sizeof(*conn));
	conn->slot = a->slot;
	conn->endpoint = a->endpoint_id;
	conn->breaker = a->breaker;
	conn->flags = WEIR_CONN_SHADOW | WEIR_CONN_DROPPED;
	count_decision(a, WEIR_VERDICT_DROP);
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
