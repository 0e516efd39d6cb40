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

/*
 * The prefix to look for. ::/0 is every IPv6 address, and IPv4 is ::ffff: here:
 * a class that is shorter than that finds nothing for IPv4. Without branches:
 * the verifier would follow both ways anew for each class.
 */
#define MATCH_NOTHING 255

static __always_inline __u8 match_prefix(__u8 prefix, const __u32 addr[4])
{
	__u32 other = addr[0] | addr[1] | (addr[2] ^ match_htonl(0xffff));
	__u32 v4 = ~(other | -other) >> 31;
	__u32 shorter = ((__u32)prefix - 96) >> 31;

	return (__u8)(prefix | -(v4 & shorter));
}

/* The key of one mask class for a destination. */
static __always_inline void match_key(struct weir_rule_key *key,
				      __u32 generation, struct weir_class class,
				      const __u32 addr[4], __u16 port)
{
	key->generation = generation & 3;
	key->prefix = match_prefix(class.prefix, addr);
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
