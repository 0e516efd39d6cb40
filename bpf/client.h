/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * client.h - the client table: one place of one client, taken and given back.
 *
 * The lock is the kernel's own (interrupts off, a few dozen nanoseconds), so a
 * client that comes on two CPUs at once still has one count. Looked at once by
 * the verifier, like what else many hooks share.
 */
#pragma once

#include "bpf/lookup.h"
#include "bpf/mechanisms/caller.h"

/* The place `place` (from 1), or NULL. */
static __always_inline struct weir_caller *client_at(__u32 place)
{
	__u32 index = (place - 1) / WEIR_CALLERS_PER_SET;
	struct weir_caller_set *set;

	if (!place)
		return NULL;
	set = bpf_map_lookup_elem(&weir_caller, &index);
	if (!set)
		return NULL;
	return &set->callers[(place - 1) % WEIR_CALLERS_PER_SET];
}

/* enum caller_result; in ask->place what is held. */
verified_once int weir_client_take(struct caller_ask *ask, __u32 seed)
{
	struct weir_caller_set *set;
	int result;
	__u32 index;

	if (!ask)
		return CALLER_SET_FULL;
	index = caller_set(&ask->key, seed);
	set = bpf_map_lookup_elem(&weir_caller, &index);
	if (!set)
		return CALLER_SET_FULL;
	bpf_spin_lock(&set->lock);
	result = caller_take(set, index, ask);
	bpf_spin_unlock(&set->lock);
	if (result == CALLER_SET_FULL)
		fault_count(WEIR_FAULT_CALLER_FULL);
	return result;
}

/* A later rule refused what weir_client_take() let through by its rate. */
verified_once int weir_client_unrate(struct caller_ask *ask)
{
	struct weir_caller_set *set;
	__u32 index, i;

	if (!ask || !ask->place)
		return 0;
	index = (ask->place - 1) / WEIR_CALLERS_PER_SET;
	i = (ask->place - 1) % WEIR_CALLERS_PER_SET;
	set = bpf_map_lookup_elem(&weir_caller, &index);
	if (!set)
		return 0;
	bpf_spin_lock(&set->lock);
	caller_unrate(&set->callers[i], ask);
	bpf_spin_unlock(&set->lock);
	return 0;
}

verified_once int weir_client_give(__u32 place)
{
	struct weir_caller *it = client_at(place);

	if (it)
		cap_give(&it->in_use);
	return 0;
}
