/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pace.h - at most so many a second, and what falls into two ticks at once.
 *
 * GCRA (ITU-T I.371): the word is when the latest one was due, so what a tick
 * comes too late for is not lost, and a pause saves up no more than the burst.
 */
#pragma once

#include <stdint.h>

#define PACE_NS_PER_S 1000000000ull

/* How many may go now, up to `want`; they are taken. `rate`: 1 or more. */
static inline uint32_t pace_take(uint64_t *next_ns, uint32_t rate,
				 uint32_t want, uint64_t now_ns)
{
	uint64_t interval_ns = PACE_NS_PER_S / rate;
	uint64_t saved_ns = (rate / 10 + 2) * interval_ns;
	uint64_t oldest_ns = now_ns > saved_ns ? now_ns - saved_ns : 0;
	uint64_t start_ns = *next_ns > oldest_ns ? *next_ns : oldest_ns;
	uint64_t room =
		start_ns < now_ns ? (now_ns - start_ns) / interval_ns : 0;
	uint32_t taken = room < want ? (uint32_t)room : want;

	*next_ns = start_ns + taken * interval_ns;
	return taken;
}

/* Gives back what was taken and not used. */
static inline void pace_return(uint64_t *next_ns, uint32_t rate,
			       uint32_t unused)
{
	uint64_t back_ns = PACE_NS_PER_S / rate * unused;

	*next_ns = *next_ns > back_ns ? *next_ns - back_ns : 0;
}
