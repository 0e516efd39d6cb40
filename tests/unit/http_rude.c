/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * http_rude.c - clients that send garbage, too much, half of it, or wait for
 * long: nobody else notices.
 */
#include "tests/unit/peer.h"

/* ---- rude clients ------------------------------------------------------------------------ */

static void garbage_is_answered_or_dropped_and_forgotten(void **state)
{
	static const char *const garbage[] = {
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"\r\n\r\n\r\n\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
		"POST /v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/reload HTTP/1.1\r\nHost: a\r\n"
		"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		for (int tcp = 0; tcp < 2; tcp++) {
			scoped(fd) int fd =
				tcp ? connect_tcp(f) : connect_unix(f);
			scoped(answer) struct answer a = {0};

			send_text(fd, garbage[i], strlen(garbage[i]));
			shutdown(fd, SHUT_WR);
			a = read_answer(fd);
			assert_true(a.status == 0 || a.status >= 400);
		}
	assert_string_equal(f->seen, "");
	free(ask(f, "GET", "/healthz", NULL).memory);
}

static void assert_dropped(int fd)
{
	char rest[4096];
	uint64_t start_ms = now_ms();

	/* The timeout of this server is one second. */
	assert_true(read_all(fd, rest, sizeof(rest) - 1) >= 0);
	assert_in_range(now_ms() - start_ms, 0, 4000);
}

static void half_a_request_is_dropped_and_delays_nobody(void **state)
{
	const struct fixture *f = *state;
	scoped(fd) int head = connect_unix(f);
	scoped(fd) int body = connect_unix(f);
	scoped(fd) int tcp = connect_tcp(f);
	scoped(answer) struct answer a = {0};
	const char *half = "POST /v1/reload HTTP/1.1\r\nHost: a\r\n"
			   "Content-Length: 100\r\n\r\n{\"a\"";
	uint64_t start_ms;

	send_text(head, "GET /v1/st", 10);
	send_text(tcp, "GET /metr", 9);
	send_text(body, half, strlen(half));
	start_ms = now_ms();
	a = ask(f, "GET", "/v1/status", NULL);
	assert_int_equal(a.status, 200);
	assert_true(now_ms() - start_ms < 700);
	assert_dropped(head);
	assert_dropped(body);
	assert_dropped(tcp);
	assert_string_equal(f->seen, "");
}

static void a_body_over_the_limit_is_413_unread(void **state)
{
	const struct fixture *f = *state;
	scoped(fd) int fd = connect_unix(f);
	scoped(answer) struct answer a = {0};
	char head[256];

	snprintf(head, sizeof(head),
		 "POST /v1/policies HTTP/1.1\r\nHost: a\r\n"
		 "Content-Length: %u\r\n\r\n",
		 HTTP_BODY_BYTES_MAX + 1);
	send_text(fd, head, strlen(head));
	a = read_answer(fd);
	assert_int_equal(a.status, 413);
	assert_non_null(strstr(a.body, "too_large"));
}

static void an_unannounced_body_over_the_limit_is_413(void **state)
{
	const char head[] = "POST /v1/policies HTTP/1.1\r\nHost: a\r\n"
			    "Connection: close\r\n"
			    "Transfer-Encoding: chunked\r\n\r\n";
	const size_t chunk = 64 * 1024;
	const struct fixture *f = *state;
	scoped(fd) int fd = connect_unix(f);
	scoped(memory) void *zeros = calloc(1, chunk);
	scoped(answer) struct answer a = {0};

	send_text(fd, head, strlen(head));
	for (size_t sent = 0; sent <= HTTP_BODY_BYTES_MAX; sent += chunk) {
		send_text(fd, "10000\r\n", 7);
		send_text(fd, zeros, chunk);
		send_text(fd, "\r\n", 2);
	}
	send_text(fd, "0\r\n\r\n", 5);
	a = read_answer(fd);
	assert_int_equal(a.status, 413);
}

static void a_body_of_the_limit_is_read(void **state)
{
	struct fixture *f = *state;
	scoped(memory) void *memory = malloc(HTTP_BODY_BYTES_MAX + 1);
	scoped(answer) struct answer a = {0};
	static const char head[] = "{\"files\":[{\"name\":\"x\",\"text\":\"";
	static const char tail[] = "\"}]}";
	char *body = memory;

	memset(body, 'y', HTTP_BODY_BYTES_MAX);
	memcpy(body, head, sizeof(head) - 1);
	memcpy(body + HTTP_BODY_BYTES_MAX + 1 - sizeof(tail), tail,
	       sizeof(tail));
	assert_int_equal(strlen(body), HTTP_BODY_BYTES_MAX);
	a = ask(f, "POST", "/v1/policies", body);
	assert_int_equal(a.status, 200);
}

static void a_long_path_or_head_is_refused(void **state)
{
	const struct fixture *f = *state;
	scoped(memory) void *memory = malloc(64 * 1024);
	scoped(answer) struct answer path = {0};
	scoped(answer) struct answer head = {0};
	char *text = memory;

	memset(text, 'a', 2000);
	text[0] = '/';
	text[2000] = '\0';
	path = ask(f, "GET", text, NULL);
	assert_int_equal(path.status, 400);
	memset(text, 'a', 40000);
	memcpy(text, "X: ", 3);
	memcpy(text + 40000, "\r\n", 3);
	head = ask_on(connect_unix(f), "GET", "/healthz", text, NULL);
	assert_true(head.status == 0 || head.status >= 400);
}

/* ---- waiting for events --------------------------------------------------------------------- */

static void a_long_poll_ends_with_the_first_event(void **state)
{
	struct fixture *f = *state;
	scoped(fd) int fd = connect_unix(f);
	const char *request = "GET /v1/events?since=15&wait=5 HTTP/1.1\r\n"
			      "Host: a\r\nConnection: close\r\n\r\n";
	scoped(answer) struct answer other = {0};
	scoped(answer) struct answer a = {0};
	struct pollfd wait = {.events = POLLIN};

	send_text(fd, request, strlen(request));
	/* It waits, and nobody else does. */
	other = ask(f, "GET", "/v1/status", NULL);
	assert_int_equal(other.status, 200);
	wait.fd = fd;
	assert_int_equal(poll(&wait, 1, 0), 0);
	f->newer = true;
	a = read_answer(fd);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"seq\":16"));
	assert_non_null(strstr(a.body, "\"next\":16"));
}

/* Longer than the connection timeout of one second: it is not inactivity. */
static void a_long_poll_without_event_ends_when_it_said(void **state)
{
	const struct fixture *f = *state;
	uint64_t start_ms = now_ms();
	scoped(answer) struct answer a =
		ask(f, "GET", "/v1/events?since=15&wait=2", NULL);

	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"items\":[]"));
	assert_in_range(now_ms() - start_ms, 1900, 4000);
}

static void stopping_lets_waiting_clients_go(void **state)
{
	struct fixture *f = *state;
	scoped(fd) int fd = connect_unix(f);
	const char *request = "GET /v1/events?since=15&wait=25 HTTP/1.1\r\n"
			      "Host: a\r\nConnection: close\r\n\r\n";
	uint64_t start_ms;

	send_text(fd, request, strlen(request));
	free(ask(f, "GET", "/healthz", NULL).memory);
	start_ms = now_ms();
	http_stop(f->http);
	f->http = NULL;
	/* Told, not waited for until patience ended. */
	assert_true(now_ms() - start_ms < 900);
	assert_int_equal(access(f->path, F_OK), -1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_server, destroy)
	const struct CMUnitTest tests[] = {
		T(garbage_is_answered_or_dropped_and_forgotten),
		T(half_a_request_is_dropped_and_delays_nobody),
		T(a_body_over_the_limit_is_413_unread),
		T(an_unannounced_body_over_the_limit_is_413),
		T(a_body_of_the_limit_is_read),
		T(a_long_path_or_head_is_refused),
		T(a_long_poll_ends_with_the_first_event),
		T(a_long_poll_without_event_ends_when_it_said),
		T(stopping_lets_waiting_clients_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
