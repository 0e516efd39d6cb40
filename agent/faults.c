/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * faults.c - see faults.h.
 */
#include "agent/faults.h"

#include "agent/clock.h"
#include "agent/log.h"
#include "agent/view/names.h"

#define SILENCE_NS (60 * NS_PER_S)

void faults_say(struct faults *faults, const uint64_t totals[WEIR_FAULT_COUNT],
		uint64_t now_ns)
{
	for (size_t id = 0; id < WEIR_FAULT_COUNT; id++) {
		uint64_t more = totals[id] - faults->of[id].total;

		/* observeAll is off because somebody wanted it so. */
		if (!more || id == WEIR_FAULT_UNMATCHED)
			continue;
		if (faults->of[id].said_ns &&
		    now_ns - faults->of[id].said_ns < SILENCE_NS)
			continue;
		faults->of[id].total = totals[id];
		faults->of[id].said_ns = now_ns;
		log_warning("%s: %s (%llu times)", names_fault[id],
			    names_fault_help[id], (unsigned long long)more);
	}
}
