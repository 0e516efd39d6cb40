/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_load.c - whatever lies at a path: policies are read or a reason is
 * given, within bounded time and memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/lang.h"

/* A directory of the test's own. */
struct bed {
	char root[64];
	char path[160]; /* of what at() was asked for */
	struct reading got;
};

static int make(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	snprintf(bed->root, sizeof(bed->root), "/tmp/weir-load.XXXXXX");
	assert_non_null(mkdtemp(bed->root));
	*state = bed;
	return 0;
}

static void remove_all(const char *path)
{
	scoped(dir) DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[512];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			remove_all(name);
		else
			unlink(name);
	}
	rmdir(path);
}

static int clear(void **state)
{
	struct bed *bed = *state;

	reading_clear(&bed->got);
	remove_all(bed->root);
	free(bed);
	return 0;
}

static const char *at(struct bed *bed, const char *name)
{
	snprintf(bed->path, sizeof(bed->path), "%s/%s", bed->root, name);
	return bed->path;
}

static void write_bytes(struct bed *bed, const char *name, const char *text,
			size_t bytes)
{
	scoped(file) FILE *file = fopen(at(bed, name), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, bytes, file), bytes);
	assert_int_equal(fchmod(fileno(file), 0644), 0);
}

static void write_policy(struct bed *bed, const char *name, const char *policy)
{
	char text[512];
	int bytes = snprintf(text, sizeof(text),
			     "apiVersion: weir/v1\nkind: ResiliencePolicy\n"
			     "metadata: {name: %s}\n" LANG_SPEC,
			     policy);

	write_bytes(bed, name, text, (size_t)bytes);
}

static void load(struct bed *bed, const char *path)
{
	reading_clear(&bed->got);
	bed->got.err =
		policies_load(&bed->got.policies, &bed->got.errors, path);
}

/* One error, without a position, that names the file. */
static void expect_error(struct bed *bed, int err, const char *file,
			 const char *message)
{
	const struct weir_errors *errors = &bed->got.errors;

	assert_int_equal(bed->got.err, err);
	assert_int_equal(bed->got.policies.count, 0);
	assert_int_equal(errors->count, 1);
	assert_string_equal(errors->items[0].message, message);
	assert_string_equal(errors->items[0].file, file);
	assert_int_equal(errors->items[0].line, 0);
}

static void expect_names(struct bed *bed, const char *names)
{
	char got[256] = "";
	size_t used = 0;

	if (bed->got.err || bed->got.errors.count)
		fail_msg("%d: %s", bed->got.err,
			 bed->got.errors.items[0].message);
	for (size_t i = 0; i < bed->got.policies.count; i++)
		used += (size_t)snprintf(got + used, sizeof(got) - used, "%s ",
					 bed->got.policies.items[i]->name);
	assert_string_equal(got, names);
}

/* ---- files -------------------------------------------------------------------------- */

static void a_file_is_read_under_its_name(void **state)
{
	struct bed *bed = *state;

	write_policy(bed, "anything.txt", "one");
	load(bed, at(bed, "anything.txt"));
	expect_names(bed, "one ");
	assert_string_equal(bed->got.policies.items[0]->file, bed->path);
}

static void what_is_there_already_stays(void **state)
{
	struct bed *bed = *state;

	write_policy(bed, "a.yaml", "one");
	write_bytes(bed, "b.yaml", "zzz: 1\n", 7);
	load(bed, at(bed, "a.yaml"));
	assert_int_equal(policies_load(&bed->got.policies, &bed->got.errors,
				       at(bed, "b.yaml")),
			 -EINVAL);
	assert_int_equal(bed->got.policies.count, 1);
	assert_string_equal(bed->got.errors.items[0].file, bed->path);
	assert_int_equal(bed->got.errors.items[0].line, 1);
}

static void a_missing_path_is_named(void **state)
{
	struct bed *bed = *state;

	load(bed, at(bed, "none.yaml"));
	expect_error(bed, -ENOENT, bed->path,
		     "opening: No such file or directory");
	load(bed, "");
	expect_error(bed, -ENOENT, "", "opening: No such file or directory");
	write_policy(bed, "a.yaml", "one");
	load(bed, at(bed, "a.yaml/b.yaml"));
	expect_error(bed, -ENOTDIR, bed->path, "opening: Not a directory");
}

static void a_link_is_followed(void **state)
{
	struct bed *bed = *state;

	write_policy(bed, "real", "one");
	assert_int_equal(symlink("real", at(bed, "link.yaml")), 0);
	load(bed, bed->path);
	expect_names(bed, "one ");
	assert_int_equal(symlink("nowhere", at(bed, "dangling.yaml")), 0);
	load(bed, bed->path);
	expect_error(bed, -ENOENT, bed->path,
		     "opening: No such file or directory");
	assert_int_equal(symlink("loop.yaml", at(bed, "loop.yaml")), 0);
	load(bed, bed->path);
	expect_error(bed, -ELOOP, bed->path,
		     "opening: Too many levels of symbolic links");
}

static void dev_null_holds_no_policies(void **state)
{
	struct bed *bed = *state;

	load(bed, "/dev/null");
	expect_names(bed, "");
	assert_int_equal(symlink("/dev/null", at(bed, "off.yaml")), 0);
	load(bed, bed->path);
	expect_names(bed, "");
	load(bed, "/dev/zero");
	expect_error(bed, -EINVAL, "/dev/zero", "not a regular file");
}

/* Nobody writes into it: whoever waits for a writer waits for ever. */
static void a_fifo_does_not_hold_us_up(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(mkfifo(at(bed, "fifo.yaml"), 0600), 0);
	load(bed, bed->path);
	expect_error(bed, -EINVAL, bed->path, "not a regular file");
	load(bed, bed->root);
	assert_int_equal(bed->got.err, -EINVAL);
}

static void a_socket_is_no_policy(void **state)
{
	struct bed *bed = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	scoped(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s",
		 at(bed, "socket.yaml"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	load(bed, bed->path);
	expect_error(bed, -ENXIO, bed->path,
		     "opening: No such device or address");
}

static void what_everyone_may_write_is_not_read(void **state)
{
	struct bed *bed = *state;

	write_policy(bed, "a.yaml", "one");
	assert_int_equal(chmod(at(bed, "a.yaml"), 0646), 0);
	load(bed, bed->path);
	expect_error(bed, -EINVAL, bed->path,
		     "everyone may write this file: it is not read");
	assert_string_equal(bed->got.errors.items[0].hint, "chmod o-w it");
	/* Through a link, too. */
	assert_int_equal(symlink("a.yaml", at(bed, "b.yaml")), 0);
	load(bed, bed->path);
	assert_int_equal(bed->got.err, -EINVAL);
	assert_int_equal(chmod(at(bed, "a.yaml"), 0664), 0);
	load(bed, bed->path);
	expect_names(bed, "one ");
}

static void a_directory_everyone_may_write_in_is_not_read(void **state)
{
	struct bed *bed = *state;

	write_policy(bed, "a.yaml", "one");
	assert_int_equal(chmod(bed->root, 01777), 0);
	load(bed, bed->root);
	expect_error(bed, -EINVAL, bed->root,
		     "everyone may write in this directory: it is not read");
	assert_int_equal(chmod(bed->root, 0775), 0);
	load(bed, bed->root);
	expect_names(bed, "one ");
}

/* 0, or what failed; in a process that gave up root. */
static int load_as_nobody(struct bed *bed, const char *path)
{
	if (setgid(65534) || setuid(65534))
		return 1;
	load(bed, path);
	if (bed->got.err != -EACCES || bed->got.errors.count != 1)
		return 2;
	return strcmp(bed->got.errors.items[0].message,
		      "opening: Permission denied")
		       ? 3
		       : 0;
}

static void an_unreadable_file_is_named(void **state)
{
	struct bed *bed = *state;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	write_policy(bed, "a.yaml", "one");
	assert_int_equal(chmod(at(bed, "a.yaml"), 0600), 0);
	assert_int_equal(chmod(bed->root, 0755), 0);
	pid = fork();
	if (!pid) {
		int failed = load_as_nobody(bed, bed->path);

		reading_clear(&bed->got);
		_exit(failed);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(WIFEXITED(status));
}

/* ---- size ----------------------------------------------------------------------------- */

static void a_file_of_1_mib_is_read_and_a_larger_one_is_not(void **state)
{
	static const struct {
		size_t bytes;
		int err;
	} rows[] = {
		{POLICY_FILE_BYTES_MAX, 0},
		{POLICY_FILE_BYTES_MAX + 1, -E2BIG},
		{2 * POLICY_FILE_BYTES_MAX, -E2BIG},
	};
	struct bed *bed = *state;
	scoped(text) char *text = malloc(2 * POLICY_FILE_BYTES_MAX);

	memset(text, '#', 2 * POLICY_FILE_BYTES_MAX);
	memcpy(text, LANG_LEAST, strlen(LANG_LEAST));
	for (size_t i = 0; i < ROWS(rows); i++) {
		write_bytes(bed, "a.yaml", text, rows[i].bytes);
		load(bed, at(bed, "a.yaml"));
		if (rows[i].err)
			expect_error(bed, rows[i].err, bed->path,
				     "the text is larger than 1 MiB");
		else
			expect_names(bed, "orders-db ");
	}
}

/* Neither read to its end nor kept in memory. */
static void a_file_of_100_mb_costs_little(void **state)
{
	struct bed *bed = *state;
	struct rusage before, after;

	write_bytes(bed, "huge.yaml", LANG_LEAST, strlen(LANG_LEAST));
	assert_int_equal(truncate(at(bed, "huge.yaml"), 100l << 20), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	load(bed, bed->path);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	expect_error(bed, -E2BIG, bed->path, "the text is larger than 1 MiB");
	assert_true(after.ru_maxrss - before.ru_maxrss < 50 << 10);
}

static void an_empty_file_holds_no_policies(void **state)
{
	struct bed *bed = *state;

	write_bytes(bed, "a.yaml", "", 0);
	load(bed, at(bed, "a.yaml"));
	expect_names(bed, "");
}

/* ---- directories ------------------------------------------------------------------------ */

static void a_directory_is_read_in_the_order_of_its_bytes(void **state)
{
	struct bed *bed = *state;
	char slash[96];

	write_policy(bed, "b.yaml", "lower-b");
	write_policy(bed, "B.yaml", "upper-b");
	write_policy(bed, "10-x.yml", "ten");
	write_policy(bed, "9-x.yaml", "nine");
	write_policy(bed, ".hidden.yaml", "hidden");
	write_policy(bed, "a.yaml~", "backup");
	write_policy(bed, "a.yaml.dpkg-old", "old");
	write_policy(bed, "README", "readme");
	write_policy(bed, ".yaml", "nameless");
	load(bed, bed->root);
	expect_names(bed, "ten nine upper-b lower-b ");
	snprintf(slash, sizeof(slash), "%s/", bed->root);
	load(bed, slash);
	expect_names(bed, "ten nine upper-b lower-b ");
	assert_string_equal(bed->got.policies.items[3]->file,
			    at(bed, "b.yaml"));
}

static void all_files_are_read_to_find_all_mistakes(void **state)
{
	struct bed *bed = *state;

	write_policy(bed, "a.yaml", "Bad");
	write_policy(bed, "b.yaml", "good");
	write_policy(bed, "c.yaml", "bad_too");
	assert_int_equal(symlink("nowhere", at(bed, "d.yaml")), 0);
	load(bed, bed->root);
	assert_int_equal(bed->got.err, -EINVAL);
	assert_int_equal(bed->got.policies.count, 0);
	assert_int_equal(bed->got.errors.count, 3);
	assert_string_equal(bed->got.errors.items[0].file, at(bed, "a.yaml"));
	assert_string_equal(bed->got.errors.items[1].file, at(bed, "c.yaml"));
	assert_string_equal(bed->got.errors.items[2].file, at(bed, "d.yaml"));
}

static void a_directory_in_a_directory_is_no_policy(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(mkdir(at(bed, "sub.yaml"), 0755), 0);
	load(bed, bed->root);
	expect_error(bed, -EINVAL, at(bed, "sub.yaml"), "not a regular file");
	assert_int_equal(rmdir(bed->path), 0);
	assert_int_equal(mkdir(at(bed, "sub"), 0755), 0);
	load(bed, bed->root);
	expect_names(bed, "");
}

static void a_disabled_file_of_a_directory_is_skipped(void **state)
{
	struct bed *bed = *state;

	write_policy(bed, "a.yaml", "one");
	assert_int_equal(symlink("/dev/null", at(bed, "b.yaml")), 0);
	load(bed, bed->root);
	expect_names(bed, "one ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_read_under_its_name,
						make, clear),
		cmocka_unit_test_setup_teardown(what_is_there_already_stays,
						make, clear),
		cmocka_unit_test_setup_teardown(a_missing_path_is_named, make,
						clear),
		cmocka_unit_test_setup_teardown(a_link_is_followed, make,
						clear),
		cmocka_unit_test_setup_teardown(dev_null_holds_no_policies,
						make, clear),
		cmocka_unit_test_setup_teardown(a_fifo_does_not_hold_us_up,
						make, clear),
		cmocka_unit_test_setup_teardown(a_socket_is_no_policy, make,
						clear),
		cmocka_unit_test_setup_teardown(
			what_everyone_may_write_is_not_read, make, clear),
		cmocka_unit_test_setup_teardown(
			a_directory_everyone_may_write_in_is_not_read, make,
			clear),
		cmocka_unit_test_setup_teardown(an_unreadable_file_is_named,
						make, clear),
		cmocka_unit_test_setup_teardown(
			a_file_of_1_mib_is_read_and_a_larger_one_is_not, make,
			clear),
		cmocka_unit_test_setup_teardown(a_file_of_100_mb_costs_little,
						make, clear),
		cmocka_unit_test_setup_teardown(an_empty_file_holds_no_policies,
						make, clear),
		cmocka_unit_test_setup_teardown(
			a_directory_is_read_in_the_order_of_its_bytes, make,
			clear),
		cmocka_unit_test_setup_teardown(
			all_files_are_read_to_find_all_mistakes, make, clear),
		cmocka_unit_test_setup_teardown(
			a_directory_in_a_directory_is_no_policy, make, clear),
		cmocka_unit_test_setup_teardown(
			a_disabled_file_of_a_directory_is_skipped, make, clear),
	};

	return cmocka_run_group_tests_name("policy_load", tests, NULL, NULL);
}
