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
	__u32 peer[4];
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
	a->slot = ingress_match(a->control, &a->key, a->peer);
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

static __always_inline bool arrival_forced(const struct arrival *a)
{
	struct weir_verdict *verdict = verdict_find(a->slot);

	return verdict && verdict_gate(verdict->word) == WEIR_GATE_FORCED &&
	       lease_holds(a->control);
}

/* Would it find no room now? Takes nothing: a SYN may be anybody's. */
static __always_inline __u32 arrival_look(const struct arrival *a)
{
	const struct weir_service *service = a->service;
	struct weir_subject *subject = a->subject;

	if (arrival_forced(a))
		return WEIR_REASON_FORCED;
	if (service->connections_max != WEIR_NONE &&
	    *(volatile __u32 *)&subject->in_use >= service->connections_max)
		return WEIR_REASON_CAP;
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
