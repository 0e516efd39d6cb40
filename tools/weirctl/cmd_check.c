/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_check.c - can this host do everything? The agent knows most; without one
 * what can be seen from here is looked at, with the rights of who asks.
 */
#include <string.h>

#include "common/count_of.h"
#include "common/preflight.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/grid.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

static const char *const status_words[] = {
	[PREFLIGHT_OK] = "ok",
	[PREFLIGHT_WARNING] = "warning",
	[PREFLIGHT_FAILED] = "failed",
};

static json_t *look_from_here(void)
{
	struct preflight_check checks[PREFLIGHT_CHECKS_MAX];
	size_t count = preflight_run(NULL, checks, PREFLIGHT_CHECKS_MAX);
	json_t *items = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			items,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "group",
				  checks[i].group, "name", checks[i].name,
				  "status", status_words[checks[i].status],
				  "text", checks[i].text, "hint",
				  checks[i].hint));
	return json_pack("{s:s, s:s, s:o}", "apiVersion", "weir/v1", "kind",
			 "CheckList", "items", items);
}

static size_t count_status(json_t *items, const char *status)
{
	size_t count = 0, i;
	json_t *item;

	json_array_foreach (items, i, item)
		count += !strcmp(look_text_or_empty(item, "status"), status);
	return count;
}

static enum tint tint_of(const char *status)
{
	if (!strcmp(status, "ok"))
		return TINT_GOOD;
	return strcmp(status, "failed") ? TINT_WARN : TINT_BAD;
}

static int print_checks(struct cli *cli, json_t *items)
{
	static const struct grid_column columns[] = {
		{.title = "GROUP"},
		{.title = "CHECK"},
		{.title = "RESULT"},
		{.title = "FOUND"},
		{.title = "HINT", .wrap = true},
	};
	struct grid grid;
	json_t *item;
	size_t i;

	grid_begin(&grid, cli, columns, COUNT_OF(columns));
	json_array_foreach (items, i, item) {
		const char *status = look_text_or_empty(item, "status");
		bool ok = !strcmp(status, "ok");

		grid_row(&grid);
		grid_cell(&grid, TINT_NONE, "%s",
			  look_text_or_empty(item, "group"));
		grid_cell(&grid, TINT_NONE, "%s",
			  look_text_or_empty(item, "name"));
		grid_cell(&grid, tint_of(status), "%s", status);
		grid_cell(&grid, TINT_NONE, "%s",
			  look_text_or_empty(item, "text"));
		grid_cell(&grid, TINT_NONE, "%s",
			  ok ? "" : look_text_or_empty(item, "hint"));
	}
	return grid_print(&grid);
}

static int print(struct cli *cli, json_t *list)
{
	json_t *items = look_at(list, "items");
	size_t failed = count_status(items, "failed");
	char warnings[FIGURE_BYTES];
	int code;

	if (show_wanted(cli)) {
		code = show(cli, list, NULL);
		return code || !failed ? code : CLI_NEGATIVE;
	}
	code = print_checks(cli, items);
	figures_number_of((json_int_t)count_status(items, "warning"),
			  "warning|warnings", warnings);
	cli_line(cli, "%zu failed, %s", failed, warnings);
	return code || !failed ? code : CLI_NEGATIVE;
}

int cmd_check(struct cli *cli)
{
	const struct ask_request request = {.path = "/v1/check", .quiet = true};
	scoped(json) json_t *list = NULL;
	int code = ask(cli, &request, &list);

	if (code == CLI_UNREACHABLE || code == CLI_FORBIDDEN) {
		cli_note(cli,
			 "check: %s on %s: looking from here, with your own "
			 "rights",
			 code == CLI_FORBIDDEN ? "the agent may not be asked"
					       : "no agent answers",
			 cli->arguments.socket);
		list = look_from_here();
		code = list ? CLI_OK : cli_out_of_memory(cli);
	} else if (code) {
		return ask_get(cli, request.path, &list);
	}
	return code ? code : print(cli, list);
}
