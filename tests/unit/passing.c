/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * passing.c - messages between processes arrive whole, with their files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/passing.h"

static int ends[2];

static int open_ends(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int close_ends(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void a_file_arrives_open_and_is_not_inherited(void **state)
{
	int fds[PASSING_FDS_MAX] = {-1}, tube[2];
	size_t count = 9;
	char word[4] = "";

	(void)state;
	assert_int_equal(pipe2(tube, O_CLOEXEC), 0);
	assert_int_equal(passing_send(ends[0], "abc", 3, &tube[1], 1), 0);
	close(tube[1]);
	assert_int_equal(
		passing_receive(ends[1], word, sizeof(word), fds, &count), 3);
	assert_string_equal(word, "abc");
	assert_int_equal(count, 1);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(read(tube[0], word, 1), 1);
	close(fds[0]);
	close(tube[0]);
}

static void without_files_none_arrive(void **state)
{
	int fds[PASSING_FDS_MAX];
	size_t count = 9;
	char word[4];

	(void)state;
	assert_int_equal(passing_send(ends[0], "abc", 3, NULL, 0), 0);
	assert_int_equal(
		passing_receive(ends[1], word, sizeof(word), fds, &count), 3);
	assert_int_equal(count, 0);
}

static void more_files_than_fit_are_refused(void **state)
{
	const int fds[PASSING_FDS_MAX + 1] = {0};

	(void)state;
	assert_int_equal(
		passing_send(ends[0], "a", 1, fds, PASSING_FDS_MAX + 1),
		-EINVAL);
}

static void the_end_is_told_from_an_error(void **state)
{
	int fds[PASSING_FDS_MAX];
	size_t count = 9;
	char word[4];

	(void)state;
	shutdown(ends[0], SHUT_RDWR);
	assert_int_equal(passing_send(ends[0], "a", 1, NULL, 0), -EPIPE);
	assert_int_equal(passing_receive(ends[1], word, 4, fds, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(passing_receive(-1, word, 4, fds, &count), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_file_arrives_open_and_is_not_inherited, open_ends,
			close_ends),
		cmocka_unit_test_setup_teardown(without_files_none_arrive,
						open_ends, close_ends),
		cmocka_unit_test_setup_teardown(more_files_than_fit_are_refused,
						open_ends, close_ends),
		cmocka_unit_test_setup_teardown(the_end_is_told_from_an_error,
						open_ends, close_ends),
	};

	return cmocka_run_group_tests_name("passing", tests, NULL, NULL);
}
