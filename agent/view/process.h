/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * process.h - what this process uses, from /proc/self.
 */
#pragma once

#include "agent/view/snapshot.h"

/* Leaves known false when /proc cannot be read. */
void process_read(struct snapshot_process *out);
