/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * match.h - the arithmetic of "which rule governs this destination".
 */
#pragma once

#include "weir/abi.h"

#ifdef __BPF__
#include <bpf/bpf_endian.h>
#define match_htonl(x) bpf_htonl(x)
#else
#include <arpa/inet.h>
#define match_htonl(x) htonl(x)
#endif

/* The bits of word `i` (of four) of an address that a prefix keeps. */
static __always_inline __u32 match_mask(__u32 prefix, __u32 i)
{
	if (prefix >= 32 * (i + 1))
		return 0xffffffffu;
	if (prefix <= 32 * i)
		return 0;
	return match_htonl(~0u << (32 * (i + 1) - prefix));
}

/* ::/0 is every IPv6 address: only a prefix that covers ffff: means IPv4. */
static __always_inline int match_family(__u32 prefix, const __u32 addr[4])
{
	return prefix >= 96 || addr[0] || addr[1] ||
	       addr[2] != match_htonl(0xffff);
}

/* The key of one mask class for a destination. */
static __always_inline void match_key(struct weir_rule_key *key,
				      __u32 generation, struct weir_class class,
				      const __u32 addr[4], __u16 port)
{
	key->generation = generation & 1;
	key->prefix = class.prefix;
	key->port = class.exact_port ? port : 0;
	for (__u32 i = 0; i < 4; i++)
		key->addr[i] = addr[i] & match_mask(class.prefix, i);
}

/* Can this rule be better than the best so far? */
static __always_inline int match_beats(const struct weir_rule *rule, __u16 port,
				       __u32 best_rank, int found)
{
	if (port < rule->port_min || port > rule->port_max)
		return 0;
	return !found || rule->rank > best_rank;
}
