/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * show.h - an answer for machines: JSON, JSON lines, YAML, names.
 */
#pragma once

#include "tools/weirctl/cli.h"

/* Is it one of these formats, and not a table? */
bool show_wanted(const struct cli *cli);

/* Writes it in the format asked for. `kind` stands before names ("service"). */
int show(struct cli *cli, json_t *answer, const char *opt_kind);

/* One line of JSON. */
int show_line(struct cli *cli, const json_t *object);
