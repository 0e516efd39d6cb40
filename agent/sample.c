/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.c - see sample.h.
 */
#include "agent/sample.h"

#include <string.h>

#include "agent/clock.h"
#include "weir/words.h"

static uint64_t total(const struct weir_subject *k, enum weir_result result)
{
	return __atomic_load_n(&k->judged[result], __ATOMIC_ACQUIRE);
}

/*
 * Rises when the subject is used: samples and attempts, refused ones too, but
 * nothing neutral, of which there is more when nothing is enforced.
 */
static uint64_t uses(const struct weir_subject *k)
{
	return total(k, WEIR_RESULT_SLOW) + total(k, WEIR_RESULT_SUCCESS) +
	       total(k, WEIR_RESULT_FAILURE) +
	       __atomic_load_n(&k->opened, __ATOMIC_RELAXED) +
	       __atomic_load_n(&k->refused, __ATOMIC_RELAXED);
}

/* Calls in flight that may be judged: shadows are in no slice. */
static uint64_t in_flight(const struct weir_subject *k)
{
	int64_t calls = __atomic_load_n(&k->older, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < WEIR_SLICES; i++)
		calls += pair_low(
			__atomic_load_n(&k->slices[i], __ATOMIC_RELAXED));
	return calls > 0 ? (uint64_t)calls : 0;
}

/* Start of a slice in us; the tag is the low half of its number. */
static uint64_t slice_start_us(uint32_t tag, uint32_t shift, uint64_t now_us)
{
	uint64_t now_slice = now_us >> shift;
	uint32_t age = (uint32_t)now_slice - tag;

	/* A tag of the future is one that another shift wrote. */
	if (age > INT32_MAX || age > now_slice)
		return 0;
	return (now_slice - age) << shift;
}

void sample_refresh(struct subject *subject, const struct weir_subject *k,
		    uint64_t now_ns)
{
	uint64_t now_us = now_ns / NS_PER_US;
	uint32_t slice = (uint32_t)(now_us >> subject->service->slice_shift);
	uint64_t word = __atomic_load_n(&k->slices[slice % WEIR_SLICES],
					__ATOMIC_RELAXED);

	subject->fresh_us = now_us;
	subject->stale_calls = in_flight(k);
	subject->stale_first = pair_high(word) == slice ? pair_low(word) : 0;
}

/* How many calls of a slice started at or after fresh_us. */
static uint32_t fresh_calls(const struct subject *subject, uint64_t fresh_us,
			    uint64_t start_us, uint64_t end_us, uint32_t calls)
{
	if (start_us >= fresh_us)
		return calls;
	if (end_us <= fresh_us || calls <= subject->stale_first)
		return 0;
	return calls - subject->stale_first;
}

/*
 * Of the calls that fell off the ring: those from before fresh_us that are
 * still in flight are among them, unless they are seen in the ring.
 */
static uint64_t fresh_older(const struct subject *subject, int64_t older,
			    uint64_t fresh_us, uint64_t stale_in_ring)
{
	uint64_t stale = fresh_us ? subject->stale_calls : 0;

	stale -= stale < stale_in_ring ? stale : stale_in_ring;
	return older > (int64_t)stale ? (uint64_t)older - stale : 0;
}

uint32_t sample_overdue(const struct subject *subject,
			const struct weir_subject *k, uint64_t fresh_us,
			uint64_t now_ns)
{
	uint32_t shift = subject->service->slice_shift;
	uint64_t slow_us = subject->service->rules.slow_ns / NS_PER_US;
	uint64_t now_us = now_ns / NS_PER_US;
	int64_t older = __atomic_load_n(&k->older, __ATOMIC_RELAXED);
	uint64_t overdue = 0, stale = 0;

	for (uint32_t i = 0; i < WEIR_SLICES; i++) {
		uint64_t word =
			__atomic_load_n(&k->slices[i], __ATOMIC_RELAXED);
		uint64_t start_us =
			slice_start_us(pair_high(word), shift, now_us);
		uint64_t end_us = start_us + (1ull << shift);
		uint32_t calls = pair_low(word);
		uint32_t fresh =
			fresh_calls(subject, fresh_us, start_us, end_us, calls);

		if (!start_us)
			continue;
		stale += calls - fresh;
		if (end_us < now_us && now_us - end_us > slow_us)
			overdue += fresh;
	}
	return (uint32_t)(overdue +
			  fresh_older(subject, older, fresh_us, stale));
}

/* Of the calls that were in flight at the epoch's start, those still there. */
static void shrink_stale(struct subject *subject, const struct weir_subject *k)
{
	uint64_t calls = subject->stale_calls ? in_flight(k) : 0;

	if (subject->stale_calls > calls)
		subject->stale_calls = calls;
	if (subject->stale_first > subject->stale_calls)
		subject->stale_first = (uint32_t)subject->stale_calls;
}

static uint64_t rise(uint64_t now, uint64_t *seen)
{
	uint64_t more = now > *seen ? now - *seen : 0;

	*seen += more;
	return more;
}

static uint32_t overdue_now(const struct subject *subject,
			    const struct weir_subject *k,
			    const struct weir_recount *opt_recount,
			    bool by_audit, uint64_t now_ns)
{
	if (by_audit)
		return opt_recount ? opt_recount->overdue : 0;
	return sample_overdue(subject, k, subject->fresh_us, now_ns);
}

void sample_take(struct breaker_sample *out, struct subject *subject,
		 const struct weir_subject *k,
		 const struct weir_recount *opt_recount, bool by_audit,
		 uint64_t now_ns)
{
	const struct breaker *breaker = &subject->breaker;
	/* Before the totals: what comes in between wakes us early, not late. */
	uint64_t bad = __atomic_load_n(&k->bad, __ATOMIC_ACQUIRE);
	uint64_t slow = total(k, WEIR_RESULT_SLOW);
	uint64_t row, probe = __atomic_load_n(&k->probe, __ATOMIC_RELAXED);
	uint64_t used = uses(k);

	memset(out, 0, sizeof(*out));
	subject->bad_seen = bad;
	if (used != subject->uses_seen) {
		subject->uses_seen = used;
		subject->active_ns = now_ns;
		if (subject->is_endpoint)
			subject->service->subject.active_ns = now_ns;
	}
	shrink_stale(subject, k);
	if (breaker->state == WEIR_STATE_CLOSED &&
	    subject->service->rules.slow_ns)
		out->overdue =
			overdue_now(subject, k, opt_recount, by_audit, now_ns);
	slow += out->overdue;
	out->success =
		rise(total(k, WEIR_RESULT_SUCCESS), &subject->success_seen);
	out->failure =
		rise(total(k, WEIR_RESULT_FAILURE), &subject->failure_seen);
	out->slow = rise(slow, &subject->slow_seen);
	/* Last: judge() in bpf/conn.h counts it before the totals. */
	row = __atomic_load_n(&k->consecutive, __ATOMIC_RELAXED);
	if (pair_high(row) == breaker->epoch)
		out->consecutive = pair_low(row);
	if (breaker->state == WEIR_STATE_HALF_OPEN &&
	    probe_epoch(probe) == breaker->epoch) {
		out->probes_taken = probe_taken(probe);
		out->probes_ok = probe_ok(probe);
		out->probes_bad = probe_bad(probe);
	}
}

void sample_rebase(struct subject *subject, const struct weir_subject *k)
{
	subject->success_seen = total(k, WEIR_RESULT_SUCCESS);
	subject->failure_seen = total(k, WEIR_RESULT_FAILURE);
	subject->slow_seen = total(k, WEIR_RESULT_SLOW);
}

void sample_restore(struct subject *subject, const struct weir_subject *k,
		    uint64_t now_ns)
{
	subject->uses_seen = uses(k);
	subject->bad_seen = __atomic_load_n(&k->bad, __ATOMIC_RELAXED);
	sample_rebase(subject, k);
	sample_refresh(subject, k, now_ns);
}
