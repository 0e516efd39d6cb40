/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_describe.c - one service, endpoint or policy in full.
 */
#include <stdarg.h>
#include <string.h>

#include "common/count_of.h"
#include "common/fields.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/grid.h"
#include "tools/weirctl/kinds.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

#define LABEL_WIDTH 14

__attribute__((format(printf, 3, 4))) static void
row(struct cli *cli, const char *label, const char *format, ...)
{
	scoped(text) char *text = NULL;
	va_list values;

	va_start(values, format);
	if (vasprintf(&text, format, values) < 0)
		text = NULL;
	va_end(values);
	cli_add(cli, TINT_STRONG, "%-*s", LABEL_WIDTH, label);
	cli_line(cli, "%s", text ? text : "");
}

/* ---- the parts of traffic -------------------------------------------------------- */

/* "refused 3, timeout 1"; what is 0 is left out. */
static char *counts_of(json_t *counts)
{
	struct text text = {0};
	const char *key;
	json_t *value;

	json_object_foreach (counts, key, value)
		if (json_integer_value(value))
			text_add(&text, "%s%s %lld", text.bytes ? ", " : "",
				 key, (long long)json_integer_value(value));
	if (!text.bytes)
		text_add(&text, "none");
	return text_take(&text, NULL);
}

static void row_counts(struct cli *cli, const char *label, json_t *counts)
{
	scoped(text) char *text = counts_of(counts);

	row(cli, label, "%s", text ? text : "");
}

static void print_connections(struct cli *cli, json_t *object)
{
	char in_use[FIGURE_BYTES];

	figures_in_use(look_count(object, "connections.active"),
		       look_at(object, "limits.connections"), in_use);
	row(cli, "connections",
	    "%s in use, %lld connecting, %lld opened, %lld refused by Weir",
	    in_use, (long long)look_count(object, "connections.connecting"),
	    (long long)look_count(object, "connections.opened"),
	    (long long)look_count(object, "connections.refused"));
}

static void print_latency(struct cli *cli, json_t *object, const char *phase)
{
	json_t *of = look_at(object, phase);
	char p50[FIGURE_BYTES], p99[FIGURE_BYTES];

	figures_latency(look_number(of, "p50_seconds"), p50);
	figures_latency(look_number(of, "p99_seconds"), p99);
	row(cli, phase, "p50 %s, p99 %s (%lld lately)", p50, p99,
	    (long long)look_count(of, "count"));
}

static void print_queue(struct cli *cli, json_t *object)
{
	json_t *queue = look_at(object, "queue");
	char p50[FIGURE_BYTES], p99[FIGURE_BYTES];

	if (!json_is_object(queue))
		return;
	figures_latency(look_number(queue, "wait.p50_seconds"), p50);
	figures_latency(look_number(queue, "wait.p99_seconds"), p99);
	row(cli, "queue",
	    "%lld of %lld wait; waits p50 %s, p99 %s (%lld served); "
	    "%lld in vain, %lld left",
	    (long long)look_count(queue, "waiting"),
	    (long long)look_count(queue, "max"), p50, p99,
	    (long long)look_count(queue, "wait.count"),
	    (long long)look_count(queue, "expired"),
	    (long long)look_count(queue, "left"));
}

static void print_traffic(struct cli *cli, json_t *object)
{
	char calls[FIGURE_BYTES], failed[FIGURE_BYTES], slow[FIGURE_BYTES];
	char refused[FIGURE_BYTES];

	print_connections(cli, object);
	print_queue(cli, object);
	figures_rate(look_number(object, "rates.calls_per_second"), calls);
	figures_percent(look_number(object, "rates.failed_ratio"), failed);
	figures_percent(look_number(object, "rates.slow_ratio"), slow);
	figures_rate(look_number(object, "rates.refused_per_second"), refused);
	row(cli, "now", "%s calls/s, %s%% failed, %s%% slow, %s/s refused",
	    calls, failed, slow, refused);
	row(cli, "in flight", "%lld calls, %lld of them overdue",
	    (long long)look_count(object, "calls.active"),
	    (long long)look_count(object, "calls.overdue"));
	row_counts(cli, "connects", look_at(object, "calls.connect"));
	row_counts(cli, "turns", look_at(object, "calls.turn"));
	row_counts(cli, "failures", look_at(object, "failures"));
	print_latency(cli, object, "connect");
	print_latency(cli, object, "response");
}

/* ---- the breaker ------------------------------------------------------------------- */

static void print_override(struct cli *cli, json_t *breaker)
{
	const char *until = look_text(breaker, "until");

	if (look_text(breaker, "override.by"))
		row(cli, "override", "by %s until %s: %s",
		    look_text_or_empty(breaker, "override.by"),
		    until ? until : "somebody says auto",
		    look_text_or_empty(breaker, "override.reason"));
}

static void print_breaker(struct cli *cli, json_t *object)
{
	json_t *breaker = look_at(object, "breaker");
	const char *name = look_text(breaker, "state");
	const char *since = look_text(breaker, "since");
	char state[FIGURE_BYTES];

	if (!json_is_object(breaker))
		return;
	figures_state(name, state);
	cli_add(cli, TINT_STRONG, "%-*s", LABEL_WIDTH, "breaker");
	cli_add(cli, figures_state_tint(name), "%s", state);
	cli_line(cli, "%s%s%s", since ? " since " : "", since ? since : "",
		 look_true(breaker, "enforced") ? "" : " (not enforced)");
	if (strcmp(look_text_or_empty(breaker, "trip"), "none"))
		row(cli, "because", "%s, %lld against %lld",
		    look_text_or_empty(breaker, "trip"),
		    (long long)look_count(breaker, "value"),
		    (long long)look_count(breaker, "threshold"));
	row(cli, "window", "%lld calls, %lld failed, %lld slow",
	    (long long)look_count(breaker, "window.calls"),
	    (long long)look_count(breaker, "window.failures"),
	    (long long)look_count(breaker, "window.slow"));
	print_override(cli, breaker);
}

/* ---- values --------------------------------------------------------------------------- */

static void value_row(struct grid *grid, json_t *value, const char *file)
{
	const char *path = look_text_or_empty(value, "path");
	const struct field *field = fields_find(path);
	json_t *is = look_at(value, "value");
	const char *text = json_string_value(is);
	char number[32];

	if (json_is_number(is)) {
		snprintf(number, sizeof(number), "%.10g",
			 json_number_value(is));
		text = number;
	}
	if (!text)
		text = field && field->unset ? field->unset : "-";
	grid_row(grid);
	grid_cell(grid, TINT_NONE, "%s", path);
	grid_cell(grid, TINT_NONE, "%s", text);
	if (look_count(value, "line"))
		grid_cell(grid, TINT_NONE, "%s:%lld:%lld", file,
			  (long long)look_count(value, "line"),
			  (long long)look_count(value, "column"));
	else
		grid_cell(grid, TINT_DIM, "default");
}

static int print_values(struct cli *cli, json_t *policy)
{
	static const struct grid_column columns[] = {
		{.title = "KEY"},
		{.title = "VALUE"},
		{.title = "FROM", .cut = true},
	};
	struct grid grid;
	json_t *value;
	size_t i;

	if (!look_size(policy, "values"))
		return CLI_OK;
	cli_line(cli, "%s", "");
	grid_begin(&grid, cli, columns, COUNT_OF(columns));
	json_array_foreach (look_at(policy, "values"), i, value)
		value_row(&grid, value, look_text_or_empty(policy, "file"));
	return grid_print(&grid);
}

/* ---- the kinds -------------------------------------------------------------------------- */

static int print_policy(struct cli *cli, json_t *policy)
{
	const char *mask = look_text(policy, "overridden_by");
	const char *key;
	json_t *value;

	row(cli, "policy", "%s", look_text_or_empty(policy, "name"));
	row(cli, "mode", "%s", look_text_or_empty(policy, "mode"));
	row(cli, "file", "%s:%lld", look_text_or_empty(policy, "file"),
	    (long long)look_count(policy, "line"));
	if (mask)
		row(cli, "overridden by", "%s", mask);
	json_object_foreach (look_at(policy, "labels"), key, value)
		row(cli, "label", "%s=%s", key, json_string_value(value) ?: "");
	return print_values(cli, policy);
}

static void print_service(struct cli *cli, json_t *service)
{
	const char *state = look_text(service, "state");
	const char *since = look_text(service, "since");
	char word[FIGURE_BYTES];
	bool ingress =
		!strcmp(look_text_or_empty(service, "direction"), "ingress");

	figures_state(state, word);
	row(cli, "service", "%s", look_text_or_empty(service, "name"));
	cli_add(cli, TINT_STRONG, "%-*s", LABEL_WIDTH, "state");
	cli_add(cli, figures_state_tint(state), "%s", word);
	cli_line(cli, "%s%s%s", since ? " since " : "", since ? since : "",
		 look_true(service, "panic") ? " (panic: enforcement pauses)"
					     : "");
	if (look_true(service, "observed"))
		row(cli, "mode", "only observed: no policy names it");
	else
		row(cli, "mode", "%s, %s%s%s",
		    look_text_or_empty(service, "mode"),
		    look_text_or_empty(service, "direction"),
		    ingress ? "" : ", scope ",
		    ingress ? "" : look_text_or_empty(service, "scope"));
	print_breaker(cli, service);
	print_traffic(cli, service);
	row_counts(cli, "refusals", look_at(service, "decisions.refuse"));
	row_counts(cli, "would refuse",
		   look_at(service, "decisions.would_refuse"));
	if (!ingress)
		return;
	row_counts(cli, "SYNs lost", look_at(service, "decisions.drop"));
	row_counts(cli, "reset", look_at(service, "decisions.reset"));
}

static void print_endpoint(struct cli *cli, json_t *endpoint)
{
	row(cli, "endpoint", "%s", look_text_or_empty(endpoint, "name"));
	row(cli, "service", "%s", look_text_or_empty(endpoint, "service"));
	print_breaker(cli, endpoint);
	print_traffic(cli, endpoint);
}

/* What belongs to a service: its endpoints, and its policy's values. */
struct surroundings {
	json_t *endpoints;
	json_t *policy;
};

static void surroundings_clear(struct surroundings *s)
{
	json_decref(s->endpoints);
	json_decref(s->policy);
}

DEFINE_SCOPED(surroundings, struct surroundings, surroundings_clear(it))

static int ask_about(struct cli *cli, const char *path, const char *key,
		     const char *value, json_t **out)
{
	struct text text = {0};
	scoped(text) char *whole = NULL;

	text_add(&text, "%s", path);
	ask_argument(&text, key, value);
	whole = text_take(&text, NULL);
	return whole ? ask_get(cli, whole, out) : cli_out_of_memory(cli);
}

static int look_around(struct cli *cli, json_t *service,
		       struct surroundings *out)
{
	const char *name = look_text_or_empty(service, "name");
	scoped(json) json_t *list = NULL;
	scoped(json) json_t *policies = NULL;
	json_t *policy;
	size_t i;
	int code = ask_about(cli, "/v1/endpoints", "service", name, &list);

	if (!code && !look_true(service, "observed"))
		code = ask_about(cli, "/v1/policies", "name", name, &policies);
	if (code)
		return code;
	out->endpoints = json_incref(look_at(list, "items"));
	json_array_foreach (look_at(policies, "items"), i, policy)
		if (!out->policy && !look_text(policy, "overridden_by"))
			out->policy = json_incref(policy);
	return CLI_OK;
}

static int describe_service(struct cli *cli, json_t *service)
{
	scoped(surroundings) struct surroundings around = {0};
	int code = look_around(cli, service, &around);

	if (code)
		return code;
	if (show_wanted(cli)) {
		json_object_set(service, "endpointItems", around.endpoints);
		if (around.policy)
			json_object_set(service, "values",
					look_at(around.policy, "values"));
		return show(cli, service, NULL);
	}
	print_service(cli, service);
	if (around.policy)
		print_values(cli, around.policy);
	if (json_array_size(around.endpoints)) {
		cli_line(cli, "%s", "");
		code = kinds_find("endpoints")->print(cli, around.endpoints);
	}
	return code;
}

static int describe_one(struct cli *cli, const char *kind, json_t *object)
{
	if (!strcmp(kind, "service"))
		return describe_service(cli, object);
	if (show_wanted(cli))
		return show(cli, object, NULL);
	if (!strcmp(kind, "policy"))
		return print_policy(cli, object);
	print_endpoint(cli, object);
	return CLI_OK;
}

/* An endpoint that two services have is two objects: both are shown. */
int cmd_describe(struct cli *cli)
{
	const struct kind *kind = kinds_find(cli_operand(cli, 0));
	scoped(json) json_t *list = NULL;
	json_t *item;
	size_t i;
	int code = kinds_fetch(cli, kind, cli_operand(cli, 1), &list);

	json_array_foreach (look_at(list, "items"), i, item) {
		if (i && !code && !show_wanted(cli))
			cli_line(cli, "%s", "");
		if (!code)
			code = describe_one(cli, kind->one, item);
	}
	return code;
}
