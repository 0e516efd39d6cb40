/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lookups.h - sk_lookup in each network namespace where we have sockets.
 *
 * Attached while an enforced policy refuses what arrives. Namespaces come and
 * go with containers, so they are looked for again every few seconds. One where
 * it cannot be attached is no error: there a SYN is let through and the
 * connection is reset when it finds no room.
 */
#pragma once

#include "agent/dataplane.h"

struct lookups {
	bool wanted;
	ino_t refused; /* the latest namespace that was said to refuse it */
};

/* Attaches or detaches everywhere, as `wanted` says. */
void lookups_set(struct lookups *lookups, struct dataplane *plane, bool wanted,
		 const char *cgroup, const char *const *netns,
		 size_t netns_count);

/* Again, for namespaces that are new or gone. */
void lookups_refresh(struct lookups *lookups, struct dataplane *plane,
		     const char *cgroup, const char *const *netns,
		     size_t netns_count);
