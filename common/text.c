/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text.c - see text.h.
 */
#include "common/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/count_of.h"
#include "common/scan.h"

#define NS_PER_S  1000000000ll
#define NS_PER_MS 1000000ll

/* Room for `more` bytes and the NUL. */
static bool grow(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : 256;
	char *data;

	if (text->failed)
		return false;
	if (text->bytes + more < text->capacity)
		return true;
	while (capacity <= text->bytes + more)
		capacity *= 2;
	data = realloc(text->data, capacity);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int bytes;

	/* Most additions fit: measure and write in one go. */
	if (!grow(text, 64))
		return;
	va_start(args, format);
	bytes = vsnprintf(text->data + text->bytes,
			  text->capacity - text->bytes, format, args);
	va_end(args);
	if (bytes < 0) {
		text->failed = true;
		return;
	}
	if (text->bytes + (size_t)bytes >= text->capacity) {
		if (!grow(text, (size_t)bytes))
			return;
		va_start(args, format);
		vsnprintf(text->data + text->bytes,
			  text->capacity - text->bytes, format, args);
		va_end(args);
	}
	text->bytes += (size_t)bytes;
}

void text_add_bytes(struct text *text, const char *data, size_t bytes)
{
	if (!grow(text, bytes))
		return;
	memcpy(text->data + text->bytes, data, bytes);
	text->bytes += bytes;
	text->data[text->bytes] = '\0';
}

char *text_take(struct text *text, size_t *opt_bytes)
{
	char *data = NULL;
	size_t bytes;

	grow(text, 1);
	if (!text->failed) {
		bytes = text->bytes;
		data = text->data;
		data[bytes] = '\0';
		text->data = NULL;
		if (opt_bytes)
			*opt_bytes = bytes;
	}
	text_clear(text);
	return data;
}

void text_clear(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

/* Escape sequences, line breaks and changes of direction make a terminal lie. */
static bool misleads(uint32_t c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) ||
	       c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *text_printable(const char *text, size_t bytes)
{
	char *copy = malloc(bytes + 1);
	size_t used = 0;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < bytes;) {
		uint32_t c = 0;
		size_t step = scan_character(text + i, bytes - i, &c);

		if (!step || misleads(c)) {
			copy[used++] = '?';
		} else {
			memcpy(copy + used, text + i, step);
			used += step;
		}
		i += step ? step : 1;
	}
	copy[used] = '\0';
	return copy;
}

void text_copy(char *out, size_t bytes, const char *text)
{
	size_t used = strnlen(text, bytes);

	if (used == bytes)
		/* A byte that continues a character begins none. */
		for (used--; used && (text[used] & 0xc0) == 0x80; used--)
			;
	memcpy(out, text, used);
	out[used] = '\0';
}

static void format_time(const char *format, int64_t realtime_ns, char *out)
{
	int64_t rest_ns = realtime_ns % NS_PER_S;
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	char whole[TEXT_TIME_BYTES - 8];
	struct tm tm;

	if (rest_ns < 0) {
		rest_ns += NS_PER_S;
		seconds--;
	}
	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(whole, sizeof(whole), format, &tm)) {
		snprintf(out, TEXT_TIME_BYTES, "unknown");
		return;
	}
	snprintf(out, TEXT_TIME_BYTES, "%s.%03dZ", whole,
		 (int)(rest_ns / NS_PER_MS));
}

void text_time(int64_t realtime_ns, char out[TEXT_TIME_BYTES])
{
	format_time("%Y-%m-%dT%H:%M:%S", realtime_ns, out);
}

void text_clock(int64_t realtime_ns, char out[TEXT_TIME_BYTES])
{
	format_time("%H:%M:%S", realtime_ns, out);
}

void text_span(double seconds, char out[TEXT_SPAN_BYTES])
{
	static const struct {
		unsigned long size;
		char letter, rest_letter;
		unsigned long rest_size;
	} units[] = {
		{86400, 'd', 'h', 3600},
		{3600, 'h', 'm', 60},
		{60, 'm', 's', 1},
	};
	unsigned long whole;

	if (!isfinite(seconds) || seconds > 1e12) {
		snprintf(out, TEXT_SPAN_BYTES, "unknown");
		return;
	}
	if (seconds < 0)
		seconds = 0;
	if (seconds < 9.95) {
		const char *form = seconds < 0.9995 ? "%.0fms" : "%.3gs";

		snprintf(out, TEXT_SPAN_BYTES, form,
			 seconds < 0.9995 ? seconds * 1000
					  : round(seconds * 10) / 10);
		return;
	}
	whole = (unsigned long)(seconds + 0.5);
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		unsigned long rest = whole % units[i].size / units[i].rest_size;

		if (whole < units[i].size)
			continue;
		if (rest)
			snprintf(out, TEXT_SPAN_BYTES, "%lu%c%lu%c",
				 whole / units[i].size, units[i].letter, rest,
				 units[i].rest_letter);
		else
			snprintf(out, TEXT_SPAN_BYTES, "%lu%c",
				 whole / units[i].size, units[i].letter);
		return;
	}
	snprintf(out, TEXT_SPAN_BYTES, "%lus", whole);
}
