/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * load.c - see load.h.
 */
#include "tools/weirctl/load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/weirctl/ask.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/grid.h"
#include "tools/weirctl/look.h"

const struct grid_column load_columns[LOAD_COLUMNS] = {
	{.title = "NAME", .cut = true},
	{.title = "STATE"},
	{.title = "CALLS/s", .right = true},
	{.title = "FAIL%", .right = true},
	{.title = "SLOW%", .right = true, .spare = 3},
	{.title = "CONN-P50", .right = true, .spare = 6},
	{.title = "CONN-P99", .right = true, .spare = 4},
	{.title = "RESP-P50", .right = true, .spare = 5},
	{.title = "RESP-P99", .right = true, .spare = 1},
	{.title = "IN-USE/CAP", .right = true},
	{.title = "REFUSED/s", .right = true},
	{.title = "DIRECTION", .spare = 2},
};

/* What sorts: the most comes first. */
static const char *const keys[LOAD_SORTS] = {
	[LOAD_STATE] = "rates.calls_per_second",
	[LOAD_CALLS] = "rates.calls_per_second",
	[LOAD_FAILED] = "rates.failed_ratio",
	[LOAD_SLOW] = "rates.slow_ratio",
	[LOAD_P99] = "response.p99_seconds",
	[LOAD_ACTIVE] = "connections.active",
	[LOAD_REFUSED] = "rates.refused_per_second",
};

void load_clear(struct load *load)
{
	json_decref(load->services);
	json_decref(load->endpoints);
	free(load->rows);
	*load = (struct load){0};
}

/* ---- order --------------------------------------------------------------------- */

static int by_number(double a, double b)
{
	a = isfinite(a) ? a : -1;
	b = isfinite(b) ? b : -1;
	return (a < b) - (a > b);
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct load_row *left = a, *right = b;
	enum load_sort sort = *(const enum load_sort *)ctx;
	int order = 0;

	if (sort == LOAD_STATE)
		order = by_number(figures_state_severity(left->state),
				  figures_state_severity(right->state));
	if (!order && keys[sort])
		order = by_number(look_number(left->object, keys[sort]),
				  look_number(right->object, keys[sort]));
	return order ? order : strcmp(left->name, right->name);
}

/* ---- rows ---------------------------------------------------------------------- */

static struct load_row service_row(json_t *service)
{
	return (struct load_row){
		.object = service,
		.name = look_text_or_empty(service, "name"),
		.state = look_text(service, "state"),
		.limit = look_at(service, "limits.connections"),
	};
}

static struct load_row endpoint_row(json_t *endpoint)
{
	return (struct load_row){
		.object = endpoint,
		.name = look_text_or_empty(endpoint, "name"),
		.is_endpoint = true,
		.state = look_text(endpoint, "breaker.state"),
	};
}

static size_t take_services(const struct load *load, struct load_row *rows)
{
	size_t count = 0, i;
	json_t *item;

	json_array_foreach (look_at(load->services, "items"), i, item)
		rows[count++] = service_row(item);
	return count;
}

/*
 * A destination that is only observed is its own and only endpoint. `left`: for
 * how many there is room; should two services have one name, the first has them.
 */
static void add_endpoints(struct load *load, const struct load_row *service,
			  enum load_sort sort, size_t *left)
{
	json_t *limit = look_at(service->object, "limits.endpoint_connections");
	size_t first = load->count, i;
	json_t *item;

	if (look_true(service->object, "observed"))
		return;
	json_array_foreach (look_at(load->endpoints, "items"), i, item) {
		if (!*left ||
		    strcmp(look_text_or_empty(item, "service"), service->name))
			continue;
		--*left;
		load->rows[load->count] = endpoint_row(item);
		load->rows[load->count++].limit = limit;
	}
	qsort_r(load->rows + first, load->count - first, sizeof(*load->rows),
		compare, &sort);
}

static int make_rows(struct load *load, enum load_sort sort)
{
	size_t services = look_size(load->services, "items");
	size_t endpoints = look_size(load->endpoints, "items");
	scoped(memory) void *memory =
		calloc(services + 1, sizeof(struct load_row));
	struct load_row *heads = memory;

	load->rows = calloc(services + endpoints + 1, sizeof(*load->rows));
	if (!heads || !load->rows)
		return -1;
	services = take_services(load, heads);
	qsort_r(heads, services, sizeof(*heads), compare, &sort);
	for (size_t i = 0; i < services; i++) {
		load->rows[load->count++] = heads[i];
		add_endpoints(load, &heads[i], sort, &endpoints);
	}
	return 0;
}

int load_fetch(struct cli *cli, enum load_sort sort, struct load *out)
{
	scoped(load) struct load load = {0};
	int code = ask_get(cli, "/v1/services", &load.services);

	if (!code)
		code = ask_get(cli, "/v1/endpoints", &load.endpoints);
	if (!code && make_rows(&load, sort))
		code = cli_out_of_memory(cli);
	if (code)
		return code;
	*out = load;
	load = (struct load){0};
	return CLI_OK;
}

/* ---- cells ---------------------------------------------------------------------- */

static const struct {
	const char *path;
	void (*write)(double, char out[FIGURE_BYTES]);
} figures[LOAD_COLUMNS] = {
	[2] = {"rates.calls_per_second", figures_rate},
	[3] = {"rates.failed_ratio", figures_percent},
	[4] = {"rates.slow_ratio", figures_percent},
	[5] = {"connect.p50_seconds", figures_latency},
	[6] = {"connect.p99_seconds", figures_latency},
	[7] = {"response.p50_seconds", figures_latency},
	[8] = {"response.p99_seconds", figures_latency},
	[10] = {"rates.refused_per_second", figures_rate},
};

void load_cell(const struct load_row *row, size_t column, char *out,
	       size_t bytes)
{
	char figure[FIGURE_BYTES];

	if (column == 0) {
		snprintf(out, bytes, "%s%s", row->is_endpoint ? "  " : "",
			 row->name);
		return;
	}
	if (column == 1)
		figures_state(row->state, figure);
	else if (column == 11)
		snprintf(figure, sizeof(figure), "%s",
			 look_text_or_empty(row->object, "direction"));
	else if (figures[column].path)
		figures[column].write(
			look_number(row->object, figures[column].path), figure);
	else
		figures_in_use(look_count(row->object, "connections.active"),
			       row->limit, figure);
	snprintf(out, bytes, "%s", figure);
}

int load_print(struct cli *cli, const struct load *load)
{
	struct grid grid;

	grid_begin(&grid, cli, load_columns, LOAD_COLUMNS);
	for (size_t i = 0; i < load->count; i++) {
		const struct load_row *row = &load->rows[i];

		grid_row(&grid);
		for (size_t column = 0; column < LOAD_COLUMNS; column++) {
			enum tint tint =
				column == 1 ? figures_state_tint(row->state)
					    : TINT_NONE;
			char cell[128];

			load_cell(row, column, cell, sizeof(cell));
			grid_cell(&grid, tint, "%s", cell);
		}
	}
	return grid_print(&grid);
}
