/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * http.c - every route answers as docs/API.md says, on either socket.
 */
#include "tests/unit/peer.h"
#include <zlib.h>

/* ---- routes -------------------------------------------------------------------------- */

static const struct {
	const char *method, *target, *body;
	int status;
	const char *contains;
} routes[] = {
	{"GET", "/v1/status", NULL, 200, "\"kind\":\"Status\""},
	{"GET", "/v1/services", NULL, 200, "\"kind\":\"ServiceList\""},
	{"GET", "/v1/services?name=search", NULL, 200, "\"half_open\""},
	{"GET", "/v1/endpoints?service=orders-db", NULL, 200, "10.0.7.5:5432"},
	{"GET", "/v1/clients", NULL, 200, "\"kind\":\"ClientList\""},
	{"GET", "/v1/clients?name=orders-db", NULL, 200, "java[4711]"},
	{"GET", "/v1/clients?name=nobody", NULL, 404, "not_found"},
	{"GET", "/v1/clients?name=torn", NULL, 503, "Input/output error"},
	{"GET", "/v1/policies", NULL, 200, "\"name\":\"orders-db\""},
	{"GET", "/v1/policies?name=nobody", NULL, 200, "\"items\":[]"},
	{"GET", "/v1/overrides", NULL, 200, "OverrideList"},
	{"GET", "/v1/generations", NULL, 200, "GenerationList"},
	{"GET", "/v1/why?name=orders-db", NULL, 200, "\"kind\":\"Why\""},
	{"GET", "/v1/why?name=orders-db", NULL, 200, "\"label\":\"held now\""},
	{"GET", "/v1/why?name=10.0.7.3%3A5432", NULL, 200, "10.0.7.3:5432"},
	{"GET", "/v1/why?name=nobody", NULL, 404, "not_found"},
	{"GET", "/v1/why?name=%ff%1b", NULL, 404, "is named '?"},
	{"GET", "/v1/why", NULL, 400, "bad_request"},
	{"GET", "/v1/events", NULL, 200, "\"next\":15"},
	{"GET", "/v1/events?since=12&limit=1", NULL, 200, "\"next\":13"},
	{"GET", "/v1/events?since=-1", NULL, 400, "bad_request"},
	{"GET", "/v1/events?wait=26", NULL, 400, "0 to 25"},
	{"GET", "/v1/check", NULL, 200, "\"name\":\"BTF\""},
	{"GET", "/metrics", NULL, 200, "weir_connections_opened_total{"},
	{"GET", "/healthz", NULL, 200, "ok"},
	{"GET", "/readyz", NULL, 200, "ready"},
	{"GET", "/version", NULL, 200, "\"kind\":\"Version\""},
	{"DELETE", "/v1/policies?name=orders-db", NULL, 200,
	 "\"deleted\":[\"orders-db\"]"},
	{"DELETE", "/v1/policies", NULL, 400, "?name="},
	{"POST", "/v1/reload", "", 200, "\"generation\":44"},
	{"POST", "/v1/policies?dry_run=1", "{\"files\":[]}", 200,
	 "\"dry_run\":true"},
	{"POST", "/v1/policies?dry_run=yes", "{\"files\":[]}", 400, "0 or 1"},
	{"POST", "/v1/policies", "{\"files\":", 400, "is not JSON"},
	{"POST", "/v1/policies", "[]", 400, "must be a JSON object"},
	{"POST", "/v1/policies", "{}", 400, "needs \\\"files\\\""},
	{"POST", "/v1/policies",
	 "{\"files\":[{\"name\":\"../x\",\"text\":\"\"}]}", 400,
	 "plain file name"},
	{"POST", "/v1/policies", "{\"files\":[{\"name\":\"x\"}]}", 400,
	 "\\\"text\\\""},
	{"POST", "/v1/policies", "{\"files\":[],\"files\":[]}", 400,
	 "is not JSON"},
	{"POST", "/v1/force", "{\"name\":\"search\",\"state\":\"open\"}", 200,
	 "\"kind\":\"Service\""},
	{"POST", "/v1/force", "{\"name\":\"10.0.7.3:5432\",\"state\":\"auto\"}",
	 200, "\"kind\":\"Endpoint\""},
	{"POST", "/v1/force", "{\"state\":\"open\"}", 400, "bad_request"},
	{"POST", "/v1/force", "{\"name\":\"a\",\"state\":\"open\",\"ttl\":1}",
	 400, "bad_request"},
	{"POST", "/v1/reset", "{\"name\":\"search\"}", 200, "Service"},
	{"POST", "/v1/reset", "{\"name\":1}", 400, "bad_request"},
	{"GET", "/", NULL, 404, "not_found"},
	{"GET", "/v1/", NULL, 404, "not_found"},
	{"POST", "/v1/status", "", 405, "GET, HEAD"},
	{"GET", "/v1/force", NULL, 405, "POST"},
	{"PUT", "/v1/policies", "", 405, "GET, HEAD, POST, DELETE"},
};

static void every_route_answers_as_documented(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		scoped(answer) struct answer a = ask(
			f, routes[i].method, routes[i].target, routes[i].body);

		if (a.status != routes[i].status ||
		    !strstr(a.body, routes[i].contains))
			fail_msg("%s %s %s: %d %.300s", routes[i].method,
				 routes[i].target,
				 routes[i].body ? routes[i].body : "", a.status,
				 a.body);
		if (a.status == 405)
			assert_non_null(strstr(a.head, "\r\nAllow: "));
		if (a.status >= 400)
			assert_non_null(strstr(a.body, "\"kind\":\"Error\""));
	}
}

static void changes_reach_the_agent_as_sent(void **state)
{
	struct fixture *f = *state;
	char expected[128];
	struct answer a = ask(f, "POST", "/v1/policies?prune=1",
			      "{\"files\":[{\"name\":\"x.yaml\","
			      "\"text\":\"a: b\\n\"}]}");

	free(a.memory);
	assert_int_equal(a.status, 200);
	snprintf(expected, sizeof(expected),
		 "apply uid %u 1 x.yaml:a: b\n:5 0 1", getuid());
	assert_string_equal(f->seen, expected);
	a = ask(f, "POST", "/v1/force",
		"{\"name\":\"search\",\"state\":\"open\",\"ttl_seconds\":600,"
		"\"reason\":\"drill\"}");
	free(a.memory);
	assert_int_equal(a.status, 200);
	assert_string_equal(f->seen, "force search open 600 drill");
}

static void a_refused_change_says_what_is_wrong(void **state)
{
	static const struct {
		int result, status;
		const char *code;
	} rows[] = {
		{-EINVAL, 422, "rejected"},   {-ENOSPC, 422, "rejected"},
		{-ENOENT, 404, "not_found"},  {-EEXIST, 409, "conflict"},
		{-EBUSY, 409, "conflict"},    {-EPERM, 403, "forbidden"},
		{-ETIMEDOUT, 504, "timeout"}, {-ENOMEM, 503, "unavailable"},
		{-EIO, 500, "internal"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char code[64];

		f->result = rows[i].result;
		scoped(answer) struct answer a =
			ask(f, "POST", "/v1/reload", "");

		snprintf(code, sizeof(code), "\"code\":\"%s\"", rows[i].code);
		assert_int_equal(a.status, rows[i].status);
		assert_non_null(strstr(a.body, code));
		if (rows[i].result == -EINVAL)
			assert_non_null(
				strstr(a.body,
				       "\"line\":1,\"column\":4,\"length\":1,"
				       "\"excerpt\":\"a: b\",\"message\":"
				       "\"a: b is not c\",\"hint\":\"try c\""));
	}
}

/* Quoted and cut: what is left is still text, never no message at all. */
static void an_error_quotes_any_name(void **state)
{
	const struct fixture *f = *state;
	char target[512];
	size_t used =
		(size_t)snprintf(target, sizeof(target), "/v1/why?name=x");

	for (int i = 0; i < 40; i++)
		used += (size_t)snprintf(target + used, sizeof(target) - used,
					 "%s", "%c3%bc");
	scoped(answer) struct answer a = ask(f, "GET", target, NULL);

	assert_int_equal(a.status, 404);
	assert_non_null(strstr(a.body, "\"message\":\"no service and no "));
}

static void not_ready_is_503(void **state)
{
	struct fixture *f = *state;
	scoped(answer) struct answer a = {0};

	f->unready = true;
	a = ask(f, "GET", "/readyz", NULL);
	assert_int_equal(a.status, 503);
}

/* ---- the metrics port ---------------------------------------------------------------- */

static void tcp_answers_four_paths_and_changes_nothing(void **state)
{
	static const struct {
		const char *method, *target;
		int status;
	} rows[] = {
		{"GET", "/metrics", 200},
		{"HEAD", "/metrics", 200},
		{"GET", "/healthz", 200},
		{"GET", "/readyz", 200},
		{"GET", "/version", 200},
		{"POST", "/metrics", 405},
		{"GET", "/v1/status", 404},
		{"GET", "/v1/services", 404},
		{"POST", "/v1/policies", 404},
		{"POST", "/v1/reload", 404},
		{"POST", "/v1/force", 404},
		{"POST", "/v1/reset", 404},
		{"DELETE", "/v1/policies?name=a", 404},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool post = !strcmp(rows[i].method, "POST");
		scoped(answer) struct answer a =
			ask_on(connect_tcp(f), rows[i].method, rows[i].target,
			       "", post ? "{\"name\":\"a\"}" : NULL);

		assert_int_equal(a.status, rows[i].status);
	}
	assert_string_equal(f->seen, "");
}

static void head_has_no_body(void **state)
{
	const struct fixture *f = *state;
	scoped(answer) struct answer a =
		ask_on(connect_tcp(f), "HEAD", "/metrics", "", NULL);

	assert_int_equal(a.status, 200);
	assert_int_equal(a.body_bytes, 0);
	assert_non_null(strstr(a.head, "Content-Length: "));
}

static void the_scraper_chooses_format_and_encoding(void **state)
{
	const struct fixture *f = *state;
	scoped(answer) struct answer plain =
		ask_on(connect_tcp(f), "GET", "/metrics", "", NULL);
	scoped(answer) struct answer open = ask_on(
		connect_tcp(f), "GET", "/metrics",
		"Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n",
		NULL);
	scoped(answer) struct answer packed =
		ask_on(connect_tcp(f), "GET", "/metrics",
		       "Accept-Encoding: deflate, gzip\r\n", NULL);
	scoped(answer) struct answer refused =
		ask_on(connect_tcp(f), "GET", "/metrics",
		       "Accept-Encoding: gzip;q=0\r\n", NULL);
	scoped(memory) void *memory = malloc(ANSWER_BYTES);
	z_stream stream = {.next_in = (Bytef *)packed.body,
			   .avail_in = (uInt)packed.body_bytes,
			   .next_out = memory,
			   .avail_out = ANSWER_BYTES};

	assert_non_null(strstr(plain.head, "text/plain; version=0.0.4"));
	assert_null(strstr(plain.body, "# EOF"));
	assert_non_null(strstr(open.head, "openmetrics-text; version=1.0.0"));
	assert_non_null(strstr(open.body, "# EOF\n"));
	assert_non_null(strstr(packed.head, "Content-Encoding: gzip"));
	assert_null(strstr(refused.head, "Content-Encoding"));
	assert_true(packed.body_bytes < plain.body_bytes / 2);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	inflateEnd(&stream);
	assert_non_null(memmem(memory, stream.total_out,
			       "weir_policy_generation 42", 25));
}

static void scrapes_in_a_row_share_one_snapshot(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		scoped(answer) struct answer a =
			ask_on(connect_tcp(f), "GET", "/metrics", "", NULL);

		assert_int_equal(a.status, 200);
	}
	assert_true(f->snapshots < 5);
}

static void dawdlers_do_not_keep_a_scraper_out(void **state)
{
	const struct fixture *f = *state;
	int dawdlers[HTTP_CONNECTIONS_MAX + 16];
	scoped(answer) struct answer a = {0};
	scoped(answer) struct answer control = {0};
	uint64_t start_ms;

	for (size_t i = 0; i < HTTP_CONNECTIONS_MAX + 16; i++) {
		dawdlers[i] = connect_tcp(f);
		assert_true(dawdlers[i] >= 0);
		send_text(dawdlers[i], "GET /met", 8);
	}
	start_ms = now_ms();
	control = ask(f, "GET", "/healthz", NULL);
	a = ask_on(connect_tcp(f), "GET", "/healthz", "", NULL);
	assert_int_equal(control.status, 200);
	assert_int_equal(a.status, 200);
	/* Well before their inactivity timeout would have made room. */
	assert_true(now_ms() - start_ms < 700);
	for (size_t i = 0; i < HTTP_CONNECTIONS_MAX + 16; i++)
		close(dawdlers[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_server, destroy)
	const struct CMUnitTest tests[] = {
		T(every_route_answers_as_documented),
		T(changes_reach_the_agent_as_sent),
		T(a_refused_change_says_what_is_wrong),
		T(an_error_quotes_any_name),
		T(not_ready_is_503),
		T(tcp_answers_four_paths_and_changes_nothing),
		T(head_has_no_body),
		T(the_scraper_chooses_format_and_encoding),
		T(scrapes_in_a_row_share_one_snapshot),
		T(dawdlers_do_not_keep_a_scraper_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
