/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * service.h - which service governs a destination for a client.
 *
 * One lookup for the exact address and port, then one for each mask class; no
 * LPM trie (76-183 ns a lookup, measured). The best rank wins.
 */
#pragma once

#include "bpf/lookup.h"

#define CGROUP_DEPTH_MAX 32

/* Whose connection it is; NULL stands for the calling process. */
struct owner {
	__u32 uid;
	__u64 cgroup; /* kernel address, read with probes only */
};

/*
 * The two membership tests are global functions: the verifier looks at each
 * once, and not once for every rule of every class.
 */

static __always_inline bool client_in(__u32 generation, __u32 set, __u32 kind,
				      __u64 id)
{
	struct weir_client_key key = {
		.generation = generation,
		.set = set,
		.kind = kind,
		.id = id,
	};

	return bpf_map_lookup_elem(&weir_client, &key);
}

/* Is the calling process in the set, itself or by an ancestor cgroup? */
verified_once int weir_caller_in(__u32 generation, __u32 set)
{
	__u64 uid = (__u32)bpf_get_current_uid_gid();

	if (client_in(generation, set, WEIR_CLIENT_UID, uid))
		return 1;
	for (int level = 1; level <= (int)WEIR_CGROUP_DEPTH_MAX; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id)
			break;
		if (client_in(generation, set, WEIR_CLIENT_CGROUP, id))
			return 1;
	}
	return 0;
}

verified_once int weir_owner_in(__u32 generation, __u32 set, __u32 uid,
				__u64 address)
{
	struct cgroup *cgroup = (struct cgroup *)address;

	if (client_in(generation, set, WEIR_CLIENT_UID, uid))
		return 1;
	for (int i = 0; i < CGROUP_DEPTH_MAX && cgroup; i++) {
		__u64 id = BPF_CORE_READ(cgroup, kn, id);

		if (client_in(generation, set, WEIR_CLIENT_CGROUP, id))
			return 1;
		cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
	}
	return 0;
}

struct match_peer {
	__u32 addr[4];
};

/* Does who connects to us belong to the set, by its address? */
verified_once int weir_peer_in(__u32 generation, __u32 set,
			       struct match_peer *peer)
{
	struct weir_network_key key = {
		.bits = WEIR_NETWORK_BITS + 128,
		.generation = generation & 1,
		.set = set,
	};

	if (!peer)
		return 0;
	__builtin_memcpy(key.addr, peer->addr, sizeof(key.addr));
	return bpf_map_lookup_elem(&weir_network, &key) != NULL;
}

/* Whose connection a match is for. */
enum match_by { BY_CALLER, BY_OWNER, BY_PEER };

/* One lookup's question, and the best rule so far. */
struct match {
	struct weir_endpoint_key key;
	struct weir_class class;
	__u32 generation;
	__u32 slot;
	__u32 rank;
	__u32 found;
	union {
		struct owner owner;	/* BY_OWNER */
		struct match_peer peer; /* BY_PEER */
	};
};

static __always_inline bool client_matches(struct match *m, __u32 set,
					   enum match_by by)
{
	if (by == BY_PEER)
		return weir_peer_in(m->generation, set, &m->peer);
	if (by == BY_OWNER)
		return weir_owner_in(m->generation, set, m->owner.uid,
				     m->owner.cgroup);
	return weir_caller_in(m->generation, set);
}

static __always_inline int match_class(struct match *m, enum match_by by)
{
	struct weir_rule_key key = {};
	struct weir_rule_set *set;

	match_key(&key, m->generation, m->class, m->key.addr, m->key.port);
	set = bpf_map_lookup_elem(&weir_rule, &key);
	if (!set)
		return 0;
	for (__u32 i = 0; i < WEIR_RULES_PER_KEY; i++) {
		struct weir_rule *rule = &set->rules[i];

		if (i >= set->count)
			break;
		if (!match_beats(rule, m->key.port, m->rank, m->found))
			continue;
		if (rule->clients && !client_matches(m, rule->clients, by))
			continue;
		m->slot = rule->slot;
		m->rank = rule->rank;
		m->found = 1;
	}
	return 0;
}

/* As the membership tests: looked at once, not once for each of the classes. */
verified_once int weir_match_caller(struct match *m)
{
	return m ? match_class(m, BY_CALLER) : 0;
}

verified_once int weir_match_owner(struct match *m)
{
	return m ? match_class(m, BY_OWNER) : 0;
}

verified_once int weir_match_peer(struct match *m)
{
	return m ? match_class(m, BY_PEER) : 0;
}

static __always_inline __u32 match_all(const struct weir_control *control,
				       struct match *m, enum match_by by)
{
	__u32 generation = m->generation & 3;
	__u32 count = control->class_count[generation];

	m->class = (struct weir_class){.prefix = 128, .exact_port = 1};
	for (__u32 i = 0; i <= WEIR_CLASSES_MAX; i++) {
		if (by == BY_PEER)
			weir_match_peer(m);
		else if (by == BY_OWNER)
			weir_match_owner(m);
		else
			weir_match_caller(m);
		if (i >= count || i >= WEIR_CLASSES_MAX)
			break;
		m->class = control->classes[generation][i];
	}
	return m->slot;
}

/* The governing slot; WEIR_SLOT_OBSERVED when no policy matches. */
static __always_inline __u32 service_match(const struct weir_control *control,
					   const struct weir_endpoint_key *key,
					   const struct owner *owner)
{
	struct match m = {
		.key = *key,
		.generation = control->generation & 1,
		.slot = WEIR_SLOT_OBSERVED,
	};

	if (!owner)
		return match_all(control, &m, BY_CALLER);
	m.owner = *owner;
	return match_all(control, &m, BY_OWNER);
}

/*
 * The slot that guards a local address and port from `peer`. By what the
 * connection itself says, not by what its listener was marked with: so it is
 * right at once for listeners older than the agent or the policy, whatever
 * group of them the kernel chose from, and after every change of policies.
 */
static __always_inline __u32 ingress_match(const struct weir_control *control,
					   const struct weir_endpoint_key *key,
					   const struct match_peer *peer)
{
	struct match m = {
		.key = *key,
		.generation = (control->generation & 1) | WEIR_RULE_INGRESS,
		.slot = WEIR_SLOT_OBSERVED,
	};

	m.peer = *peer;
	return match_all(control, &m, BY_PEER);
}
