/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * store.h - where policies come from, and which of them govern.
 *
 * Directories in rising precedence (a file name in a later one masks the same
 * name in an earlier one; a link to /dev/null disables it), then what weirctl
 * applied, which overrides by policy name. A set that was accepted is kept, so
 * that an agent started over a broken file goes on with the last good one.
 */
#pragma once

#include <stdbool.h>

#include "agent/http.h"
#include "agent/view/snapshot.h"
#include "common/error.h"
#include "common/policy.h"

struct store {
	const char *const *dirs; /* rising precedence */
	size_t dir_count;
	char applied[256];   /* STATE/applied/policies.yaml */
	char accepted[256];  /* STATE/accepted.yaml */
	char overrides[256]; /* STATE/overrides.json */
};

/* All policies in force, and a row for each one there is. */
struct policy_set {
	struct weir_policies policies;
	struct snapshot_policy *rows;
	size_t row_count;
};

/* Makes STATE and STATE/applied. */
int store_open(struct store *store, const char *const *dirs, size_t dir_count,
	       const char *state_dir);

/* What an apply or delete asks to be different in the applied file. */
struct store_change {
	const struct http_file *files;
	size_t file_count;
	bool prune;	    /* drop what was applied and is not in files */
	const char *remove; /* policy name, or NULL */
};

/*
 * Reads everything, with `opt_change` carried out in memory, and checks it.
 * -EINVAL with errors; -ENOENT: `remove` names no policy; -EBUSY: it comes from
 * a file (an error says which). *text becomes the new applied file's content
 * (NULL when there is no change); the caller frees it.
 */
int store_load(struct policy_set **out, char **text, struct weir_errors *errors,
	       const struct store *store,
	       const struct store_change *opt_change);

/* The set that was last accepted: -ENOENT when there is none. */
int store_load_accepted(struct policy_set **out, struct weir_errors *errors,
			const struct store *store);

/* Replaces the applied file, in one rename. */
int store_write_applied(const struct store *store, const char *text);
int store_write_overrides(const struct store *store, const char *text);
int store_write_accepted(const struct store *store,
			 const struct policy_set *set);

void policy_set_free(struct policy_set *set);
