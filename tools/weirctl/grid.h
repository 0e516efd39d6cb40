/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * grid.h - a table on the way to the terminal or a pipe.
 *
 * On a terminal it fits the width, and the column that may be cut gives way.
 * Elsewhere nothing is cut: what reads it should not miss a name's end.
 */
#pragma once

#include <libsmartcols/libsmartcols.h>

#include "tools/weirctl/cli.h"

#define GRID_COLUMNS_MAX 24u

struct grid_column {
	const char *title;
	bool right;	/* numbers */
	bool wide;	/* only with -o wide */
	unsigned spare; /* left out on a narrow terminal, the highest first */
	bool cut;	/* names: may be shortened on a narrow terminal */
	bool wrap;	/* sentences: may take several lines there */
};

struct grid {
	struct cli *cli;
	const struct grid_column *columns;
	size_t count;
	struct libscols_table *table;
	struct libscols_line *line;
	size_t at;	/* the next column */
	size_t visible; /* of these: columns shown so far in the row */
	size_t widths[GRID_COLUMNS_MAX];
	struct libscols_column *made[GRID_COLUMNS_MAX]; /* NULL: not shown */
	bool failed;
};

/* Columns are borrowed. grid_print() ends it. */
void grid_begin(struct grid *grid, struct cli *cli,
		const struct grid_column *columns, size_t count);

void grid_row(struct grid *grid);

/* The next cell of the row; call it for wide columns too. */
void grid_cell(struct grid *grid, enum tint tint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* 0 or CLI_BUG when memory ran out. */
int grid_print(struct grid *grid);
