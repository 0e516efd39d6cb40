/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * log.c - see log.h. One write() a line, so lines of threads never mix.
 */
#include "agent/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/scoped.h"
#include "common/text.h"

#define LINE_BYTES 2048

static struct {
	bool json;
	bool journal;
} sink;

static const struct {
	const char *name;
	const char *prefix; /* of the journal */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", "<3>"},
	[LOG_LEVEL_WARNING] = {"warning", "<4>"},
	[LOG_LEVEL_INFO] = {"info", "<6>"},
};

void log_open(bool json)
{
	sink.json = json;
	sink.journal = getenv("JOURNAL_STREAM") != NULL;
}

static void stamp(char *out, size_t bytes)
{
	struct timespec now;
	struct tm utc;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(out, bytes, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + used, bytes - used, ".%03ldZ", now.tv_nsec / 1000000);
}

static void put(const char *line, int bytes)
{
	/* Nobody to tell when stderr itself fails. */
	if (bytes > 0 && write(STDERR_FILENO, line, (size_t)bytes) < 0)
		return;
}

static void write_json(enum log_level level, const char *message)
{
	json_t *object;
	scoped(text) char *text = NULL;
	scoped(text) char *line = NULL;
	char when[40];

	stamp(when, sizeof(when));
	object = json_pack("{s:s, s:s, s:s}", "time", when, "level",
			   levels[level].name, "message", message);
	if (object)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text)
		put(line, asprintf(&line, "%s\n", text));
}

static void write_text(enum log_level level, const char *message)
{
	char line[LINE_BYTES + 80], when[40];

	stamp(when, sizeof(when));
	put(line, snprintf(line, sizeof(line), "%s%s%s%s: %s\n",
			   sink.journal ? levels[level].prefix : "",
			   sink.journal ? "" : when, sink.journal ? "" : " ",
			   levels[level].name, message));
}

static void write_line(enum log_level level, const char *format, va_list args)
{
	char message[LINE_BYTES];
	scoped(text) char *clean = NULL;

	vsnprintf(message, sizeof(message), format, args);
	/* Who is quoted must not write lines of our log, nor spoil one. */
	clean = text_printable(message, strlen(message));
	if (!clean)
		return;
	if (sink.json)
		write_json(level, clean);
	else
		write_text(level, clean);
}

#define DEFINE_LOG(name, level)                  \
	void log_##name(const char *format, ...) \
	{                                        \
		va_list args;                    \
                                                 \
		va_start(args, format);          \
		write_line(level, format, args); \
		va_end(args);                    \
	}

DEFINE_LOG(error, LOG_LEVEL_ERROR)
DEFINE_LOG(warning, LOG_LEVEL_WARNING)
DEFINE_LOG(info, LOG_LEVEL_INFO)

void log_mistakes(const struct weir_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct weir_error *e = &errors->items[i];

		log_error("%s:%u:%u: %s%s%s", e->file ? e->file : "policies",
			  e->line, e->column, e->message,
			  e->hint ? "; hint: " : "", e->hint ? e->hint : "");
	}
	if (errors->dropped)
		log_error("%zu more mistakes are not shown", errors->dropped);
}
