/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * show.c - see show.h.
 */
#include "tools/weirctl/show.h"

#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "common/count_of.h"
#include "tools/weirctl/look.h"

bool show_wanted(const struct cli *cli)
{
	return cli->arguments.format != FORMAT_TABLE &&
	       cli->arguments.format != FORMAT_WIDE;
}

/* JSON leaves 8-bit controls as they are; a terminal would obey them. */
static size_t json_flags(const struct cli *cli)
{
	return cli->utf8 && !cli->terminal ? 0 : JSON_ENSURE_ASCII;
}

static int dump(struct cli *cli, const json_t *object, size_t flags)
{
	if (json_dumpf(object, cli->out, flags | json_flags(cli)) &&
	    !ferror(cli->out))
		return cli_out_of_memory(cli);
	fputc('\n', cli->out);
	return CLI_OK;
}

int show_line(struct cli *cli, const json_t *object)
{
	return dump(cli, object, JSON_COMPACT);
}

/* ---- YAML --------------------------------------------------------------------- */

struct emission {
	yaml_emitter_t emitter;
	bool failed;
};

static void emit(struct emission *to, yaml_event_t *event, int made)
{
	if (!made || to->failed || !yaml_emitter_emit(&to->emitter, event))
		to->failed = true;
}

/* A word that no YAML reader takes for something else than a text. */
static bool is_plain(const char *text)
{
	static const char *const taken[] = {"true", "false", "yes", "no", "on",
					    "off",  "null",  "y",   "n"};
	size_t letters = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	for (size_t i = 0; i < COUNT_OF(taken); i++)
		if (!strcasecmp(text, taken[i]))
			return false;
	return letters > 0 &&
	       !text[letters + strspn(text + letters,
				      "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_./-")];
}

static void emit_scalar(struct emission *to, const char *text, bool plain)
{
	yaml_event_t event;
	/* libyaml's signature wants it writable; it only copies. */
	yaml_char_t *value = (yaml_char_t *)(uintptr_t)text;

	emit(to, &event,
	     yaml_scalar_event_initialize(
		     &event, NULL, NULL, value, (int)strlen(text), 1, 1,
		     plain ? YAML_PLAIN_SCALAR_STYLE
			   : YAML_DOUBLE_QUOTED_SCALAR_STYLE));
}

static void emit_value(struct emission *to, json_t *value);

static void emit_object(struct emission *to, json_t *object)
{
	yaml_event_t event;
	const char *key;
	json_t *value;

	emit(to, &event,
	     yaml_mapping_start_event_initialize(
		     &event, NULL, NULL, 1,
		     json_object_size(object) ? YAML_BLOCK_MAPPING_STYLE
					      : YAML_FLOW_MAPPING_STYLE));
	json_object_foreach (object, key, value) {
		emit_scalar(to, key, is_plain(key));
		emit_value(to, value);
	}
	emit(to, &event, yaml_mapping_end_event_initialize(&event));
}

static void emit_list(struct emission *to, const json_t *list)
{
	yaml_event_t event;
	json_t *value;
	size_t i;

	emit(to, &event,
	     yaml_sequence_start_event_initialize(
		     &event, NULL, NULL, 1,
		     json_array_size(list) ? YAML_BLOCK_SEQUENCE_STYLE
					   : YAML_FLOW_SEQUENCE_STYLE));
	json_array_foreach (list, i, value)
		emit_value(to, value);
	emit(to, &event, yaml_sequence_end_event_initialize(&event));
}

static void emit_value(struct emission *to, json_t *value)
{
	scoped(text) char *number = NULL;

	if (json_is_object(value)) {
		emit_object(to, value);
	} else if (json_is_array(value)) {
		emit_list(to, value);
	} else if (json_is_string(value)) {
		emit_scalar(to, json_string_value(value),
			    is_plain(json_string_value(value)));
	} else {
		number = json_dumps(value, JSON_ENCODE_ANY);
		emit_scalar(to, number ? number : "null", true);
	}
}

static int show_yaml(struct cli *cli, json_t *answer)
{
	struct emission to = {0};
	yaml_event_t event;

	if (!yaml_emitter_initialize(&to.emitter))
		return cli_out_of_memory(cli);
	yaml_emitter_set_output_file(&to.emitter, cli->out);
	yaml_emitter_set_unicode(&to.emitter, cli->utf8 && !cli->terminal);
	yaml_emitter_set_width(&to.emitter, -1);
	emit(&to, &event,
	     yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(&to, &event,
	     yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	emit_value(&to, answer);
	emit(&to, &event, yaml_document_end_event_initialize(&event, 1));
	emit(&to, &event, yaml_stream_end_event_initialize(&event));
	yaml_emitter_delete(&to.emitter);
	return to.failed && !ferror(cli->out) ? cli_out_of_memory(cli) : CLI_OK;
}

/* ---- lists -------------------------------------------------------------------- */

static int show_lines(struct cli *cli, const json_t *answer)
{
	const json_t *items = look_at(answer, "items");
	json_t *item;
	size_t i;

	if (!items)
		return show_line(cli, answer);
	json_array_foreach (items, i, item)
		if (show_line(cli, item))
			return CLI_BUG;
	return CLI_OK;
}

static int show_names(struct cli *cli, const json_t *answer, const char *kind)
{
	json_t *item;
	size_t i;

	json_array_foreach (look_at(answer, "items"), i, item) {
		const char *name = look_text(item, "name");

		if (name)
			cli_line(cli, "%s/%s", kind, name);
		else
			cli_line(cli, "%s/%lld", kind,
				 (long long)look_count(item, "number"));
	}
	return CLI_OK;
}

int show(struct cli *cli, json_t *answer, const char *opt_kind)
{
	switch (cli->arguments.format) {
	case FORMAT_YAML:
		return show_yaml(cli, answer);
	case FORMAT_JSONL:
		return show_lines(cli, answer);
	case FORMAT_NAME:
		return show_names(cli, answer, opt_kind);
	default:
		return dump(cli, answer, JSON_INDENT(2));
	}
}
