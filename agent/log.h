/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * log.h - one line an event, on stderr, as text or as JSON.
 *
 * A failure is logged once, where it stops travelling. Under systemd stderr is
 * the journal; the text form then carries the <priority> prefix it understands.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

/* Call once, before any thread is started. */
void log_open(bool json);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line for each: FILE:LINE:COLUMN: what is wrong; hint. */
void log_mistakes(const struct weir_errors *errors);
