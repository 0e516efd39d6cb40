/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * input.c - see input.h.
 *
 * A file that was named may also be a pipe, as in -f <(generate): it is read
 * up to the size a policy file may have. In a directory only regular files
 * count, as for the agent.
 */
#include "tools/weirctl/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/policy.h"

#define NAME_BYTES_MAX 200u

static int refuse(struct cli *cli, const char *path, const char *why)
{
	const struct command *command = cli->arguments.command;

	return cli_fail(cli, CLI_REJECTED, "%s: %s: %s%s", command->name, path,
			why, command->changes ? "; nothing was changed" : "");
}

void input_clear(struct input *input)
{
	for (size_t i = 0; i < input->count; i++) {
		free(input->files[i].path);
		free(input->files[i].name);
		free(input->files[i].text);
	}
	free(input->files);
	*input = (struct input){0};
}

const char *input_path(const void *input, const char *name)
{
	const struct input *list = input;

	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->files[i].name, name))
			return list->files[i].path;
	return name;
}

/* ---- reading -------------------------------------------------------------------- */

static int read_all(int fd, char **out, size_t *out_bytes)
{
	scoped(text) char *text = NULL;
	size_t bytes = 0;
	int err = policies_read(fd, &text, &bytes);

	if (!err && bytes > POLICY_FILE_BYTES_MAX)
		err = -EFBIG;
	if (err)
		return err;
	*out = TAKE_PTR(text);
	*out_bytes = bytes;
	return 0;
}

/* The agent takes plain names without a leading dot, each once. */
static char *make_name(const struct input *input, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char *name = NULL;

	base += strspn(base, ".");
	if (asprintf(&name, "%.*s", (int)NAME_BYTES_MAX,
		     *base ? base : "policy") < 0)
		return NULL;
	if (input_path(input, name) == name)
		return name;
	free(name);
	return asprintf(&name, "%zu-%.*s", input->count, (int)NAME_BYTES_MAX,
			base) < 0
		       ? NULL
		       : name;
}

/* Takes `text` over. */
static int append(struct cli *cli, struct input *input, const char *path,
		  char *text, size_t bytes)
{
	struct input_file *files =
		reallocarray(input->files, input->count + 1, sizeof(*files));
	struct input_file file = {
		.path = strdup(path),
		.name = make_name(input, path),
		.text = text,
		.bytes = bytes,
	};

	if (files)
		input->files = files;
	if (files && file.path && file.name) {
		files[input->count++] = file;
		return CLI_OK;
	}
	free(file.path);
	free(file.name);
	free(text);
	return cli_out_of_memory(cli);
}

static int read_fd(struct cli *cli, struct input *input, const char *path,
		   int fd)
{
	char *text = NULL;
	size_t bytes = 0;
	int err = read_all(fd, &text, &bytes);

	if (err == -EFBIG)
		return refuse(cli, path, "larger than 1 MiB");
	if (err)
		return refuse(cli, path, strerror(-err));
	return append(cli, input, path, text, bytes);
}

static int is_policy(const struct dirent *entry)
{
	return policies_is_file_name(entry->d_name);
}

static int read_entry(struct cli *cli, struct input *input, const char *path)
{
	scoped(fd) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return refuse(cli, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(cli, path, "not a regular file");
	return read_fd(cli, input, path, fd);
}

static int read_directory(struct cli *cli, struct input *input,
			  const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_policy, alphasort);
	int code = CLI_OK;

	if (count < 0)
		return refuse(cli, path, strerror(errno));
	for (int i = 0; i < count; i++) {
		scoped(text) char *file = NULL;

		if (asprintf(&file, "%s%s%s", path,
			     path[strlen(path) - 1] == '/' ? "" : "/",
			     entries[i]->d_name) < 0)
			file = NULL;
		if (!code)
			code = file ? read_entry(cli, input, file)
				    : cli_out_of_memory(cli);
		free(entries[i]);
	}
	free(entries);
	if (!code && !count)
		return refuse(cli, path, "no *.yaml or *.yml in it");
	return code;
}

int input_read_one(struct cli *cli, const char *path, struct input *input)
{
	struct stat st;

	if (!strcmp(path, "-"))
		return read_fd(cli, input, INPUT_STDIN, STDIN_FILENO);
	if (!path[0])
		return cli_misused(cli, "--file: the name is empty");
	scoped(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return refuse(cli, path, strerror(errno));
	return S_ISDIR(st.st_mode) ? read_directory(cli, input, path)
				   : read_fd(cli, input, path, fd);
}

int input_read(struct cli *cli, struct input *out)
{
	scoped(input) struct input input = {0};
	const char *path;
	size_t cursor = 0;
	int code = CLI_OK;

	if (!arguments_has(&cli->arguments, "file"))
		return cli_misused(cli, "%s needs -f FILE, -f DIR or -f -",
				   cli->arguments.command->name);
	while (!code &&
	       (path = arguments_next(&cli->arguments, "file", &cursor)))
		code = input_read_one(cli, path, &input);
	if (code)
		return code;
	*out = input;
	input = (struct input){0};
	return CLI_OK;
}
