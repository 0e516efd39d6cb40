/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limits.h - what a connect takes of a subject besides its places: a half-open
 * token, and a share of the rate. Looked at once by the verifier.
 */
#pragma once

#include "bpf/lookup.h"
#include "bpf/mechanisms/probe.h"
#include "bpf/mechanisms/rate.h"

/* A half-open breaker's token; enum probe_result. */
verified_once int weir_token_take(__u32 id, __u32 epoch, __u32 permitted)
{
	struct weir_subject *subject = subject_find(id);

	return subject ? probe_take(&subject->probe, epoch, permitted)
		       : PROBE_NONE_LEFT;
}

verified_once int weir_token_give(__u32 id, __u32 epoch)
{
	struct weir_subject *subject = subject_find(id);

	if (subject)
		probe_give(&subject->probe, epoch);
	return 0;
}

/* One of the service's rate; 0: it is used up. */
verified_once int weir_rate_take(struct weir_service *service, __u32 id)
{
	struct weir_subject *subject = subject_find(id);
	enum rate_result result;

	if (!service || !subject)
		return 1;
	result = rate_take(&subject->rate_at_ns, service->rate_ns,
			   service->rate_burst_ns, bpf_ktime_get_ns());
	if (result == RATE_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
	return result == RATE_TAKEN;
}
