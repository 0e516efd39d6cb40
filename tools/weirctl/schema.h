/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schema.h - the policy language as JSON Schema (draft 2020-12), made from the
 * field table, so that an editor and the parser cannot disagree about keys.
 */
#pragma once

#include <jansson.h>

/* NULL: out of memory. */
json_t *schema_make(void);
