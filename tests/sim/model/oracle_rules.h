/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oracle_rules.h - what the two halves of the oracle share.
 */
#pragma once

#include "tests/sim/model/oracle.h"

/* The breaker block of a service's policy; NULL: it has none. */
const struct policy_breaker *oracle_policy_rules(const struct oracle *o,
						 uint32_t slot);

/* The rules of one subject, or such that nothing reaches. */
const struct policy_breaker *oracle_rules(const struct oracle *o, uint32_t id);

/* Does the subject carry the breaker of its service? */
bool oracle_carries(const struct oracle *o, uint32_t id);
