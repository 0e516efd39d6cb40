/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diagnostics.c - see diagnostics.h.
 */
#include "tools/weirctl/diagnostics.h"

#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "tools/weirctl/look.h"

static char *copy(const char *opt_text)
{
	return opt_text ? text_printable(opt_text, strlen(opt_text)) : NULL;
}

static unsigned number(const json_t *diagnostic, const char *name)
{
	json_int_t value = look_count(diagnostic, name);

	return value < 0 || value > 1 << 30 ? 0 : (unsigned)value;
}

int diagnostics_read(struct weir_errors *out, const json_t *error,
		     diagnostics_rename *opt_rename, const void *ctx)
{
	json_t *item;
	size_t i;

	json_array_foreach (look_at(error, "diagnostics"), i, item) {
		const char *file = look_text(item, "file");
		struct weir_error *to = &out->items[out->count];

		if (out->count == WEIR_ERRORS_MAX) {
			out->dropped++;
			continue;
		}
		if (file && opt_rename)
			file = opt_rename(ctx, file);
		*to = (struct weir_error){
			.file = copy(file),
			.line = number(item, "line"),
			.column = number(item, "column"),
			.length = number(item, "length"),
			.excerpt = copy(look_text(item, "excerpt")),
			.message = copy(look_text_or_empty(item, "message")),
			.hint = copy(look_text(item, "hint")),
		};
		out->count++;
		if (!to->message)
			return -ENOMEM;
	}
	out->dropped += number(error, "diagnostics_dropped");
	return 0;
}

static json_t *text_or_null(const char *text)
{
	json_t *string = text ? json_string(text) : NULL;

	return string ? string : json_null();
}

json_t *diagnostics_json(const struct weir_errors *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->count; i++) {
		const struct weir_error *e = &errors->items[i];

		json_array_append_new(
			list, json_pack("{s:o, s:i, s:i, s:i, s:o, s:o, s:o}",
					"file", text_or_null(e->file), "line",
					(int)e->line, "column", (int)e->column,
					"length", (int)e->length, "excerpt",
					text_or_null(e->excerpt), "message",
					text_or_null(e->message), "hint",
					text_or_null(e->hint)));
	}
	return list;
}

void diagnostics_print(struct cli *cli, FILE *to,
		       const struct weir_errors *errors)
{
	scoped(text) char *text = errors_render(errors);

	fflush(cli->out);
	for (char *line = text; line && *line;) {
		size_t bytes = strcspn(line, "\n");
		char end = line[bytes];
		scoped(text) char *clean = NULL;

		line[bytes] = '\0';
		clean = cli_clean(cli, line);
		fprintf(to, "%s\n", clean ? clean : line);
		line += bytes + (end == '\n');
	}
}
