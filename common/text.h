/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text.h - a text that grows, what may be printed of others' texts, and how
 * times and spans are written.
 *
 * A failed allocation is remembered, not returned: a writer of a thousand
 * lines checks once, in text_take().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data;   /* NUL-terminated once something was added */
	size_t bytes; /* without the NUL */
	size_t capacity;
	bool failed; /* out of memory: what was added is not whole */
};

#define TEXT_TIME_BYTES 32 /* also enough for text_clock() */
#define TEXT_SPAN_BYTES 48

void text_add(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As they are, a NUL among them too. */
void text_add_bytes(struct text *text, const char *data, size_t bytes);

/* The caller frees the result. NULL: out of memory. *text is empty after. */
char *text_take(struct text *text, size_t *opt_bytes);

void text_clear(struct text *text);

/*
 * A copy that is safe on a terminal: one '?' for each control character,
 * direction override and malformed byte. The caller frees it. NULL: no memory.
 */
char *text_printable(const char *text, size_t bytes);

/* As much as has room, NUL-terminated; no character is cut in two. */
void text_copy(char *out, size_t bytes, const char *text);

/* "2026-11-24T14:02:11.204Z"; year 0 to 9999, else "unknown". */
void text_time(int64_t realtime_ns, char out[TEXT_TIME_BYTES]);

/* "14:02:11.204Z" */
void text_clock(int64_t realtime_ns, char out[TEXT_TIME_BYTES]);

/* For people: "350ms", "12s", "5m3s", "2h5m", "3d4h"; NAN is "unknown". */
void text_span(double seconds, char out[TEXT_SPAN_BYTES]);
