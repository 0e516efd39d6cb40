/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * http.h - the control socket and the metrics port (libmicrohttpd).
 *
 * Threads of their own serve them: one per connection on the control socket,
 * because a long poll blocks; a single one for the whole metrics port, so that
 * strangers there cost no threads. They never touch the agent's state: what
 * they read comes from ops->snapshot(), what they change goes through the other
 * ops, which take the agent's lock themselves and return quickly. The API is
 * docs/API.md. Nothing on TCP ever changes anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/view/snapshot.h"
#include "common/error.h"

#define HTTP_BODY_BYTES_MAX	     (8u * 1024u * 1024u)
#define HTTP_CONNECTIONS_MAX	     64u
#define HTTP_TIMEOUT_SECONDS	     10u /* a stalled client is dropped */
#define HTTP_EVENTS_WAIT_SECONDS_MAX 25u
#define HTTP_NAMES_MAX		     4096u

/* Who asks, from SO_PEERCRED at accept(). Never authorise by pid. */
struct http_caller {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* for the log only */
};

struct http_file {
	char *name; /* base name the policy is stored under */
	char *text;
	size_t bytes;
};

/* The result of apply, delete and reload. Names are owned by the result. */
struct http_result {
	uint32_t generation;
	char *created[HTTP_NAMES_MAX];
	char *updated[HTTP_NAMES_MAX];
	char *unchanged[HTTP_NAMES_MAX];
	char *deleted[HTTP_NAMES_MAX];
	size_t created_count, updated_count, unchanged_count, deleted_count;
};

struct http_check {
	char group[24];
	char name[48];
	char status[12]; /* "ok", "warning", "failed" */
	char text[256];
	char hint[256];
};

/*
 * Each returns 0 or -errno: -ENOENT no such object, -EINVAL rejected (errors
 * filled), -EEXIST/-EBUSY conflict, -ENOSPC a limit was reached (errors
 * filled). `ctx` is the ops' own. Called on the HTTP threads, several at once.
 */
struct http_ops {
	void *ctx;
	/* The caller frees it with snapshot_free(). NULL: out of memory. */
	struct snapshot *(*snapshot)(void *ctx);
	/*
	 * Who holds the connections of a service or endpoint, of all when there
	 * is no name: looks at each socket. The caller frees it.
	 */
	int (*clients)(void *ctx, const char *opt_name,
		       struct snapshot_clients **out);
	/* Blocks until an event newer than `seq` exists or the time is over. */
	void (*wait_event)(void *ctx, uint64_t seq, unsigned timeout_ms);
	int (*apply)(void *ctx, const struct http_caller *who,
		     const struct http_file *files, size_t file_count,
		     bool dry_run, bool prune, struct http_result *result,
		     struct weir_errors *errors);
	int (*remove)(void *ctx, const struct http_caller *who,
		      const char *name, struct http_result *result,
		      struct weir_errors *errors);
	int (*reload)(void *ctx, const struct http_caller *who,
		      struct http_result *result, struct weir_errors *errors);
	/* state: "open", "closed" or "auto"; ttl_seconds 0: no end. */
	int (*force)(void *ctx, const struct http_caller *who, const char *name,
		     const char *state, double ttl_seconds, const char *reason,
		     struct weir_errors *errors);
	int (*reset)(void *ctx, const struct http_caller *who, const char *name,
		     struct weir_errors *errors);
	size_t (*checks)(void *ctx, struct http_check *out, size_t max);
	bool (*ready)(void *ctx);   /* attached, a generation in force */
	bool (*healthy)(void *ctx); /* the loop ticked recently */
};

struct http_options {
	const char *socket_path;     /* control socket */
	const char *metrics_address; /* "127.0.0.1:19347"; NULL: off */
	const char *read_group;	     /* "weir"; may not exist */
	const char *admin_group;     /* may change; NULL: root only */
	unsigned timeout_seconds;    /* 0: HTTP_TIMEOUT_SECONDS */
};

struct http;

/*
 * Binds both; who connects waits. -EADDRINUSE when the socket path is held by a
 * living server or is not a socket (a stale socket is replaced); then and on
 * every other failure `why` says in one line what was tried and why it failed.
 */
int http_open(struct http **out, const struct http_options *options,
	      const struct http_ops *ops, char *why, size_t why_bytes);

/*
 * Starts the threads; from here on the ops are called. They have the
 * capabilities of the caller.
 */
int http_serve(struct http *http);

/* Answers what is being answered, closes, unlinks the socket. NULL is fine. */
void http_stop(struct http *http);
