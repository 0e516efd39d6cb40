/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * usage.h - what can be typed, from the tables.
 */
#pragma once

#include "tools/weirctl/cli.h"

/* Of a command, or of all of them when it is NULL; on stdout. */
void usage_print(struct cli *cli, const struct command *opt_command);

/* On stderr, for somebody who typed nothing. */
void usage_print_short(struct cli *cli);

/* "force SERVICE|ENDPOINT open|closed|auto [--ttl DURATION]..." */
char *usage_synopsis(const struct command *command);
