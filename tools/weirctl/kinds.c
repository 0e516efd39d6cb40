/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kinds.c - see kinds.h.
 */
#include "tools/weirctl/kinds.h"

#include <string.h>

#include "common/count_of.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/grid.h"
#include "tools/weirctl/look.h"

static void cell_state(struct grid *grid, const char *opt_state)
{
	char state[FIGURE_BYTES];

	figures_state(opt_state, state);
	grid_cell(grid, figures_state_tint(opt_state), "%s", state);
}

/* A figure of one member, in the form that `write` gives it. */
static void cell_figure(struct grid *grid, json_t *object, const char *path,
			void (*write)(double, char out[FIGURE_BYTES]))
{
	char figure[FIGURE_BYTES];

	write(look_number(object, path), figure);
	grid_cell(grid, TINT_NONE, "%s", figure);
}

static void cell_text(struct grid *grid, json_t *object, const char *path)
{
	const char *text = look_text(object, path);

	grid_cell(grid, TINT_NONE, "%s", text && text[0] ? text : "-");
}

static void cell_count(struct grid *grid, json_t *object, const char *path)
{
	grid_cell(grid, TINT_NONE, "%lld", (long long)look_count(object, path));
}

static int print_rows(struct cli *cli, const struct grid_column *columns,
		      size_t count, json_t *items,
		      void (*row)(struct grid *grid, json_t *item))
{
	struct grid grid;
	json_t *item;
	size_t i;

	grid_begin(&grid, cli, columns, count);
	json_array_foreach (items, i, item)
		row(&grid, item);
	return grid_print(&grid);
}

static void cells_of_traffic(struct grid *grid, json_t *object)
{
	cell_figure(grid, object, "rates.calls_per_second", figures_rate);
	cell_figure(grid, object, "rates.failed_ratio", figures_percent);
	cell_figure(grid, object, "rates.slow_ratio", figures_percent);
	cell_figure(grid, object, "connect.p50_seconds", figures_latency);
	cell_figure(grid, object, "connect.p99_seconds", figures_latency);
	cell_figure(grid, object, "response.p50_seconds", figures_latency);
	cell_figure(grid, object, "response.p99_seconds", figures_latency);
}

#define TRAFFIC_COLUMNS                                                         \
	{.title = "CALLS/s", .right = true},                                    \
		{.title = "FAIL%", .right = true},                              \
		{.title = "SLOW%", .right = true, .spare = 3},                  \
		{.title = "CONN-P50", .right = true, .wide = true, .spare = 6}, \
		{.title = "CONN-P99", .right = true, .spare = 5},               \
		{.title = "RESP-P50", .right = true, .wide = true, .spare = 6}, \
	{                                                                       \
		.title = "RESP-P99", .right = true                              \
	}

/* ---- services ------------------------------------------------------------------ */

static void service_row(struct grid *grid, json_t *s)
{
	const char *file = look_text(s, "policy.file");
	char in_use[FIGURE_BYTES];

	grid_row(grid);
	cell_text(grid, s, "name");
	cell_state(grid, look_text(s, "state"));
	grid_cell(grid, TINT_NONE, "%s",
		  look_true(s, "observed") ? "-"
					   : look_text_or_empty(s, "mode"));
	cell_text(grid, s, "direction");
	cells_of_traffic(grid, s);
	figures_in_use(look_count(s, "connections.active"),
		       look_at(s, "limits.connections"), in_use);
	grid_cell(grid, TINT_NONE, "%s", in_use);
	cell_figure(grid, s, "rates.refused_per_second", figures_rate);
	cell_figure(grid, s, "since_seconds", figures_span);
	cell_count(grid, s, "connections.opened");
	cell_count(grid, s, "endpoints.total");
	if (file)
		grid_cell(grid, TINT_NONE, "%s:%lld", file,
			  (long long)look_count(s, "policy.line"));
	else
		grid_cell(grid, TINT_NONE, "-");
}

static int print_services(struct cli *cli, json_t *items)
{
	static const struct grid_column columns[] = {
		{.title = "SERVICE", .cut = true},
		{.title = "STATE"},
		{.title = "MODE", .spare = 4},
		{.title = "DIRECTION", .spare = 7},
		TRAFFIC_COLUMNS,
		{.title = "IN-USE/CAP", .right = true},
		{.title = "REFUSED/s", .right = true},
		{.title = "SINCE", .right = true, .spare = 2},
		{.title = "OPENED", .right = true, .wide = true},
		{.title = "ENDPOINTS", .right = true, .wide = true},
		{.title = "POLICY", .wide = true, .cut = true},
	};

	return print_rows(cli, columns, COUNT_OF(columns), items, service_row);
}

/* ---- endpoints ------------------------------------------------------------------- */

static void endpoint_row(struct grid *grid, json_t *e)
{
	grid_row(grid);
	cell_text(grid, e, "name");
	cell_text(grid, e, "service");
	cell_state(grid, look_text(e, "breaker.state"));
	cells_of_traffic(grid, e);
	cell_count(grid, e, "connections.active");
	cell_figure(grid, e, "rates.refused_per_second", figures_rate);
	cell_figure(grid, e, "breaker.since_seconds", figures_span);
	cell_count(grid, e, "connections.opened");
	grid_cell(grid, TINT_NONE, "%s", look_true(e, "listed") ? "yes" : "no");
}

static int print_endpoints(struct cli *cli, json_t *items)
{
	static const struct grid_column columns[] = {
		{.title = "ENDPOINT"},
		{.title = "SERVICE", .cut = true},
		{.title = "STATE"},
		TRAFFIC_COLUMNS,
		{.title = "IN-USE", .right = true},
		{.title = "REFUSED/s", .right = true},
		{.title = "SINCE", .right = true, .spare = 2},
		{.title = "OPENED", .right = true, .wide = true},
		{.title = "LISTED", .wide = true},
	};

	return print_rows(cli, columns, COUNT_OF(columns), items, endpoint_row);
}

/* ---- clients ---------------------------------------------------------------------- */

/* "12m", or of a connection that is older than we know "12m+". */
static void cell_age(struct grid *grid, json_t *c)
{
	char age[FIGURE_BYTES];

	figures_span(look_number(c, "oldest_seconds"), age);
	grid_cell(grid, TINT_NONE, "%s%s", age,
		  look_true(c, "older") ? "+" : "");
}

static void cell_leak(struct grid *grid, json_t *c)
{
	json_int_t forgotten = look_count(c, "close_wait");

	grid_cell(grid, forgotten ? TINT_WARN : TINT_NONE, "%lld",
		  (long long)forgotten);
}

static void client_row(struct grid *grid, json_t *c)
{
	grid_row(grid);
	cell_text(grid, c, "name");
	cell_text(grid, c, "service");
	cell_count(grid, c, "connections");
	cell_count(grid, c, "connecting");
	cell_count(grid, c, "waiting");
	cell_count(grid, c, "idle");
	cell_leak(grid, c);
	cell_figure(grid, c, "idle_seconds", figures_span);
	cell_age(grid, c);
	cell_count(grid, c, "closing");
	cell_count(grid, c, "detached");
	cell_count(grid, c, "over");
	cell_count(grid, c, "uid");
	cell_text(grid, c, "cgroup");
}

static int print_clients(struct cli *cli, json_t *items)
{
	static const struct grid_column columns[] = {
		{.title = "CLIENT", .cut = true},
		{.title = "SERVICE", .cut = true},
		{.title = "IN-USE", .right = true},
		{.title = "CONNECTING", .right = true, .spare = 5},
		{.title = "WAITING", .right = true, .spare = 4},
		{.title = "IDLE", .right = true},
		{.title = "CLOSE-WAIT", .right = true},
		{.title = "IDLE-FOR", .right = true},
		{.title = "AGE", .right = true, .spare = 3},
		{.title = "CLOSING", .right = true, .wide = true},
		{.title = "DETACHED", .right = true, .wide = true},
		{.title = "OVER", .right = true, .wide = true},
		{.title = "UID", .right = true, .wide = true},
		{.title = "CGROUP", .wide = true, .cut = true},
	};

	return print_rows(cli, columns, COUNT_OF(columns), items, client_row);
}

/* ---- policies, overrides, generations ---------------------------------------------- */

static void policy_row(struct grid *grid, json_t *p)
{
	struct text labels = {0};
	const char *key;
	json_t *value;

	json_object_foreach (look_at(p, "labels"), key, value)
		text_add(&labels, "%s%s=%s", labels.bytes ? "," : "", key,
			 json_string_value(value) ?: "");
	grid_row(grid);
	cell_text(grid, p, "name");
	cell_text(grid, p, "mode");
	grid_cell(grid, TINT_NONE, "%s:%lld", look_text_or_empty(p, "file"),
		  (long long)look_count(p, "line"));
	cell_text(grid, p, "overridden_by");
	grid_cell(grid, TINT_NONE, "%s", labels.bytes ? labels.data : "-");
	text_clear(&labels);
}

static int print_policies(struct cli *cli, json_t *items)
{
	static const struct grid_column columns[] = {
		{.title = "POLICY"},
		{.title = "MODE"},
		{.title = "FILE", .cut = true},
		{.title = "OVERRIDDEN-BY", .cut = true},
		{.title = "LABELS", .wide = true, .cut = true},
	};

	return print_rows(cli, columns, COUNT_OF(columns), items, policy_row);
}

static void override_row(struct grid *grid, json_t *item)
{
	const char *until = look_text(item, "until");

	grid_row(grid);
	cell_text(grid, item, "name");
	cell_state(grid, look_text(item, "state"));
	cell_text(grid, item, "by");
	cell_text(grid, item, "since");
	grid_cell(grid, TINT_NONE, "%s", until ? until : "permanent");
	cell_text(grid, item, "reason");
}

static int print_overrides(struct cli *cli, json_t *items)
{
	static const struct grid_column columns[] = {
		{.title = "NAME", .cut = true},
		{.title = "STATE"},
		{.title = "BY"},
		{.title = "SINCE"},
		{.title = "UNTIL"},
		{.title = "REASON", .cut = true},
	};

	return print_rows(cli, columns, COUNT_OF(columns), items, override_row);
}

static void generation_row(struct grid *grid, json_t *item)
{
	grid_row(grid);
	cell_count(grid, item, "number");
	cell_text(grid, item, "time");
	cell_count(grid, item, "policies");
	cell_text(grid, item, "by");
	grid_cell(grid, TINT_NONE, "%s",
		  look_true(item, "current") ? "yes" : "-");
}

static int print_generations(struct cli *cli, json_t *items)
{
	static const struct grid_column columns[] = {
		{.title = "GENERATION", .right = true},
		{.title = "TIME"},
		{.title = "POLICIES", .right = true},
		{.title = "BY"},
		{.title = "CURRENT"},
	};

	return print_rows(cli, columns, COUNT_OF(columns), items,
			  generation_row);
}

/* ---- the table ------------------------------------------------------------------------ */

static const char *const watched_services[] = {
	"name", "state", "mode", "policy.file", "policy.line", "panic", NULL};
static const char *const watched_endpoints[] = {"name", "service",
						"breaker.state", NULL};
static const char *const watched_clients[] = {"name", "service", NULL};
static const char *const watched_policies[] = {"name", "file",		"line",
					       "mode", "overridden_by", NULL};
static const char *const watched_overrides[] = {
	"name", "state", "by", "reason", "since", "until", NULL};
static const char *const watched_generations[] = {"number", "current", NULL};

static const struct kind kinds[] = {
	{"services", "service", "/v1/services", watched_services,
	 print_services, false},
	{"endpoints", "endpoint", "/v1/endpoints", watched_endpoints,
	 print_endpoints, false},
	{"clients", "client", "/v1/clients", watched_clients, print_clients,
	 true},
	{"policies", "policy", "/v1/policies", watched_policies, print_policies,
	 false},
	{"overrides", "override", "/v1/overrides", watched_overrides,
	 print_overrides, false},
	{"generations", "generation", "/v1/generations", watched_generations,
	 print_generations, false},
};

const struct kind *kinds_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (arguments_match(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static bool is_named(json_t *item, const char *name)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld",
		 (long long)look_count(item, "number"));
	return !strcmp(look_text_or_empty(item, "name"), name) ||
	       !strcmp(look_text_or_empty(item, "service"), name) ||
	       (look_at(item, "number") && !strcmp(number, name));
}

static void keep_named(json_t *list, const char *name)
{
	json_t *items = json_object_get(list, "items");

	for (size_t i = json_array_size(items); i-- > 0;)
		if (!is_named(json_array_get(items, i), name))
			json_array_remove(items, i);
}

int kinds_fetch(struct cli *cli, const struct kind *kind, const char *opt_name,
		json_t **out)
{
	struct ask_request request = {
		.opt_hint = "; weirctl get services, or get endpoints, lists "
			    "what there is",
	};
	struct text text = {0};
	scoped(text) char *path = NULL;
	scoped(json) json_t *list = NULL;
	int code;

	text_add(&text, "%s", kind->path);
	ask_argument(&text, "name", opt_name);
	path = text_take(&text, NULL);
	request.path = path;
	code = path ? ask(cli, &request, &list) : cli_out_of_memory(cli);
	if (code)
		return code;
	if (opt_name && !kind->of_service)
		keep_named(list, opt_name);
	if (opt_name && !kind->of_service && !look_size(list, "items"))
		return cli_fail(cli, CLI_NOT_FOUND,
				"%s %s %s: there is no such %s; weirctl "
				"get %s lists them",
				cli->arguments.command->name, kind->one,
				opt_name, kind->one, kind->name);
	*out = TAKE_PTR(list);
	return CLI_OK;
}
