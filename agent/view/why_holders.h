/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_holders.h - the part of a `why` that names processes.
 */
#pragma once

#include "agent/view/story.h"

/* Adds the lines about who holds the connections, and who was turned away. */
void why_holders(struct story *story);

/* The member `held` of a Why: {"full", "now"}. */
json_t *why_held(const struct story *story);
