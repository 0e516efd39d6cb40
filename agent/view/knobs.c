/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * knobs.c - the thresholds in force, as metrics.
 */
#include "agent/view/knobs.h"

#include <stddef.h>

#include "agent/view/snapshot.h"
#include "common/count_of.h"

#define BREAKER(member) offsetof(struct policy_breaker, member)

/* clang-format off */
static const struct {
	const char *knob;
	size_t ns, count, real;		/* offset of the one that it is, + 1 */
} knobs[] = {
	{ "slidingWindow.size", .ns = BREAKER(window_ns) + 1 },
	{ "slidingWindow.buckets", .count = BREAKER(window_buckets) + 1 },
	{ "minimumNumberOfCalls", .count = BREAKER(calls_min) + 1 },
	{ "minimumNumberOfFailures", .count = BREAKER(failures_min) + 1 },
	{ "failureRateThreshold", .count = BREAKER(failure_rate) + 1 },
	{ "consecutiveFailures", .count = BREAKER(consecutive) + 1 },
	{ "slowCallDurationThreshold", .ns = BREAKER(slow_ns) + 1 },
	{ "slowCallRateThreshold", .count = BREAKER(slow_rate) + 1 },
	{ "waitDurationInOpenState.initial", .ns = BREAKER(wait_initial_ns) + 1 },
	{ "waitDurationInOpenState.multiplier", .real = BREAKER(wait_multiplier) + 1 },
	{ "waitDurationInOpenState.max", .ns = BREAKER(wait_max_ns) + 1 },
	{ "waitDurationInOpenState.jitter", .real = BREAKER(wait_jitter) + 1 },
	{ "permittedNumberOfCallsInHalfOpenState", .count = BREAKER(probes) + 1 },
	{ "halfOpenTimeout", .ns = BREAKER(half_open_timeout_ns) + 1 },
	{ "maxEjectionPercent", .count = BREAKER(ejection_max) + 1 },
	{ "panicThreshold", .count = BREAKER(panic_threshold) + 1 },
};
/* clang-format on */

void knobs_write(struct writer *w, const struct snapshot_service *s)
{
	const char *base = (const char *)&s->breaker;

	for (size_t i = 0; i < COUNT_OF(knobs); i++) {
		double value;

		if (knobs[i].ns)
			value = (double)*(const uint64_t *)(base + knobs[i].ns -
							    1) /
				1e9;
		else if (knobs[i].count)
			value = *(const uint32_t *)(base + knobs[i].count - 1);
		else
			value = *(const double *)(base + knobs[i].real - 1);
		writer_real(w, value, "knob", knobs[i].knob, NULL);
	}
}
