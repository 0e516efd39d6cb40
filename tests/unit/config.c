/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config.c - weir.yaml is read as strictly as a policy, and the command line
 * wins over it. Run at the root of the tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/options.h"
#include "tests/unit/lang.h"

/* Settings in a file of the test's own. */
struct bed {
	char path[64];
	struct options options;
	struct weir_errors errors;
};

static int make(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	int fd;

	assert_non_null(bed);
	snprintf(bed->path, sizeof(bed->path), "/tmp/weir-config.XXXXXX");
	fd = mkstemp(bed->path);
	assert_true(fd >= 0);
	close(fd);
	*state = bed;
	return 0;
}

static int clear(void **state)
{
	struct bed *bed = *state;

	unlink(bed->path);
	options_clear(&bed->options);
	errors_clear(&bed->errors);
	free(bed);
	return 0;
}

/* As the agent does: the command line first, then the file. */
static int read_text(struct bed *bed, const char *text, const char *option,
		     const char *value)
{
	char *argv[] = {(char *)"weir-agent", (char *)"--config", bed->path,
			(char *)option,	      (char *)value,	  NULL};
	scoped(file) FILE *file = fopen(bed->path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fflush(file), 0);
	options_clear(&bed->options);
	errors_clear(&bed->errors);
	optind = 0;
	assert_int_equal(options_parse(&bed->options, option ? 5 : 3, argv),
			 OPTIONS_RUN);
	return options_read_file(&bed->options, &bed->errors);
}

static void every_setting_arrives(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(read_text(bed,
				   "observeAll: false\nlease: 1500ms\n"
				   "limits: {services: 7, endpoints: 9}\n"
				   "metrics: 127.0.0.2:80\nreadGroup: a\n"
				   "adminGroup: b\n"
				   "xdp: {interfaces: [eth0, eth0.7], "
				   "answer: reset, mode: generic}\n",
				   NULL, NULL),
			 0);
	assert_false(bed->options.observe_all);
	assert_int_equal(bed->options.lease_ns, 1500000000ull);
	/* Slot 0, for what is only observed, comes on top. */
	assert_int_equal(bed->options.services_max, 8);
	assert_int_equal(bed->options.endpoints_max, 9);
	assert_string_equal(bed->options.metrics, "127.0.0.2:80");
	assert_string_equal(bed->options.read_group, "a");
	assert_string_equal(bed->options.admin_group, "b");
	assert_int_equal(bed->options.xdp.interface_count, 2);
	assert_string_equal(bed->options.xdp.interfaces[0], "eth0");
	assert_string_equal(bed->options.xdp.interfaces[1], "eth0.7");
	assert_true(bed->options.xdp.answer);
	assert_int_equal(bed->options.xdp.mode, OPTIONS_XDP_GENERIC);
}

static void an_empty_file_leaves_the_defaults(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(read_text(bed, "# nothing\n", NULL, NULL), 0);
	assert_true(bed->options.observe_all);
	assert_int_equal(bed->options.lease_ns, OPTIONS_LEASE_DEFAULT_NS);
	assert_int_equal(bed->options.xdp.interface_count, 0);
	assert_false(bed->options.xdp.answer);
	assert_int_equal(bed->options.xdp.mode, OPTIONS_XDP_AUTO);
	assert_string_equal(bed->options.metrics, "127.0.0.1:19347");
}

/* A distribution's file must not bring back what the operator turned off. */
static void the_command_line_wins_over_the_file(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(
		read_text(bed, "metrics: 127.0.0.1:1\n", "--metrics", "off"),
		0);
	assert_null(bed->options.metrics);
	assert_int_equal(
		read_text(bed, "metrics: off\n", "--metrics", "127.0.0.1:2"),
		0);
	assert_string_equal(bed->options.metrics, "127.0.0.1:2");
	assert_int_equal(read_text(bed, "metrics: off\n", NULL, NULL), 0);
	assert_null(bed->options.metrics);
}

static const struct {
	const char *text, *message;
	unsigned line, column;
} mistakes[] = {
	{"xdp: {interfaces: eth0}\n",
	 "xdp.interfaces: unknown key or wrong type", 1, 7},
	{"xdp: {interfaces: [eth0, [eth1]]}\n",
	 "xdp.interfaces: a list of words is needed", 1, 26},
	{"xdp: {interfaces: [sixteen-letters-]}\n",
	 "xdp.interfaces: sixteen-letters- is not the name of an interface", 1,
	 20},
	{"xdp: {interfaces: [a/b]}\n",
	 "xdp.interfaces: a/b is not the name of an interface", 1, 20},
	{"xdp: {interfaces: ['']}\n",
	 "xdp.interfaces:  is not the name of an interface", 1, 20},
	{"xdp: {interfaces: [eth0, eth0]}\n",
	 "xdp.interfaces: eth0 is there twice", 1, 26},
	{"xdp: {answer: reject}\n",
	 "xdp.answer: reject is not what happens to a SYN", 1, 15},
	{"xdp: {mode: native}\n", "xdp.mode: native is not a mode of XDP", 1,
	 13},
	{"xdp: {mode: [auto]}\n", "xdp.mode: unknown key or wrong type", 1, 7},
	{"xdp: {interface: eth0}\n", "xdp.interface: unknown key", 1, 7},
	{"xdp: eth0\n", "xdp: unknown key", 1, 1},
	{"lease: 3\n", "lease: 3 is not a duration", 1, 8},
	{"lease: 1e3s\n", "lease: 1e3s is not a duration", 1, 8},
	{"lease: nans\n", "lease: nans is not a duration", 1, 8},
	{"lease: infs\n", "lease: infs is not a duration", 1, 8},
	{"lease: -3s\n", "lease: -3s is not a duration", 1, 8},
	{"lease: 499ms\n", "lease: 499ms is not in 500ms..60s", 1, 8},
	{"lease: 61s\n", "lease: 61s is not in 500ms..60s", 1, 8},
	{"observeAll: yes\n", "observeAll: yes is not a truth value", 1, 13},
	{"limits: {services: 0}\n", "limits.services: 0 is not in 1..4096", 1,
	 20},
	{"limits: {services: 4097}\n",
	 "limits.services: 4097 is not in 1..4096", 1, 20},
	{"limits: {endpoints: 4294967297}\n",
	 "limits.endpoints: 4294967297 is not in 1..65536", 1, 21},
	{"limits: {endpoints: +5}\n", "limits.endpoints: +5 is not a number", 1,
	 21},
	{"lease: 3s\nlease: 4s\n", "lease is written twice", 2, 1},
	{"leese: 3s\n", "leese: unknown key", 1, 1},
	{"lease: [3s]\n", "lease: unknown key or wrong type", 1, 1},
	{"- a\n", "the file must hold keys and values", 0, 0},
	{"metrics: \"off\\0x\"\n", "a NUL character does not belong here", 1,
	 10},
	{"\"lease\\0x\": 3s\n", "a NUL character does not belong here", 1, 1},
	{"lease: 3s\n---\nlease: 4s\n",
	 "weir.yaml is one document, this is a second one", 3, 1},
};

static void a_mistake_is_shown_at_its_place(void **state)
{
	struct bed *bed = *state;

	for (size_t i = 0; i < ROWS(mistakes); i++) {
		assert_true(read_text(bed, mistakes[i].text, NULL, NULL) < 0);
		assert_int_equal(bed->errors.count, 1);
		assert_string_equal(bed->errors.items[0].message,
				    mistakes[i].message);
		assert_int_equal(bed->errors.items[0].line, mistakes[i].line);
		assert_int_equal(bed->errors.items[0].column,
				 mistakes[i].column);
	}
}

static void the_packaged_file_shows_the_defaults(void **state)
{
	struct bed *bed = *state;

	bed->options.config = "packaging/weir.yaml";
	assert_int_equal(options_read_file(&bed->options, &bed->errors), 0);
	assert_true(bed->options.observe_all);
	assert_int_equal(bed->options.lease_ns, OPTIONS_LEASE_DEFAULT_NS);
	assert_string_equal(bed->options.metrics, "127.0.0.1:19347");
	assert_string_equal(bed->options.read_group, "weir");
}

/* ---- the manual ------------------------------------------------------------------------ */

/* What --help prints, into `file`. */
static void print_help(const char *file)
{
	char *argv[] = {(char *)"weir-agent", (char *)"--help", NULL};
	struct options options;
	scoped(fd) int saved = dup(STDOUT_FILENO);
	scoped(fd) int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(saved >= 0 && fd >= 0);
	fflush(stdout);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	optind = 0;
	assert_int_equal(options_parse(&options, 2, argv), OPTIONS_DONE);
	fflush(stdout);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
}

static void every_option_is_in_the_manual(void **state)
{
	const struct bed *bed = *state;
	scoped(text) char *manual = calloc(1, 65536);
	scoped(file) FILE *page = fopen("docs/man/weir-agent.8.scd", "re");
	scoped(file) FILE *help = NULL;
	char line[256], name[32], want[64];
	size_t options = 0;

	assert_non_null(page);
	assert_true(fread(manual, 1, 65535, page) > 0);
	print_help(bed->path);
	help = fopen(bed->path, "re");
	assert_non_null(help);
	while (fgets(line, sizeof(line), help)) {
		if (sscanf(line, " --%31[a-z-]", name) != 1)
			continue;
		snprintf(want, sizeof(want), "\n*--%s*", name);
		if (!strstr(manual, want))
			fail_msg("--%s is not in the manual", name);
		options++;
	}
	assert_int_equal(options, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_setting_arrives),
		TEST(an_empty_file_leaves_the_defaults),
		TEST(the_command_line_wins_over_the_file),
		TEST(a_mistake_is_shown_at_its_place),
		TEST(the_packaged_file_shows_the_defaults),
		TEST(every_option_is_in_the_manual),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
