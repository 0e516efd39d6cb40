/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook_release.c - the real release.bpf.c, for the simulated kernel.
 */
#include "tests/sim/model/helpers.h"

#define LICENSE weir_license_release
#include "bpf/hooks/release.bpf.c"
