/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listen.h - which service governs a local address, and is it full?
 */
#pragma once

#include "bpf/lookup.h"
#include "bpf/mechanisms/cap.h"
#include "bpf/mechanisms/rate.h"

struct listen_best {
	__u32 slot;
	__u32 rank;
	__u32 found;
};

static __always_inline void listen_class(struct listen_best *best,
					 __u32 generation,
					 struct weir_class class,
					 const struct weir_endpoint_key *key)
{
	struct weir_rule_key rule_key = {};
	struct weir_rule_set *set;

	match_key(&rule_key, generation, class, key->addr, key->port);
	set = bpf_map_lookup_elem(&weir_rule, &rule_key);
	if (!set)
		return;
	for (__u32 i = 0; i < WEIR_RULES_PER_KEY; i++) {
		struct weir_rule *rule = &set->rules[i];

		if (i >= set->count)
			break;
		if (rule->clients ||
		    !match_beats(rule, key->port, best->rank, best->found))
			continue;
		best->slot = rule->slot;
		best->rank = rule->rank;
		best->found = 1;
	}
}

static __always_inline __u32 listen_match(const struct weir_control *control,
					  const struct weir_endpoint_key *key)
{
	__u32 generation = control->generation & 1;
	__u32 count = control->class_count[generation];
	struct weir_class exact = {.prefix = 128, .exact_port = 1};
	struct listen_best best = {.slot = WEIR_SLOT_OBSERVED};

	listen_class(&best, generation, exact, key);
	for (__u32 i = 0; i < WEIR_CLASSES_MAX; i++) {
		if (i >= count)
			break;
		listen_class(&best, generation, control->classes[generation][i],
			     key);
	}
	return best.slot;
}

/* Why it takes nobody more; WEIR_REASON_NONE: it has room. Takes nothing. */
static __always_inline __u32 listen_full(const struct weir_service *service,
					 __u32 slot)
{
	struct weir_subject *subject = subject_find(slot);

	if (!subject)
		return WEIR_REASON_NONE;
	if (service->connections_max != WEIR_NONE &&
	    subject->in_use >= service->connections_max)
		return WEIR_REASON_CAP;
	if (service->rate_ns &&
	    rate_is_used_up(subject->rate_at_ns, service->rate_burst_ns,
			    bpf_ktime_get_ns()))
		return WEIR_REASON_RATE;
	return WEIR_REASON_NONE;
}
