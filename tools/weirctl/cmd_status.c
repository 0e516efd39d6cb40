/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_status.c - one screen; what is wrong comes first.
 */
#include <string.h>

#include "common/count_of.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/event_line.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/grid.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

static bool is_error(json_t *problem)
{
	return !strcmp(look_text_or_empty(problem, "severity"), "error");
}

static size_t count_errors(json_t *status)
{
	size_t count = 0, i;
	json_t *problem;

	json_array_foreach (look_at(status, "problems"), i, problem)
		count += is_error(problem);
	return count;
}

static void print_verdict(struct cli *cli, json_t *status)
{
	size_t errors = count_errors(status);
	size_t warnings = look_size(status, "problems") - errors;
	char count[FIGURE_BYTES];

	figures_number_of((json_int_t)errors, "error|errors", count);
	if (errors)
		cli_add(cli, TINT_BAD, "%s", count);
	else
		cli_add(cli, TINT_GOOD, "healthy");
	figures_number_of((json_int_t)warnings, "warning|warnings", count);
	if (warnings)
		cli_add(cli, TINT_WARN, ", %s", count);
	cli_line(cli, "%s", "");
}

static int print_problems(struct cli *cli, json_t *status)
{
	static const struct grid_column columns[] = {
		{.title = ""},
		{.title = ""},
		{.title = "", .wrap = true},
		{.title = ""},
	};
	json_t *problems = look_at(status, "problems");
	bool headers = cli->arguments.headers;
	struct grid grid;
	json_t *problem;
	size_t i;
	int code;

	if (!json_array_size(problems))
		return CLI_OK;
	cli->arguments.headers = false;
	grid_begin(&grid, cli, columns, COUNT_OF(columns));
	cli->arguments.headers = headers;
	json_array_foreach (problems, i, problem) {
		bool error = is_error(problem);

		grid_row(&grid);
		grid_cell(&grid, error ? TINT_BAD : TINT_WARN, "%s",
			  error ? "error" : "warning");
		grid_cell(&grid, TINT_NONE, "%s",
			  look_text_or_empty(problem, "service"));
		grid_cell(&grid, TINT_NONE, "%s",
			  look_text_or_empty(problem, "text"));
		grid_cell(&grid, TINT_DIM, "%s",
			  look_text_or_empty(problem, "hint"));
	}
	code = grid_print(&grid);
	cli_line(cli, "%s", "");
	return code;
}

/* "35 closed, 1 open"; what is 0 is left out. */
static void add_counts(struct cli *cli, json_t *counts)
{
	const char *key, *comma = "";
	json_t *value;

	json_object_foreach (counts, key, value) {
		char word[FIGURE_BYTES];

		if (!json_integer_value(value))
			continue;
		snprintf(word, sizeof(word), "%s", key);
		for (char *at = word; *at; at++)
			*at = *at == '_' ? '-' : *at;
		cli_add(cli, TINT_NONE, "%s", comma);
		cli_add(cli,
			figures_state_severity(key) ? figures_state_tint(key)
						    : TINT_NONE,
			"%lld %s", (long long)json_integer_value(value), word);
		comma = ", ";
	}
	cli_line(cli, "%s", "");
}

static void print_reload(struct cli *cli, json_t *status)
{
	const char *error = look_text(status, "reload.error");
	const char *when = look_text(status, "reload.time");

	cli_add(cli, TINT_STRONG, "generation");
	cli_add(cli, TINT_NONE, "  %lld, last reload ",
		(long long)look_count(status, "generation"));
	if (look_true(status, "reload.ok") || !when)
		cli_add(cli, TINT_NONE, "ok");
	else
		cli_add(cli, TINT_BAD, "failed: %s", error ? error : "");
	cli_line(cli, "%s%s", when ? " at " : "", when ? when : "");
}

static void print_agent(struct cli *cli, json_t *status)
{
	char up[FIGURE_BYTES];

	figures_span(look_number(status, "uptime_seconds"), up);
	cli_add(cli, TINT_STRONG, "agent     ");
	cli_line(cli, "  %s, pid %lld, up %s, kernel %s, cgroup %s",
		 look_text_or_empty(status, "version"),
		 (long long)look_count(status, "pid"), up,
		 look_text_or_empty(status, "kernel"),
		 look_text_or_empty(status, "cgroup"));
}

static void print_counts(struct cli *cli, json_t *status)
{
	cli_add(cli, TINT_STRONG, "services  ");
	cli_add(cli, TINT_NONE, "  %lld",
		(long long)look_count(status, "services.total"));
	if (look_count(status, "services.ingress"))
		cli_add(cli, TINT_NONE, ", %lld ingress",
			(long long)look_count(status, "services.ingress"));
	cli_add(cli, TINT_NONE, "%s",
		look_count(status, "services.total") ? ": " : "");
	add_counts(cli, look_at(status, "services.by_state"));
	cli_add(cli, TINT_STRONG, "policies  ");
	cli_add(cli, TINT_NONE, "  ");
	if (look_count(status, "policies.enforce") ||
	    look_count(status, "policies.observe") ||
	    look_count(status, "policies.disabled"))
		add_counts(cli, look_at(status, "policies"));
	else
		cli_line(cli, "none: nothing is refused, only counted");
}

/* Where SYNs are shed, and by whom: the driver, or the kernel for it. */
static void print_xdp(struct cli *cli, json_t *status)
{
	const char *comma = "  ";
	json_t *interface;
	size_t i;

	if (!look_size(status, "xdp"))
		return;
	cli_add(cli, TINT_STRONG, "xdp       ");
	json_array_foreach (look_at(status, "xdp"), i, interface) {
		const char *mode = look_text_or_empty(interface, "mode");

		cli_add(cli, TINT_NONE, "%s%s: %s%s", comma,
			look_text_or_empty(interface, "interface"), mode,
			strcmp(mode, "off") ? " mode" : "");
		comma = ", ";
	}
	cli_line(cli, "%s", "");
}

static void print_events(struct cli *cli, json_t *status)
{
	json_t *event;
	size_t i;

	if (!look_size(status, "events"))
		return;
	cli_line(cli, "%s", "");
	cli_add(cli, TINT_STRONG, "last events");
	cli_line(cli, "%s", "");
	json_array_foreach (look_at(status, "events"), i, event)
		event_line(cli, event);
}

static int print_status(struct cli *cli, json_t *status)
{
	int code;

	print_verdict(cli, status);
	code = print_problems(cli, status);
	print_agent(cli, status);
	print_reload(cli, status);
	print_counts(cli, status);
	print_xdp(cli, status);
	print_events(cli, status);
	return code;
}

int cmd_status(struct cli *cli)
{
	scoped(json) json_t *status = NULL;
	int code = ask_get(cli, "/v1/status", &status);

	if (code)
		return code;
	code = show_wanted(cli) ? show(cli, status, NULL)
				: print_status(cli, status);
	if (!code && arguments_has(&cli->arguments, "exit-code") &&
	    count_errors(status))
		code = CLI_NEGATIVE;
	return code;
}
