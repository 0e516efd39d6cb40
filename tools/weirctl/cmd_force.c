/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_force.c - an operator overrules a breaker: force and reset.
 *
 * What refuses or admits everything must say until when and why; there is no
 * default that somebody forgets about.
 */
#include <string.h>

#include "common/scan.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

static int check_force(struct cli *cli, uint64_t *ttl_ns)
{
	const struct arguments *arguments = &cli->arguments;
	const char *ttl = arguments_value(arguments, "ttl");
	const char *reason = arguments_value(arguments, "reason");
	const char *state = cli_operand(cli, 1);
	bool permanent = arguments_has(arguments, "permanent");

	if (ttl && scan_duration(ttl, ttl_ns))
		return cli_misused(cli,
				   "--ttl: '%s' is not a duration as in 10m or "
				   "1h30m",
				   ttl);
	if (ttl && !*ttl_ns)
		return cli_misused(cli, "--ttl: 0 is no time at all; for ever "
					"is --permanent");
	if (ttl && permanent)
		return cli_misused(cli, "--ttl and --permanent exclude each "
					"other");
	if (!strcmp(state, "auto"))
		return ttl || permanent
			       ? cli_misused(cli, "auto takes neither --ttl "
						  "nor --permanent")
			       : CLI_OK;
	if (!ttl && !permanent)
		return cli_misused(cli,
				   "force %s needs --ttl DURATION or "
				   "--permanent",
				   state);
	if (!reason || !reason[0])
		return cli_misused(cli, "force %s needs --reason TEXT", state);
	return CLI_OK;
}

static int change(struct cli *cli, const char *path, json_t *body, json_t **out)
{
	scoped(json) json_t *owner = body;
	const struct ask_request request = {
		.method = "POST",
		.path = path,
		.body = owner,
		.timeout_ms = ASK_CHANGE_TIMEOUT_MS,
	};

	return owner ? ask(cli, &request, out)
		     : cli_misused(cli, "names and reasons are UTF-8 texts");
}

/* One line that says how it is now. */
static int tell(struct cli *cli, json_t *subject, const char *what)
{
	const char *service_state = look_text(subject, "state");
	const char *own = look_text(subject, "breaker.state");
	double left = look_number(subject, "breaker.until_seconds");
	char state[FIGURE_BYTES], span[FIGURE_BYTES];

	if (show_wanted(cli))
		return show(cli, subject, NULL);
	figures_state(own ? own : service_state, state);
	figures_span(left, span);
	cli_add(cli, TINT_NONE, "%s: %s; it is ",
		look_text_or_empty(subject, "name"), what);
	cli_add(cli, figures_state_tint(own ? own : service_state), "%s",
		state);
	if (left > 0 && !strncmp(state, "FORCED", 6))
		cli_add(cli, TINT_NONE, " for %s", span);
	if (!strcmp(look_text_or_empty(subject, "mode"), "observe"))
		cli_add(cli, TINT_NONE, " (observe: nothing is refused)");
	cli_line(cli, "%s", "");
	return CLI_OK;
}

int cmd_force(struct cli *cli)
{
	const char *reason = arguments_value(&cli->arguments, "reason");
	scoped(json) json_t *subject = NULL;
	uint64_t ttl_ns = 0;
	char what[32];
	int code = check_force(cli, &ttl_ns);

	if (!code)
		code = change(cli, "/v1/force",
			      json_pack("{s:s, s:s, s:f, s:s}", "name",
					cli_operand(cli, 0), "state",
					cli_operand(cli, 1), "ttl_seconds",
					(double)ttl_ns / 1e9, "reason",
					reason ? reason : ""),
			      &subject);
	if (code)
		return code;
	snprintf(what, sizeof(what), "force %s", cli_operand(cli, 1));
	return tell(cli, subject, what);
}

int cmd_reset(struct cli *cli)
{
	scoped(json) json_t *subject = NULL;
	int code = change(cli, "/v1/reset",
			  json_pack("{s:s}", "name", cli_operand(cli, 0)),
			  &subject);

	return code ? code : tell(cli, subject, "reset");
}
