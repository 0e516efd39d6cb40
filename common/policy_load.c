/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_load.c - policies from files and directories.
 *
 * What is opened may be anything: a fifo must not hold us up, a file of 100 MB
 * must not fill our memory, and a file that everybody can write would let
 * everybody refuse connections.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/policy.h"
#include "common/scoped.h"

DEFINE_SCOPED(policies, struct weir_policies, policies_clear(it))

static bool ends_with(const char *name, const char *ending)
{
	size_t name_bytes = strlen(name), bytes = strlen(ending);

	return name_bytes > bytes && !strcmp(name + name_bytes - bytes, ending);
}

bool policies_is_file_name(const char *name)
{
	return name[0] != '.' &&
	       (ends_with(name, ".yaml") || ends_with(name, ".yml"));
}

static int report(struct weir_errors *errors, const char *path,
		  const char *what, int error)
{
	const struct weir_place place = {.file = path};

	errors_add(errors, &place, NULL, "%s: %s", what, strerror(error));
	return -error;
}

static int refuse(struct weir_errors *errors, const char *path,
		  const char *hint, const char *text)
{
	const struct weir_place place = {.file = path};

	return errors_add(errors, &place, hint, "%s", text);
}

static bool is_dev_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int check_file(struct weir_errors *errors, const char *path,
		      const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return refuse(errors, path, "a policy is a file or a directory",
			      "not a regular file");
	if (st->st_mode & S_IWOTH)
		return refuse(errors, path, "chmod o-w it",
			      "everyone may write this file: it is not read");
	return 0;
}

int policies_check_directory(struct weir_errors *errors, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return report(errors, path, "looking at", errno);
	if (st.st_mode & S_IWOTH)
		return refuse(errors, path, "chmod o-w it",
			      "everyone may write in this directory: it is not "
			      "read");
	return 0;
}

int policies_read(int fd, char **out, size_t *out_bytes)
{
	size_t room = POLICY_FILE_BYTES_MAX + 1, bytes = 0;
	scoped(text) char *text = malloc(room + 1);

	if (!text)
		return -ENOMEM;
	while (bytes < room) {
		ssize_t got = read(fd, text + bytes, room - bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		bytes += (size_t)got;
	}
	text[bytes] = '\0';
	*out = TAKE_PTR(text);
	*out_bytes = bytes;
	return 0;
}

static int load_file(struct weir_policies *out, struct weir_errors *errors,
		     const char *path, int fd)
{
	scoped(text) char *text = NULL;
	size_t bytes = 0;
	int err = policies_read(fd, &text, &bytes);

	if (err)
		return report(errors, path, "reading", -err);
	return policies_parse(out, errors, path, text, bytes);
}

static int load_path(struct weir_policies *out, struct weir_errors *errors,
		     const char *path, bool descend);

static int is_policy_entry(const struct dirent *entry)
{
	return policies_is_file_name(entry->d_name);
}

/* Lexical order wherever it is read: alphasort() asks the locale. */
static int by_bytes(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static int load_entry(struct weir_policies *out, struct weir_errors *errors,
		      const char *directory, const char *name)
{
	scoped(text) char *path = NULL;
	const char *slash = ends_with(directory, "/") ? "" : "/";

	if (asprintf(&path, "%s%s%s", directory, slash, name) < 0)
		return -ENOMEM;
	return load_path(out, errors, path, false);
}

/* All mistakes of all files are reported together. */
static int load_directory(struct weir_policies *out, struct weir_errors *errors,
			  const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_policy_entry, by_bytes);
	int err = 0;

	if (count < 0)
		return report(errors, path, "reading the directory", errno);
	for (int i = 0; i < count; i++) {
		int failed = load_entry(out, errors, path, entries[i]->d_name);

		err = err ? err : failed;
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int load_path(struct weir_policies *out, struct weir_errors *errors,
		     const char *path, bool descend)
{
	scoped(fd) int fd =
		open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int err;

	if (fd < 0)
		return report(errors, path, "opening", errno);
	if (fstat(fd, &st) < 0)
		return report(errors, path, "looking at", errno);
	if (is_dev_null(&st))
		return 0;
	if (descend && S_ISDIR(st.st_mode)) {
		err = policies_check_directory(errors, path);
		return err ? err : load_directory(out, errors, path);
	}
	err = check_file(errors, path, &st);
	return err ? err : load_file(out, errors, path, fd);
}

int policies_load(struct weir_policies *out, struct weir_errors *errors,
		  const char *path)
{
	scoped(policies) struct weir_policies found = {0};
	int err = load_path(&found, errors, path, true);

	return err ? err : policies_move(out, &found);
}
