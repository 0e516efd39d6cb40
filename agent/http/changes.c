/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * changes.c - see changes.h.
 */
#include "agent/http/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http/server.h"
#include "agent/view/render.h"
#include "common/scoped.h"

#define FILES_MAX	    4096u
#define FILE_NAME_BYTES_MAX 255u

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
}

static void result_free(struct http_result *result)
{
	if (!result)
		return;
	free_names(result->created, result->created_count);
	free_names(result->updated, result->updated_count);
	free_names(result->unchanged, result->unchanged_count);
	free_names(result->deleted, result->deleted_count);
	free(result);
}

DEFINE_SCOPED(json, json_t *, json_decref(*it))
DEFINE_SCOPED(errors, struct weir_errors, errors_clear(it))
DEFINE_SCOPED(result, struct http_result *, result_free(*it))
DEFINE_SCOPED(snapshot, struct snapshot *, snapshot_free(*it))

/* ---- what a change is answered with ---------------------------------------------- */

static json_t *list(char *const *names, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(names[i]));
	return array;
}

static void reply_result(struct request *request, const struct http_result *r,
			 bool dry_run)
{
	reply_json(request, MHD_HTTP_OK,
		   json_pack("{s:s, s:s, s:I, s:b, s:o, s:o, s:o, s:o}",
			     "apiVersion", "weir/v1", "kind", "ApplyResult",
			     "generation", (json_int_t)r->generation, "dry_run",
			     dry_run, "created",
			     list(r->created, r->created_count), "updated",
			     list(r->updated, r->updated_count), "unchanged",
			     list(r->unchanged, r->unchanged_count), "deleted",
			     list(r->deleted, r->deleted_count)));
}

static struct http_result *result_new(struct request *request)
{
	struct http_result *result = calloc(1, sizeof(*result));

	if (!result)
		reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
			    "out of memory");
	return result;
}

static json_t *first_of(json_t *list_object, const char *name)
{
	scoped(json) json_t *owner = list_object;
	json_t *items = json_object_get(owner, "items");
	json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		const char *found =
			json_string_value(json_object_get(item, "name"));

		if (found && !strcmp(found, name))
			return json_incref(item);
	}
	return NULL;
}

/* The Service or Endpoint as it is after the change. */
static void reply_subject(struct request *request, const char *name)
{
	const struct http_ops *ops = server_ops(request->http);
	scoped(snapshot) struct snapshot *s = ops->snapshot(ops->ctx);
	json_t *object = NULL;

	if (s)
		object = first_of(json_services(s, name), name);
	if (s && !object)
		object = first_of(json_endpoints(s, NULL), name);
	if (s && !object)
		reply_error(request, MHD_HTTP_NOT_FOUND, NULL,
			    "'%.64s' went away in the meantime", name);
	else
		reply_json(request, MHD_HTTP_OK, object);
}

/* ---- what the client sent --------------------------------------------------------- */

/* NULL: answered with 400. */
static json_t *read_body(struct request *request)
{
	json_error_t at;
	json_t *body;

	body = json_loadb(request->body ? request->body : "",
			  request->body_bytes, JSON_REJECT_DUPLICATES, &at);
	if (json_is_object(body))
		return body;
	if (body)
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "the body must be a JSON object");
	else
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "the body is not JSON: line %d column %d: %s",
			    at.line, at.column, at.text);
	json_decref(body);
	return NULL;
}

/* A file name is stored as such: no way out of the directory, no hidden file. */
static bool is_base_name(const char *name)
{
	return name && name[0] && name[0] != '.' && !strchr(name, '/') &&
	       strlen(name) <= FILE_NAME_BYTES_MAX;
}

/* Borrows from `files`. False: answered with 400. */
static bool read_files(struct request *request, json_t *files,
		       struct http_file *out)
{
	json_t *item;
	size_t i;

	json_array_foreach (files, i, item) {
		json_t *name = json_object_get(item, "name");
		json_t *text = json_object_get(item, "text");

		if (!is_base_name(json_string_value(name)) ||
		    !json_is_string(text)) {
			reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
				    "files[%zu]: needs \"name\", a plain file "
				    "name, and \"text\"",
				    i);
			return false;
		}
		/* http_file is not const; nobody writes through it. */
		out[i] = (struct http_file){
			.name = (char *)(uintptr_t)json_string_value(name),
			.text = (char *)(uintptr_t)json_string_value(text),
			.bytes = json_string_length(text),
		};
	}
	return true;
}

static bool read_flag(struct request *request, const char *name, bool *out)
{
	const char *text = request_argument(request, name);

	if (!text)
		return true;
	if (strcmp(text, "0") && strcmp(text, "1")) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "%s is 0 or 1, not '%.32s'", name, text);
		return false;
	}
	*out = text[0] == '1';
	return true;
}

/* ---- the changes ------------------------------------------------------------------- */

static void apply(struct request *request, json_t *files, bool dry_run,
		  bool prune)
{
	const struct http_ops *ops = server_ops(request->http);
	size_t count = json_array_size(files);
	scoped(memory) void *memory =
		calloc(count + 1, sizeof(struct http_file));
	scoped(result) struct http_result *result = result_new(request);
	scoped(errors) struct weir_errors errors = {0};
	int err;

	if (!result || !memory || !read_files(request, files, memory))
		return;
	err = ops->apply(ops->ctx, &request->caller, memory, count, dry_run,
			 prune, result, &errors);
	if (err)
		reply_errno(request, err, "apply", &errors);
	else
		reply_result(request, result, dry_run);
}

void changes_apply(struct request *request)
{
	scoped(json) json_t *body = NULL;
	bool dry_run = false, prune = false;
	json_t *files;

	if (!read_flag(request, "dry_run", &dry_run) ||
	    !read_flag(request, "prune", &prune) ||
	    !(body = read_body(request)))
		return;
	files = json_object_get(body, "files");
	if (!json_is_array(files) || json_array_size(files) > FILES_MAX) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "the body needs \"files\", a list of at most %u",
			    FILES_MAX);
		return;
	}
	apply(request, files, dry_run, prune);
}

void changes_delete(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);
	const char *name = request_argument(request, "name");
	scoped(result) struct http_result *result = NULL;
	scoped(errors) struct weir_errors errors = {0};
	int err;

	if (!name || !name[0]) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "delete needs ?name=POLICY");
		return;
	}
	result = result_new(request);
	if (!result)
		return;
	err = ops->remove(ops->ctx, &request->caller, name, result, &errors);
	if (err)
		reply_errno(request, err, name, &errors);
	else
		reply_result(request, result, false);
}

void changes_reload(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);
	scoped(result) struct http_result *result = result_new(request);
	scoped(errors) struct weir_errors errors = {0};
	int err;

	if (!result)
		return;
	err = ops->reload(ops->ctx, &request->caller, result, &errors);
	if (err)
		reply_errno(request, err, "reload", &errors);
	else
		reply_result(request, result, false);
}

void changes_force(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);
	scoped(json) json_t *body = read_body(request);
	scoped(errors) struct weir_errors errors = {0};
	const char *name = NULL, *state = NULL, *reason = "";
	double ttl_seconds = 0;
	json_error_t at;
	int err;

	if (!body)
		return;
	if (json_unpack_ex(body, &at, JSON_STRICT, "{s:s, s:s, s?F, s?s}",
			   "name", &name, "state", &state, "ttl_seconds",
			   &ttl_seconds, "reason", &reason)) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "force needs name and state, and may have "
			    "ttl_seconds and reason: %s",
			    at.text);
		return;
	}
	err = ops->force(ops->ctx, &request->caller, name, state, ttl_seconds,
			 reason, &errors);
	if (err)
		reply_errno(request, err, name, &errors);
	else
		reply_subject(request, name);
}

void changes_reset(struct request *request)
{
	const struct http_ops *ops = server_ops(request->http);
	scoped(json) json_t *body = read_body(request);
	scoped(errors) struct weir_errors errors = {0};
	const char *name = NULL;
	json_error_t at;
	int err;

	if (!body)
		return;
	if (json_unpack_ex(body, &at, JSON_STRICT, "{s:s}", "name", &name)) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "reset needs name and nothing else: %s", at.text);
		return;
	}
	err = ops->reset(ops->ctx, &request->caller, name, &errors);
	if (err)
		reply_errno(request, err, name, &errors);
	else
		reply_subject(request, name);
}
