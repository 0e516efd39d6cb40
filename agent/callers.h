/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * callers.h - names a process for people, as far as it can still be known.
 */
#pragma once

#include <stddef.h>

#include "weir/abi.h"

/* "php (pid 4711, uid 33, /system.slice/php-fpm.service)" */
void callers_name(const struct weir_event *event, char *out, size_t bytes);
