/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_events.c - what happened, and what happens.
 *
 * Following is a long poll: the agent answers when there is something after
 * the number we give, or when its patience ends. Numbers have no holes, so a
 * gap is seen and shown.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "common/scan.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/event_line.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

#define HELD_MAX      2048u /* what the agent remembers, and gives at once */
#define FOLLOW_BEFORE 10u
#define SLACK_MS      10000u

struct question {
	json_int_t since; /* a number; 0: the newest */
	uint64_t limit;
	double not_before; /* seconds since the epoch; NAN: any */
	bool follow;
};

static int read_since(struct cli *cli, struct question *q)
{
	const char *text = arguments_value(&cli->arguments, "since");
	struct timespec now;
	uint64_t span_ns;

	q->not_before = NAN;
	if (!text)
		return CLI_OK;
	clock_gettime(CLOCK_REALTIME, &now);
	if (!scan_duration(text, &span_ns))
		q->not_before = (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
				(double)span_ns / 1e9;
	else
		q->not_before = figures_time(text);
	if (isfinite(q->not_before))
		return CLI_OK;
	return cli_misused(cli,
			   "--since: '%s' is neither a span (10m, 1h30m) nor a "
			   "time (2026-11-24T14:02:11Z)",
			   text);
}

static int read_last(struct cli *cli, struct question *q)
{
	const char *text = arguments_value(&cli->arguments, "last");
	bool bounded = q->follow && !isfinite(q->not_before);

	q->limit = bounded ? FOLLOW_BEFORE : HELD_MAX;
	if (!text)
		return CLI_OK;
	if (scan_count(text, &q->limit) || q->limit > HELD_MAX)
		return cli_misused(cli, "--last: '%s' is not 0 to %u", text,
				   HELD_MAX);
	return CLI_OK;
}

static int read_question(struct cli *cli, struct question *q)
{
	enum format format = cli->arguments.format;
	int code;

	q->follow = arguments_has(&cli->arguments, "follow");
	if (q->follow && (format == FORMAT_JSON || format == FORMAT_YAML))
		return cli_misused(cli,
				   "events -f has no -o %s: it never ends; "
				   "jsonl is one object a line",
				   arguments_format_name(format));
	code = read_since(cli, q);
	return code ? code : read_last(cli, q);
}

/* ---- asking --------------------------------------------------------------------- */

static char *make_path(const struct cli *cli, const struct question *q,
		       bool wait)
{
	static const char *const filters[] = {"service", "type"};
	struct text path = {0};

	text_add(&path, "/v1/events?since=%lld&limit=%llu", (long long)q->since,
		 (unsigned long long)q->limit);
	if (wait)
		text_add(&path, "&wait=%u", ASK_EVENTS_WAIT_SECONDS);
	for (size_t i = 0; i < 2; i++)
		ask_argument(&path, filters[i],
			     arguments_value(&cli->arguments, filters[i]));
	return text_take(&path, NULL);
}

static int ask_events(struct cli *cli, const struct question *q, bool wait,
		      json_t **out)
{
	scoped(text) char *path = make_path(cli, q, wait);
	const struct ask_request request = {
		.path = path,
		.timeout_ms =
			wait ? ASK_EVENTS_WAIT_SECONDS * 1000 + SLACK_MS : 0,
	};

	return path ? ask(cli, &request, out) : cli_out_of_memory(cli);
}

static void drop_older(json_t *list, double not_before)
{
	json_t *items = json_object_get(list, "items");

	for (size_t i = json_array_size(items); i-- > 0;) {
		const char *when =
			look_text_or_empty(json_array_get(items, i), "time");

		if (figures_time(when) < not_before)
			json_array_remove(items, i);
	}
}

/* ---- showing ----------------------------------------------------------------------- */

static int print_gap(struct cli *cli, json_int_t lost)
{
	scoped(json) json_t *gap = NULL;

	if (cli->arguments.format != FORMAT_JSONL) {
		event_gap(cli, lost);
		return CLI_OK;
	}
	gap = json_pack("{s:s, s:s, s:I}", "apiVersion", "weir/v1", "kind",
			"EventGap", "lost", lost);
	return gap ? show_line(cli, gap) : cli_out_of_memory(cli);
}

static int print_events(struct cli *cli, json_t *list)
{
	json_int_t lost = look_count(list, "lost");
	json_t *event;
	size_t i;

	if (lost && print_gap(cli, lost))
		return CLI_BUG;
	json_array_foreach (look_at(list, "items"), i, event) {
		if (cli->arguments.format != FORMAT_JSONL)
			event_line(cli, event);
		else if (show_line(cli, event))
			return CLI_BUG;
	}
	fflush(cli->out);
	return CLI_OK;
}

static int follow(struct cli *cli, struct question *q)
{
	int code = CLI_OK;

	q->limit = HELD_MAX;
	while (!code && !cli_broken(cli)) {
		scoped(json) json_t *list = NULL;
		json_int_t next;

		code = ask_events(cli, q, true, &list);
		if (code)
			break;
		next = look_count(list, "next");
		if (next < q->since)
			cli_note(cli, "the agent was started anew: its events "
				      "begin again");
		q->since = next;
		code = print_events(cli, list);
	}
	return code == CLI_READER_GONE ? CLI_OK : code;
}

int cmd_events(struct cli *cli)
{
	struct question q = {0};
	scoped(json) json_t *list = NULL;
	int code = read_question(cli, &q);

	if (!code)
		code = ask_events(cli, &q, false, &list);
	if (code)
		return code;
	if (isfinite(q.not_before))
		drop_older(list, q.not_before);
	if (show_wanted(cli) && cli->arguments.format != FORMAT_JSONL)
		return show(cli, list, NULL);
	code = print_events(cli, list);
	q.since = look_count(list, "next");
	return code || !q.follow ? code : follow(cli, &q);
}
