/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * main.c - the entry of weirctl; everything is in cli.c.
 */
#include "tools/weirctl/cli.h"

int main(int argc, char **argv)
{
	return cli_run(argc, argv);
}
