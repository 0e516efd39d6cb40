/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * load.h - who is in trouble and who is busy: the rows of `top`.
 */
#pragma once

#include "tools/weirctl/cli.h"
#include "tools/weirctl/grid.h"

enum load_sort {
	LOAD_STATE, /* the order of the --sort words */
	LOAD_NAME,
	LOAD_CALLS,
	LOAD_FAILED,
	LOAD_SLOW,
	LOAD_P99,
	LOAD_ACTIVE,
	LOAD_REFUSED,
	LOAD_SORTS,
};

struct load_row {
	json_t *object; /* a Service or Endpoint; borrowed */
	const char *name;
	bool is_endpoint;
	const char *state; /* NULL: no breaker */
	json_t *limit;
};

struct load {
	json_t *services, *endpoints;
	struct load_row *rows;
	size_t count;
};

/* Asks, and sorts: services, below each its endpoints. An enum cli_exit. */
int load_fetch(struct cli *cli, enum load_sort sort, struct load *out);
void load_clear(struct load *load);

/* The title of a column, and the cell of a row. */
#define LOAD_COLUMNS 12u
extern const struct grid_column load_columns[LOAD_COLUMNS];
void load_cell(const struct load_row *row, size_t column, char *out,
	       size_t bytes);

/* As a table. */
int load_print(struct cli *cli, const struct load *load);

DEFINE_SCOPED(load, struct load, load_clear(it))
