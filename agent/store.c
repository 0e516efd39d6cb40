/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * store.c - see store.h.
 */
#include "agent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/scoped.h"

#define FILES_MAX POLICIES_MAX

/* A policy file, and the later directory that has one of the same name. */
struct source {
	char path[PATH_MAX];
	const char *masked_by; /* the directory, or NULL */
};

struct sources {
	struct source *items;
	size_t count;
};

DEFINE_SCOPED(sources, struct sources, free(it->items))
DEFINE_SCOPED(policies, struct weir_policies, policies_clear(it))
DEFINE_SCOPED(errors, struct weir_errors, errors_clear(it))
DEFINE_SCOPED(set, struct policy_set *, policy_set_free(*it))

/* ---- directories -------------------------------------------------------------- */

static int make_directory(const char *path)
{
	return mkdir(path, 0750) < 0 && errno != EEXIST ? -errno : 0;
}

int store_open(struct store *store, const char *const *dirs, size_t dir_count,
	       const char *state_dir)
{
	char applied_dir[216];
	int err;

	if (strlen(state_dir) > 200)
		return -ENAMETOOLONG;
	snprintf(applied_dir, sizeof(applied_dir), "%s/applied", state_dir);
	snprintf(store->applied, sizeof(store->applied), "%s/policies.yaml",
		 applied_dir);
	snprintf(store->accepted, sizeof(store->accepted), "%s/accepted.yaml",
		 state_dir);
	snprintf(store->overrides, sizeof(store->overrides),
		 "%s/overrides.json", state_dir);
	store->dirs = dirs;
	store->dir_count = dir_count;
	err = make_directory(state_dir);
	if (!err)
		err = make_directory(applied_dir);
	/* A read-only mount is found now, not by the first apply. */
	if (!err && access(applied_dir, R_OK | W_OK | X_OK) < 0)
		err = -errno;
	return err;
}

static int is_policy_entry(const struct dirent *entry)
{
	return policies_is_file_name(entry->d_name);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int add_source(struct sources *sources, const char *dir,
		      const char *name)
{
	struct source *grown =
		realloc(sources->items, (sources->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	sources->items = grown;
	/* A later directory wins over the same name in an earlier one. */
	for (size_t i = 0; i < sources->count; i++)
		if (!grown[i].masked_by &&
		    !strcmp(base_name(grown[i].path), name))
			grown[i].masked_by = dir;
	memset(&grown[sources->count], 0, sizeof(*grown));
	snprintf(grown[sources->count].path, sizeof(grown->path), "%s/%s", dir,
		 name);
	sources->count++;
	return 0;
}

static int list_directory(struct sources *sources, struct weir_errors *errors,
			  const char *dir)
{
	const struct weir_place place = {.file = dir};
	struct dirent **entries;
	int count, err = 0;

	if (policies_check_directory(errors, dir))
		return -EINVAL;
	count = scandir(dir, &entries, is_policy_entry, alphasort);
	if (count < 0)
		return errors_add(errors, &place, NULL,
				  "reading the policy directory: %s",
				  strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!err && sources->count == FILES_MAX)
			err = errors_add(
				errors, &place, "a file can hold many policies",
				"more than %d policy files", (int)FILES_MAX);
		if (!err)
			err = add_source(sources, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return err;
}

/* ---- rows: what `get policies` shows ------------------------------------------- */

static void fill_row(struct snapshot_policy *row,
		     const struct weir_policy *policy, const char *masked_by)
{
	size_t used = 0;

	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", policy->name);
	snprintf(row->file, sizeof(row->file), "%s", policy->file);
	row->line = policy->line;
	row->mode = policy->mode;
	if (masked_by)
		snprintf(row->overridden_by, sizeof(row->overridden_by), "%s",
			 masked_by);
	for (size_t i = 0;
	     i < policy->label_count && used < sizeof(row->labels); i++)
		used += (size_t)snprintf(row->labels + used,
					 sizeof(row->labels) - used, "%s%s",
					 i ? "," : "", policy->labels[i]);
}

static int add_row(struct policy_set *set, const struct weir_policy *policy,
		   const char *masked_by)
{
	struct snapshot_policy *grown =
		realloc(set->rows, (set->row_count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	set->rows = grown;
	fill_row(&grown[set->row_count++], policy, masked_by);
	return 0;
}

/* Takes all of `from` into the set. */
static int take_policies(struct policy_set *set, struct weir_policies *from)
{
	for (size_t i = 0; i < from->count; i++) {
		int err = add_row(set, from->items[i], NULL);

		if (err)
			return err;
	}
	return policies_move(&set->policies, from);
}

/* What is masked is shown, not checked: it may be broken, that harms nobody. */
static void show_masked(struct policy_set *set, const struct source *source)
{
	scoped(policies) struct weir_policies masked = {0};
	scoped(errors) struct weir_errors ignored = {0};

	if (policies_load(&masked, &ignored, source->path))
		return;
	for (size_t i = 0; i < masked.count; i++)
		if (add_row(set, masked.items[i], source->masked_by))
			return;
}

/* Whatever the reason, the mistake is the policy's: -ENOENT is "no object". */
static int load_file(struct weir_policies *out, struct weir_errors *errors,
		     const char *path)
{
	int err = policies_load(out, errors, path);

	return err && err != -ENOMEM ? -EINVAL : err;
}

static int load_directories(struct policy_set *set, struct weir_errors *errors,
			    const struct store *store)
{
	scoped(sources) struct sources sources = {0};
	int err = 0;

	for (size_t i = 0; i < store->dir_count; i++) {
		int failed = list_directory(&sources, errors, store->dirs[i]);

		err = err ? err : failed;
	}
	for (size_t i = 0; i < sources.count; i++) {
		scoped(policies) struct weir_policies found = {0};
		int failed;

		if (sources.items[i].masked_by) {
			show_masked(set, &sources.items[i]);
			continue;
		}
		failed = load_file(&found, errors, sources.items[i].path);
		if (!failed)
			failed = take_policies(set, &found);
		/* All mistakes of all files are reported together. */
		err = err ? err : failed;
	}
	return err;
}

/* ---- what was applied ------------------------------------------------------------- */

static struct weir_policy *find_policy(const struct weir_policies *policies,
				       const char *name)
{
	for (size_t i = 0; i < policies->count; i++)
		if (policies->items[i] &&
		    !strcmp(policies->items[i]->name, name))
			return policies->items[i];
	return NULL;
}

static void drop_policy(struct weir_policies *policies, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < policies->count; i++) {
		if (strcmp(policies->items[i]->name, name))
			policies->items[kept++] = policies->items[i];
		else
			policy_free(policies->items[i]);
	}
	policies->count = kept;
}

static int parse_files(struct weir_policies *out, struct weir_errors *errors,
		       const struct store_change *change)
{
	int err = 0;

	for (size_t i = 0; i < change->file_count; i++) {
		const struct http_file *file = &change->files[i];
		int failed = policies_parse(out, errors, file->name, file->text,
					    file->bytes);

		err = err ? err : failed;
	}
	return err;
}

/* The applied policies as they shall be: old ones, less and plus the change. */
static int change_applied(struct weir_policies *applied,
			  struct weir_errors *errors,
			  const struct store_change *change)
{
	scoped(policies) struct weir_policies added = {0};
	int err = parse_files(&added, errors, change);

	if (err)
		return err;
	if (change->prune)
		policies_clear(applied);
	for (size_t i = 0; i < added.count; i++)
		drop_policy(applied, added.items[i]->name);
	err = policies_move(applied, &added);
	if (!err && change->remove)
		drop_policy(applied, change->remove);
	return err;
}

/* One file again, a document for each policy. */
static char *render_applied(const struct weir_policies *policies)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	fputs("# Written by weirctl apply; weirctl delete removes from it.\n",
	      out);
	for (size_t i = 0; i < policies->count; i++) {
		const char *body = policies->items[i]->text;

		fputs("---\n", out);
		if (!strncmp(body, "---", 3))
			body += 3;
		fputs(body + strspn(body, "\r\n"), out);
		if (*body && body[strlen(body) - 1] != '\n')
			fputc('\n', out);
	}
	return fclose(out) ? NULL : text;
}

static int check_size(const struct store *store, const char *text,
		      struct weir_errors *errors)
{
	const struct weir_place place = {.file = store->applied};

	if (strlen(text) <= POLICY_FILE_BYTES_MAX)
		return 0;
	return errors_add(errors, &place,
			  "put policies into the policy directory instead",
			  "applied policies together would be larger than "
			  "%u bytes",
			  POLICY_FILE_BYTES_MAX);
}

/* Applied policies override those of the directories by name. */
static void override(struct policy_set *set,
		     const struct weir_policies *applied, const char *file)
{
	for (size_t i = 0; i < applied->count; i++) {
		const char *name = applied->items[i]->name;

		for (size_t row = 0; row < set->row_count; row++)
			if (!set->rows[row].overridden_by[0] &&
			    !strcmp(set->rows[row].name, name))
				snprintf(set->rows[row].overridden_by,
					 sizeof(set->rows[row].overridden_by),
					 "%s", file);
		drop_policy(&set->policies, name);
	}
}

static int check_remove(const struct policy_set *set,
			const struct weir_policies *applied, const char *remove,
			struct weir_errors *errors)
{
	const struct weir_policy *elsewhere =
		find_policy(&set->policies, remove);
	struct weir_place place = {0};

	if (find_policy(applied, remove))
		return 0;
	if (!elsewhere)
		return -ENOENT;
	place.file = elsewhere->file;
	place.line = elsewhere->line;
	place.column = place.length = 1;
	errors_add(errors, &place, "remove it there and run weirctl reload",
		   "policy %s comes from a file, not from weirctl apply",
		   remove);
	return -EBUSY;
}

static int load_applied(struct weir_policies *applied,
			struct weir_errors *errors, const struct store *store)
{
	if (access(store->applied, F_OK) < 0)
		return errno == ENOENT ? 0 : -errno;
	return load_file(applied, errors, store->applied);
}

/*
 * The changed set is parsed from the text that will be on disk, so that lines
 * reported later are those of the file.
 */
static int carry_out(struct weir_policies *applied, char **text,
		     struct weir_errors *errors, const struct store *store,
		     const struct store_change *change)
{
	scoped(text) char *written = NULL;
	int err = change_applied(applied, errors, change);

	if (err)
		return err;
	written = render_applied(applied);
	if (!written)
		return -ENOMEM;
	err = check_size(store, written, errors);
	policies_clear(applied);
	if (!err)
		err = policies_parse(applied, errors, store->applied, written,
				     strlen(written));
	if (!err)
		*text = TAKE_PTR(written);
	return err;
}

int store_load(struct policy_set **out, char **text, struct weir_errors *errors,
	       const struct store *store, const struct store_change *opt_change)
{
	scoped(set) struct policy_set *set = calloc(1, sizeof(*set));
	scoped(policies) struct weir_policies applied = {0};
	scoped(text) char *written = NULL;
	int err;

	if (!set)
		return -ENOMEM;
	err = load_directories(set, errors, store);
	if (!err)
		err = load_applied(&applied, errors, store);
	if (!err && opt_change && opt_change->remove)
		err = check_remove(set, &applied, opt_change->remove, errors);
	if (!err && opt_change)
		err = carry_out(&applied, &written, errors, store, opt_change);
	if (err)
		return err;
	override(set, &applied, store->applied);
	err = take_policies(set, &applied);
	if (!err)
		err = policies_check(&set->policies, errors);
	if (err)
		return err;
	if (text)
		*text = TAKE_PTR(written);
	*out = TAKE_PTR(set);
	return 0;
}

int store_load_accepted(struct policy_set **out, struct weir_errors *errors,
			const struct store *store)
{
	scoped(set) struct policy_set *set = calloc(1, sizeof(*set));
	scoped(policies) struct weir_policies found = {0};
	int err;

	if (!set)
		return -ENOMEM;
	if (access(store->accepted, F_OK) < 0)
		return -errno;
	err = policies_load(&found, errors, store->accepted);
	if (!err)
		err = take_policies(set, &found);
	if (!err)
		*out = TAKE_PTR(set);
	return err;
}

/* ---- writing ---------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t wrote = write(fd, text, bytes);

		if (wrote < 0 && errno != EINTR)
			return -errno;
		if (wrote > 0) {
			text += wrote;
			bytes -= (size_t)wrote;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Write, fsync, rename, fsync the directory: the old file or the new one. */
static int replace_file(const char *path, const char *text)
{
	char temporary[264], dir[264];
	int err;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	scoped(fd) int fd =
		open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, strlen(text));
	if (!err && rename(temporary, path) < 0)
		err = -errno;
	if (err) {
		unlink(temporary);
		return err;
	}
	scoped(fd) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 || fsync(dir_fd) < 0 ? -errno : 0;
}

int store_write_applied(const struct store *store, const char *text)
{
	return replace_file(store->applied, text);
}

int store_write_overrides(const struct store *store, const char *text)
{
	return replace_file(store->overrides, text);
}

int store_write_accepted(const struct store *store,
			 const struct policy_set *set)
{
	scoped(text) char *text = render_applied(&set->policies);

	return text ? replace_file(store->accepted, text) : -ENOMEM;
}

void policy_set_free(struct policy_set *set)
{
	if (!set)
		return;
	policies_clear(&set->policies);
	free(set->rows);
	free(set);
}
