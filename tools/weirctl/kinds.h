/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kinds.h - the kinds of objects an agent has: where to ask, how to show.
 */
#pragma once

#include "tools/weirctl/cli.h"

struct kind {
	const char *name; /* "services" */
	const char *one;  /* "service" */
	const char *path;
	/* What makes an object another one for `get -w`; paths, NULL ends. */
	const char *const *watched;
	int (*print)(struct cli *cli, json_t *items);
	/* Its name is that of a service or endpoint, and the agent chooses. */
	bool of_service;
};

/* By either form; NULL: there is none. */
const struct kind *kinds_find(const char *name);

/*
 * The list, with only what `opt_name` names (an endpoint also by its service).
 * CLI_NOT_FOUND, said on stderr, when that is nothing.
 */
int kinds_fetch(struct cli *cli, const struct kind *kind, const char *opt_name,
		json_t **out);
