/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event_line.h - an event as one line; `status` and `events` show them alike.
 */
#pragma once

#include "tools/weirctl/cli.h"

/* With the date when it was not today, or with -o wide. */
void event_line(struct cli *cli, json_t *event);

/* Events the agent no longer had when we asked. */
void event_gap(struct cli *cli, json_int_t lost);
