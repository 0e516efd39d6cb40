/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook_turns.c - the real turns.bpf.c, for the simulated kernel.
 */
#include "tests/sim/model/helpers.h"

#define LICENSE weir_license_turns
#include "bpf/hooks/turns.bpf.c"
