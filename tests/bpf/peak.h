/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peak.h - what the program and its loader share.
 */
#pragma once

#include <linux/types.h>

struct side {
	__u32 now;
	__u32 peak;
	__u64 total;
};
