/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * screen.c - see screen.h. Keys: up, down, PgUp, PgDn, s sort, / filter, enter
 * why, p pause, q quit.
 *
 * Ctrl-C only sets a flag: the terminal is put back where it was left, in one
 * place. An agent that does not answer is a line on the screen, and asked again.
 */
#include "tools/weirctl/screen.h"

#include <math.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/count_of.h"
#include "common/scan.h"
#include "common/text.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/look.h"

#define HEAD_LINES   2
#define FILTER_BYTES 64
#define CELL_BYTES   128
#define KEY_ESCAPE   27

static const char *const sort_names[LOAD_SORTS] = {
	[LOAD_STATE] = "state",	  [LOAD_NAME] = "name",
	[LOAD_CALLS] = "calls",	  [LOAD_FAILED] = "failed",
	[LOAD_SLOW] = "slow",	  [LOAD_P99] = "p99",
	[LOAD_ACTIVE] = "active", [LOAD_REFUSED] = "refused",
};

struct screen {
	struct cli *cli;
	struct load load;
	const struct load_row **rows; /* those the filter leaves */
	size_t count;
	size_t first, selected;
	enum load_sort sort;
	char filter[FILTER_BYTES];
	bool typing; /* of the filter */
	bool paused;
	bool done;
	json_t *why;   /* of the selected row */
	char *trouble; /* what the last question came to; NULL: all well */
};

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* ---- asking --------------------------------------------------------------------- */

static void select_rows(struct screen *s)
{
	free(s->rows);
	s->count = 0;
	s->rows = calloc(s->load.count + 1, sizeof(struct load_row *));
	for (size_t i = 0; s->rows && i < s->load.count; i++)
		if (strstr(s->load.rows[i].name, s->filter))
			s->rows[s->count++] = &s->load.rows[i];
	if (s->selected >= s->count)
		s->selected = s->count ? s->count - 1 : 0;
}

/* What would be said on stderr becomes a line of the screen. */
static int ask_quietly(struct screen *s, int (*question)(struct screen *))
{
	FILE *err = s->cli->err;
	size_t bytes = 0;
	int code;

	free(s->trouble);
	s->trouble = NULL;
	s->cli->err = open_memstream(&s->trouble, &bytes);
	if (!s->cli->err) {
		s->cli->err = err;
		return CLI_BUG;
	}
	code = question(s);
	fclose(s->cli->err);
	s->cli->err = err;
	if (code && s->trouble)
		s->trouble[strcspn(s->trouble, "\n")] = '\0';
	if (!code) {
		free(s->trouble);
		s->trouble = NULL;
	}
	return code;
}

static int ask_load(struct screen *s)
{
	struct load load = {0};
	int code = load_fetch(s->cli, s->sort, &load);

	if (code)
		return code;
	load_clear(&s->load);
	s->load = load;
	select_rows(s);
	return CLI_OK;
}

/* ---- drawing --------------------------------------------------------------------- */

static const struct {
	enum tint tint;
	short colour;
} pairs[] = {
	{TINT_GOOD, COLOR_GREEN},
	{TINT_WARN, COLOR_YELLOW},
	{TINT_BAD, COLOR_RED},
};

static attr_t attributes(const struct screen *s, enum tint tint)
{
	if (!s->cli->colour || tint == TINT_NONE || !has_colors())
		return A_NORMAL;
	return COLOR_PAIR(tint) | (tint == TINT_BAD ? A_BOLD : 0);
}

static void put(const struct screen *s, int y, int x, int width,
		attr_t attribute, const char *text, bool right)
{
	scoped(text) char *clean = cli_clean(s->cli, text);
	int length = clean ? (int)scan_characters(clean, strlen(clean)) : 0;
	int pad = right && length < width ? width - length : 0;

	if (!clean || x >= COLS || y >= LINES)
		return;
	attron(attribute);
	mvaddnstr(y, x + pad, clean, width < COLS - x ? width : COLS - x);
	attroff(attribute);
}

static void draw_head(const struct screen *s)
{
	char line[256], now[TEXT_TIME_BYTES];
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	text_clock((int64_t)time.tv_sec * 1000000000 + time.tv_nsec, now);
	if (s->trouble)
		snprintf(line, sizeof(line), "%s", s->trouble);
	else if (s->typing || s->filter[0])
		snprintf(line, sizeof(line), "%s  filter: %s%s", now, s->filter,
			 s->typing ? "_" : "");
	else
		snprintf(line, sizeof(line),
			 "%s  %zu rows by %s%s   q quit, s sort, / filter, "
			 "enter why, p pause",
			 now, s->count, sort_names[s->sort],
			 s->paused ? "  PAUSED" : "");
	put(s, 0, 0, COLS, s->trouble ? A_BOLD : A_NORMAL, line, false);
}

static int column_width(const struct screen *s, size_t column, size_t rows)
{
	int width = (int)strlen(load_columns[column].title);

	for (size_t i = s->first; i < s->first + rows && i < s->count; i++) {
		char cell[CELL_BYTES];
		int length;

		load_cell(s->rows[i], column, cell, sizeof(cell));
		length = (int)scan_characters(cell, strlen(cell));
		width = length > width ? length : width;
	}
	return width;
}

/* The columns that fit; as in a printed table figures go before names. */
static void choose_columns(const struct screen *s, size_t rows,
			   int widths[LOAD_COLUMNS])
{
	int total = 0;

	for (size_t i = 0; i < LOAD_COLUMNS; i++)
		total += (widths[i] = column_width(s, i, rows)) + 2;
	while (total > COLS + 2) {
		size_t least = 0;

		for (size_t i = 1; i < LOAD_COLUMNS; i++)
			if (widths[i] &&
			    load_columns[i].spare > load_columns[least].spare)
				least = i;
		if (!least || !load_columns[least].spare)
			return;
		total -= widths[least] + 2;
		widths[least] = 0;
	}
}

static void draw_row(const struct screen *s, int y, size_t row,
		     const int widths[LOAD_COLUMNS])
{
	attr_t selected = row == s->selected ? A_REVERSE : A_NORMAL;
	int x = 0;

	for (size_t i = 0; i < LOAD_COLUMNS; i++) {
		enum tint tint =
			i == 1 ? figures_state_tint(s->rows[row]->state)
			       : TINT_NONE;
		char cell[CELL_BYTES];

		if (!widths[i])
			continue;
		load_cell(s->rows[row], i, cell, sizeof(cell));
		put(s, y, x, widths[i], attributes(s, tint) | selected, cell,
		    load_columns[i].right);
		x += widths[i] + 2;
	}
}

static void draw(struct screen *s)
{
	size_t room = LINES > HEAD_LINES ? (size_t)(LINES - HEAD_LINES) : 1;
	int widths[LOAD_COLUMNS], x = 0;

	if (s->selected < s->first)
		s->first = s->selected;
	if (s->selected >= s->first + room)
		s->first = s->selected - room + 1;
	erase();
	draw_head(s);
	choose_columns(s, room, widths);
	for (size_t i = 0; i < LOAD_COLUMNS; i++) {
		if (!widths[i])
			continue;
		put(s, 1, x, widths[i], A_BOLD, load_columns[i].title,
		    load_columns[i].right);
		x += widths[i] + 2;
	}
	for (size_t i = 0; i < room && s->first + i < s->count; i++)
		draw_row(s, HEAD_LINES + (int)i, s->first + i, widths);
	refresh();
}

/* ---- why ------------------------------------------------------------------------------ */

static int ask_why(struct screen *s)
{
	struct text text = {0};
	scoped(text) char *path = NULL;

	text_add(&text, "/v1/why");
	ask_argument(&text, "name", s->rows[s->selected]->name);
	path = text_take(&text, NULL);
	return path ? ask_get(s->cli, path, &s->why)
		    : cli_out_of_memory(s->cli);
}

/* Returns the line after it. */
static int put_wrapped(const struct screen *s, int y, int x, const char *text)
{
	size_t room = COLS > x + 10 ? (size_t)(COLS - x) : 10;

	while (*text) {
		size_t bytes = cli_break_at(text, room);
		scoped(text) char *part = strndup(text, bytes);

		put(s, y++, x, (int)room, A_NORMAL, part ? part : "", false);
		text += bytes;
		text += strspn(text, " ");
	}
	return y;
}

static void show_why(struct screen *s)
{
	json_t *line;
	size_t i;
	int y = 0;

	if (!s->count || ask_quietly(s, ask_why))
		return;
	erase();
	json_array_foreach (look_at(s->why, "lines"), i, line) {
		put(s, y, 0, 12, A_BOLD, look_text_or_empty(line, "label"),
		    false);
		y = put_wrapped(s, y, 13, look_text_or_empty(line, "text"));
	}
	put(s, y + 1, 0, COLS, A_NORMAL, "any key goes back", false);
	refresh();
	timeout(-1);
	getch();
	json_decref(s->why);
	s->why = NULL;
}

/* ---- keys ------------------------------------------------------------------------------ */

static void type_filter(struct screen *s, int key)
{
	size_t bytes = strlen(s->filter);

	if (key == KEY_ESCAPE)
		s->filter[0] = '\0';
	if (key == KEY_ESCAPE || key == '\n' || key == KEY_ENTER)
		s->typing = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && bytes)
		s->filter[bytes - 1] = '\0';
	else if (key > ' ' && key < 127 && bytes < FILTER_BYTES - 1)
		s->filter[bytes] = (char)key, s->filter[bytes + 1] = '\0';
	select_rows(s);
}

static void move_by(struct screen *s, long rows)
{
	long to = (long)s->selected + rows;

	if (to >= (long)s->count)
		to = (long)s->count - 1;
	s->selected = to > 0 ? (size_t)to : 0;
}

/* True: the rows have to be asked for anew. */
static bool take_key(struct screen *s, int key)
{
	bool sorted = key == 's';

	if (s->typing) {
		type_filter(s, key);
		return false;
	}
	if (key == KEY_DOWN || key == KEY_UP)
		move_by(s, key == KEY_DOWN ? 1 : -1);
	else if (key == KEY_NPAGE || key == KEY_PPAGE)
		move_by(s, key == KEY_NPAGE ? LINES - HEAD_LINES
					    : HEAD_LINES - LINES);
	else if (key == '\n' || key == KEY_ENTER)
		show_why(s);
	else if (sorted)
		s->sort = (s->sort + 1) % LOAD_SORTS;
	s->typing = key == '/';
	s->paused ^= key == 'p';
	s->done = key == 'q' || key == KEY_ESCAPE;
	return sorted;
}

/* ---- the loop ------------------------------------------------------------------------- */

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Until it is time for the next question. */
static void wait_for_keys(struct screen *s, double until)
{
	double left;

	while (!s->done && !interrupted && (left = until - seconds_now()) > 0) {
		int key;

		draw(s);
		timeout((int)ceil(left * 1000));
		key = getch();
		if (key != ERR && take_key(s, key))
			return;
	}
}

static SCREEN *begin(struct cli *cli)
{
	/* Without SA_RESTART the wait for a key ends. */
	const struct sigaction action = {.sa_handler = note_interrupt};
	SCREEN *terminal;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	terminal = newterm(NULL, cli->out, stdin);
	if (!terminal)
		return NULL;
	cbreak();
	noecho();
	keypad(stdscr, true);
	curs_set(0);
	if (cli->colour && has_colors()) {
		start_color();
		use_default_colors();
		for (size_t i = 0; i < COUNT_OF(pairs); i++)
			init_pair((short)pairs[i].tint, pairs[i].colour, -1);
	}
	return terminal;
}

static void loop(struct screen *s, double delay_seconds, uint64_t times)
{
	uint64_t asked = 0;

	while (!s->done && !interrupted && (!times || asked < times)) {
		double next = seconds_now() + delay_seconds;

		if (!s->paused) {
			ask_quietly(s, ask_load);
			asked++;
		}
		wait_for_keys(s, next);
	}
}

int screen_run(struct cli *cli, enum load_sort sort, double delay_seconds,
	       uint64_t times)
{
	struct screen s = {.cli = cli, .sort = sort};
	SCREEN *terminal;
	int code = load_fetch(cli, sort, &s.load);

	/* Nobody is there: say so where it can be read afterwards. */
	if (code)
		return code;
	select_rows(&s);
	terminal = begin(cli);
	if (!terminal) {
		load_clear(&s.load);
		free(s.rows);
		return cli_fail(cli, CLI_USAGE,
				"top: this terminal (TERM) is not known; use "
				"--batch");
	}
	loop(&s, delay_seconds, times);
	endwin();
	delscreen(terminal);
	load_clear(&s.load);
	free(s.rows);
	free(s.trouble);
	return CLI_OK;
}
