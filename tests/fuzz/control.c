/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.c - whatever is asked on the control socket: each question has an
 * answer of docs/API.md, and the agent behind it stays whole.
 *
 * An input is a row of requests with 0x1e between them, each "METHOD TARGET", a
 * line break, the body. Sockets and libmicrohttpd's parsing are left out: this
 * file takes the place of agent/http/server.c.
 */
#include "agent/http/request.h"
#include "agent/http/server.h"
#include "common/scoped.h"
#include "tests/fuzz/agent.h"

#define REQUEST_END   0x1e
#define ARGUMENTS_MAX 16

DEFINE_SCOPED(json, json_t *, json_decref(*it))

struct http {
	struct http_ops ops;
	struct exposition exposition;
	unsigned asked_to_stop;
	char *names[ARGUMENTS_MAX], *values[ARGUMENTS_MAX];
	size_t argument_count;
};

/* ---- in place of agent/http/server.c ------------------------------------------ */

const struct http_ops *server_ops(struct http *http)
{
	return &http->ops;
}

struct exposition *server_exposition(struct http *http)
{
	return &http->exposition;
}

/* Who waits does so for a few looks. */
bool server_stopping(struct http *http)
{
	return http->asked_to_stop++ > 3;
}

bool server_wait_begin(struct http *http)
{
	(void)http;
	return true;
}

void server_wait_end(struct http *http)
{
	(void)http;
}

const char *request_argument(struct request *request, const char *name)
{
	const struct http *http = request->http;

	for (size_t i = 0; i < http->argument_count; i++)
		if (!strcmp(http->names[i], name))
			return http->values[i];
	return NULL;
}

enum MHD_Result MHD_set_connection_option(struct MHD_Connection *connection,
					  enum MHD_CONNECTION_OPTION option,
					  ...)
{
	(void)connection, (void)option;
	return MHD_YES;
}

const char *MHD_lookup_connection_value(struct MHD_Connection *connection,
					enum MHD_ValueKind kind,
					const char *key)
{
	(void)connection, (void)kind, (void)key;
	return NULL;
}

/* Something happens while somebody waits. */
static void wait_event(void *ctx, uint64_t seq, unsigned timeout_ms)
{
	struct agent *agent = ctx;

	(void)seq, (void)timeout_ms;
	events_say(agent->events, SNAPSHOT_EVENT_AGENT, "", "meanwhile");
}

/* ---- one request ---------------------------------------------------------------- */

/* As the library does: names and values are unescaped, both end at a NUL. */
static void split_arguments(struct http *http, char *query)
{
	http->argument_count = 0;
	for (char *next; query && http->argument_count < ARGUMENTS_MAX;
	     query = next) {
		char *value;

		next = strchr(query, '&');
		if (next)
			*next++ = '\0';
		value = strchr(query, '=');
		if (value) {
			*value++ = '\0';
			MHD_http_unescape(value);
		}
		MHD_http_unescape(query);
		http->names[http->argument_count] = query;
		http->values[http->argument_count++] = value;
	}
}

static void check_error(const json_t *body)
{
	const char *message =
		json_string_value(json_object_get(body, "message"));

	demand(!strcmp(json_string_value(json_object_get(body, "kind")) ?: "",
		       "Error"));
	demand(json_is_string(json_object_get(body, "code")));
	demand(message && *message);
	demand(json_is_array(json_object_get(body, "diagnostics")));
}

static void check_answer(const struct request *request)
{
	scoped(json) json_t *body = NULL;
	unsigned status = request->status;

	demand(request->type && request->answer);
	demand(status == 200 || (status >= 400 && status < 600));
	/* What only a bug can be the reason for. */
	demand(status != MHD_HTTP_INTERNAL_SERVER_ERROR);
	if (strcmp(request->type, "application/json"))
		return;
	body = json_loadb(request->answer, request->answer_bytes, 0, NULL);
	demand(json_is_object(body));
	if (status != 200)
		check_error(body);
	else
		demand(json_is_string(json_object_get(body, "kind")) ||
		       json_is_string(json_object_get(body, "name")));
}

static void handle(struct http *http, const char *method, char *target,
		   const char *body, size_t body_bytes)
{
	struct request request = {
		.http = http,
		.fd = -1,
		.body_bytes = body_bytes,
	};
	char *query = strchr(target, '?');
	const char *allow = NULL;

	if (query)
		*query++ = '\0';
	request.route = routes_find(method, target, false, &allow);
	if (!request.route)
		return;
	split_arguments(http, query);
	/* Just so many bytes: what looks behind them is caught. */
	request.body = body_bytes ? malloc(body_bytes) : NULL;
	if (body_bytes)
		memcpy(request.body, body, body_bytes);
	http->asked_to_stop = 0;
	request.route->handle(&request);
	check_answer(&request);
	free(request.body);
	free(request.answer);
}

static void take_request(struct http *http, const char *text, size_t bytes)
{
	struct fuzz_input input = {(const uint8_t *)text, bytes};
	scoped(text) char *method = fuzz_text(&input, ' ', NULL);
	scoped(text) char *target = fuzz_text(&input, '\n', NULL);

	handle(http, method, target, (const char *)input.at, input.left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	struct agent *agent = fuzz_agent_start();
	struct http http = {.ops = control_ops(agent)};

	http.ops.wait_event = wait_event;
	exposition_open(&http.exposition);
	plane_meet(&agent->registry, "orders", 0x0a000801, 5432,
		   agent->started_ns);
	while (input.left) {
		size_t request_bytes;
		scoped(text) char *request =
			fuzz_text(&input, REQUEST_END, &request_bytes);

		take_request(&http, request, request_bytes);
		fuzz_check_registry(&agent->registry);
	}
	exposition_close(&http.exposition);
	fuzz_agent_stop(agent);
	return 0;
}
