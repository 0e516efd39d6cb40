/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * server.h - what the handlers of a request need of the server.
 */
#pragma once

#include <stdbool.h>

#include "agent/http.h"
#include "agent/http/exposition.h"

const struct http_ops *server_ops(struct http *http);
struct exposition *server_exposition(struct http *http);
bool server_stopping(struct http *http);

/* A seat for a long poll; false: all are taken. */
bool server_wait_begin(struct http *http);
void server_wait_end(struct http *http);
