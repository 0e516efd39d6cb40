/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind_numbers.c - reads counts, percentages, factors and durations.
 *
 * A refusal says what was found and what would be right, in the reader's own
 * figures where they can be guessed: "5 seconds" is answered by "write 5s".
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/bind.h"
#include "common/count_of.h"
#include "common/scan.h"

static void reject_range(struct binder *b, const struct bind_value *value)
{
	const struct field *field = value->field;
	char hint[BIND_HINT_BYTES];

	snprintf(hint, sizeof(hint), "%s; for example %s: %s", field->help,
		 bind_key_of(value), field->example);
	BIND_REJECT(b, value, hint, "%s: %.60s is not in %.0f..%.0f",
		    bind_key_of(value), bind_text_of(value), field->min,
		    field->max);
}

/* True when it was a ratio or had a percent sign, and was reported. */
static bool reject_ratio(struct binder *b, const struct bind_value *value)
{
	const char *text = bind_text_of(value);
	size_t bytes = strlen(text);
	char hint[BIND_HINT_BYTES];
	double number;

	if (bytes > 1 && bytes < 8 && text[bytes - 1] == '%') {
		snprintf(hint, sizeof(hint), "percent without the sign: %.*s",
			 (int)bytes - 1, text);
		BIND_REJECT(b, value, hint, "%s: %s is not a whole number",
			    bind_key_of(value), text);
		return true;
	}
	if (scan_decimal(text, &number) || number <= 0 || number > 1)
		return false;
	snprintf(hint, sizeof(hint), "percent, not ratio: did you mean %.0f?",
		 number * 100 < 1 ? 1 : number * 100);
	BIND_REJECT(b, value, hint,
		    "%s: %.60s is not a whole number of percent",
		    bind_key_of(value), text);
	return true;
}

static void reject_count(struct binder *b, const struct bind_value *value)
{
	double number;

	if (value->field->type == FIELD_PERCENT && reject_ratio(b, value))
		return;
	if (scan_decimal(bind_text_of(value), &number)) {
		BIND_REJECT(b, value, "digits only, as 20",
			    "%s: %.60s is not a whole number",
			    bind_key_of(value), bind_text_of(value));
	} else if (strchr(bind_text_of(value), '.')) {
		BIND_REJECT(b, value, "a number without a fraction",
			    "%s: %.60s is not a whole number",
			    bind_key_of(value), bind_text_of(value));
	} else {
		reject_range(b, value);
	}
}

static void reject_quoted(struct binder *b, const struct bind_value *value)
{
	char hint[BIND_HINT_BYTES];

	snprintf(hint, sizeof(hint), "without quotes: %s: %.60s",
		 bind_key_of(value), bind_text_of(value));
	BIND_REJECT(b, value, hint, "%s: a text where %s belongs",
		    bind_key_of(value), fields_type_name(value->field->type));
}

void bind_count(struct binder *b, const struct bind_value *value)
{
	const struct field *field = value->field;
	uint64_t number = 0;
	int err;

	if (!bind_is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	err = scan_count(bind_text_of(value), &number);
	if (!err && !value->node->plain)
		reject_quoted(b, value);
	else if (err == -EINVAL)
		reject_count(b, value);
	else if (err || (double)number < field->min ||
		 (double)number > field->max)
		reject_range(b, value);
	else
		*(uint32_t *)bind_stored(value) = (uint32_t)number;
}

void bind_factor(struct binder *b, const struct bind_value *value)
{
	const struct field *field = value->field;
	double number = 0;

	if (!bind_is_text(value))
		bind_wrong_type(b, value);
	else if (scan_decimal(bind_text_of(value), &number))
		BIND_REJECT(b, value, "a number, as 2 or 0.5",
			    "%s: %.60s is not a number", bind_key_of(value),
			    bind_text_of(value));
	else if (!value->node->plain)
		reject_quoted(b, value);
	else if (number < field->min || number > field->max)
		reject_range(b, value);
	else
		*(double *)bind_stored(value) = number;
}

/* "5 seconds", "500 msec": the unit in our spelling, or NULL. */
static const char *guess_unit(const char *text)
{
	static const struct {
		const char *start, *unit;
	} guesses[] = {
		{"milli", "ms"}, {"msec", "ms"}, {"ms", "ms"}, {"sec", "s"},
		{"min", "m"},	 {"hour", "h"},	 {"hr", "h"},  {"s", "s"},
		{"m", "m"},	 {"h", "h"},
	};

	for (size_t i = 0; i < COUNT_OF(guesses); i++) {
		size_t bytes = strlen(guesses[i].start);

		/* A letter is a unit only alone: "months" are not minutes. */
		if (!strncasecmp(text, guesses[i].start, bytes) &&
		    (bytes > 2 || !text[bytes]))
			return guesses[i].unit;
	}
	return NULL;
}

static void hint_duration(const char *text, char *hint, size_t bytes)
{
	size_t digits;
	const char *word, *unit;
	uint64_t unused;
	double number;

	while (text[0] == '0' && isdigit((unsigned char)text[1]))
		text++;
	digits = strspn(text, "0123456789.");
	word = text + digits + strspn(text + digits, " ");
	unit = guess_unit(word);
	if (digits && digits < 12 && unit) {
		int start = snprintf(hint, bytes, "write ");

		snprintf(hint + start, bytes - (size_t)start, "%.*s%s",
			 (int)digits, text, unit);
		if (!scan_duration(hint + start, &unused))
			return;
	}
	if (!scan_decimal(text, &number) && number > 0 && digits < 12) {
		snprintf(hint, bytes, "durations need a unit: %s%s", text,
			 number >= 1000 ? "ms" : "s");
		return;
	}
	snprintf(hint, bytes, "a number with ms, s, m or h: 250ms, 5s, 1m30s");
}

static bool read_duration(struct binder *b, const struct bind_value *value,
			  uint64_t *out)
{
	const struct field *field = value->field;
	char hint[BIND_HINT_BYTES], min[32], max[32];
	uint64_t ns = 0;
	int err = scan_duration(bind_text_of(value), &ns);

	if (err == -EINVAL) {
		hint_duration(bind_text_of(value), hint, sizeof(hint));
		BIND_REJECT(b, value, hint, "%s: %.60s is not a duration",
			    bind_key_of(value), bind_text_of(value));
		return false;
	}
	if (err || (double)ns < field->min || (double)ns > field->max) {
		scan_duration_text((uint64_t)field->min, min, sizeof(min));
		scan_duration_text((uint64_t)field->max, max, sizeof(max));
		BIND_REJECT(b, value, field->help, "%s: %.60s is not in %s..%s",
			    bind_key_of(value), bind_text_of(value), min, max);
		return false;
	}
	*out = ns;
	return true;
}

void bind_duration(struct binder *b, const struct bind_value *value)
{
	uint64_t ns = 0;

	if (!bind_is_text(value))
		bind_wrong_type(b, value);
	else if (read_duration(b, value, &ns))
		*(uint64_t *)bind_stored(value) = ns;
}

/*
 * One duration is a fixed wait: it neither grows nor varies. The longer form is
 * a block like others.
 */
void bind_wait(struct binder *b, const struct bind_value *value)
{
	struct policy_breaker *breaker = &b->policy->breaker;
	uint64_t ns = 0;

	if (!bind_is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	if (!read_duration(b, value, &ns))
		return;
	breaker->wait_initial_ns = ns;
	breaker->wait_max_ns = ns;
	breaker->wait_multiplier = 1;
	breaker->wait_jitter = 0;
}
