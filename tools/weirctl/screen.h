/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * screen.h - `top` on a terminal.
 */
#pragma once

#include <stdint.h>

#include "tools/weirctl/load.h"

/*
 * Shows the load every `delay_seconds`, `times` times (0: until q or Ctrl-C).
 * An enum cli_exit.
 */
int screen_run(struct cli *cli, enum load_sort sort, double delay_seconds,
	       uint64_t times);
