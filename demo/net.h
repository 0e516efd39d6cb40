/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * net.h - the little networking that the three demo programs share.
 *
 * They are ordinary applications and know nothing of Weir, so they use plain
 * blocking sockets and nothing of common/ but the scoped clean-up. Each stands
 * alone (one source file, libc and threads), hence functions in a header.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/scoped.h"

#define NS_PER_SECOND 1000000000ull
#define NS_PER_MS     1000000ull

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* A decimal number of 0..max and nothing after it. */
static inline int read_number(const char *text, unsigned max, unsigned *out)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > max)
			return -ERANGE;
	}
	*out = (unsigned)value;
	return 0;
}

/* "10.78.0.11:8080" */
static inline int read_address(const char *text, struct sockaddr_in *out)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char host[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	size_t length;
	unsigned port;

	if (!colon)
		return -EINVAL;
	length = (size_t)(colon - text);
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return -EINVAL;
	if (read_number(colon + 1, 65535, &port) || !port)
		return -EINVAL;
	address.sin_port = htons((uint16_t)port);
	*out = address;
	return 0;
}

static inline int listen_on(const struct sockaddr_in *address, int *out)
{
	scoped(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    listen(fd, 4096))
		return -errno;
	*out = TAKE_FD(fd);
	return 0;
}

/* How long a blocking connect, send or receive on `fd` may take. */
static inline int set_patience(int fd, unsigned seconds)
{
	struct timeval limit = {.tv_sec = seconds};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return -errno;
	return 0;
}

static inline int connect_to(const struct sockaddr_in *address,
			     unsigned patience_seconds, int *out)
{
	scoped(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = set_patience(fd, patience_seconds);
	if (err)
		return err;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return -errno;
	*out = TAKE_FD(fd);
	return 0;
}

static inline int send_text(int fd, const char *text)
{
	size_t length = strlen(text);

	if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
		return errno ? -errno : -EIO;
	return 0;
}

/*
 * One line without its newline; what does not fit is an error. -ECONNRESET
 * also for a peer that closed in the middle, -EPIPE for one that closed
 * before the first byte.
 */
static inline int receive_line(int fd, char *out, size_t bytes)
{
	size_t used = 0;

	while (used + 1 < bytes) {
		ssize_t got = recv(fd, out + used, bytes - 1 - used, 0);

		if (got < 0)
			return -errno;
		if (got == 0)
			return used ? -ECONNRESET : -EPIPE;
		used += (size_t)got;
		if (out[used - 1] == '\n') {
			out[used - 1] = '\0';
			return 0;
		}
	}
	return -EMSGSIZE;
}
