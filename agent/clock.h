/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.h - the two clocks of the agent.
 *
 * Everything is decided on CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns();
 * wall-clock time is only shown to people.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

static inline uint64_t clock_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* A jiffy, in which TCP sets its timers: what the coarse clock moves on by. */
static inline uint32_t clock_tick_us(void)
{
	struct timespec t = {0};

	clock_getres(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_nsec >= (long)NS_PER_US
		       ? (uint32_t)(t.tv_nsec / (long)NS_PER_US)
		       : 4000;
}

static inline int64_t clock_realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * (int64_t)NS_PER_S + t.tv_nsec;
}
