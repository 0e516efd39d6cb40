/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weir/words.h - what is packed into one 64-bit word, so that both sides read
 * and write it at once (a torn verdict would refuse what nobody decided).
 *
 *   verdict      epoch:32 | permitted probes:16 | gate:8 | flags:8
 *   probe        epoch:32 | unused:2 | taken:10 | ok:10 | bad:10
 *   consecutive  epoch:32 | failures in a row:32
 *   slice        tag:32   | calls in flight that started in it:32
 */
#pragma once

#include "weir/abi.h"

#define VERDICT_ADVISORY 1u /* visible and counted, not enforced */

static inline __u64 verdict_word(__u32 epoch, __u32 permitted,
				 enum weir_gate gate, __u32 flags)
{
	return (__u64)epoch << 32 | (permitted & 0xffff) << 16 |
	       (__u32)gate << 8 | (flags & 0xff);
}

static inline __u32 verdict_epoch(__u64 word)
{
	return (__u32)(word >> 32);
}

static inline __u32 verdict_permitted(__u64 word)
{
	return word >> 16 & 0xffff;
}

static inline enum weir_gate verdict_gate(__u64 word)
{
	return (enum weir_gate)(word >> 8 & 0xff);
}

static inline __u32 verdict_flags(__u64 word)
{
	return word & 0xff;
}

#define PROBE_BITS	10u
#define PROBE_MASK	((1u << PROBE_BITS) - 1)
#define PROBE_ONE_BAD	1ull
#define PROBE_ONE_OK	(1ull << PROBE_BITS)
#define PROBE_ONE_TAKEN (1ull << 2 * PROBE_BITS)

_Static_assert(WEIR_PROBES_MAX <= PROBE_MASK, "tokens fit their bits");

static inline __u32 probe_epoch(__u64 word)
{
	return (__u32)(word >> 32);
}

static inline __u32 probe_taken(__u64 word)
{
	return word >> 2 * PROBE_BITS & PROBE_MASK;
}

static inline __u32 probe_ok(__u64 word)
{
	return word >> PROBE_BITS & PROBE_MASK;
}

static inline __u32 probe_bad(__u64 word)
{
	return word & PROBE_MASK;
}

static inline __u64 pair_word(__u32 high, __u32 low)
{
	return (__u64)high << 32 | low;
}

static inline __u32 pair_high(__u64 word)
{
	return (__u32)(word >> 32);
}

static inline __u32 pair_low(__u64 word)
{
	return (__u32)word;
}
