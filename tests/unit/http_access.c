/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * http_access.c - who may do what, and where the server may listen.
 */
#include "tests/unit/peer.h"
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- who may what ------------------------------------------------------------------------------ */

struct asked {
	uid_t uid;
	gid_t gid, extra; /* extra: a supplementary group; 0: none */
	const char *method, *target;
	int status;
};

/* The status a process with these credentials gets. */
static int ask_as(const struct fixture *f, const struct asked *who)
{
	pid_t child = fork();
	int status;

	if (!child) {
		struct answer a;

		alarm(10);
		if (setgroups(who->extra ? 1 : 0, &who->extra) ||
		    setresgid(who->gid, who->gid, who->gid) ||
		    setresuid(who->uid, who->uid, who->uid))
			_exit(0);
		a = ask(f, who->method, who->target,
			!strcmp(who->method, "POST") ? "{}" : NULL);
		_exit(a.status / 100 * 10 + a.status % 100);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) / 10 * 100 + WEXITSTATUS(status) % 10;
}

/* Two groups every Debian has; the tests need numbers with names. */
static void uid_and_groups_decide_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	const struct group *group = getgrnam("games");
	gid_t reader = group ? group->gr_gid : 0;
	gid_t admin = (group = getgrnam("mail")) ? group->gr_gid : 0;
	const struct http_options options = {
		.socket_path = f->path,
		.read_group = "games",
		.admin_group = "mail",
	};
	const struct http_ops ops = ops_of(f);
	const struct asked rows[] = {
		{0, 0, 0, "GET", "/v1/status", 200},
		{0, 0, 0, "POST", "/v1/reload", 200},
		{65534, 65534, 0, "GET", "/v1/status", 403},
		{65534, 65534, 0, "GET", "/metrics", 403},
		{65534, 65534, 0, "POST", "/v1/reload", 403},
		{65534, reader, 0, "GET", "/v1/status", 200},
		{65534, reader, 0, "POST", "/v1/reload", 403},
		{65534, reader, 0, "DELETE", "/v1/policies?name=a", 403},
		{65534, 65534, reader, "GET", "/v1/status", 200},
		{65534, 65534, reader, "POST", "/v1/force", 403},
		{65534, admin, 0, "GET", "/v1/status", 200},
		{65534, admin, 0, "POST", "/v1/reload", 200},
		{65534, 65534, admin, "POST", "/v1/reload", 200},
		{65534, 65534, admin, "DELETE", "/v1/policies?name=a", 200},
	};
	char why[256];

	if (geteuid() != 0 || !reader || !admin) {
		print_message("SKIPPED, LOUDLY: becoming other users needs "
			      "root and the groups games and mail\n");
		skip();
	}
	http_stop(f->http);
	f->http = NULL;
	assert_int_equal(http_open(&f->http, &options, &ops, why, 256), 0);
	assert_int_equal(http_serve(f->http), 0);
	/* The file's mode is a second lock; here the first one is tried. */
	chmod(f->path, 0666);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ask_as(f, &rows[i]) != rows[i].status)
			fail_msg("row %zu: %s %s as %u/%u/%u is not %d", i,
				 rows[i].method, rows[i].target, rows[i].uid,
				 rows[i].gid, rows[i].extra, rows[i].status);
}

static void the_socket_is_for_owner_and_group(void **state)
{
	const struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
}

/* ---- the path of the socket ----------------------------------------------------------------------- */

static void a_regular_file_is_left_alone(void **state)
{
	struct fixture *f = *state;
	scoped(fd) int fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct http *http = NULL;
	char why[256] = "";
	struct stat st;

	assert_int_equal(write(fd, "keep", 4), 4);
	assert_int_equal(start(f, &http, why), -EADDRINUSE);
	assert_null(http);
	assert_non_null(strstr(why, f->path));
	assert_non_null(strstr(why, "not a socket"));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 4);
}

static void a_living_server_keeps_its_socket(void **state)
{
	struct fixture *f = *state;
	struct http *second = NULL;
	char why[256] = "";
	scoped(answer) struct answer a = {0};

	assert_int_equal(start(f, &second, why), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(why, "another server answers"));
	a = ask(f, "GET", "/healthz", NULL);
	assert_int_equal(a.status, 200);
}

/* Its backlog is full, so it does not answer; it lives all the same. */
static void a_busy_server_keeps_its_socket(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	scoped(fd) int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	scoped(fd) int first = -1;
	struct http *http = NULL;
	char why[256] = "";

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", f->path);
	assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(server, 0), 0);
	first = connect_unix(f);
	assert_true(first >= 0);
	assert_int_equal(start(f, &http, why), -EADDRINUSE);
	assert_null(http);
	assert_int_equal(access(f->path, F_OK), 0);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	scoped(answer) struct answer a = {0};
	char why[256] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	assert_int_equal(start(f, &f->http, why), 0);
	a = ask(f, "GET", "/healthz", NULL);
	assert_int_equal(a.status, 200);
}

static void a_missing_directory_is_made_for_owner_and_group(void **state)
{
	struct fixture *f = *state;
	char directory[80], why[256] = "";
	struct stat st;

	snprintf(directory, sizeof(directory), "%s/run", f->directory);
	snprintf(f->path, sizeof(f->path), "%s/sock", directory);
	assert_int_equal(start(f, &f->http, why), 0);
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	http_stop(f->http);
	f->http = NULL;
	assert_int_equal(rmdir(directory), 0);
}

static void a_path_too_long_is_refused_with_the_limit(void **state)
{
	struct fixture *f = *state;
	struct http_options options = {0};
	const struct http_ops ops = ops_of(f);
	struct http *http = NULL;
	char path[200], why[256] = "";

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	options.socket_path = path;
	assert_int_equal(http_open(&http, &options, &ops, why, sizeof(why)),
			 -ENAMETOOLONG);
	assert_non_null(strstr(why, "107"));
	options.socket_path = "";
	assert_int_equal(http_open(&http, &options, &ops, why, sizeof(why)),
			 -ENAMETOOLONG);
}

static void a_bad_or_taken_metrics_address_is_named(void **state)
{
	static const char *const bad[] = {
		"127.0.0.1", ":19347",		"127.0.0.1:", "host:19347",
		"::1:19347", "127.0.0.1:99999", "[::1:19347", "127.0.0.1:http",
	};
	struct fixture *f = *state;
	struct http *http = NULL;
	char why[256] = "";
	scoped(fd) int holder = -1;
	struct sockaddr_in at = {.sin_family = AF_INET};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(f->address, sizeof(f->address), "%s", bad[i]);
		assert_true(start(f, &http, why) < 0);
		assert_null(http);
		assert_non_null(strstr(why, bad[i]));
		/* What had been set up is taken down again. */
		assert_int_equal(access(f->path, F_OK), -1);
	}
	holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at.sin_port = htons(f->port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(holder, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(holder, 1), 0);
	snprintf(f->address, sizeof(f->address), "127.0.0.1:%u", f->port);
	assert_int_equal(start(f, &http, why), -EADDRINUSE);
	assert_non_null(strstr(why, f->address));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_server, destroy)
#define BARE(name) \
	cmocka_unit_test_setup_teardown(name, make_directory, destroy)
	const struct CMUnitTest tests[] = {
		T(uid_and_groups_decide_and_nothing_else),
		T(the_socket_is_for_owner_and_group),
		T(a_living_server_keeps_its_socket),
		BARE(a_regular_file_is_left_alone),
		BARE(a_busy_server_keeps_its_socket),
		BARE(a_stale_socket_is_replaced),
		BARE(a_missing_directory_is_made_for_owner_and_group),
		BARE(a_path_too_long_is_refused_with_the_limit),
		BARE(a_bad_or_taken_metrics_address_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
