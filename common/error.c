/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * error.c - keeps the mistakes of a text and shows each where it is.
 *
 * What is quoted comes from files and sockets that anybody may have written,
 * and ends on an operator's terminal: control characters and malformed UTF-8
 * are replaced before they are stored, and long lines are cut.
 */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"
#include "common/text.h"

#define EXCERPT_BYTES_MAX 240u
#define EXCERPT_LEAD	  40u /* characters before a mistake far to the right */
#define MESSAGE_BYTES_MAX 1024u

/* The bytes from `text` to the next line break. */
static size_t line_bytes(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		bool ascii = text[i] >= 0x20 && text[i] < 0x7f;

		if (!ascii && scan_line_break(text + i, bytes - i))
			return i;
	}
	return bytes;
}

/* Bytes of the first `characters` of a text, all of it if it has fewer. */
static size_t bytes_of(const char *text, size_t bytes, size_t characters)
{
	size_t at = 0;

	while (at < bytes && characters--) {
		uint32_t unused;
		size_t step = scan_character(text + at, bytes - at, &unused);

		at += step ? step : 1;
	}
	return at;
}

/* Bytes of as many whole characters as an excerpt has room for. */
static size_t fitting(const char *text, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		uint32_t unused;
		size_t step = scan_character(text + at, bytes - at, &unused);

		step = step ? step : 1;
		if (at + step > EXCERPT_BYTES_MAX)
			break;
		at += step;
	}
	return at;
}

/* Characters to leave out at the start of a long line to see the mistake. */
static unsigned lead_of(const char *text, size_t bytes, unsigned column)
{
	unsigned skipped = column > EXCERPT_LEAD ? column - EXCERPT_LEAD : 0;

	if (bytes <= EXCERPT_BYTES_MAX || !column ||
	    bytes_of(text, bytes, column - 1) < EXCERPT_BYTES_MAX * 3 / 4)
		return 0;
	return bytes_of(text, bytes, skipped) < bytes ? skipped : 0;
}

static char *copy_line(const struct weir_place *place, unsigned *skipped)
{
	unsigned line = place->text_line ? place->text_line : 1;
	const char *at = place->text;
	size_t left = place->text_bytes, length;

	if (!at || place->line < line)
		return NULL;
	for (; line < place->line; line++) {
		length = line_bytes(at, left);
		length += scan_line_break(at + length, left - length);
		if (length == left)
			return NULL;
		at += length;
		left -= length;
	}
	length = line_bytes(at, left);
	*skipped = lead_of(at, length, place->column);
	left = bytes_of(at, length, *skipped);
	at += left;
	length -= left;
	return text_printable(at, fitting(at, length));
}

static char *format_printable(const char *format, va_list values)
{
	char text[MESSAGE_BYTES_MAX];

	vsnprintf(text, sizeof(text), format, values);
	return text_printable(text, strlen(text));
}

int errors_add(struct weir_errors *errors, const struct weir_place *place,
	       const char *hint, const char *format, ...)
{
	struct weir_error *error;
	va_list values;

	if (errors->count == WEIR_ERRORS_MAX) {
		errors->dropped++;
		return -EINVAL;
	}
	error = &errors->items[errors->count++];
	*error = (struct weir_error){
		.line = place->line,
		.column = place->column,
		.length = place->length ? place->length : 1,
	};
	va_start(values, format);
	error->message = format_printable(format, values);
	va_end(values);
	if (place->file)
		error->file = text_printable(place->file, strlen(place->file));
	if (place->line)
		error->excerpt = copy_line(place, &error->skipped);
	if (hint)
		error->hint = text_printable(hint, strlen(hint));
	return -EINVAL;
}

void errors_clear(struct weir_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		free(errors->items[i].file);
		free(errors->items[i].excerpt);
		free(errors->items[i].message);
		free(errors->items[i].hint);
	}
	*errors = (struct weir_errors){0};
}

/* Tabs are repeated, so that the caret stands below what it means. */
static void render_caret(FILE *out, const struct weir_error *error, int digits)
{
	size_t bytes = strlen(error->excerpt), at = 0;
	size_t left = scan_characters(error->excerpt, bytes);
	unsigned length = error->length, column;

	if (error->column <= error->skipped ||
	    error->column - error->skipped > left + 1)
		return;
	column = error->column - error->skipped;
	left -= column - 1;
	fprintf(out, "%*s | ", digits, "");
	for (unsigned i = 1; i < column; i++) {
		uint32_t c = 0;

		at += scan_character(error->excerpt + at, bytes - at, &c);
		fputc(c == '\t' ? '\t' : ' ', out);
	}
	if (length > left)
		length = left ? (unsigned)left : 1;
	while (length--)
		fputc('^', out);
	fputc('\n', out);
}

static void render_place(FILE *out, const struct weir_error *error)
{
	int digits = snprintf(NULL, 0, "%u", error->line);

	if (!error->line) {
		if (error->file)
			fprintf(out, "  --> %s\n", error->file);
		return;
	}
	fprintf(out, "%*s--> %s:%u:%u\n", digits, "",
		error->file ? error->file : "<text>", error->line,
		error->column);
	if (!error->excerpt)
		return;
	fprintf(out, "%*s |\n", digits, "");
	fprintf(out, "%u | %s\n", error->line, error->excerpt);
	render_caret(out, error, digits);
}

static void render_error(FILE *out, const struct weir_error *error)
{
	fprintf(out, "error: %s\n",
		error->message ? error->message : "out of memory");
	render_place(out, error);
	if (error->hint)
		fprintf(out, "hint: %s\n", error->hint);
}

char *errors_render(const struct weir_errors *errors)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	for (size_t i = 0; i < errors->count; i++) {
		if (i)
			fputc('\n', out);
		render_error(out, &errors->items[i]);
	}
	if (errors->dropped)
		fprintf(out, "\nerror: %zu more mistakes are not shown\n",
			errors->dropped);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
