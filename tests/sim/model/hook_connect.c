/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook_connect.c - the real connect.bpf.c, for the simulated kernel.
 */
#include "tests/sim/model/helpers.h"

#define LICENSE weir_license_connect
#include "bpf/hooks/connect.bpf.c"
