/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guard.h - how much of a service breakers may take away.
 *
 * Ejecting one more of N endpoints is allowed iff it stays within
 * maxEjectionPercent *after* the ejection, or it is the first of N >= 2.
 * N = 1 behaves as scope: service. Envoy's 10 % default made pools of fewer
 * than ten hosts never eject at all (reference/features.md T9).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/breaker.h"

/* open: endpoints that are OPEN, HALF_OPEN or FORCED_OPEN now, of n. */
enum breaker_guard guard_ejection(uint32_t open, uint32_t n,
				  uint32_t ejection_max_percent);

/* Panic: n >= 3 and fewer than threshold percent are not open. 0: never. */
bool guard_panic(uint32_t open, uint32_t n, uint32_t panic_threshold_percent);

/* Local fault: of >= 3 active services at least half tripped in one window. */
bool guard_local_fault(uint32_t tripped, uint32_t active);
