/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oracle_rules.h - what the parts of the oracle share.
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

/* Remembers what is wrong; returns the text. */
const char *oracle_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Every change of state: a new epoch, and nothing of the old one counts. */
void oracle_move(struct oracle *o, struct oracle_subject *s, enum weir_state to,
		 uint64_t now_ns);
void oracle_start_epoch(struct oracle_subject *s, uint64_t now_ns);

bool oracle_panics(const struct oracle *o, uint32_t slot, uint64_t now_ns);

/* Another geometry: samples stay, as young as those of their bucket may be. */
void oracle_reshape(struct oracle_subject *s,
		    const struct policy_breaker *before,
		    const struct policy_breaker *after, uint64_t now_ns);

/* For subjects without a breaker. */
extern const struct policy_breaker oracle_no_rules;

/* What was counted and no look has taken in yet is forgotten. */
void oracle_discard(struct oracle *o, uint32_t id, uint64_t now_ns);
