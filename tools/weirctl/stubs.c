/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stubs.c - to come.
 */
#include "tools/weirctl/cli.h"
#include "tools/weirctl/commands.h"
#define S(n)                                         \
	int n(struct cli *cli)                       \
	{                                            \
		return cli_fail(cli, 70, "not yet"); \
	}
S(cmd_describe)
S(cmd_explain) S(cmd_schema) S(cmd_check) S(cmd_completion) S(cmd_complete)
