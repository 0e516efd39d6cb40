/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * arrival.h - somebody connects to a listener of ours: is there room?
 *
 *   SYN --> look, take nothing --> handshake --> take, exactly --> close: give
 *            |                                    |
 *            '-- refused or lost                  '-- none left: doomed, reset
 *
 * A SYN proves nothing about who sent it, so it holds no place and makes no
 * record, however many come. What is held is taken when the handshake is over,
 * by compare-and-swap; between the two any number may still be under way, and
 * those that then find no room hold nothing and are reset by the agent.
 */
#pragma once

#include "bpf/conn.h"
#include "bpf/mechanisms/rate.h"
#include "bpf/service.h"

struct arrival {
	struct weir_endpoint_key key; /* local address and port */
	struct match_peer peer;
	__u32 slot;
	const struct weir_control *control;
	struct weir_service *service;
	struct weir_subject *subject;
};

static __always_inline bool arrival_enforced(const struct arrival *a)
{
	return a->service->mode == WEIR_MODE_ENFORCE;
}

/* False: nobody guards this port, or nothing is known of it (W1). */
static __always_inline bool arrival_find(struct arrival *a)
{
	a->slot = ingress_match(a->control, &a->key, &a->peer);
	if (a->slot == WEIR_SLOT_OBSERVED)
		return false;
	a->key.slot = a->slot;
	a->service = service_find(a->control, a->slot);
	a->subject = subject_find(a->slot);
	if (a->service && a->subject)
		return true;
	fault_count(WEIR_FAULT_NO_SERVICE);
	return false;
}

/* ---- who it is from ------------------------------------------------------------- */

/* So much of the peer's address as is one client: `v4` and `v6` bits. */
verified_once int weir_client_key(struct caller_ask *ask,
				  struct match_peer *peer, __u32 v4, __u32 v6)
{
	__u32 bits, words[4];

	if (!ask || !peer)
		return 0;
	bits = peer->addr[0] | peer->addr[1] |
			       (peer->addr[2] ^ bpf_htonl(0xffff))
		       ? v6
		       : v4;
	for (__u32 i = 0; i < 4; i++)
		words[i] = peer->addr[i] & match_mask(bits, i);
	ask->key.id[0] = (__u64)words[0] << 32 | words[1];
	ask->key.id[1] = (__u64)words[2] << 32 | words[3];
	return 0;
}

static __always_inline struct caller_ask
arrival_ask_place(const struct arrival *a, struct match_peer *peer)
{
	const struct weir_service *service = a->service;
	struct caller_ask ask = {
		.key = {.slot = a->slot, .by = service->client_by},
		.max = service->client_max,
		.now_ns = bpf_ktime_get_ns(),
	};

	weir_client_key(&ask, peer, service->client_prefix[0],
			service->client_prefix[1]);
	return ask;
}

static __always_inline struct caller_ask
arrival_ask_rate(const struct arrival *a, struct match_peer *peer)
{
	const struct weir_service *service = a->service;
	struct caller_ask ask = {
		.key = {.slot = a->slot, .by = service->client_rate_by},
		.rate_ns = service->client_rate_ns,
		.burst_ns = service->client_rate_burst_ns,
		.now_ns = bpf_ktime_get_ns(),
	};

	weir_client_key(&ask, peer, service->client_rate_prefix[0],
			service->client_rate_prefix[1]);
	return ask;
}

/* ---- before the handshake ------------------------------------------------------- */

static __always_inline bool arrival_forced(const struct arrival *a)
{
	struct weir_verdict *verdict = verdict_find(a->slot);

	return verdict && verdict_gate(verdict->word) == WEIR_GATE_FORCED &&
	       lease_holds(a->control);
}

/* Would it find no room now? Takes nothing: a SYN may be anybody's. */
static __always_inline __u32 arrival_look(struct arrival *a)
{
	const struct weir_service *service = a->service;
	struct weir_subject *subject = a->subject;

	if (arrival_forced(a))
		return WEIR_REASON_FORCED;
	if (service->connections_max != WEIR_NONE &&
	    *(volatile __u32 *)&subject->in_use >= service->connections_max)
		return WEIR_REASON_CAP;
	if (service->client_by) {
		struct caller_ask ask = arrival_ask_place(a, &a->peer);

		if (weir_client_look(&ask, a->control->seed) != CALLER_TAKEN)
			return WEIR_REASON_CLIENT_CAP;
	}
	if (service->client_rate_by) {
		struct caller_ask ask = arrival_ask_rate(a, &a->peer);

		if (weir_client_look(&ask, a->control->seed) != CALLER_TAKEN)
			return WEIR_REASON_CLIENT_RATE;
	}
	if (service->rate_ns &&
	    rate_is_used_up(&subject->rate_at_ns, service->rate_burst_ns,
			    bpf_ktime_get_ns()))
		return WEIR_REASON_RATE;
	return WEIR_REASON_NONE;
}

static __always_inline void arrival_count(const struct arrival *a,
					  __u32 verdict, __u32 reason)
{
	struct weir_stat *stat = stat_find(a->slot);

	if (stat && verdict < WEIR_VERDICT_COUNT && reason < WEIR_REASON_COUNT)
		stat->decisions[verdict][reason]++;
	if (verdict != WEIR_VERDICT_ALLOW)
		atomic_add(&a->subject->refused, 1);
}

/* What happens to its SYN; WEIR_VERDICT_ALLOW: it goes on to the listener. */
static __always_inline __u32 arrival_judge_syn(struct arrival *a, __u32 on_full)
{
	__u32 verdict = on_full == WEIR_FULL_DROP ? WEIR_VERDICT_DROP
						  : WEIR_VERDICT_REFUSE;
	__u32 reason;

	if (!arrival_find(a) || !arrival_enforced(a) ||
	    (a->service->on_full == WEIR_FULL_DROP) !=
		    (on_full == WEIR_FULL_DROP))
		return WEIR_VERDICT_ALLOW;
	reason = arrival_look(a);
	if (reason == WEIR_REASON_NONE)
		return WEIR_VERDICT_ALLOW;
	arrival_count(a, verdict, reason);
	return verdict;
}
