/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listen.c - see listen.h.
 */
#include "agent/http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/scan.h"
#include "common/scoped.h"

#define BACKLOG 64

__attribute__((format(printf, 4, 5))) static int
fail(int err, char *why, size_t why_bytes, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_bytes, format, args);
	va_end(args);
	return err;
}

/* ---- the control socket ------------------------------------------------------ */

static int make_directory(const char *path, gid_t gid, char *why,
			  size_t why_bytes)
{
	const char *slash = strrchr(path, '/');
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];

	if (!slash || slash == path)
		return 0;
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path),
		 path);
	if (mkdir(directory, 0750)) {
		if (errno == EEXIST)
			return 0;
		return fail(-errno, why, why_bytes,
			    "control socket %s: mkdir %s: %s", path, directory,
			    strerror(errno));
	}
	/* Members of the group must be able to reach the socket in it. */
	if (gid != (gid_t)-1 && chown(directory, (uid_t)-1, gid))
		return fail(-errno, why, why_bytes, "chown %s: %s", directory,
			    strerror(errno));
	return 0;
}

/* Clears the way for bind(), or says who is in it. */
static int make_way(const struct sockaddr_un *address, char *why,
		    size_t why_bytes)
{
	const char *path = address->sun_path;
	scoped(fd) int fd = -1;
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0
				       : fail(-errno, why, why_bytes,
					      "control socket %s: %s", path,
					      strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(-EADDRINUSE, why, why_bytes,
			    "control socket %s: the path is taken by something "
			    "that is not a socket; it was left alone",
			    path);
	/* Non-blocking: a server with a full backlog is alive all the same. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, why, why_bytes, "socket: %s",
			    strerror(errno));
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    errno != ECONNREFUSED)
		return fail(-EADDRINUSE, why, why_bytes,
			    "control socket %s: another server answers on it",
			    path);
	if (unlink(path) && errno != ENOENT)
		return fail(-errno, why, why_bytes,
			    "stale control socket %s: unlink: %s", path,
			    strerror(errno));
	return 0;
}

/* Open it up only after the owner is right. */
static int hand_over(const char *path, gid_t gid, char *why, size_t why_bytes)
{
	if (gid != (gid_t)-1 && chown(path, (uid_t)-1, gid))
		return fail(-errno, why, why_bytes, "chown %s: %s", path,
			    strerror(errno));
	if (chmod(path, 0660))
		return fail(-errno, why, why_bytes, "chmod %s: %s", path,
			    strerror(errno));
	return 0;
}

/*
 * bind() makes the file with the permissions of the socket's own inode, so a
 * fchmod() before it leaves no moment at which others could connect; umask
 * would be process-wide.
 */
static int bind_unix(int fd, const struct sockaddr_un *address, gid_t gid,
		     char *why, size_t why_bytes)
{
	int err;

	if (fchmod(fd, 0600) ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return fail(-errno, why, why_bytes, "control socket %s: %s",
			    address->sun_path, strerror(errno));
	err = hand_over(address->sun_path, gid, why, why_bytes);
	if (!err && listen(fd, BACKLOG))
		err = fail(-errno, why, why_bytes, "listen on %s: %s",
			   address->sun_path, strerror(errno));
	if (err)
		unlink(address->sun_path);
	return err;
}

int listen_unix(int *out, const char *path, gid_t gid, char *why,
		size_t why_bytes)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	scoped(fd) int fd = -1;
	int err;

	if (!path[0] || strlen(path) >= sizeof(address.sun_path))
		return fail(-ENAMETOOLONG, why, why_bytes,
			    "control socket '%s': a socket path has 1 to %zu "
			    "bytes",
			    path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	err = make_directory(path, gid, why, why_bytes);
	if (!err)
		err = make_way(&address, why, why_bytes);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, why, why_bytes, "socket: %s",
			    strerror(errno));
	err = bind_unix(fd, &address, gid, why, why_bytes);
	if (err)
		return err;
	*out = TAKE_FD(fd);
	return 0;
}

/* ---- the metrics port ----------------------------------------------------------- */

DEFINE_SCOPED(addresses, struct addrinfo *, if (*it) freeaddrinfo(*it))

/* "a:p" or "[a]:p" into its two halves. */
static bool split(const char *text, char host[64], char port[8])
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	uint16_t min, max;

	if (!colon || !length || length >= 64 || strlen(colon + 1) >= 8 ||
	    !colon[1])
		return false;
	if (text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return false;
	}
	memcpy(host, text, length);
	host[length] = '\0';
	snprintf(port, 8, "%s", colon + 1);
	/* getaddrinfo() takes 99999 for 34463. */
	return !scan_ports(port, &min, &max) && min == max;
}

int listen_tcp(int *out, const char *address, char *why, size_t why_bytes)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	};
	scoped(addresses) struct addrinfo *found = NULL;
	scoped(fd) int fd = -1;
	char host[64], port[8];
	const int one = 1;

	if (!split(address, host, port) ||
	    getaddrinfo(host, port, &hints, &found))
		return fail(-EINVAL, why, why_bytes,
			    "metrics address '%s' is not ADDRESS:PORT, as in "
			    "127.0.0.1:19347 or [::1]:19347",
			    address);
	fd = socket(found->ai_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A predecessor's TIME_WAIT must not keep the agent from starting. */
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, BACKLOG))
		return fail(-errno, why, why_bytes, "metrics port %s: %s",
			    address, strerror(errno));
	*out = TAKE_FD(fd);
	return 0;
}
