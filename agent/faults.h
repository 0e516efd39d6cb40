/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * faults.h - what the programs could not do (enum weir_fault_id), in the log.
 */
#pragma once

#include "agent/dataplane.h"

struct faults {
	struct {
		uint64_t total; /* when it was last said */
		uint64_t said_ns;
	} of[WEIR_FAULT_COUNT];
};

/*
 * Says which have happened since it was last said; one line for each, at most
 * once a minute: a full table must not fill the disk as well.
 */
void faults_say(struct faults *faults, const uint64_t totals[WEIR_FAULT_COUNT],
		uint64_t now_ns);
