/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hook_audit.c - the real audit.bpf.c, for the simulated kernel.
 */
#include "tests/sim/model/helpers.h"

#define LICENSE weir_license_audit
#include "bpf/hooks/audit.bpf.c"
