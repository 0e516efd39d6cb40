/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * commands.h - the one table of commands.
 *
 * Dispatch, usage, `help` and the shells' completions come from it: a new
 * command is one row in commands.c and one cmd_*.c.
 */
#pragma once

#include "tools/weirctl/arguments.h"

/* Walks the table. NULL starts, NULL ends. */
const struct command *commands_next(const struct command *previous);

const struct command *commands_find(const char *name);

/* The command somebody may have meant; NULL: none is near. */
const struct command *commands_nearest(const char *name);

int cmd_apply(struct cli *cli);
int cmd_check(struct cli *cli);
int cmd_complete(struct cli *cli);
int cmd_completion(struct cli *cli);
int cmd_delete(struct cli *cli);
int cmd_describe(struct cli *cli);
int cmd_events(struct cli *cli);
int cmd_explain(struct cli *cli);
int cmd_force(struct cli *cli);
int cmd_get(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_lint(struct cli *cli);
int cmd_reload(struct cli *cli);
int cmd_reset(struct cli *cli);
int cmd_schema(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_top(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_why(struct cli *cli);
