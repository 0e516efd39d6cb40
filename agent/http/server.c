/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * server.c - the two daemons, and a request from its first line to its answer.
 *
 * They share nothing that one of them could use up: whatever happens on the
 * metrics port, the control socket has its own threads and connections.
 */
#include "agent/http/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/clock.h"
#include "agent/http/auth.h"
#include "agent/http/listen.h"
#include "agent/http/request.h"
#include "agent/http/seats.h"
#include "common/scan.h"
#include "common/scoped.h"

/* Of one connection; the request line and headers must fit in half of it. */
#define CONNECTION_BYTES (16u * 1024u)
#define STACK_BYTES	 (1024u * 1024u)
#define FAREWELL_MS	 1000u

struct listener {
	struct http *http;
	bool tcp;
	int fd; /* bound, until the daemon owns it; -1: none */
	struct MHD_Daemon *daemon;
};

struct http {
	struct http_ops ops;
	struct auth auth;
	unsigned timeout_seconds;
	struct listener control, metrics;
	struct exposition exposition;
	struct seats seats;
	char *socket_path;
	ino_t socket_inode;
	_Atomic bool stopping;
	_Atomic unsigned waiters;
	_Atomic unsigned answering;
};

const struct http_ops *server_ops(struct http *http)
{
	return &http->ops;
}

struct exposition *server_exposition(struct http *http)
{
	return &http->exposition;
}

bool server_stopping(struct http *http)
{
	return http->stopping;
}

bool server_wait_begin(struct http *http)
{
	if (atomic_fetch_add(&http->waiters, 1) < HTTP_WAITERS_MAX)
		return true;
	http->waiters--;
	return false;
}

void server_wait_end(struct http *http)
{
	http->waiters--;
}

const char *request_argument(struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection,
					   MHD_GET_ARGUMENT_KIND, name);
}

/* ---- before the body -------------------------------------------------------------- */

static void refuse_route(struct request *request, const char *method,
			 const char *path)
{
	if (request->allow)
		reply_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, NULL,
			    "%.16s is not possible on %.128s, but %s is",
			    method, path, request->allow);
	else
		reply_error(request, MHD_HTTP_NOT_FOUND, NULL,
			    "there is no %.128s here", path);
}

static void check_caller(struct request *request)
{
	struct http *http = request->http;
	bool change = request->route->changes;

	if (auth_caller(request->fd, &request->caller) ||
	    !auth_may(&http->auth, request->fd, &request->caller, change))
		reply_error(request, MHD_HTTP_FORBIDDEN, NULL,
			    "uid %u may not %s: %s", request->caller.uid,
			    change ? "change anything" : "read",
			    change ? "root or a member of the admin group may"
				   : "root or a member of the read group may");
}

static void check_length(struct request *request)
{
	const char *text = MHD_lookup_connection_value(
		request->connection, MHD_HEADER_KIND, "Content-Length");
	uint64_t bytes = 0;

	/* Not a number: the library has refused it already. */
	if (text && !scan_count(text, &bytes) && bytes > HTTP_BODY_BYTES_MAX)
		request->too_large = true;
}

static void reply_too_large(struct request *request)
{
	reply_error(request, MHD_HTTP_CONTENT_TOO_LARGE, NULL,
		    "a body has at most %u bytes", HTTP_BODY_BYTES_MAX);
}

static void admit(struct request *request, const struct listener *listener,
		  const char *method, const char *path)
{
	if (strlen(path) > HTTP_PATH_BYTES_MAX) {
		reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			    "a path has at most %u bytes", HTTP_PATH_BYTES_MAX);
		return;
	}
	request->route =
		routes_find(method, path, listener->tcp, &request->allow);
	if (!request->route) {
		refuse_route(request, method, path);
		return;
	}
	if (!listener->tcp)
		check_caller(request);
	if (request->status)
		return;
	check_length(request);
	if (request->too_large)
		reply_too_large(request);
}

/* ---- body and answer ---------------------------------------------------------------- */

/* False: more than anyone needs, or nothing to put it in. */
static bool collect(struct request *request, const char *data, size_t bytes)
{
	size_t need = request->body_bytes + bytes;
	size_t capacity =
		request->body_capacity ? request->body_capacity : 16 * 1024;
	char *body;

	/* A body without announced length: read a while, to answer in order. */
	if (need > HTTP_BODY_BYTES_MAX) {
		request->too_large = true;
		request->body_bytes = need;
		return need <= 2 * HTTP_BODY_BYTES_MAX;
	}
	while (capacity < need)
		capacity *= 2;
	if (capacity != request->body_capacity) {
		body = realloc(request->body, capacity);
		if (!body)
			return false;
		request->body = body;
		request->body_capacity = capacity;
	}
	memcpy(request->body + request->body_bytes, data, bytes);
	request->body_bytes = need;
	return true;
}

static struct MHD_Response *response_of(struct request *request)
{
	static char nothing[] = "";
	struct MHD_Response *response;

	/* Without an answer there was no memory for one. */
	if (!request->answer)
		return MHD_create_response_from_buffer(0, nothing,
						       MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer(
		request->answer_bytes, request->answer, MHD_RESPMEM_MUST_FREE);
	if (response)
		request->answer = NULL;
	return response;
}

static enum MHD_Result send_answer(struct request *request)
{
	struct MHD_Response *response = response_of(request);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (request->type)
		MHD_add_response_header(response, "Content-Type",
					request->type);
	if (request->gzipped)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	if (request->allow)
		MHD_add_response_header(response, "Allow", request->allow);
	MHD_add_response_header(response, "Vary", "Accept, Accept-Encoding");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	result = MHD_queue_response(request->connection, request->status,
				    response);
	MHD_destroy_response(response);
	return result;
}

static struct request *begin(const struct listener *listener,
			     struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct request *request = calloc(1, sizeof(*request));

	if (!request || !info) {
		free(request);
		return NULL;
	}
	request->http = listener->http;
	request->connection = connection;
	request->fd = info->connect_fd;
	listener->http->answering++;
	return request;
}

/* The library calls it for the head, for each piece of body, and at the end. */
static enum MHD_Result take_request(void *cls,
				    struct MHD_Connection *connection,
				    const char *path, const char *method,
				    const char *version, const char *data,
				    size_t *bytes, void **state)
{
	const struct listener *listener = cls;
	struct request *request = *state;

	(void)version;
	if (!request) {
		request = *state = begin(listener, connection);
		if (!request)
			return MHD_NO;
		admit(request, listener, method, path);
		return request->status ? send_answer(request) : MHD_YES;
	}
	if (*bytes) {
		/* What nobody asked for is not read. */
		bool wanted = !strcmp(request->route->method, "POST");

		if (!wanted || !collect(request, data, *bytes))
			return MHD_NO;
		*bytes = 0;
		return MHD_YES;
	}
	if (request->too_large)
		reply_too_large(request);
	else
		request->route->handle(request);
	return send_answer(request);
}

static void end_request(void *cls, struct MHD_Connection *connection,
			void **state, enum MHD_RequestTerminationCode code)
{
	const struct listener *listener = cls;
	struct request *request = *state;
	const union MHD_ConnectionInfo *info;

	(void)code;
	if (!request)
		return;
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (listener->tcp && info && info->socket_context)
		((struct seat *)info->socket_context)->since_ns =
			clock_monotonic_ns();
	listener->http->answering--;
	free(request->body);
	free(request->answer);
	free(request);
	*state = NULL;
}

static void track_seat(void *cls, struct MHD_Connection *connection,
		       void **context, enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = cls;
	struct seats *seats = &listener->http->seats;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		seats_leave(seats, *context);
		return;
	}
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*context = seats_take(seats, info->connect_fd,
				      clock_monotonic_ns());
}

/* ---- start and stop ------------------------------------------------------------------ */

static int start_daemon(struct listener *listener, unsigned flags)
{
	const struct http *http = listener->http;

	if (listener->fd < 0)
		return 0;
	listener->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, take_request, listener,
		MHD_OPTION_LISTEN_SOCKET, listener->fd,
		MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, http->timeout_seconds,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, end_request, listener,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		listener->tcp ? MHD_OPTION_NOTIFY_CONNECTION : MHD_OPTION_END,
		track_seat, listener, MHD_OPTION_END);
	if (!listener->daemon)
		return -EIO;
	TAKE_FD(listener->fd); /* the daemon closes it */
	return 0;
}

static int bind_both(struct http *http, const struct http_options *options,
		     char *why, size_t why_bytes)
{
	const struct auth *auth = &http->auth;
	struct stat st;
	/* Without readers the admins own it; else admins are readers too. */
	int err = listen_unix(&http->control.fd, options->socket_path,
			      auth->read_gid != AUTH_NO_GROUP ? auth->read_gid
							      : auth->admin_gid,
			      why, why_bytes);

	if (err)
		return err;
	http->socket_path = strdup(options->socket_path);
	if (!http->socket_path)
		return -ENOMEM;
	if (!stat(http->socket_path, &st))
		http->socket_inode = st.st_ino;
	if (!options->metrics_address)
		return 0;
	return listen_tcp(&http->metrics.fd, options->metrics_address, why,
			  why_bytes);
}

int http_open(struct http **out, const struct http_options *options,
	      const struct http_ops *ops, char *why, size_t why_bytes)
{
	struct http *http = calloc(1, sizeof(*http));
	int err;

	snprintf(why, why_bytes, "control socket: out of memory");
	if (!http)
		return -ENOMEM;
	http->ops = *ops;
	http->timeout_seconds = options->timeout_seconds
					? options->timeout_seconds
					: HTTP_TIMEOUT_SECONDS;
	http->control = (struct listener){.http = http, .fd = -1};
	http->metrics = (struct listener){.http = http, .fd = -1, .tcp = true};
	seats_open(&http->seats);
	exposition_open(&http->exposition);
	auth_open(&http->auth, options->read_group, options->admin_group);
	err = bind_both(http, options, why, why_bytes);
	if (err) {
		http_stop(http);
		return err;
	}
	*out = http;
	return 0;
}

int http_serve(struct http *http)
{
	sigset_t all, before;
	int err;

	/* Signals are the main thread's: these are born deaf to them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = start_daemon(&http->control,
			   MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC |
				   MHD_USE_THREAD_PER_CONNECTION);
	if (!err)
		err = start_daemon(&http->metrics,
				   MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* Ours is the file only as long as nobody has replaced it. */
static void remove_socket(const struct http *http)
{
	struct stat st;

	if (http->socket_path && !lstat(http->socket_path, &st) &&
	    st.st_ino == http->socket_inode)
		unlink(http->socket_path);
}

static void quiesce(struct listener *listener)
{
	int fd = listener->daemon ? MHD_quiesce_daemon(listener->daemon)
				  : listener->fd;

	if (fd >= 0)
		close(fd);
}

void http_stop(struct http *http)
{
	const struct timespec pause = {.tv_nsec = 5 * (long)NS_PER_MS};
	uint64_t end_ns = clock_monotonic_ns() + FAREWELL_MS * NS_PER_MS;

	if (!http)
		return;
	http->stopping = true;
	quiesce(&http->control);
	quiesce(&http->metrics);
	remove_socket(http);
	while (http->answering && clock_monotonic_ns() < end_ns)
		nanosleep(&pause, NULL);
	if (http->control.daemon)
		MHD_stop_daemon(http->control.daemon);
	if (http->metrics.daemon)
		MHD_stop_daemon(http->metrics.daemon);
	exposition_close(&http->exposition);
	free(http->socket_path);
	free(http);
}
