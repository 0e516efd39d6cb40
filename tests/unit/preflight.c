/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * preflight.c - a host that cannot run Weir is told why and what to do.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/preflight.h"
#include "common/scoped.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define CGROUP2                                 \
	"25 1 0:22 / /proc rw - proc proc rw\n" \
	"30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
#define ALL_CAPS "Name:\tx\nCapEff:\t000001ffffffffff\n"

/* A host made of files. */
struct host {
	char root[64];
	char btf[96], mountinfo[96], lockdown[96], status[96];
	struct preflight_paths paths;
	struct preflight_check checks[PREFLIGHT_CHECKS_MAX];
	size_t count;
};

static void put(const char *path, const char *text)
{
	scoped(file) FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static int make(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	snprintf(h->root, sizeof(h->root), "/tmp/weir-host.XXXXXX");
	assert_non_null(mkdtemp(h->root));
	snprintf(h->btf, sizeof(h->btf), "%s/btf", h->root);
	snprintf(h->mountinfo, sizeof(h->mountinfo), "%s/mounts", h->root);
	snprintf(h->lockdown, sizeof(h->lockdown), "%s/lockdown", h->root);
	snprintf(h->status, sizeof(h->status), "%s/status", h->root);
	h->paths = (struct preflight_paths){h->btf, h->mountinfo, h->lockdown,
					    h->status, "6.1.0-28-amd64"};
	put(h->btf, "btf");
	put(h->mountinfo, CGROUP2);
	put(h->lockdown, "[none] integrity confidentiality\n");
	put(h->status, ALL_CAPS);
	*state = h;
	return 0;
}

static int clear(void **state)
{
	struct host *h = *state;

	unlink(h->btf);
	unlink(h->mountinfo);
	unlink(h->lockdown);
	unlink(h->status);
	rmdir(h->root);
	free(h);
	return 0;
}

static const struct preflight_check *look(struct host *h, const char *name)
{
	h->count = preflight_run(&h->paths, h->checks, PREFLIGHT_CHECKS_MAX);
	for (size_t i = 0; i < h->count; i++)
		if (!strcmp(h->checks[i].name, name))
			return &h->checks[i];
	return NULL;
}

/* Exactly `name` has failed, with advice. */
static void expect_failed(struct host *h, const char *name, const char *text)
{
	const struct preflight_check *check = look(h, name);

	assert_non_null(check);
	assert_string_equal(check->text, text);
	for (size_t i = 0; i < h->count; i++) {
		bool this = &h->checks[i] == check;

		assert_int_equal(h->checks[i].status,
				 this ? PREFLIGHT_FAILED : PREFLIGHT_OK);
		assert_int_equal(h->checks[i].hint[0] != '\0', this);
	}
}

static void a_good_host_passes_every_check(void **state)
{
	static const char *const names[] = {
		"version", "BTF",	  "lockdown",	  "cgroup2",
		"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"};
	struct host *h = *state;

	for (size_t i = 0; i < ROWS(names); i++) {
		const struct preflight_check *check = look(h, names[i]);

		assert_non_null(check);
		assert_int_equal(check->status, PREFLIGHT_OK);
		assert_string_equal(check->hint, "");
		assert_true(*check->text && *check->group);
	}
	assert_int_equal(h->count, ROWS(names));
	assert_string_equal(look(h, "cgroup2")->text,
			    "mounted at /sys/fs/cgroup");
}

static void an_old_kernel_is_refused(void **state)
{
	struct host *h = *state;

	h->paths.release = "5.15.0-91-generic";
	expect_failed(h, "version", "Linux 5.15.0-91-generic");
	h->paths.release = "6.0.19";
	expect_failed(h, "version", "Linux 6.0.19");
	h->paths.release = "nonsense";
	expect_failed(h, "version", "Linux nonsense");
	h->paths.release = "10.0";
	assert_int_equal(look(h, "version")->status, PREFLIGHT_OK);
}

static void a_kernel_without_btf_is_refused(void **state)
{
	struct host *h = *state;
	char text[160];

	unlink(h->btf);
	snprintf(text, sizeof(text), "%s: No such file or directory", h->btf);
	expect_failed(h, "BTF", text);
}

static void confidentiality_is_refused_integrity_is_not(void **state)
{
	struct host *h = *state;

	put(h->lockdown, "none [integrity] confidentiality\n");
	assert_int_equal(look(h, "lockdown")->status, PREFLIGHT_OK);
	put(h->lockdown, "none integrity [confidentiality]\n");
	expect_failed(h, "lockdown", "none integrity [confidentiality]");
	unlink(h->lockdown);
	assert_null(look(h, "lockdown"));
}

static void a_host_without_cgroup2_is_refused(void **state)
{
	struct host *h = *state;

	put(h->mountinfo, "25 1 0:22 / /proc rw - proc proc rw\n"
			  "26 1 0:23 / /sys/fs/cgroup rw - cgroup cgroup rw\n");
	expect_failed(h, "cgroup2", "no cgroup2 file system is mounted");
}

static void each_capability_is_asked_for(void **state)
{
	static const struct {
		const char *status, *name;
	} rows[] = {
		{"CapEff:\t000000ffffffefff\n", "CAP_NET_ADMIN"},
		{"CapEff:\t000001bfffffffff\n", "CAP_PERFMON"},
		{"CapEff:\t0000017fffffffff\n", "CAP_BPF"},
	};
	struct host *h = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		put(h->status, rows[i].status);
		expect_failed(h, rows[i].name, "missing");
	}
}

static void capabilities_that_cannot_be_read_are_said_to_be(void **state)
{
	struct host *h = *state;
	const struct preflight_check *check;

	put(h->status, "Name:\tx\n");
	check = look(h, "capabilities");
	assert_non_null(check);
	assert_int_equal(check->status, PREFLIGHT_FAILED);
	assert_null(look(h, "CAP_BPF"));
}

static void no_more_checks_than_there_is_room_for(void **state)
{
	struct host *h = *state;

	memset(h->checks, 0x55, sizeof(h->checks));
	assert_int_equal(preflight_run(&h->paths, h->checks, 2), 2);
	assert_string_equal(h->checks[1].name, "BTF");
	assert_int_equal(h->checks[2].text[0], 0x55);
}

/* ---- mount points --------------------------------------------------------------------- */

static void the_first_cgroup2_mount_is_found(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: there is none */
	} rows[] = {
		{CGROUP2, "/sys/fs/cgroup"},
		{"31 1 0:27 / /cg rw - cgroup2 none rw\n" CGROUP2, "/cg"},
		{"31 1 0:27 /a /cg rw shared:1 master:2 - cgroup2 x rw\n",
		 "/cg"},
		/* the kernel writes a space as \040 */
		{"31 1 0:27 / /my\\040cg\\134x rw - cgroup2 x rw\n",
		 "/my cg\\x"},
		{"31 1 0:27 / /cg rw - cgroup x rw\n", NULL},
		{"31 1 0:27 / /cg rw - cgroup22 x rw\n", NULL},
		{"31 1 0:27 / /cgroup2 rw - tmpfs cgroup2 rw\n", NULL},
		{"- cgroup2 \n", NULL},
		{"", NULL},
	};
	struct host *h = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		char path[64] = "untouched";

		put(h->mountinfo, rows[i].text);
		assert_int_equal(
			preflight_cgroup2(h->mountinfo, path, sizeof(path)),
			rows[i].want ? 0 : -ENOENT);
		assert_string_equal(path,
				    rows[i].want ? rows[i].want : "untouched");
	}
}

static void a_mount_point_that_does_not_fit_is_not_cut(void **state)
{
	struct host *h = *state;
	char path[14] = "untouched";

	assert_int_equal(preflight_cgroup2(h->mountinfo, path, 14),
			 -ENAMETOOLONG);
	assert_string_equal(path, "untouched");
	unlink(h->mountinfo);
	assert_int_equal(preflight_cgroup2(h->mountinfo, path, 14), -ENOENT);
}

static void a_release_is_read_as_a_number(void **state)
{
	static const struct {
		const char *release;
		unsigned number;
	} rows[] = {
		{"6.12.3-foo", 6012},
		{"6.1.0", 6001},
		{"6.1", 6001},
		{"10.999", 10999},
		{"6.1000", 0},
		{"100.1", 0},
		{"6", 0},
		{"", 0},
		{"six.one", 0},
		{"6.x", 0},
		{"4294967297.1", 0},
		{"-1.5", 0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (preflight_kernel(rows[i].release) != rows[i].number)
			fail_msg("%s", rows[i].release);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_host_passes_every_check),
		TEST(an_old_kernel_is_refused),
		TEST(a_kernel_without_btf_is_refused),
		TEST(confidentiality_is_refused_integrity_is_not),
		TEST(a_host_without_cgroup2_is_refused),
		TEST(each_capability_is_asked_for),
		TEST(capabilities_that_cannot_be_read_are_said_to_be),
		TEST(no_more_checks_than_there_is_room_for),
		TEST(the_first_cgroup2_mount_is_found),
		TEST(a_mount_point_that_does_not_fit_is_not_cut),
		cmocka_unit_test(a_release_is_read_as_a_number),
	};

	return cmocka_run_group_tests_name("preflight", tests, NULL, NULL);
}
