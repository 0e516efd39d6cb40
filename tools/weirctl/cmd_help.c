/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_help.c - what can be typed, and which weirctl this is.
 */
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"
#include "tools/weirctl/usage.h"

#define AGENT_TIMEOUT_MS 1000u

int cmd_help(struct cli *cli)
{
	const char *name = cli_operand(cli, 0);
	const struct command *command = name ? commands_find(name) : NULL;
	const struct command *near = name ? commands_nearest(name) : NULL;

	if (name && !command)
		return cli_misused(cli, "'%s' is not a command%s%s%s", name,
				   near ? "; did you mean " : "",
				   near ? near->name : "", near ? "?" : "");
	usage_print(cli, command);
	return CLI_OK;
}

/* The agent's version is a courtesy: nobody asked whether it runs. */
int cmd_version(struct cli *cli)
{
	const struct ask_request request = {
		.path = "/version",
		.timeout_ms = AGENT_TIMEOUT_MS,
		.quiet = true,
	};
	scoped(json) json_t *agent = NULL;
	scoped(json) json_t *versions = NULL;
	const char *version;

	ask(cli, &request, &agent);
	version = look_text(agent, "version");
	versions = json_pack("{s:s, s:s, s:s, s:s?}", "apiVersion", "weir/v1",
			     "kind", "Versions", "weirctl", WEIR_VERSION,
			     "agent", version);
	if (!versions)
		return cli_out_of_memory(cli);
	if (show_wanted(cli))
		return show(cli, versions, NULL);
	cli_line(cli, "weirctl %s", WEIR_VERSION);
	if (version)
		cli_line(cli, "weir-agent %s", version);
	return CLI_OK;
}
