/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * commands.c - see commands.h.
 */
#include "tools/weirctl/commands.h"

#include <string.h>

#include "common/count_of.h"
#include "common/synonyms.h"

#define KINDS	    "services|endpoints|clients|policies|overrides|generations"
#define EVENT_TYPES "breaker|bulkhead|endpoint|policy|agent"
#define TOP_COLUMNS "state|name|calls|failed|slow|p99|active|refused"

/* clang-format off */
#define FILE_OPTION \
	{.name = "file", .letter = 'f', .value = "FILE|DIR|-", .completion = COMPLETE_FILES, \
	 .help = "policies to read; - is standard input; may be repeated"}

static const struct option status_options[] = {
	{.name = "exit-code", .help = "exit 1 when there is an error among the problems"},
	{0},
};
static const struct option get_options[] = {
	{.name = "watch", .letter = 'w', .help = "print again whenever something changes"},
	{0},
};
static const struct option top_options[] = {
	{.name = "batch", .letter = 'b', .help = "print tables, do not take over the screen"},
	{.name = "count", .letter = 'n', .value = "N", .help = "how many times (batch: 1; 0: until stopped)"},
	{.name = "delay", .letter = 'd', .value = "SECONDS", .help = "time between two (1)"},
	{.name = "sort", .value = "COLUMN", .words = TOP_COLUMNS, .completion = COMPLETE_WORDS,
	 .help = TOP_COLUMNS},
	{0},
};
static const struct option events_options[] = {
	{.name = "follow", .letter = 'f', .help = "wait for further events"},
	{.name = "since", .value = "SPAN|TIME", .help = "not older than 10m, or than 2026-11-24T14:02:11Z"},
	{.name = "last", .value = "N", .help = "the newest N (with -f 10, else all that are held)"},
	{.name = "type", .value = "TYPE", .words = EVENT_TYPES, .completion = COMPLETE_WORDS,
	 .help = EVENT_TYPES},
	{.name = "service", .value = "SERVICE", .completion = COMPLETE_SERVICES, .help = "of one service"},
	{0},
};
static const struct option apply_options[] = {
	FILE_OPTION,
	{.name = "dry-run", .help = "check and compare on the agent, change nothing"},
	{.name = "prune", .help = "delete what was applied earlier and is not given now"},
	{.name = "wait", .help = "return when the new generation is in force"},
	{0},
};
static const struct option force_options[] = {
	{.name = "ttl", .value = "DURATION", .help = "for that long (10m, 1h30m)"},
	{.name = "permanent", .help = "until somebody says auto"},
	{.name = "reason", .value = "TEXT", .help = "why; it is logged and shown"},
	{0},
};
static const struct option lint_options[] = {
	FILE_OPTION,
	{0},
};
static const struct option explain_options[] = {
	{.name = "recursive", .letter = 'r', .help = "with all keys below"},
	{0},
};

#define SUBJECT {.name = "SERVICE|ENDPOINT", .completion = COMPLETE_SUBJECTS}

static const struct command commands[] = {
	{.name = "status", .run = cmd_status, .options = status_options, .formats = FORMATS_OBJECT,
	 .help = "what is wrong, how many are how, what happened last"},
	{.name = "get", .run = cmd_get, .options = get_options, .formats = FORMATS_LIST,
	 .operands = {{.name = "KIND", .words = KINDS, .completion = COMPLETE_WORDS},
		      {.name = "NAME", .completion = COMPLETE_OBJECTS, .optional = true}},
	 .help = "a list",
	 .details = "clients are the processes that hold connections; NAME is then that of a service\n"
		    "or endpoint. They are looked for now, so that list costs more than the others.\n"},
	{.name = "describe", .run = cmd_describe, .formats = FORMATS_OBJECT,
	 .operands = {{.name = "KIND", .words = "service|endpoint|policy", .completion = COMPLETE_WORDS},
		      {.name = "NAME", .completion = COMPLETE_OBJECTS}},
	 .help = "one object in full; each effective value with the line it came from"},
	{.name = "why", .run = cmd_why, .operands = {SUBJECT}, .formats = FORMATS_OBJECT,
	 .help = "why a service or endpoint is as it is, what comes next, what to type",
	 .details = "Says the state and since when, the rule that caused it with its number against\n"
		    "the threshold and where that is written, what was not counted, and what happens\n"
		    "next and when.\n"},
	{.name = "top", .run = cmd_top, .options = top_options,
	 .formats = FORMAT_BIT(TABLE) | FORMAT_BIT(JSON) | FORMAT_BIT(JSONL),
	 .help = "services and endpoints by trouble or load, again and again",
	 .details = "Without a terminal it behaves as with --batch.\n"},
	{.name = "events", .run = cmd_events, .options = events_options,
	 .formats = FORMATS_OBJECT | FORMAT_BIT(WIDE) | FORMAT_BIT(JSONL),
	 .help = "what happened, and with -f what happens",
	 .details = "Where events had left the agent's buffer before they were read, a line says how\n"
		    "many. With -f the format is table, wide or jsonl.\n"},
	{.name = "apply", .run = cmd_apply, .options = apply_options, .formats = FORMATS_OBJECT,
	 .changes = true,
	 .help = "hand policies to the agent: all are in force, or none",
	 .details = "The agent keeps them over restarts; they override policies of the same name in\n"
		    "the policy directories. With one mistake nothing is changed.\n"},
	{.name = "delete", .run = cmd_delete, .operands = {{.name = "POLICY", .completion = COMPLETE_POLICIES}},
	 .formats = FORMATS_OBJECT, .changes = true,
	 .help = "take back a policy that was applied"},
	{.name = "reload", .run = cmd_reload, .formats = FORMATS_OBJECT, .changes = true,
	 .help = "let the agent read its policy directories again"},
	{.name = "force", .run = cmd_force, .options = force_options,
	 .operands = {SUBJECT, {.name = "STATE", .words = "open|closed|auto", .completion = COMPLETE_WORDS}},
	 .formats = FORMATS_OBJECT, .changes = true,
	 .help = "hold a breaker open or closed, or hand it back",
	 .details = "open refuses every new connection, closed lets all through. Both need --reason\n"
		    "and either --ttl or --permanent. auto hands it back to its policy.\n"},
	{.name = "reset", .run = cmd_reset, .operands = {SUBJECT}, .formats = FORMATS_OBJECT, .changes = true,
	 .help = "close a breaker and forget its window and backoff",
	 .details = "Connections are left alone. A service's reset is that of all its endpoints.\n"},
	{.name = "lint", .run = cmd_lint, .options = lint_options, .formats = FORMATS_OBJECT,
	 .help = "are these policies right? Needs no agent and no root"},
	{.name = "explain", .run = cmd_explain, .options = explain_options, .formats = FORMATS_OBJECT,
	 .operands = {{.name = "PATH", .completion = COMPLETE_FIELDS, .optional = true}},
	 .help = "what a key of the policy language means",
	 .details = "As in: weirctl explain spec.circuitBreaker.onOpen. The last part of a path is\n"
		    "enough where it is unique.\n"},
	{.name = "schema", .run = cmd_schema, .formats = FORMAT_BIT(JSON) | FORMAT_BIT(YAML),
	 .format = FORMAT_JSON,
	 .help = "the policy language as JSON Schema, for editors"},
	{.name = "check", .run = cmd_check, .formats = FORMATS_OBJECT,
	 .help = "can this host do everything? Also without an agent"},
	{.name = "completion", .run = cmd_completion,
	 .operands = {{.name = "SHELL", .words = "bash|zsh|fish", .completion = COMPLETE_WORDS}},
	 .help = "print a completion script",
	 .details = "bash: source <(weirctl completion bash)\n"
		    "zsh:  weirctl completion zsh > \"${fpath[1]}/_weirctl\"\n"
		    "fish: weirctl completion fish | source\n"},
	{.name = "version", .run = cmd_version, .formats = FORMATS_OBJECT,
	 .help = "which weirctl, and which agent if one answers"},
	{.name = "help", .run = cmd_help,
	 .operands = {{.name = "COMMAND", .completion = COMPLETE_COMMANDS, .optional = true}},
	 .help = "how a command is used"},
	{.name = "__complete", .run = cmd_complete, .hidden = true, .raw = true,
	 .help = "what a shell may offer next"},
};
/* clang-format on */

const struct command *commands_next(const struct command *previous)
{
	const struct command *next = previous ? previous + 1 : commands;

	return next < commands + COUNT_OF(commands) ? next : NULL;
}

const struct command *commands_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

const struct command *commands_nearest(const char *name)
{
	const struct command *best = NULL;
	unsigned nearest = 3;

	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		unsigned distance = synonyms_distance(commands[i].name, name);

		if (!commands[i].hidden && distance < nearest) {
			nearest = distance;
			best = &commands[i];
		}
	}
	return best;
}
