/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peer.h - a server with fake operations behind it, and a client in bytes.
 *
 * Each test has a directory, a socket and a loopback port of its own; the fakes
 * note what they were asked.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "agent/http.h"
#include "common/scoped.h"
#include "tests/unit/rich.h"

#define ANSWER_BYTES (4u * 1024u * 1024u)
#define PATIENCE_MS  8000

struct fixture {
	char directory[64];
	char path[96];
	char address[32];
	uint16_t port;
	struct http *http;
	/* what the fakes do and saw */
	int result;
	_Atomic unsigned snapshots;
	_Atomic bool newer;
	bool unready;
	char seen[512];
};

/* ---- fakes -------------------------------------------------------------------- */

static inline struct snapshot *fake_snapshot(void *ctx)
{
	struct fixture *f = ctx;
	struct snapshot *s = rich_snapshot();

	f->snapshots++;
	if (f->newer) {
		s->events[5].seq = 16;
		s->events[4].seq = 15;
	}
	return s;
}

static inline int fake_clients(void *ctx, const char *opt_name,
			       struct snapshot_clients **out)
{
	(void)ctx;
	if (opt_name && strcmp(opt_name, "orders-db") != 0)
		return strcmp(opt_name, "torn") ? -ENOENT : -EIO;
	*out = rich_clients();
	return 0;
}

static inline void fake_wait(void *ctx, uint64_t seq, unsigned timeout_ms)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	struct fixture *f = ctx;

	for (unsigned ms = 0; ms < timeout_ms && !(f->newer && seq < 16);
	     ms += 2)
		nanosleep(&pause, NULL);
}

static inline int fail_or(struct fixture *f, struct weir_errors *errors)
{
	const struct weir_place place = {.file = "x.yaml",
					 .text = "a: b\n",
					 .text_bytes = 5,
					 .line = 1,
					 .column = 4,
					 .length = 1};

	if (f->result == -EINVAL)
		return errors_add(errors, &place, "try c", "a: b is not c");
	return f->result;
}

static inline int fake_apply(void *ctx, const struct http_caller *who,
			     const struct http_file *files, size_t file_count,
			     bool dry_run, bool prune,
			     struct http_result *result,
			     struct weir_errors *errors)
{
	struct fixture *f = ctx;

	snprintf(f->seen, sizeof(f->seen), "apply uid %u %zu %s:%s:%zu %d %d",
		 who->uid, file_count, file_count ? files[0].name : "",
		 file_count ? files[0].text : "",
		 file_count ? files[0].bytes : 0, dry_run, prune);
	result->generation = 43;
	result->created[result->created_count++] = strdup("orders-db");
	return fail_or(f, errors);
}

static inline int fake_remove(void *ctx, const struct http_caller *who,
			      const char *name, struct http_result *result,
			      struct weir_errors *errors)
{
	struct fixture *f = ctx;

	(void)who;
	snprintf(f->seen, sizeof(f->seen), "remove %s", name);
	result->deleted[result->deleted_count++] = strdup(name);
	return fail_or(f, errors);
}

static inline int fake_reload(void *ctx, const struct http_caller *who,
			      struct http_result *result,
			      struct weir_errors *errors)
{
	struct fixture *f = ctx;

	(void)who;
	result->generation = 44;
	snprintf(f->seen, sizeof(f->seen), "reload");
	return fail_or(f, errors);
}

static inline int fake_force(void *ctx, const struct http_caller *who,
			     const char *name, const char *state,
			     double ttl_seconds, const char *reason,
			     struct weir_errors *errors)
{
	struct fixture *f = ctx;

	(void)who;
	snprintf(f->seen, sizeof(f->seen), "force %s %s %g %s", name, state,
		 ttl_seconds, reason);
	return fail_or(f, errors);
}

static inline int fake_reset(void *ctx, const struct http_caller *who,
			     const char *name, struct weir_errors *errors)
{
	struct fixture *f = ctx;

	(void)who;
	snprintf(f->seen, sizeof(f->seen), "reset %s", name);
	return fail_or(f, errors);
}

static inline size_t fake_checks(void *ctx, struct http_check *out, size_t max)
{
	(void)ctx;
	assert_true(max > 0);
	out[0] = (struct http_check){"kernel", "BTF", "ok", "there", ""};
	return 1;
}

static inline bool fake_ready(void *ctx)
{
	return !((struct fixture *)ctx)->unready;
}

/* ---- a server, and a client in bytes --------------------------------------------- */

static inline struct http_ops ops_of(struct fixture *f)
{
	return (struct http_ops){
		.ctx = f,
		.snapshot = fake_snapshot,
		.clients = fake_clients,
		.wait_event = fake_wait,
		.apply = fake_apply,
		.remove = fake_remove,
		.reload = fake_reload,
		.force = fake_force,
		.reset = fake_reset,
		.checks = fake_checks,
		.ready = fake_ready,
		.healthy = fake_ready,
	};
}

/* A loopback port that was free a moment ago. */
static inline uint16_t free_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	scoped(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t bytes = sizeof(any);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &bytes), 0);
	return ntohs(any.sin_port);
}

static inline int start(struct fixture *f, struct http **out, char why[256])
{
	const struct http_options options = {
		.socket_path = f->path,
		.metrics_address = f->address,
		.read_group = "weir-no-such-group",
		.timeout_seconds = 1,
	};
	const struct http_ops ops = ops_of(f);
	int err = http_open(out, &options, &ops, why, 256);

	return err ? err : http_serve(*out);
}

static inline int make_directory(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->directory, sizeof(f->directory), "/tmp/weir-http-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	/* Other users must reach the socket for the 403 tests. */
	chmod(f->directory, 0755);
	snprintf(f->path, sizeof(f->path), "%s/sock", f->directory);
	f->port = free_port();
	snprintf(f->address, sizeof(f->address), "127.0.0.1:%u", f->port);
	*state = f;
	return 0;
}

static inline int make_server(void **state)
{
	char why[256] = "";
	struct fixture *f;

	if (make_directory(state))
		return -1;
	f = *state;
	if (start(f, &f->http, why)) {
		print_error("%s\n", why);
		return -1;
	}
	return 0;
}

static inline int destroy(void **state)
{
	struct fixture *f = *state;

	http_stop(f->http);
	unlink(f->path);
	rmdir(f->directory);
	free(f);
	return 0;
}

static inline int connect_unix(const struct fixture *f)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	scoped(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", f->path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return TAKE_FD(fd);
}

static inline int connect_tcp(const struct fixture *f)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	scoped(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_port = htons(f->port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return TAKE_FD(fd);
}

struct answer {
	int status;
	char *head;
	char *body;
	size_t body_bytes;
	char *memory;
};

DEFINE_SCOPED(answer, struct answer, free(it->memory))

/* Reads until the other side closes; -1 when it does not in time. */
static inline ssize_t read_all(int fd, char *out, size_t max)
{
	size_t bytes = 0;

	while (bytes < max) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&wait, 1, PATIENCE_MS) <= 0)
			return -1;
		got = read(fd, out + bytes, max - bytes);
		if (got <= 0)
			break;
		bytes += (size_t)got;
	}
	out[bytes] = '\0';
	return (ssize_t)bytes;
}

static inline struct answer read_answer(int fd)
{
	struct answer a = {.memory = malloc(ANSWER_BYTES + 1)};
	ssize_t bytes;
	char *end;

	assert_non_null(a.memory);
	bytes = read_all(fd, a.memory, ANSWER_BYTES);
	assert_true(bytes >= 0);
	a.head = a.memory;
	end = strstr(a.memory, "\r\n\r\n");
	if (sscanf(a.memory, "HTTP/1.1 %d", &a.status) != 1 || !end)
		return a;
	*end = '\0';
	a.body = end + 4;
	a.body_bytes = (size_t)bytes - (size_t)(a.body - a.memory);
	return a;
}

static inline void send_text(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t sent = send(fd, text, bytes, MSG_NOSIGNAL);

		/* It may have answered and closed before we were done. */
		if (sent <= 0)
			return;
		text += sent;
		bytes -= (size_t)sent;
	}
}

static inline struct answer ask_on(int fd, const char *method,
				   const char *target, const char *headers,
				   const char *opt_body)
{
	scoped(fd) int connection = fd;
	scoped(text) char *head = NULL;
	char length[64] = "";

	assert_true(fd >= 0);
	if (opt_body)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
			 strlen(opt_body));
	assert_true(asprintf(&head,
			     "%s %s HTTP/1.1\r\nHost: weir\r\n"
			     "Connection: close\r\n%s%s\r\n",
			     method, target, headers, length) > 0);
	send_text(connection, head, strlen(head));
	if (opt_body)
		send_text(connection, opt_body, strlen(opt_body));
	return read_answer(connection);
}

static inline struct answer ask(const struct fixture *f, const char *method,
				const char *target, const char *opt_body)
{
	return ask_on(connect_unix(f), method, target, "", opt_body);
}

static inline uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
