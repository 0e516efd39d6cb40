/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lookup.h - from a slot, subject or destination to its record.
 *
 * Every miss is a fault that is counted, and the traffic goes on (W1).
 */
#pragma once

#include "bpf/maps.h"
#include "bpf/mechanisms/match.h"
#include "weir/words.h"

/*
 * A global function: the verifier looks at it once, and not once for every way
 * that leads there. It knows nothing of the caller, so pointers are asked for
 * NULL, and it returns an int because global functions must.
 */
#define verified_once __weak __noinline

#define atomic_add(where, what) ((void)__sync_fetch_and_add(where, what))

static __always_inline void fault_count(__u32 id)
{
	__u64 *count = bpf_map_lookup_elem(&weir_fault, &id);

	if (count)
		(*count)++;
}

/* NULL: the programs are to return at once (W2). */
static __always_inline struct weir_control *control_active(void)
{
	__u32 zero = 0;
	struct weir_control *control =
		bpf_map_lookup_elem(&weir_control, &zero);

	return control && control->active ? control : NULL;
}

/* An old heartbeat: what depends on the agent is void (W8). */
static __always_inline bool lease_holds(const struct weir_control *control)
{
	if (bpf_ktime_get_ns() - control->heartbeat_ns <= control->lease_ns)
		return true;
	fault_count(WEIR_FAULT_LEASE_EXPIRED);
	return false;
}

static __always_inline struct weir_service *
service_find(const struct weir_control *control, __u32 slot)
{
	__u32 index = slot * 2 + (control->generation & 1);

	return bpf_map_lookup_elem(&weir_service, &index);
}

static __always_inline struct weir_subject *subject_find(__u32 subject)
{
	if (subject == WEIR_NONE)
		return NULL;
	return bpf_map_lookup_elem(&weir_subject, &subject);
}

static __always_inline struct weir_verdict *verdict_find(__u32 subject)
{
	return bpf_map_lookup_elem(&weir_verdict, &subject);
}

static __always_inline struct weir_stat *stat_find(__u32 slot)
{
	return bpf_map_lookup_elem(&weir_stat, &slot);
}

/* To be filled in further, and submitted; NULL: the ring is full. */
static __always_inline struct weir_event *event_begin(__u32 type, __u32 subject)
{
	struct weir_event *event =
		bpf_ringbuf_reserve(&weir_event, sizeof(*event), 0);

	if (!event) {
		fault_count(WEIR_FAULT_RING_FULL);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->type = type;
	event->subject = subject;
	event->at_ns = bpf_ktime_get_ns();
	return event;
}

static __always_inline void event_send(__u32 type, __u32 subject,
				       const struct weir_endpoint_key *opt_key)
{
	struct weir_event *event = event_begin(type, subject);

	if (!event)
		return;
	if (opt_key)
		event->key = *opt_key;
	/* Hints wake at once; names can wait for the next tick. */
	bpf_ringbuf_submit(event, type == WEIR_EVENT_HINT ? BPF_RB_FORCE_WAKEUP
							  : BPF_RB_NO_WAKEUP);
}

/* The endpoint's subject, made at its first sight; WEIR_NONE: table full. */
verified_once int weir_endpoint_of(struct weir_endpoint_key *asked)
{
	/* On our own stack: 6.1 takes no argument's memory as a key. */
	struct weir_endpoint_key own, *key = &own;
	__u32 subject, *found;

	if (!asked)
		return WEIR_NONE;
	own = *asked;
	found = bpf_map_lookup_elem(&weir_endpoint, key);
	if (found)
		return *found;
	if (bpf_map_pop_elem(&weir_free, &subject)) {
		fault_count(WEIR_FAULT_ENDPOINT_FULL);
		return WEIR_NONE;
	}
	if (bpf_map_update_elem(&weir_endpoint, key, &subject, BPF_NOEXIST)) {
		/* Another CPU was first: its subject is the endpoint's. */
		bpf_map_push_elem(&weir_free, &subject, 0);
		found = bpf_map_lookup_elem(&weir_endpoint, key);
		return found ? *found : WEIR_NONE;
	}
	event_send(WEIR_EVENT_ENDPOINT, subject, key);
	return subject;
}
