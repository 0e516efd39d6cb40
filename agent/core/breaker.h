/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker.h - when to stop calling something that fails, and when to try again.
 *
 *               a trip rule holds, and the guard allows it
 *     CLOSED ------------------------------------------------> OPEN <--.
 *       ^  ^                                                     |      |
 *       |  |      a trip rule holds, the guard forbids it        | wait | a probe fails
 *       |  '--- OPEN_SUPPRESSED (traffic flows; then as OPEN)    v      | or times out
 *       '------------------------------------------------- HALF_OPEN --'
 *               all permitted probes succeeded
 *
 *     FORCED_OPEN / FORCED_CLOSED: entered and left by an operator or by TTL only.
 *
 * Pure code over integers: no clock, no map, no log. The semantics are
 * design/3-breaker.md; the state machine is that of resilience4j with
 * gobreaker's generations (here: epoch) and Linkerd's exact buckets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/window.h"
#include "common/policy.h"
#include "weir/abi.h"

/* What the kernel counted since the last step, of the current epoch only. */
struct breaker_sample {
	uint64_t success;
	uint64_t failure;
	uint64_t slow;	      /* ended slow, and newly overdue in flight */
	uint64_t overdue;     /* in flight for longer than allowed, right now */
	uint32_t consecutive; /* failures in a row, as of now */
	/* Half-open, totals of the current epoch (see probe_take()). */
	uint32_t probes_taken;
	uint32_t probes_ok;
	uint32_t probes_bad; /* failed or slow */
};

/*
 * A call that hangs is a slow call for as long as it hangs, also when the moment
 * in which it became one has left the window: when everything hangs no more
 * samples come, and those that went well are the first to be forgotten. So the
 * slow rate is also looked at while calls are overdue, and the window then
 * counts at least those.
 */

/* What became of a step. `changed` is false when nothing moved. */
struct breaker_change {
	bool changed;
	enum weir_state from;
	enum weir_state to;
	enum weir_trip trip; /* why */
	/* The number that decided, against its threshold (percent or count). */
	uint32_t value;
	uint32_t threshold;
	struct window_counts window; /* as it was at that moment */
};

struct breaker {
	enum weir_state state;
	uint32_t epoch;	   /* + 1 at every change of state */
	uint32_t level;	   /* openings in a row; the wait grows with it */
	uint64_t since_ns; /* of this state */
	uint64_t until_ns; /* OPEN: end of wait; FORCED: end of TTL, 0 = none */
	uint64_t probe_ns; /* HALF_OPEN: when the first token was seen taken */
	uint64_t healthy_ns; /* CLOSED: when it closed or the level fell */
	uint32_t consecutive_seen;  /* CLOSED: failures in a row, last step */
	struct breaker_change last; /* the latest change, for `why` */
	struct window window;
};

/*
 * The level stops growing where the wait has reached its maximum, and here. It
 * falls by one at the first success that comes a window after the breaker
 * closed, or after the level fell last; silence alone earns nothing.
 */
#define BREAKER_LEVEL_MAX 64u

/* What the guard says about one more open breaker; see guard.h. */
enum breaker_guard { BREAKER_GUARD_ALLOW, BREAKER_GUARD_SUPPRESS };

void breaker_init(struct breaker *b, const struct policy_breaker *rules,
		  uint64_t now_ns);

/* New thresholds for the samples already held; state and until stay. */
void breaker_configure(struct breaker *b, const struct policy_breaker *rules,
		       uint64_t now_ns);

/*
 * Takes the sample in and moves the state machine at most one transition; call
 * again with an empty sample until `changed` is false. `guard` is asked only
 * where it would open, and when the wait of OPEN_SUPPRESSED is over: allowed
 * then, it is probed (HALF_OPEN); forbidden still, it goes back to CLOSED,
 * where the traffic that flows anyway is judged again. It is never promoted to
 * OPEN meanwhile: that would refuse on evidence older than the permission.
 * `jitter` is uniform in [0, 1) and supplied by the caller. `freeze_level`: the
 * local-fault guard is on, the level neither grows nor falls.
 *
 * Without a breaker block (rules->set false) samples are kept, nothing trips.
 * The half-open timer runs while a probe is without an outcome.
 */
struct breaker_change breaker_step(struct breaker *b,
				   const struct policy_breaker *rules,
				   const struct breaker_sample *sample,
				   enum breaker_guard guard, double jitter,
				   bool freeze_level, uint64_t now_ns);

/*
 * Operator: hold open or closed until now_ns + ttl_ns (0: until told
 * otherwise), or back to automatic (to CLOSED, window and level reset).
 * `to` is FORCED_OPEN, FORCED_CLOSED or CLOSED.
 */
struct breaker_change breaker_force(struct breaker *b, enum weir_state to,
				    uint64_t ttl_ns, uint64_t now_ns);

/* Operator: level and window to zero; an open breaker closes, a forced stays. */
struct breaker_change breaker_reset(struct breaker *b, uint64_t now_ns);

/*
 * Takes over what an earlier agent left in the verdict map, under the epoch it
 * left. `b` is initialised. What cannot be true makes it CLOSED, epoch + 1.
 */
void breaker_restore(struct breaker *b, const struct weir_verdict *verdict,
		     uint32_t epoch, uint64_t now_ns);

/*
 * How many more bad samples could trip it now, whatever successes come between
 * them: the agent asks to be woken at that one. UINT64_MAX: none could.
 */
uint64_t breaker_bad_to_trip(struct breaker *b,
			     const struct policy_breaker *rules,
			     uint64_t now_ns);

/* When time alone may move it next; UINT64_MAX: never. */
uint64_t breaker_deadline_ns(const struct breaker *b,
			     const struct policy_breaker *rules);
