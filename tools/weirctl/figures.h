/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * figures.h - numbers and states as people read them in a table.
 *
 * A number that is not known is "-".
 */
#pragma once

#include <jansson.h>

#include "tools/weirctl/cli.h"

#define FIGURE_BYTES 48

/* "0", "0.3", "12.5", "1200": three digits are enough to compare. */
void figures_rate(double per_second, char out[FIGURE_BYTES]);

/* A ratio as percent: "0.0", "63.1", "100". */
void figures_percent(double ratio, char out[FIGURE_BYTES]);

/* Latency: "85us", "1.2ms", "38ms", "1.5s", "1m5s". */
void figures_latency(double seconds, char out[FIGURE_BYTES]);

/* How long ago or how long still: text_span(), or "-". */
void figures_span(double seconds, char out[FIGURE_BYTES]);

/* "41/100", "3/-" */
void figures_in_use(json_int_t in_use, const json_t *limit,
		    char out[FIGURE_BYTES]);

/* "half_open" is "HALF-OPEN"; NULL is "-". */
void figures_state(const char *opt_state, char out[FIGURE_BYTES]);

enum tint figures_state_tint(const char *opt_state);

/* What an operator wants to see first has the highest number. */
unsigned figures_state_severity(const char *opt_state);

/* "3 policies", "1 policy": `forms` is "policy|policies". */
void figures_number_of(json_int_t count, const char *forms,
		       char out[FIGURE_BYTES]);

/* Seconds since the epoch of an RFC 3339 time with Z or offset; NAN: none. */
double figures_time(const char *text);
