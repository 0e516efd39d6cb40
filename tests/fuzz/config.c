/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config.c - whatever weir.yaml holds: settings within their limits, or
 * mistakes that can be printed.
 */
#include <errno.h>

#include "agent/options.h"
#include "common/scoped.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"
#include "weir/abi.h"

static void check_settings(const struct options *o)
{
	demand(!o->lease_ns || (o->lease_ns >= OPTIONS_LEASE_MIN_NS &&
				o->lease_ns <= OPTIONS_LEASE_MAX_NS));
	demand(o->services_max <= WEIR_SERVICES_MAX);
	demand(o->services_max != 1);
	demand(o->endpoints_max <= WEIR_ENDPOINTS_MAX);
	demand(!o->metrics || o->metrics == o->metrics_text);
}

/* An operator's terminal gets text, and nothing that moves its cursor. */
static void check_mistakes(const struct weir_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct weir_error *e = &errors->items[i];
		scoped(text) char *clean = NULL;

		demand(e->message && *e->message);
		demand(e->length > 0);
		demand(!e->line == !e->column);
		clean = text_printable(e->message, strlen(e->message));
		demand(!strcmp(clean, e->message));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	scoped(fd) int fd = fuzz_file(data, bytes);
	struct weir_errors errors = {0};
	struct options options = {0};
	char path[64];
	int err;

	fuzz_path(fd, path, sizeof(path));
	options.config = path;
	err = options_read_file(&options, &errors);
	demand(!err || err == -EINVAL || err == -EFBIG);
	demand((err != 0) == (errors.count > 0));
	check_mistakes(&errors);
	if (!err)
		check_settings(&options);
	errors_clear(&errors);
	options_clear(&options);
	return 0;
}
