/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * writer.h - lines of the Prometheus exposition, in either format.
 *
 * The caller goes family by family (the formats demand it): head, then its
 * samples.
 */
#pragma once

#include <stdint.h>

#include "agent/view/render.h"
#include "common/text.h"
#include "weir/abi.h"

enum writer_kind { WRITER_COUNTER, WRITER_GAUGE, WRITER_HISTOGRAM };

struct writer {
	struct text text;
	enum metrics_format format;
	/* The family whose samples are being written. */
	const char *name; /* without _total */
	enum writer_kind kind;
	/* Labels every sample of the moment has; NULL: none. */
	const char *service;
	const char *direction; /* with service */
};

/* `name` and `unit` without _total; unit may be "". */
void writer_head(struct writer *writer, const char *name, enum writer_kind kind,
		 const char *unit, const char *help);

/* Further labels as name, value pairs, then NULL. */
void writer_count(struct writer *writer, uint64_t value, ...)
	__attribute__((sentinel));
void writer_real(struct writer *writer, double value, ...)
	__attribute__((sentinel));

/* The kernel's buckets, folded onto the edges of design/4-operator.md. */
void writer_histogram(struct writer *writer, const struct weir_histogram *h);

/* OpenMetrics wants an end, so that a cut answer is noticed. */
void writer_end(struct writer *writer);
