/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * audit.h - is what we count what is there?
 *
 * A pass recounts every tracked connection and compares. A difference that
 * traffic during the pass can explain is none; one that stays over several
 * passes is drift: it is corrected and counted, and the count must stay 0.
 */
#pragma once

#include "agent/events.h"
#include "agent/registry.h"

/* 0 or -errno. */
int audit_run(struct registry *registry, struct events *events);

/*
 * Adopts the connections that exist: in the agent's network namespace, in
 * those given by path, and in those of the processes in the cgroup. Returns
 * how many namespaces were walked, or -errno.
 */
int audit_adopt(struct dataplane *plane, const char *cgroup,
		const char *const *netns, size_t netns_count);
