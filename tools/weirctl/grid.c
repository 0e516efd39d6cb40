/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * grid.c - see grid.h. libsmartcols knows widths; this knows when to care.
 */
#include "tools/weirctl/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"

/* libsmartcols' names of our tints. */
static const char *const colours[] = {
	[TINT_GOOD] = "green",	[TINT_WARN] = "yellow",	   [TINT_BAD] = "red",
	[TINT_STRONG] = "bold", [TINT_DIM] = "halfbright",
};

static bool shown(const struct grid *grid, const struct grid_column *column)
{
	return !column->wide || grid->cli->arguments.format == FORMAT_WIDE;
}

static bool make_table(struct grid *grid)
{
	struct cli *cli = grid->cli;
	struct libscols_table *table = scols_new_table();

	grid->table = table;
	if (!table)
		return false;
	scols_table_set_stream(table, cli->out);
	scols_table_enable_noheadings(table, !cli->arguments.headers);
	scols_table_enable_colors(table, cli->colour);
	scols_table_set_column_separator(table, "  ");
	scols_table_set_termforce(table, cli->width ? SCOLS_TERMFORCE_ALWAYS
						    : SCOLS_TERMFORCE_NEVER);
	if (cli->width)
		scols_table_set_termwidth(table, cli->width);
	return true;
}

void grid_begin(struct grid *grid, struct cli *cli,
		const struct grid_column *columns, size_t count)
{
	*grid = (struct grid){.cli = cli, .columns = columns, .count = count};
	scols_init_debug(0);
	grid->failed = !make_table(grid);
	for (size_t i = 0; i < count && !grid->failed; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].cut ? SCOLS_FL_TRUNC : 0) |
			    (columns[i].wrap && cli->width ? SCOLS_FL_WRAP : 0);

		if (!shown(grid, &columns[i]))
			continue;
		grid->widths[i] = strlen(columns[i].title);
		grid->made[i] = scols_table_new_column(
			grid->table, columns[i].title, 0, flags);
		grid->failed = !grid->made[i];
	}
}

void grid_row(struct grid *grid)
{
	grid->at = grid->visible = 0;
	if (grid->failed)
		return;
	grid->line = scols_table_new_line(grid->table, NULL);
	grid->failed = !grid->line;
}

static void fill(struct grid *grid, enum tint tint, const char *text)
{
	struct libscols_cell *cell =
		scols_line_get_cell(grid->line, grid->visible);

	if (!cell || scols_cell_set_data(cell, text) ||
	    (tint != TINT_NONE && scols_cell_set_color(cell, colours[tint])))
		grid->failed = true;
}

void grid_cell(struct grid *grid, enum tint tint, const char *format, ...)
{
	size_t column = grid->at++, width;
	scoped(text) char *text = NULL;
	scoped(text) char *clean = NULL;
	va_list values;

	if (grid->failed || !grid->made[column])
		return;
	va_start(values, format);
	if (vasprintf(&text, format, values) < 0)
		text = NULL;
	va_end(values);
	clean = text ? cli_clean(grid->cli, text) : NULL;
	if (!clean) {
		grid->failed = true;
		return;
	}
	width = scan_characters(clean, strlen(clean));
	if (width > grid->widths[column])
		grid->widths[column] = width;
	fill(grid, tint, clean);
	grid->visible++;
}

static size_t natural_width(const struct grid *grid)
{
	size_t width = 0;

	for (size_t i = 0; i < grid->count; i++)
		if (grid->made[i])
			width += grid->widths[i] + 2;
	return width;
}

/* Half a name says less than one figure fewer. */
static void leave_out(struct grid *grid)
{
	while (natural_width(grid) > grid->cli->width + 2) {
		size_t least = 0;

		for (size_t i = 1; i < grid->count; i++)
			if (grid->made[i] &&
			    grid->columns[i].spare > grid->columns[least].spare)
				least = i;
		if (!least || !grid->columns[least].spare)
			return;
		/* It cannot be removed any more: the lines have its cells. */
		scols_column_set_flags(grid->made[least], SCOLS_FL_HIDDEN);
		grid->made[least] = NULL;
	}
}

int grid_print(struct grid *grid)
{
	bool failed;

	if (!grid->failed && grid->cli->width)
		leave_out(grid);
	failed = grid->failed || (grid->line && scols_print_table(grid->table));
	scols_unref_table(grid->table);
	grid->table = NULL;
	return failed ? cli_out_of_memory(grid->cli) : CLI_OK;
}
