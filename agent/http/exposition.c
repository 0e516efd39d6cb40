/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exposition.c - see exposition.h.
 */
#include "agent/http/exposition.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "agent/clock.h"
#include "agent/http/server.h"
#include "agent/view/process.h"
#include "common/scoped.h"

/* Ten scrapers at once cost one rendering; nobody sees older than this. */
#define FRESH_NS  (200 * NS_PER_MS)
#define GZIP_BITS (15 + 16)
#define GZIP_LEVEL \
	1 /* 2.6 MB in 20 ms: enough, and the agent's CPU is not ours */

static const char *const types[] = {
	[METRICS_TEXT_004] = "text/plain; version=0.0.4; charset=utf-8",
	[METRICS_OPENMETRICS_1] =
		"application/openmetrics-text; version=1.0.0; charset=utf-8",
};

void exposition_open(struct exposition *exposition)
{
	*exposition = (struct exposition){0};
	pthread_mutex_init(&exposition->lock, NULL);
}

void exposition_close(struct exposition *exposition)
{
	free(exposition->formats[0].text);
	free(exposition->formats[1].text);
	pthread_mutex_destroy(&exposition->lock);
}

static char *render(const struct http_ops *ops, enum metrics_format format,
		    size_t *bytes)
{
	struct snapshot *snapshot = ops->snapshot(ops->ctx);
	char *text;

	if (!snapshot)
		return NULL;
	process_read(&snapshot->process);
	text = metrics_render(snapshot, format, bytes);
	snapshot_free(snapshot);
	return text;
}

/* A copy of the fresh text; whoever finds it stale renders for the others. */
static char *copy_fresh(struct exposition *exposition,
			const struct http_ops *ops, enum metrics_format format,
			size_t *bytes)
{
	uint64_t now_ns = clock_monotonic_ns();
	char *copy = NULL, *text;
	size_t text_bytes = 0;

	pthread_mutex_lock(&exposition->lock);
	if (!exposition->formats[format].text ||
	    now_ns - exposition->formats[format].at_ns > FRESH_NS) {
		text = render(ops, format, &text_bytes);
		free(exposition->formats[format].text);
		exposition->formats[format].text = text;
		exposition->formats[format].bytes = text_bytes;
		exposition->formats[format].at_ns = clock_monotonic_ns();
	}
	text = exposition->formats[format].text;
	text_bytes = exposition->formats[format].bytes;
	if (text && (copy = malloc(text_bytes + 1))) {
		memcpy(copy, text, text_bytes);
		copy[text_bytes] = '\0';
	}
	pthread_mutex_unlock(&exposition->lock);
	*bytes = text_bytes;
	return copy;
}

/* NULL: it cannot be done, send it plain. */
static char *compress_text(const char *text, size_t bytes, size_t *out_bytes)
{
	z_stream stream = {0};
	char *out = NULL;
	uLong bound;

	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_BITS, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	bound = deflateBound(&stream, (uLong)bytes);
	out = malloc(bound);
	stream.next_in = (Bytef *)(uintptr_t)text;
	stream.avail_in = (uInt)bytes;
	stream.next_out = (Bytef *)out;
	stream.avail_out = (uInt)bound;
	if (out && deflate(&stream, Z_FINISH) != Z_STREAM_END) {
		free(out);
		out = NULL;
	}
	*out_bytes = stream.total_out;
	deflateEnd(&stream);
	return out;
}

static const char *header(struct request *request, const char *name)
{
	const char *value = MHD_lookup_connection_value(request->connection,
							MHD_HEADER_KIND, name);

	return value ? value : "";
}

/* "gzip;q=0" is how a client says that it cannot. */
static bool wants_gzip(struct request *request)
{
	const char *found = strstr(header(request, "Accept-Encoding"), "gzip");

	return found && strncmp(found, "gzip;q=0", 8) != 0;
}

void exposition_get(struct request *request)
{
	bool open = strstr(header(request, "Accept"),
			   "application/openmetrics-text") != NULL;
	enum metrics_format format =
		open ? METRICS_OPENMETRICS_1 : METRICS_TEXT_004;
	scoped(text) char *text = NULL;
	size_t bytes = 0, packed_bytes = 0;
	char *packed = NULL;

	text = copy_fresh(server_exposition(request->http),
			  server_ops(request->http), format, &bytes);
	if (!text) {
		reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
			    "out of memory while rendering metrics");
		return;
	}
	if (wants_gzip(request))
		packed = compress_text(text, bytes, &packed_bytes);
	if (!packed) {
		reply_text(request, MHD_HTTP_OK, types[format], TAKE_PTR(text),
			   bytes);
		return;
	}
	reply_text(request, MHD_HTTP_OK, types[format], packed, packed_bytes);
	request->gzipped = true;
}
