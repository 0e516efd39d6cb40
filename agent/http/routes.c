/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * routes.c - the table of what can be asked, and the answers that only read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http/changes.h"
#include "agent/http/events.h"
#include "agent/http/exposition.h"
#include "agent/http/request.h"
#include "agent/http/server.h"
#include "agent/view/render.h"
#include "common/count_of.h"
#include "common/scoped.h"

#define CHECKS_MAX 128u

DEFINE_SCOPED(snapshot, struct snapshot *, snapshot_free(*it))

static struct snapshot *take(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);
	struct snapshot *snapshot = ops->snapshot(ops->ctx);

	if (!snapshot)
		reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
			    "out of memory while looking");
	return snapshot;
}

static void get_status(struct request *request)
{
	scoped(snapshot) struct snapshot *s = take(request);

	if (s)
		reply_json(request, MHD_HTTP_OK, json_status(s));
}

static void get_services(struct request *request)
{
	scoped(snapshot) struct snapshot *s = take(request);

	if (s)
		reply_json(request, MHD_HTTP_OK,
			   json_services(s, request_argument(request, "name")));
}

static void get_endpoints(struct request *request)
{
	scoped(snapshot) struct snapshot *s = take(request);

	if (s)
		reply_json(request, MHD_HTTP_OK,
			   json_endpoints(
				   s, request_argument(request, "service")));
}

/* Leaves the items whose name is the one asked for. */
static void keep_named(json_t *list, const char *opt_name)
{
	json_t *items = json_object_get(list, "items");

	for (size_t i = json_array_size(items); opt_name && i-- > 0;) {
		json_t *name =
			json_object_get(json_array_get(items, i), "name");

		if (strcmp(json_string_value(name) ?: "", opt_name))
			json_array_remove(items, i);
	}
}

static void get_policies(struct request *request)
{
	scoped(snapshot) struct snapshot *s = take(request);
	json_t *list;

	if (!s)
		return;
	list = json_policies(s);
	keep_named(list, request_argument(request, "name"));
	if (request_argument(request, "name"))
		json_add_values(list, s);
	reply_json(request, MHD_HTTP_OK, list);
}

static void get_overrides(struct request *request)
{
	scoped(snapshot) struct snapshot *s = take(request);

	if (s)
		reply_json(request, MHD_HTTP_OK, json_overrides(s));
}

static void get_generations(struct request *request)
{
	scoped(snapshot) struct snapshot *s = take(request);

	if (s)
		reply_json(request, MHD_HTTP_OK, json_generations(s));
}

static void get_clients(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);
	const char *name = request_argument(request, "name");
	struct snapshot_clients *clients = NULL;
	int err = ops->clients(ops->ctx, name, &clients);
	scoped(memory) void *memory = clients;

	if (!err)
		reply_json(request, MHD_HTTP_OK, json_clients(memory));
	else if (err == -ENOENT)
		reply_error(request, MHD_HTTP_NOT_FOUND, NULL,
			    "no service and no endpoint is named '%.64s'",
			    name);
	else
		reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
			    "looking at the connections: %s", strerror(-err));
}

/* Of a service with a cap also who holds it now; without that it is told, too. */
static void add_clients(struct request *request, struct snapshot *s,
			const char *name)
{
	const struct http_ops *ops = server_ops(request->http);
	const struct snapshot_service *service = snapshot_find_service(s, name);

	if (service && service->bulkhead.set)
		ops->clients(ops->ctx, name, &s->clients);
}

static void get_why(struct request *request)
{
	const char *name = request_argument(request, "name");
	scoped(snapshot) struct snapshot *s = NULL;
	json_t *why;

	if (!name || !name[0]) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "why needs ?name=SERVICE or ?name=ADDRESS:PORT");
		return;
	}
	s = take(request);
	if (!s)
		return;
	add_clients(request, s, name);
	why = json_why(s, name);
	if (why)
		reply_json(request, MHD_HTTP_OK, why);
	else
		reply_error(request, MHD_HTTP_NOT_FOUND, NULL,
			    "no service and no endpoint is named '%.64s'",
			    name);
}

static void get_check(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);
	scoped(memory) void *memory =
		calloc(CHECKS_MAX, sizeof(struct http_check));
	struct http_check *checks = memory;
	json_t *items = json_array();
	size_t count;

	count = checks ? ops->checks(ops->ctx, checks, CHECKS_MAX) : 0;
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			items,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "group",
				  checks[i].group, "name", checks[i].name,
				  "status", checks[i].status, "text",
				  checks[i].text, "hint", checks[i].hint));
	reply_json(request, MHD_HTTP_OK,
		   json_pack("{s:s, s:s, s:o}", "apiVersion", "weir/v1", "kind",
			     "CheckList", "items", items));
}

/* ---- what a load balancer or a supervisor asks ---------------------------------- */

static void say(struct request *request, bool yes, const char *word,
		const char *not_word)
{
	char *text = strdup(yes ? word : not_word);

	reply_text(request, yes ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
		   "text/plain; charset=utf-8", text, text ? strlen(text) : 0);
}

static void get_healthz(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);

	say(request, ops->healthy(ops->ctx), "ok\n", "the loop is stalled\n");
}

static void get_readyz(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);

	say(request, ops->ready(ops->ctx), "ready\n", "not ready\n");
}

static void get_version(struct request *request)
{
	reply_json(request, MHD_HTTP_OK,
		   json_pack("{s:s, s:s, s:s}", "apiVersion", "weir/v1", "kind",
			     "Version", "version", WEIR_VERSION));
}

/* ---- the table -------------------------------------------------------------------- */

/* clang-format off */
static const struct route routes[] = {
	{ .method = "GET", .path = "/v1/status", .handle = get_status },
	{ .method = "GET", .path = "/v1/services", .handle = get_services },
	{ .method = "GET", .path = "/v1/endpoints", .handle = get_endpoints },
	{ .method = "GET", .path = "/v1/clients", .handle = get_clients },
	{ .method = "GET", .path = "/v1/policies", .handle = get_policies },
	{ .method = "GET", .path = "/v1/overrides", .handle = get_overrides },
	{ .method = "GET", .path = "/v1/generations", .handle = get_generations },
	{ .method = "GET", .path = "/v1/why", .handle = get_why },
	{ .method = "GET", .path = "/v1/events", .handle = events_get },
	{ .method = "GET", .path = "/v1/check", .handle = get_check },
	{ .method = "POST", .path = "/v1/policies", .changes = true, .handle = changes_apply },
	{ .method = "DELETE", .path = "/v1/policies", .changes = true, .handle = changes_delete },
	{ .method = "POST", .path = "/v1/reload", .changes = true, .handle = changes_reload },
	{ .method = "POST", .path = "/v1/force", .changes = true, .handle = changes_force },
	{ .method = "POST", .path = "/v1/reset", .changes = true, .handle = changes_reset },
	{ .method = "GET", .path = "/metrics", .on_tcp = true, .handle = exposition_get },
	{ .method = "GET", .path = "/healthz", .on_tcp = true, .handle = get_healthz },
	{ .method = "GET", .path = "/readyz", .on_tcp = true, .handle = get_readyz },
	{ .method = "GET", .path = "/version", .on_tcp = true, .handle = get_version },
};
/* clang-format on */

static bool method_fits(const struct route *route, const char *method)
{
	return !strcmp(method, route->method) ||
	       (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

const struct route *routes_find(const char *method, const char *path, bool tcp,
				const char **allow)
{
	bool get = false, change = false, remove = false;

	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		const struct route *route = &routes[i];

		if (strcmp(path, route->path) || (tcp && !route->on_tcp))
			continue;
		if (method_fits(route, method))
			return route;
		get = get || !strcmp(route->method, "GET");
		change = change || !strcmp(route->method, "POST");
		remove = remove || !strcmp(route->method, "DELETE");
	}
	*allow = get && change && remove ? "GET, HEAD, POST, DELETE"
		 : get			 ? "GET, HEAD"
		 : change		 ? "POST"
					 : NULL;
	return NULL;
}
