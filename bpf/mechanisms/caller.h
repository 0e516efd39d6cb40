/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * caller.h - the clients of a service, each with limits of its own.
 *
 * A client has one place in the set that its hash picks. Whoever comes holds
 * the set's lock, so a client is found or made once; whoever goes only counts
 * down, without it. A place is free for another client when its client holds
 * nothing and has no rate to wait for: nothing is ever evicted that counts, and
 * nothing has to be tidied up. A set without a free place is said to be full:
 * its client is let through and not counted (W1, W7).
 */
#pragma once

#include "bpf/mechanisms/cap.h"
#include "bpf/mechanisms/rate.h"

/* What one connection asks of one client's place. */
struct caller_ask {
	struct weir_caller_key key;
	__u32 max;     /* connections; 0: they are not limited here */
	__u32 place;   /* answer: where it is, from 1; 0: nothing is held */
	__u64 rate_ns; /* 0: the rate is not limited here */
	__u64 burst_ns;
	__u64 now_ns;
};

enum caller_result {
	CALLER_TAKEN,
	CALLER_CAP_FULL,
	CALLER_RATE_EXCEEDED,
	CALLER_SET_FULL, /* nobody can count it: let it through */
};

/* Which set; `seed` keeps strangers from filling one on purpose. */
static __always_inline __u32 caller_set(const struct weir_caller_key *key,
					__u32 seed)
{
	__u64 hash = (__u64)key->slot << 32 | (key->by ^ seed);

	/* Multiplying by an odd constant and folding the high half down. */
	for (int i = 0; i < 3; i++) {
		hash *= 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
		if (i < 2)
			hash += key->id[i];
	}
	return (__u32)hash % WEIR_CALLER_SETS;
}

static __always_inline int caller_is(const struct weir_caller *caller,
				     const struct weir_caller_key *key)
{
	return caller->key.by == key->by && caller->key.slot == key->slot &&
	       caller->key.id[0] == key->id[0] &&
	       caller->key.id[1] == key->id[1];
}

static __always_inline int caller_idle(const struct weir_caller *caller,
				       __u64 now_ns)
{
	return *(volatile const __u32 *)&caller->in_use == 0 &&
	       (__s64)(caller->rate_at_ns - now_ns) <= 0;
}

/* The client's place, else a free one, else WEIR_CALLERS_PER_SET. */
static __always_inline __u32 caller_find(const struct weir_caller_set *set,
					 const struct weir_caller_key *key,
					 __u64 now_ns)
{
	for (__u32 i = 0; i < WEIR_CALLERS_PER_SET; i++)
		if (caller_is(&set->callers[i], key))
			return i;
	for (__u32 i = 0; i < WEIR_CALLERS_PER_SET; i++)
		if (caller_idle(&set->callers[i], now_ns))
			return i;
	return WEIR_CALLERS_PER_SET;
}

/* May one more of this client come? Under the lock. */
static __always_inline enum caller_result caller_admit(struct weir_caller *it,
						       struct caller_ask *ask)
{
	__u64 start = (__s64)(it->rate_at_ns - ask->now_ns) > 0 ? it->rate_at_ns
								: ask->now_ns;

	if (ask->max && *(volatile __u32 *)&it->in_use >= ask->max) {
		it->refused++;
		return CALLER_CAP_FULL;
	}
	if (ask->rate_ns && start - ask->now_ns > ask->burst_ns) {
		it->refused++;
		return CALLER_RATE_EXCEEDED;
	}
	if (ask->rate_ns)
		it->rate_at_ns = start + ask->rate_ns;
	/* Others count down meanwhile, without the lock. */
	if (ask->max)
		__sync_fetch_and_add(&it->in_use, 1);
	return CALLER_TAKEN;
}

static __always_inline enum caller_result
caller_take(struct weir_caller_set *set, __u32 index, struct caller_ask *ask)
{
	__u32 i = caller_find(set, &ask->key, ask->now_ns);
	enum caller_result result;
	struct weir_caller *it;

	ask->place = 0;
	if (i >= WEIR_CALLERS_PER_SET)
		return CALLER_SET_FULL;
	it = &set->callers[i];
	if (!caller_is(it, &ask->key)) {
		it->key = ask->key;
		it->refused = 0;
	}
	result = caller_admit(it, ask);
	if (result == CALLER_TAKEN)
		ask->place = index * WEIR_CALLERS_PER_SET + i + 1;
	return result;
}

/*
 * What a later rule refused used up no rate. If time has moved on meanwhile a
 * little less than was taken is given back: never more. Under the lock.
 */
static __always_inline void caller_unrate(struct weir_caller *it,
					  const struct caller_ask *ask)
{
	if (caller_is(it, &ask->key))
		it->rate_at_ns -= ask->rate_ns;
}

/* Would one more of this client be let in? A stranger has no place yet. */
static __always_inline enum caller_result
caller_look(const struct weir_caller_set *set, const struct caller_ask *ask)
{
	for (__u32 i = 0; i < WEIR_CALLERS_PER_SET; i++) {
		const struct weir_caller *it = &set->callers[i];

		if (!caller_is(it, &ask->key))
			continue;
		if (ask->max &&
		    *(volatile const __u32 *)&it->in_use >= ask->max)
			return CALLER_CAP_FULL;
		return ask->rate_ns && rate_is_used_up(&it->rate_at_ns,
						       ask->burst_ns,
						       ask->now_ns)
			       ? CALLER_RATE_EXCEEDED
			       : CALLER_TAKEN;
	}
	return CALLER_TAKEN;
}
