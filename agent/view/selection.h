/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * selection.h - which services and endpoints get series of their own (W7).
 *
 * A host may talk to thousands of destinations; a scrape must not. Whatever is
 * in trouble is always exported, then policies, then the busiest destinations;
 * the rest is one service named _other.
 */
#pragma once

#include "agent/view/snapshot.h"

#define SELECTION_SERVICES_MAX	200u
#define SELECTION_ENDPOINTS_MAX 256u

struct selection {
	const struct snapshot_service **services; /* borrowed; for export */
	size_t service_count;
	struct snapshot_service *other; /* the sum; NULL: nothing was folded */
	size_t services_folded;
	const struct snapshot_endpoint *endpoints[SELECTION_ENDPOINTS_MAX];
	size_t endpoint_count;
	size_t endpoints_folded;
};

/* 0 or -ENOMEM. */
int selection_make(struct selection *out, const struct snapshot *s);
void selection_clear(struct selection *selection);
