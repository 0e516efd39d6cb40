/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * store.c - which policies govern: directories, masks, what was applied.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store.h"
#include "common/scoped.h"

#define PATH_BYTES 256

struct bed {
	char root[32];
	char low[64], high[64], state[64];
	const char *dirs[2];
	struct store store;
	struct weir_errors errors;
};

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
}

static char *policy_text(const char *name, unsigned port)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "apiVersion: weir/v1\nkind: ResiliencePolicy\n"
			     "metadata: {name: %s}\nspec:\n  service:\n"
			     "    destinations: [{address: 192.0.2.1, "
			     "ports: [%u]}]\n",
			     name, port) > 0);
	return text;
}

static void put_policy(const char *dir, const char *file, const char *name,
		       unsigned port)
{
	scoped(text) char *text = policy_text(name, port);
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	write_text(path, text);
}

static int make(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	snprintf(bed->root, sizeof(bed->root), "/tmp/weir-store.XXXXXX");
	assert_non_null(mkdtemp(bed->root));
	snprintf(bed->low, sizeof(bed->low), "%s/low", bed->root);
	snprintf(bed->high, sizeof(bed->high), "%s/high", bed->root);
	snprintf(bed->state, sizeof(bed->state), "%s/state", bed->root);
	assert_int_equal(mkdir(bed->low, 0700) | mkdir(bed->high, 0700), 0);
	bed->dirs[0] = bed->low;
	bed->dirs[1] = bed->high;
	assert_int_equal(store_open(&bed->store, bed->dirs, 2, bed->state), 0);
	*state = bed;
	return 0;
}

static int unmake(void **state)
{
	struct bed *bed = *state;
	char command[PATH_BYTES];

	errors_clear(&bed->errors);
	snprintf(command, sizeof(command), "rm -rf '%s'", bed->root);
	assert_int_equal(system(command), 0);
	free(bed);
	return 0;
}

static struct policy_set *load(struct bed *bed)
{
	struct policy_set *set = NULL;

	assert_int_equal(
		store_load(&set, NULL, &bed->errors, &bed->store, NULL), 0);
	return set;
}

static const struct weir_policy *find(const struct policy_set *set,
				      const char *name)
{
	for (size_t i = 0; i < set->policies.count; i++)
		if (!strcmp(set->policies.items[i]->name, name))
			return set->policies.items[i];
	return NULL;
}

/* Applies one policy, as weirctl apply would, and writes it. */
static int apply(struct bed *bed, const char *name, unsigned port, bool prune)
{
	scoped(text) char *text = policy_text(name, port);
	scoped(text) char *written = NULL;
	struct http_file file = {
		.name = (char *)"x.yaml", .text = text, .bytes = strlen(text)};
	const struct store_change change = {
		.files = &file, .file_count = 1, .prune = prune};
	struct policy_set *set = NULL;
	int err =
		store_load(&set, &written, &bed->errors, &bed->store, &change);

	policy_set_free(set);
	return err ? err : store_write_applied(&bed->store, written);
}

static int delete (struct bed *bed, const char *name)
{
	scoped(text) char *written = NULL;
	const struct store_change change = {.remove = name};
	struct policy_set *set = NULL;
	int err =
		store_load(&set, &written, &bed->errors, &bed->store, &change);

	policy_set_free(set);
	return err ? err : store_write_applied(&bed->store, written);
}

static void nothing_there_is_an_empty_set(void **state)
{
	struct policy_set *set = load(*state);

	assert_int_equal(set->policies.count, 0);
	policy_set_free(set);
}

static void a_later_directory_masks_the_same_file_name(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set;

	put_policy(bed->low, "10-a.yaml", "from-low", 1);
	put_policy(bed->high, "10-a.yaml", "from-high", 2);
	set = load(bed);
	assert_int_equal(set->policies.count, 1);
	assert_non_null(find(set, "from-high"));
	assert_int_equal(set->row_count, 2);
	assert_string_equal(set->rows[0].name, "from-low");
	assert_string_equal(set->rows[0].overridden_by, bed->high);
	policy_set_free(set);
}

static void a_link_to_dev_null_disables_a_file(void **state)
{
	struct bed *bed = *state;
	char path[PATH_BYTES];
	struct policy_set *set;

	put_policy(bed->low, "10-a.yaml", "a", 1);
	snprintf(path, sizeof(path), "%s/10-a.yaml", bed->high);
	assert_int_equal(symlink("/dev/null", path), 0);
	set = load(bed);
	assert_int_equal(set->policies.count, 0);
	policy_set_free(set);
}

static void a_broken_file_that_is_masked_harms_nobody(void **state)
{
	struct bed *bed = *state;
	char path[PATH_BYTES];
	struct policy_set *set;

	snprintf(path, sizeof(path), "%s/10-a.yaml", bed->low);
	write_text(path, "{{{");
	put_policy(bed->high, "10-a.yaml", "a", 1);
	set = load(bed);
	assert_int_equal(set->policies.count, 1);
	policy_set_free(set);
}

static void all_mistakes_of_all_files_are_reported(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set = NULL;
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/a.yaml", bed->low);
	write_text(path, "kind: Wrong\n");
	snprintf(path, sizeof(path), "%s/b.yaml", bed->high);
	write_text(path, "kind: AlsoWrong\n");
	assert_int_equal(
		store_load(&set, NULL, &bed->errors, &bed->store, NULL),
		-EINVAL);
	assert_null(set);
	assert_true(bed->errors.count >= 2);
	assert_non_null(strstr(bed->errors.items[0].file, "a.yaml"));
	assert_non_null(strstr(bed->errors.items[bed->errors.count - 1].file,
			       "b.yaml"));
}

static void a_missing_directory_is_an_error(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set = NULL;

	assert_int_equal(rmdir(bed->low), 0);
	assert_int_equal(
		store_load(&set, NULL, &bed->errors, &bed->store, NULL),
		-EINVAL);
	assert_int_equal(bed->errors.count, 1);
}

static void a_directory_everyone_may_write_in_is_an_error(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set = NULL;

	put_policy(bed->low, "10-a.yaml", "a", 1);
	assert_int_equal(chmod(bed->low, 01777), 0);
	assert_int_equal(
		store_load(&set, NULL, &bed->errors, &bed->store, NULL),
		-EINVAL);
	assert_null(set);
	assert_int_equal(bed->errors.count, 1);
}

static void applied_overrides_a_directory_by_name(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set;

	put_policy(bed->low, "10-a.yaml", "a", 1);
	assert_int_equal(apply(bed, "a", 2, false), 0);
	set = load(bed);
	assert_int_equal(set->policies.count, 1);
	assert_int_equal(find(set, "a")->destinations[0].ports[0].min, 2);
	assert_string_equal(set->rows[0].overridden_by, bed->store.applied);
	policy_set_free(set);
}

static void applied_policies_add_up_and_replace_by_name(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set;

	assert_int_equal(apply(bed, "a", 1, false), 0);
	assert_int_equal(apply(bed, "b", 2, false), 0);
	assert_int_equal(apply(bed, "a", 3, false), 0);
	set = load(bed);
	assert_int_equal(set->policies.count, 2);
	assert_int_equal(find(set, "a")->destinations[0].ports[0].min, 3);
	policy_set_free(set);
}

static void prune_keeps_only_what_is_applied_now(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set;

	put_policy(bed->low, "10-d.yaml", "d", 9);
	assert_int_equal(apply(bed, "a", 1, false), 0);
	assert_int_equal(apply(bed, "b", 2, true), 0);
	set = load(bed);
	assert_null(find(set, "a"));
	assert_non_null(find(set, "b"));
	assert_non_null(find(set, "d"));
	policy_set_free(set);
}

static void delete_removes_what_was_applied(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set;

	assert_int_equal(apply(bed, "a", 1, false), 0);
	assert_int_equal(delete (bed, "a"), 0);
	set = load(bed);
	assert_int_equal(set->policies.count, 0);
	policy_set_free(set);
}

static void delete_of_an_unknown_policy_is_not_found(void **state)
{
	assert_int_equal(delete (*state, "nobody"), -ENOENT);
}

static void delete_of_a_file_policy_names_the_file(void **state)
{
	struct bed *bed = *state;

	put_policy(bed->low, "10-a.yaml", "a", 1);
	assert_int_equal(delete (bed, "a"), -EBUSY);
	assert_int_equal(bed->errors.count, 1);
	assert_non_null(strstr(bed->errors.items[0].file, "10-a.yaml"));
}

static void a_tie_with_what_is_there_is_rejected(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(apply(bed, "a", 1, false), 0);
	assert_int_equal(apply(bed, "b", 1, false), -EINVAL);
	assert_true(bed->errors.count >= 1);
}

static void the_accepted_set_comes_back(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set, *again = NULL;

	put_policy(bed->low, "10-a.yaml", "a", 1);
	put_policy(bed->high, "20-b.yaml", "b", 2);
	set = load(bed);
	assert_int_equal(store_write_accepted(&bed->store, set), 0);
	assert_int_equal(store_load_accepted(&again, &bed->errors, &bed->store),
			 0);
	assert_int_equal(again->policies.count, 2);
	assert_true(policy_equal(find(set, "a"), find(again, "a")));
	assert_true(policy_equal(find(set, "b"), find(again, "b")));
	policy_set_free(set);
	policy_set_free(again);
}

static void no_accepted_set_is_not_found(void **state)
{
	struct bed *bed = *state;
	struct policy_set *set = NULL;

	assert_int_equal(store_load_accepted(&set, &bed->errors, &bed->store),
			 -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_there_is_an_empty_set),
		TEST(a_later_directory_masks_the_same_file_name),
		TEST(a_link_to_dev_null_disables_a_file),
		TEST(a_broken_file_that_is_masked_harms_nobody),
		TEST(all_mistakes_of_all_files_are_reported),
		TEST(a_missing_directory_is_an_error),
		TEST(a_directory_everyone_may_write_in_is_an_error),
		TEST(applied_overrides_a_directory_by_name),
		TEST(applied_policies_add_up_and_replace_by_name),
		TEST(prune_keeps_only_what_is_applied_now),
		TEST(delete_removes_what_was_applied),
		TEST(delete_of_an_unknown_policy_is_not_found),
		TEST(delete_of_a_file_policy_names_the_file),
		TEST(a_tie_with_what_is_there_is_rejected),
		TEST(the_accepted_set_comes_back),
		TEST(no_accepted_set_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
