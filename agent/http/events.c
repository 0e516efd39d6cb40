/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.c - see events.h.
 *
 * A waiting request blocks its own thread (the control socket has one per
 * connection), in slices, so that a client that has gone away and a server
 * that stops are noticed soon.
 */
#include "agent/http/events.h"

#include <poll.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/http/server.h"
#include "agent/view/render.h"
#include "common/scan.h"
#include "common/scoped.h"

#define LIMIT_DEFAULT 100u
#define LIMIT_MAX     2048u
#define SLICE_MS      250u

DEFINE_SCOPED(snapshot, struct snapshot *, snapshot_free(*it))

struct question {
	uint64_t since;
	uint64_t limit;
	uint64_t wait_seconds;
	const char *service;
	const char *type;
};

/* False: answered with 400. */
static bool read_count(struct request *request, const char *name, uint64_t max,
		       uint64_t *out)
{
	const char *text = request_argument(request, name);
	uint64_t value;

	if (!text)
		return true;
	if (scan_count(text, &value) || value > max) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "%s is a number from 0 to %llu, not '%.32s'", name,
			    (unsigned long long)max, text);
		return false;
	}
	*out = value;
	return true;
}

static bool gone(const struct request *request)
{
	struct pollfd fd = {.fd = request->fd, .events = POLLRDHUP};

	return poll(&fd, 1, 0) > 0 &&
	       (fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* What answers the question now; *opt_last: the newest number of all. */
static json_t *look(struct request *request, const struct question *q,
		    uint64_t *last)
{
	const struct http_ops *ops = server_ops(request->http);
	scoped(snapshot) struct snapshot *s = ops->snapshot(ops->ctx);

	if (!s)
		return NULL;
	*last = s->event_count ? s->events[s->event_count - 1].seq : 0;
	return json_events(s, q->since, q->limit, q->service, q->type);
}

static json_t *wait_for_one(struct request *request, const struct question *q,
			    json_t *list, uint64_t last)
{
	const struct http_ops *ops = server_ops(request->http);
	uint64_t end_ns = clock_monotonic_ns() + q->wait_seconds * NS_PER_S;
	uint64_t now_ns, seen;

	while (list && !json_array_size(json_object_get(list, "items")) &&
	       (now_ns = clock_monotonic_ns()) < end_ns &&
	       !server_stopping(request->http) && !gone(request)) {
		uint64_t left_ms = (end_ns - now_ns) / NS_PER_MS + 1;

		ops->wait_event(
			ops->ctx, last,
			(unsigned)(left_ms < SLICE_MS ? left_ms : SLICE_MS));
		seen = last;
		json_decref(list);
		list = look(request, q, &last);
		/* Nothing of interest: `last` moved on, the question did not. */
		if (last < seen)
			break;
	}
	return list;
}

void events_get(struct request *request)
{
	struct question q = {
		.limit = LIMIT_DEFAULT,
		.service = request_argument(request, "service"),
		.type = request_argument(request, "type"),
	};
	uint64_t last = 0;
	json_t *list;

	if (!read_count(request, "since", INT64_MAX, &q.since) ||
	    !read_count(request, "limit", LIMIT_MAX, &q.limit) ||
	    !read_count(request, "wait", HTTP_EVENTS_WAIT_SECONDS_MAX,
			&q.wait_seconds))
		return;
	list = look(request, &q, &last);
	if (!q.wait_seconds || !q.limit || !list ||
	    json_array_size(json_object_get(list, "items"))) {
		reply_json(request, MHD_HTTP_OK, list);
		return;
	}
	if (!server_wait_begin(request->http)) {
		json_decref(list);
		reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
			    "%u clients wait for events already: ask without "
			    "wait, or later",
			    HTTP_WAITERS_MAX);
		return;
	}
	MHD_set_connection_option(
		request->connection, MHD_CONNECTION_OPTION_TIMEOUT,
		(unsigned)q.wait_seconds + HTTP_TIMEOUT_SECONDS);
	list = wait_for_one(request, &q, list, last);
	server_wait_end(request->http);
	reply_json(request, MHD_HTTP_OK, list);
}
