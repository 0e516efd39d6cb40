/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * figures.c - see figures.h.
 */
#include "tools/weirctl/figures.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "weir/abi.h"

_Static_assert(FIGURE_BYTES >= TEXT_SPAN_BYTES, "a span is a figure");

static void unknown(char out[FIGURE_BYTES])
{
	snprintf(out, FIGURE_BYTES, "-");
}

void figures_rate(double per_second, char out[FIGURE_BYTES])
{
	if (!isfinite(per_second))
		unknown(out);
	else if (per_second < 0.05)
		snprintf(out, FIGURE_BYTES, per_second > 0 ? "<0.1" : "0");
	else if (per_second < 99.95)
		snprintf(out, FIGURE_BYTES, "%.1f", per_second);
	else
		snprintf(out, FIGURE_BYTES, "%.0f", per_second);
}

void figures_percent(double ratio, char out[FIGURE_BYTES])
{
	double percent = ratio * 100;

	if (!isfinite(ratio))
		unknown(out);
	else
		snprintf(out, FIGURE_BYTES, percent < 99.95 ? "%.1f" : "%.0f",
			 percent);
}

void figures_latency(double seconds, char out[FIGURE_BYTES])
{
	if (!isfinite(seconds))
		unknown(out);
	else if (seconds < 0.9995e-3)
		snprintf(out, FIGURE_BYTES, "%.0fus", seconds * 1e6);
	else if (seconds < 9.95e-3)
		snprintf(out, FIGURE_BYTES, "%.1fms", seconds * 1e3);
	else
		text_span(seconds, out);
}

void figures_span(double seconds, char out[FIGURE_BYTES])
{
	if (!isfinite(seconds))
		unknown(out);
	else
		text_span(seconds, out);
}

void figures_in_use(json_int_t in_use, const json_t *limit,
		    char out[FIGURE_BYTES])
{
	if (json_is_integer(limit))
		snprintf(out, FIGURE_BYTES, "%lld/%lld", (long long)in_use,
			 (long long)json_integer_value(limit));
	else
		snprintf(out, FIGURE_BYTES, "%lld/-", (long long)in_use);
}

/* ---- states ----------------------------------------------------------------- */

static const struct {
	enum tint tint;
	unsigned severity;
} looks[WEIR_STATE_COUNT] = {
	[WEIR_STATE_CLOSED] = {TINT_GOOD, 0},
	[WEIR_STATE_FORCED_CLOSED] = {TINT_WARN, 1},
	[WEIR_STATE_HALF_OPEN] = {TINT_WARN, 2},
	[WEIR_STATE_OPEN_SUPPRESSED] = {TINT_WARN, 3},
	[WEIR_STATE_FORCED_OPEN] = {TINT_BAD, 4},
	[WEIR_STATE_OPEN] = {TINT_BAD, 5},
};

#define X(id, name, help) name,
static const char *const state_names[] = {WEIR_STATES(X)};
#undef X

static int find_state(const char *opt_state)
{
	for (int state = 0; opt_state && state < WEIR_STATE_COUNT; state++)
		if (!strcmp(state_names[state], opt_state))
			return state;
	return -1;
}

void figures_state(const char *opt_state, char out[FIGURE_BYTES])
{
	if (!opt_state) {
		unknown(out);
		return;
	}
	snprintf(out, FIGURE_BYTES, "%s", opt_state);
	for (char *at = out; *at; at++)
		*at = *at == '_' ? '-' : (char)toupper((unsigned char)*at);
}

enum tint figures_state_tint(const char *opt_state)
{
	int state = find_state(opt_state);

	return state < 0 ? TINT_NONE : looks[state].tint;
}

unsigned figures_state_severity(const char *opt_state)
{
	int state = find_state(opt_state);

	return state < 0 ? 0 : looks[state].severity;
}

/* ---- words and times ------------------------------------------------------------ */

void figures_number_of(json_int_t count, const char *forms,
		       char out[FIGURE_BYTES])
{
	size_t bytes = strcspn(forms, "|");

	if (count == 1)
		snprintf(out, FIGURE_BYTES, "1 %.*s", (int)bytes, forms);
	else
		snprintf(out, FIGURE_BYTES, "%lld %s", (long long)count,
			 forms + bytes + (forms[bytes] == '|'));
}

/* "Z", "+02:00" or "-0330" in seconds; NAN: neither. */
static double offset_seconds(const char *text)
{
	int hours, minutes, used = 0;
	char sign;

	if (!strcmp(text, "Z") || !strcmp(text, "z"))
		return 0;
	if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 &&
	    sscanf(text, "%c%2d%2d%n", &sign, &hours, &minutes, &used) != 3)
		return NAN;
	if ((sign != '+' && sign != '-') || text[used] || hours > 23 ||
	    minutes > 59)
		return NAN;
	return (sign == '-' ? -1 : 1) * (hours * 3600.0 + minutes * 60.0);
}

double figures_time(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	double fraction = 0, scale = 0.1;

	if (!rest)
		return NAN;
	if (*rest == '.')
		for (rest++; isdigit((unsigned char)*rest); rest++) {
			fraction += (*rest - '0') * scale;
			scale /= 10;
		}
	return (double)timegm(&tm) + fraction - offset_seconds(rest);
}
