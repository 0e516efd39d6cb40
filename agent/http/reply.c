/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reply.c - answers: JSON, text, and every error as an object.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http/request.h"
#include "common/count_of.h"
#include "common/scoped.h"
#include "common/text.h"

static const struct {
	unsigned status;
	const char *code;
} codes[] = {
	{MHD_HTTP_BAD_REQUEST, "bad_request"},
	{MHD_HTTP_FORBIDDEN, "forbidden"},
	{MHD_HTTP_NOT_FOUND, "not_found"},
	{MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed"},
	{MHD_HTTP_CONFLICT, "conflict"},
	{MHD_HTTP_CONTENT_TOO_LARGE, "too_large"},
	{MHD_HTTP_UNPROCESSABLE_CONTENT, "rejected"},
	{MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable"},
	{MHD_HTTP_GATEWAY_TIMEOUT, "timeout"},
};

static const struct {
	int err;
	unsigned status;
	const char *text;
} changes[] = {
	{-ENOENT, MHD_HTTP_NOT_FOUND, "there is no such object"},
	{-EINVAL, MHD_HTTP_UNPROCESSABLE_CONTENT, "the input was rejected"},
	{-ENOSPC, MHD_HTTP_UNPROCESSABLE_CONTENT, "a limit was reached"},
	{-E2BIG, MHD_HTTP_UNPROCESSABLE_CONTENT, "the input is too large"},
	{-EEXIST, MHD_HTTP_CONFLICT, "it exists already"},
	{-EBUSY, MHD_HTTP_CONFLICT, "someone else is changing it"},
	{-EPERM, MHD_HTTP_FORBIDDEN, "not permitted"},
	{-EACCES, MHD_HTTP_FORBIDDEN, "not permitted"},
	{-ENOMEM, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory"},
	{-ETIMEDOUT, MHD_HTTP_GATEWAY_TIMEOUT, "it took too long"},
};

static const char *code_of(unsigned status)
{
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return "internal";
}

void reply_text(struct request *request, unsigned status, const char *type,
		char *text, size_t bytes)
{
	free(request->answer);
	request->status = status;
	request->type = type;
	request->answer = text;
	request->answer_bytes = bytes;
	request->gzipped = false;
}

void reply_json(struct request *request, unsigned status, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (!text)
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	reply_text(request, status, "application/json", text,
		   text ? strlen(text) : 0);
}

static json_t *string_or_null(const char *text)
{
	json_t *string = text ? json_string(text) : NULL;

	return string ? string : json_null();
}

static json_t *diagnostics(const struct weir_errors *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; errors && i < errors->count; i++) {
		const struct weir_error *e = &errors->items[i];

		json_array_append_new(
			list,
			json_pack("{s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:i}",
				  "file", string_or_null(e->file), "line",
				  (int)e->line, "column", (int)e->column,
				  "length", (int)e->length, "excerpt",
				  string_or_null(e->excerpt), "message",
				  string_or_null(e->message), "hint",
				  string_or_null(e->hint), "skipped",
				  (int)e->skipped));
	}
	return list;
}

void reply_error(struct request *request, unsigned status,
		 const struct weir_errors *opt_errors, const char *format, ...)
{
	char message[512];
	scoped(text) char *clean = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	/* It quotes what was asked: any bytes, and cut anywhere. */
	clean = text_printable(message, strlen(message));
	reply_json(
		request, status,
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:I}", "apiVersion",
			  "weir/v1", "kind", "Error", "code", code_of(status),
			  "message", string_or_null(clean), "diagnostics",
			  diagnostics(opt_errors), "diagnostics_dropped",
			  (json_int_t)(opt_errors ? opt_errors->dropped : 0)));
}

void reply_errno(struct request *request, int err, const char *name,
		 const struct weir_errors *errors)
{
	const char *first = errors->count ? errors->items[0].message : NULL;
	const char *space = name[0] ? ": " : "";

	for (size_t i = 0; i < COUNT_OF(changes); i++)
		if (changes[i].err == err) {
			reply_error(request, changes[i].status, errors,
				    "%s%s%s", name, space,
				    first ? first : changes[i].text);
			return;
		}
	reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, errors, "%s%s%s",
		    name, space, first ? first : strerror(-err));
}
