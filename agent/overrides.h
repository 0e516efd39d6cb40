/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * overrides.h - what operators have forced, kept across restarts of the agent.
 *
 * STATE/overrides.json is written with every change. An agent that starts puts
 * back what has not run out: at once where the service or endpoint is known, and
 * for an endpoint that nobody has connected to yet as soon as it is seen.
 */
#pragma once

#include "agent/decide.h"
#include "agent/store.h"

#define OVERRIDES_MAX	     1024u
#define OVERRIDES_TTL_MAX_NS (365ull * 86400 * 1000000000) /* a year */

struct override {
	char service[WEIR_NAME_BYTES];
	char endpoint[64]; /* "": the service itself */
	enum weir_state state;
	uint64_t until_ns; /* monotonic; 0: no end */
	char by[64];
	char reason[128];
};

struct overrides {
	struct override *items; /* still to be put back */
	size_t count;
};

/* 0 also when there is no file. -EINVAL: the file is not one of ours. */
int overrides_load(struct overrides *out, const struct store *store,
		   uint64_t now_ns);

/* Puts back what is known by now, and drops what has run out. */
void overrides_restore(struct overrides *overrides, struct decide *decide,
		       uint64_t now_ns);

/* Writes what is forced now, and what is still to be put back. */
int overrides_save(const struct overrides *overrides, const struct store *store,
		   const struct registry *registry, uint64_t now_ns);

void overrides_clear(struct overrides *overrides);
