/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event_line.c - see event_line.h.
 */
#include "tools/weirctl/event_line.h"

#include <string.h>
#include <time.h>

#include "common/text.h"
#include "tools/weirctl/figures.h"
#include "tools/weirctl/look.h"

/* "2026-11-24T14:02:11.204Z" to what is needed to know when it was. */
static void add_time(struct cli *cli, const char *time_text)
{
	char today[TEXT_TIME_BYTES];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	text_time((int64_t)now.tv_sec * 1000000000, today);
	if (cli->arguments.format != FORMAT_WIDE && strlen(time_text) > 11 &&
	    !strncmp(time_text, today, 11))
		time_text += 11;
	cli_add(cli, TINT_DIM, "%s", time_text);
}

/* Most sentences begin with whom they are about. */
static void add_service(struct cli *cli, json_t *event, const char *text)
{
	const char *service = look_text_or_empty(event, "service");

	if (service[0] && strncmp(text, service, strlen(service)))
		cli_add(cli, TINT_NONE, "%s: ", service);
}

void event_line(struct cli *cli, json_t *event)
{
	const char *text = look_text_or_empty(event, "text");
	char type[FIGURE_BYTES];

	figures_state(look_text(event, "type"), type);
	add_time(cli, look_text_or_empty(event, "time"));
	cli_add(cli, figures_state_tint(look_text(event, "to")), "  %-8s",
		type);
	cli_add(cli, TINT_NONE, "  ");
	add_service(cli, event, text);
	cli_line(cli, "%s", text);
}

void event_gap(struct cli *cli, json_int_t lost)
{
	cli_add(cli, TINT_WARN,
		"--- a gap: %lld events had left the agent's buffer before "
		"they were read ---",
		(long long)lost);
	cli_line(cli, "%s", "");
}
