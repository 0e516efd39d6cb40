/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * random.h - chance that a seed repeats.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* splitmix64, Steele, Lea, Flood: "Fast splittable PRNGs", 2014. */
static inline uint64_t random_mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline uint64_t random_next(struct random *r)
{
	r->state += 0x632be59bd9b4e019ull;
	return random_mix(r->state);
}

/* 0..n-1; n of 0 gives 0 */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
	return n ? random_next(r) % n : 0;
}

/* low..high, both included */
static inline uint64_t random_between(struct random *r, uint64_t low,
				      uint64_t high)
{
	return low + random_below(r, high - low + 1);
}

static inline bool random_chance(struct random *r, unsigned percent)
{
	return random_below(r, 100) < percent;
}

#define random_pick(r, list) \
	((list)[random_below(r, sizeof(list) / sizeof((list)[0]))])
