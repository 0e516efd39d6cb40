/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exposition.h - GET /metrics: the format and encoding the scraper asks for.
 */
#pragma once

#include <pthread.h>

#include "agent/http/request.h"
#include "agent/view/render.h"

/* The latest rendering of each format, shared by scrapers in a hurry. */
struct exposition {
	pthread_mutex_t lock;
	struct {
		char *text;
		size_t bytes;
		uint64_t at_ns;
	} formats[2]; /* by enum metrics_format */
};

void exposition_open(struct exposition *exposition);
void exposition_close(struct exposition *exposition);
void exposition_get(struct request *request);
