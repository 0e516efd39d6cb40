/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.h - what happened on a subject since the last look at it.
 *
 * The kernel's totals only grow, so a sample is a difference; nothing is lost
 * when the agent looks late. Slow calls are counted when they become overdue:
 * ended slow + overdue now has a high-water mark, and a sample is its rise.
 */
#pragma once

#include "agent/registry.h"

/*
 * Moves the baselines. `by_audit`: this kernel has no send hook, overdue calls
 * come from the recount; NULL: it is not of this moment, there are none.
 */
void sample_take(struct breaker_sample *out, struct subject *subject,
		 const struct weir_subject *k,
		 const struct weir_recount *opt_recount, bool by_audit,
		 uint64_t now_ns);

/* Takes the totals as they are for the baseline: a new epoch. */
void sample_rebase(struct subject *subject, const struct weir_subject *k);

/* Takes over what was counted for an earlier agent: none of it is news. */
void sample_restore(struct subject *subject, const struct weir_subject *k,
		    uint64_t now_ns);

/* What is in flight now is never found overdue; what starts later may be. */
void sample_refresh(struct subject *subject, const struct weir_subject *k,
		    uint64_t now_ns);

/*
 * Calls in flight, started at or after fresh_us (0: any time), for longer than
 * the slow threshold; late by at most one slice (an eighth of the threshold).
 */
uint32_t sample_overdue(const struct subject *subject,
			const struct weir_subject *k, uint64_t fresh_us,
			uint64_t now_ns);
