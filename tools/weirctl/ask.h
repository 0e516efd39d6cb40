/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ask.h - questions to the agent over its control socket (docs/API.md).
 *
 * A failure is one sentence and an exit code; what to do about it depends on
 * whether nobody is there, nobody may, or nobody answers.
 */
#pragma once

#include <jansson.h>

#include "common/text.h"
#include "tools/weirctl/cli.h"

#define ASK_SOCKET_DEFAULT	"/run/weir/weir.sock"
#define ASK_ANSWER_BYTES_MAX	(128u * 1024u * 1024u)
#define ASK_BODY_BYTES_MAX	(8u * 1024u * 1024u)
#define ASK_TIMEOUT_MS		10000u
#define ASK_CHANGE_TIMEOUT_MS	60000u
#define ASK_EVENTS_WAIT_SECONDS 25u

/* `path` with query; make it with ask_path(). */
struct ask_request {
	const char *method; /* NULL: GET */
	const char *path;
	const json_t *body;   /* NULL: none */
	unsigned timeout_ms;  /* 0: ASK_TIMEOUT_MS */
	bool quiet;	      /* print nothing when it fails */
	const char *opt_hint; /* what to do when it is not found */
	json_t **opt_error;   /* the Error object of a rejection; owned */
};

/*
 * Asks. 0 with the answer, which the caller owns, or an enum cli_exit after
 * one line on stderr.
 */
int ask(struct cli *cli, const struct ask_request *request, json_t **out);
int ask_get(struct cli *cli, const char *path, json_t **out);

/* Adds "?name=value" or "&name=value", escaped. NULL values add nothing. */
void ask_argument(struct text *path, const char *name, const char *opt_value);

void ask_close(struct ask *ask);
