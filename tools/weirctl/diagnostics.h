/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diagnostics.h - mistakes in policies on their way to people and programs.
 */
#pragma once

#include "tools/weirctl/cli.h"

/* The names of files as the person gave them; NULL: as the agent says. */
typedef const char *diagnostics_rename(const void *ctx, const char *name);

/* The diagnostics of an Error object. -ENOMEM. */
int diagnostics_read(struct weir_errors *out, const json_t *error,
		     diagnostics_rename *opt_rename, const void *ctx);

/* The list as JSON, as in an Error; NULL: out of memory. */
json_t *diagnostics_json(const struct weir_errors *errors);

/* Writes them with the quoted line and caret; errors without one in a line. */
void diagnostics_print(struct cli *cli, FILE *to,
		       const struct weir_errors *errors);
