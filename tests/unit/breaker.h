/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker.h - a breaker in a state of one's choice, reached as traffic would
 * reach it, for the two programs that test breakers.
 */
#pragma once

#include "agent/core/breaker.h"

#define S	    1000000000ull
#define T0	    (1000 * S) /* a host is not at the start of its clock */
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* The defaults of design/2-policy.md; no jitter, and slow calls judged. */
static inline struct policy_breaker defaults(void)
{
	return (struct policy_breaker){
		.set = true,
		.window_ns = 10 * S,
		.window_buckets = 10,
		.calls_min = 20,
		.failures_min = 5,
		.failure_rate = 50,
		.consecutive = 5,
		.slow_ns = S / 2,
		.slow_rate = 80,
		.wait_initial_ns = 5 * S,
		.wait_multiplier = 2,
		.wait_max_ns = 60 * S,
		.probes = 3,
		.half_open_timeout_ns = 10 * S,
		.ejection_max = 50,
		.panic_threshold = 50,
	};
}

static inline struct breaker_change step(struct breaker *b,
					 const struct policy_breaker *rules,
					 struct breaker_sample sample,
					 uint64_t now_ns)
{
	return breaker_step(b, rules, &sample, BREAKER_GUARD_ALLOW, 0, false,
			    now_ns);
}

static inline struct breaker_change
idle(struct breaker *b, const struct policy_breaker *rules, uint64_t now_ns)
{
	return step(b, rules, (struct breaker_sample){0}, now_ns);
}

static inline struct breaker_change
fail_once(struct breaker *b, const struct policy_breaker *rules,
	  uint64_t now_ns)
{
	return step(b, rules,
		    (struct breaker_sample){.failure = 1, .consecutive = 1},
		    now_ns);
}

static inline void succeed_once(struct breaker *b,
				const struct policy_breaker *rules,
				uint64_t now_ns)
{
	step(b, rules, (struct breaker_sample){.success = 1}, now_ns);
}

static inline struct breaker_change probes(struct breaker *b,
					   const struct policy_breaker *rules,
					   uint32_t taken, uint32_t ok,
					   uint32_t bad, uint64_t now_ns)
{
	return step(b, rules,
		    (struct breaker_sample){.probes_taken = taken,
					    .probes_ok = ok,
					    .probes_bad = bad},
		    now_ns);
}

static inline void close_by_probes(struct breaker *b,
				   const struct policy_breaker *rules,
				   uint64_t now_ns)
{
	probes(b, rules, rules->probes, rules->probes, 0, now_ns);
}

/* Puts samples into the window without letting them be judged. */
static inline void fill_window(struct breaker *b,
			       const struct breaker_sample *sample,
			       uint64_t now_ns)
{
	const struct window_counts counts = {
		.calls = sample->success + sample->failure + sample->slow,
		.failures = sample->failure,
		.slow = sample->slow,
	};

	window_add(&b->window, &counts, now_ns);
}

/* A total outage: whatever the thresholds are, this trips. */
static inline struct breaker_change trip(struct breaker *b,
					 const struct policy_breaker *rules,
					 enum breaker_guard guard,
					 double jitter, uint64_t now_ns)
{
	const struct breaker_sample outage = {.failure = 1000000,
					      .consecutive = 1000000};

	return breaker_step(b, rules, &outage, guard, jitter, false, now_ns);
}

static inline struct breaker opened(const struct policy_breaker *rules,
				    uint64_t now_ns)
{
	struct breaker b;

	breaker_init(&b, rules, now_ns);
	trip(&b, rules, BREAKER_GUARD_ALLOW, 0, now_ns);
	return b;
}

/* Half-open since the end of the wait. */
static inline struct breaker half_open(const struct policy_breaker *rules,
				       uint64_t now_ns)
{
	struct breaker b = opened(rules, now_ns);

	idle(&b, rules, b.until_ns);
	return b;
}
