/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_top.c - services and endpoints by trouble or load, again and again.
 */
#include <math.h>
#include <time.h>

#include "common/scan.h"
#include "common/text.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/load.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/screen.h"
#include "tools/weirctl/show.h"

#define DELAY_MAX_SECONDS 3600

struct plan {
	uint64_t times; /* 0: until stopped */
	double delay_seconds;
	enum load_sort sort;
	bool batch;
};

static int read_plan(struct cli *cli, struct plan *plan)
{
	const struct arguments *arguments = &cli->arguments;
	const char *times = arguments_value(arguments, "count");
	const char *delay = arguments_value(arguments, "delay");
	const char *sort = arguments_value(arguments, "sort");

	*plan = (struct plan){.delay_seconds = 1};
	plan->batch = arguments_has(arguments, "batch") || !cli->terminal ||
		      show_wanted(cli);
	plan->times = plan->batch;
	if (times && scan_count(times, &plan->times))
		return cli_misused(cli, "--count: '%s' is not a number", times);
	if (delay && (scan_decimal(delay, &plan->delay_seconds) ||
		      plan->delay_seconds < 0.1 ||
		      plan->delay_seconds > DELAY_MAX_SECONDS))
		return cli_misused(cli,
				   "--delay: '%s' is not 0.1 to %d seconds",
				   delay, DELAY_MAX_SECONDS);
	for (const struct option *option = arguments->command->options;
	     sort && option->name; option++)
		if (option->words)
			plan->sort = (enum load_sort)arguments_match(
				option->words, sort);
	if (cli->arguments.format == FORMAT_JSON && plan->times != 1)
		return cli_misused(cli, "top has -o json only with -n 1; jsonl "
					"is one object a line");
	return CLI_OK;
}

static void print_head(struct cli *cli)
{
	char now[TEXT_TIME_BYTES];
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	text_time((int64_t)time.tv_sec * 1000000000 + time.tv_nsec, now);
	if (cli->arguments.headers)
		cli_line(cli, "%s", now);
}

static int print_machine(struct cli *cli, const struct load *load)
{
	int code = CLI_OK;

	if (cli->arguments.format == FORMAT_JSONL) {
		for (size_t i = 0; i < load->count && !code; i++)
			code = show_line(cli, load->rows[i].object);
		return code;
	}
	scoped(json) json_t *list =
		json_pack("{s:s, s:s, s:[]}", "apiVersion", "weir/v1", "kind",
			  "Top", "items");
	for (size_t i = 0; list && i < load->count; i++)
		json_array_append(json_object_get(list, "items"),
				  load->rows[i].object);
	return list ? show(cli, list, NULL) : cli_out_of_memory(cli);
}

static int print_once(struct cli *cli, const struct plan *plan)
{
	scoped(load) struct load load = {0};
	int code = load_fetch(cli, plan->sort, &load);

	if (code)
		return code;
	if (show_wanted(cli))
		return print_machine(cli, &load);
	print_head(cli);
	if (!load.count)
		cli_line(cli, "no connection was seen yet");
	return load.count ? load_print(cli, &load) : CLI_OK;
}

static void pause_for(double seconds)
{
	struct timespec time = {.tv_sec = (time_t)seconds};

	time.tv_nsec = (long)((seconds - floor(seconds)) * 1e9);
	nanosleep(&time, NULL);
}

static int run_batch(struct cli *cli, const struct plan *plan)
{
	for (uint64_t i = 0; !plan->times || i < plan->times; i++) {
		int code;

		if (i) {
			pause_for(plan->delay_seconds);
			if (!show_wanted(cli))
				cli_line(cli, "%s", "");
		}
		code = print_once(cli, plan);
		fflush(cli->out);
		if (code || cli_broken(cli))
			return code;
	}
	return CLI_OK;
}

int cmd_top(struct cli *cli)
{
	struct plan plan;
	int code = read_plan(cli, &plan);

	if (code)
		return code;
	return plan.batch ? run_batch(cli, &plan)
			  : screen_run(cli, plan.sort, plan.delay_seconds,
				       plan.times);
}
