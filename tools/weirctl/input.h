/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * input.h - policy texts from files, directories and standard input.
 */
#pragma once

#include "tools/weirctl/cli.h"

#define INPUT_STDIN "<stdin>"

struct input_file {
	char *path; /* as the person named it; "<stdin>" */
	char *name; /* what the agent is told: a file name, unique */
	char *text;
	size_t bytes;
};

struct input {
	struct input_file *files;
	size_t count;
};

/*
 * Reads what every -f names. An enum cli_exit, after it was said why: nothing
 * named is a usage error, unreadable is rejected.
 */
int input_read(struct cli *cli, struct input *out);
int input_read_one(struct cli *cli, const char *path, struct input *out);
void input_clear(struct input *input);

/* A diagnostics_rename: from the name the agent knows to the path. */
const char *input_path(const void *input, const char *name);

DEFINE_SCOPED(input, struct input, input_clear(it))
