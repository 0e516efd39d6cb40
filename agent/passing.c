/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * passing.c - see passing.h.
 */
#include "agent/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ROOM CMSG_SPACE(PASSING_FDS_MAX * sizeof(int))

int passing_send(int socket, const void *data, size_t bytes, const int *fds,
		 size_t count)
{
	_Alignas(struct cmsghdr) char room[ROOM] = {0};
	struct iovec part = {.iov_base = (void *)data, .iov_len = bytes};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count > PASSING_FDS_MAX)
		return -EINVAL;
	if (count) {
		struct cmsghdr *header;

		message.msg_control = room;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t passing_receive(int socket, void *data, size_t bytes,
			int fds[PASSING_FDS_MAX], size_t *count)
{
	_Alignas(struct cmsghdr) char room[ROOM];
	struct iovec part = {.iov_base = data, .iov_len = bytes};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);

	*count = 0;
	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS) {
		*count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(header), *count * sizeof(int));
	}
	return got < 0 ? -errno : got;
}
