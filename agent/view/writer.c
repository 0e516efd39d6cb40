/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * writer.c - see writer.h. Formats: Prometheus text 0.0.4, OpenMetrics 1.0.
 */
#include "agent/view/writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/count_of.h"
#include "weir/histogram.h"

#define NUMBER_BYTES 40

/* Each an edge of the kernel's histogram too, so folding loses nothing. */
static const struct {
	uint64_t us;
	const char *text;      /* 0.0.4 */
	const char *canonical; /* OpenMetrics */
} edges[] = {
	{500, "0.0005", "0.0005"},  {1000, "0.001", "0.001"},
	{2500, "0.0025", "0.0025"}, {5000, "0.005", "0.005"},
	{10000, "0.01", "0.01"},    {25000, "0.025", "0.025"},
	{50000, "0.05", "0.05"},    {100000, "0.1", "0.1"},
	{250000, "0.25", "0.25"},   {500000, "0.5", "0.5"},
	{1000000, "1", "1.0"},	    {2500000, "2.5", "2.5"},
	{5000000, "5", "5.0"},	    {10000000, "10", "10.0"},
};

static const char *const kinds[] = {
	[WRITER_COUNTER] = "counter",
	[WRITER_GAUGE] = "gauge",
	[WRITER_HISTOGRAM] = "histogram",
};

/* Both formats want the same escapes; help knows no quote. */
static void escape(struct text *text, const char *value, bool quotes)
{
	while (*value) {
		size_t plain = strcspn(value, quotes ? "\\\n\"" : "\\\n");

		text_add(text, "%.*s", (int)plain, value);
		value += plain;
		if (!*value)
			return;
		text_add(text, "\\%c", *value == '\n' ? 'n' : *value);
		value++;
	}
}

/* OpenMetrics names a counter's family without _total, 0.0.4 with it. */
static const char *family_suffix(const struct writer *writer)
{
	return writer->kind == WRITER_COUNTER &&
			       writer->format == METRICS_TEXT_004
		       ? "_total"
		       : "";
}

void writer_head(struct writer *writer, const char *name, enum writer_kind kind,
		 const char *unit, const char *help)
{
	struct text *text = &writer->text;
	const char *suffix;

	writer->name = name;
	writer->kind = kind;
	writer->service = NULL;
	suffix = family_suffix(writer);
	text_add(text, "# HELP %s%s ", name, suffix);
	escape(text, help, false);
	text_add(text, "\n# TYPE %s%s %s\n", name, suffix, kinds[kind]);
	if (writer->format == METRICS_OPENMETRICS_1 && unit[0])
		text_add(text, "# UNIT %s %s\n", name, unit);
}

static void add_label(struct text *text, char *separator, const char *name,
		      const char *value)
{
	text_add(text, "%c%s=\"", *separator, name);
	escape(text, value, true);
	text_add(text, "\"");
	*separator = ',';
}

static void add_sample(struct writer *writer, const char *suffix,
		       const char *value, va_list labels)
{
	struct text *text = &writer->text;
	char separator = '{';
	const char *name;

	text_add(text, "%s%s", writer->name, suffix);
	if (writer->service) {
		add_label(text, &separator, "service", writer->service);
		add_label(text, &separator, "direction", writer->direction);
	}
	while ((name = va_arg(labels, const char *)))
		add_label(text, &separator, name, va_arg(labels, const char *));
	text_add(text, "%s %s\n", separator == ',' ? "}" : "", value);
}

__attribute__((sentinel)) static void
sample(struct writer *writer, const char *suffix, const char *value, ...)
{
	va_list labels;

	va_start(labels, value);
	add_sample(writer, suffix, value, labels);
	va_end(labels);
}

static const char *sample_suffix(const struct writer *writer)
{
	return writer->kind == WRITER_COUNTER ? "_total" : "";
}

void writer_count(struct writer *writer, uint64_t value, ...)
{
	char number[NUMBER_BYTES];
	va_list labels;

	snprintf(number, sizeof(number), "%" PRIu64, value);
	va_start(labels, value);
	add_sample(writer, sample_suffix(writer), number, labels);
	va_end(labels);
}

static void format_real(double value, char out[NUMBER_BYTES])
{
	if (isnan(value))
		snprintf(out, NUMBER_BYTES, "NaN");
	else if (isinf(value))
		snprintf(out, NUMBER_BYTES, value > 0 ? "+Inf" : "-Inf");
	else
		snprintf(out, NUMBER_BYTES, "%.15g", value);
}

void writer_real(struct writer *writer, double value, ...)
{
	char number[NUMBER_BYTES];
	va_list labels;

	format_real(value, number);
	va_start(labels, value);
	add_sample(writer, sample_suffix(writer), number, labels);
	va_end(labels);
}

void writer_histogram(struct writer *writer, const struct weir_histogram *h)
{
	bool canonical = writer->format == METRICS_OPENMETRICS_1;
	char number[NUMBER_BYTES];
	uint64_t count = 0;
	uint32_t bucket = 0;

	for (size_t i = 0; i < COUNT_OF(edges); i++) {
		while (hist_upper_sixteenths(bucket) <= edges[i].us * 16)
			count += h->bucket[bucket++];
		snprintf(number, sizeof(number), "%" PRIu64, count);
		sample(writer, "_bucket", number, "le",
		       canonical ? edges[i].canonical : edges[i].text, NULL);
	}
	while (bucket < WEIR_HIST_BUCKETS)
		count += h->bucket[bucket++];
	snprintf(number, sizeof(number), "%" PRIu64, count);
	sample(writer, "_bucket", number, "le", "+Inf", NULL);
	sample(writer, "_count", number, NULL);
	format_real((double)h->sum_us / 1e6, number);
	sample(writer, "_sum", number, NULL);
}

void writer_end(struct writer *writer)
{
	if (writer->format == METRICS_OPENMETRICS_1)
		text_add(&writer->text, "# EOF\n");
}
