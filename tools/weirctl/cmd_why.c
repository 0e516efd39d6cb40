/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_why.c - the causal story of a service or endpoint. The agent tells it.
 */
#include <string.h>

#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

#define LABEL_MIN 8u

static unsigned label_width(json_t *lines)
{
	size_t width = LABEL_MIN, i;
	json_t *line;

	json_array_foreach (lines, i, line) {
		size_t bytes = strlen(look_text_or_empty(line, "label"));

		width = bytes > width ? bytes : width;
	}
	return (unsigned)width;
}

static void tell(struct cli *cli, json_t *why)
{
	json_t *lines = look_at(why, "lines");
	unsigned width = label_width(lines);
	json_t *line;
	size_t i;

	json_array_foreach (lines, i, line) {
		cli_add(cli, TINT_STRONG, "%-*s", (int)width,
			look_text_or_empty(line, "label"));
		cli_add(cli, TINT_NONE, "  ");
		cli_wrapped(cli, width + 2, look_text_or_empty(line, "text"));
	}
}

int cmd_why(struct cli *cli)
{
	struct ask_request request = {
		.opt_hint = "; weirctl get services, or get endpoints, lists "
			    "what there is",
	};
	struct text text = {0};
	scoped(text) char *path = NULL;
	scoped(json) json_t *why = NULL;
	int code;

	text_add(&text, "/v1/why");
	ask_argument(&text, "name", cli_operand(cli, 0));
	path = text_take(&text, NULL);
	if (!path)
		return cli_out_of_memory(cli);
	request.path = path;
	code = ask(cli, &request, &why);
	if (code)
		return code;
	if (show_wanted(cli))
		return show(cli, why, NULL);
	tell(cli, why);
	return CLI_OK;
}
