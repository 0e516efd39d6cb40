/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * knobs.h - weir_policy_value: alerts compare with what the policy says.
 */
#pragma once

#include "agent/view/writer.h"

struct snapshot_service;

/* One sample for each threshold of the service's breaker. */
void knobs_write(struct writer *w, const struct snapshot_service *s);
