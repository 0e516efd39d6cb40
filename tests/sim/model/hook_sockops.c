/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook_sockops.c - the real sockops.bpf.c, for the simulated kernel.
 */
#include "tests/sim/model/helpers.h"

#define LICENSE weir_license_sockops
#include "bpf/hooks/sockops.bpf.c"
