/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * request.h - one request on its way through the server, and its answer.
 *
 * server.c fills the upper part, a route's handler the answer. A handler
 * returns nothing: whatever goes wrong is an answer too.
 */
#pragma once

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/http.h"

#define HTTP_PATH_BYTES_MAX 1024u
#define HTTP_WAITERS_MAX    32u /* long polls at a time, of 64 connections */

struct http;

struct request {
	struct http *http;
	struct MHD_Connection *connection;
	const struct route *route;
	struct http_caller caller;
	int fd;	    /* of the connection, borrowed */
	char *body; /* what the client sent, NUL-terminated */
	size_t body_bytes, body_capacity;
	bool too_large;
	/* the answer */
	unsigned status;
	const char *type;
	char *answer; /* owned */
	size_t answer_bytes;
	bool gzipped;
	const char *allow; /* 405: the methods that would do */
};

struct route {
	const char *method; /* HEAD is answered where GET is */
	const char *path;
	bool changes; /* root, own uid and admin_group only */
	bool on_tcp;
	void (*handle)(struct request *request);
};

/* Called by server.c, defined in routes.c. */
const struct route *routes_find(const char *method, const char *path, bool tcp,
				const char **allow);

/* A query argument; NULL when absent. */
const char *request_argument(struct request *request, const char *name);

/* Takes `object` over. A NULL object is answered as out of memory. */
void reply_json(struct request *request, unsigned status, json_t *object);

/* Takes `text` over. */
void reply_text(struct request *request, unsigned status, const char *type,
		char *text, size_t bytes);

/* An Error of docs/API.md; `opt_errors` become its diagnostics. */
void reply_error(struct request *request, unsigned status,
		 const struct weir_errors *opt_errors, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* What a change that returned -errno is answered with. */
void reply_errno(struct request *request, int err, const char *name,
		 const struct weir_errors *errors);
