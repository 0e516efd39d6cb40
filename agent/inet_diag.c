/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * inet_diag.c - see inet_diag.h.
 */
#include "agent/inet_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>

#include "common/scoped.h"

#define MESSAGE_BYTES 8192

int inet_diag_open(struct mnl_socket **out)
{
	struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	const struct timeval patience = {.tv_sec = 2};

	if (!nl)
		return -errno;
	/* The kernel answers at once or not at all. */
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = -errno;

		mnl_socket_close(nl);
		return err;
	}
	*out = nl;
	return 0;
}

void inet_diag_close(struct mnl_socket *nl)
{
	if (nl)
		mnl_socket_close(nl);
}

static void fill_id(struct inet_diag_sockid *id, const struct weir_victim *v)
{
	id->idiag_sport = htons(v->source_port);
	id->idiag_dport = htons(v->peer_port);
	id->idiag_cookie[0] = (uint32_t)v->cookie;
	id->idiag_cookie[1] = (uint32_t)(v->cookie >> 32);
	if (v->family == AF_INET) {
		id->idiag_src[0] = v->source[3];
		id->idiag_dst[0] = v->peer[3];
		return;
	}
	memcpy(id->idiag_src, v->source, sizeof(id->idiag_src));
	memcpy(id->idiag_dst, v->peer, sizeof(id->idiag_dst));
}

/* One question about one socket, and the kernel's answer in `message`. */
static int ask(struct mnl_socket *nl, uint16_t type, uint16_t flags,
	       const struct weir_victim *v, char message[MESSAGE_BYTES])
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(message);
	struct inet_diag_req_v2 *request;
	ssize_t bytes;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = (uint8_t)v->family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = ~0u;
	fill_id(&request->id, v);
	if (mnl_socket_sendto(nl, header, header->nlmsg_len) < 0)
		return -errno;
	bytes = mnl_socket_recvfrom(nl, message, MESSAGE_BYTES);
	if (bytes < 0)
		return -errno;
	header = (struct nlmsghdr *)message;
	if (!mnl_nlmsg_ok(header, (int)bytes))
		return -EPROTO;
	if (header->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

		return error->error;
	}
	return 0;
}

/* A place that was never given must not be served until the other side is done. */
static bool may_be_reset(const struct weir_victim *v, uint8_t state)
{
	if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT)
		return true;
	return v->doomed && (state == TCP_SYN_RECV || state == TCP_FIN_WAIT1 ||
			     state == TCP_FIN_WAIT2);
}

/* Looked at just before: is it still what was to be reset? */
static int look_again(struct mnl_socket *nl, const struct weir_victim *v)
{
	char message[MESSAGE_BYTES] __attribute__((aligned(8)));
	const struct inet_diag_msg *found;
	int err = ask(nl, SOCK_DIAG_BY_FAMILY, 0, v, message);

	if (err)
		return err;
	found = mnl_nlmsg_get_payload((struct nlmsghdr *)message);
	return may_be_reset(v, found->idiag_state) ? 0 : -EINVAL;
}

int inet_diag_destroy(struct mnl_socket *nl, const struct weir_victim *victim)
{
	char message[MESSAGE_BYTES] __attribute__((aligned(8)));
	int err = look_again(nl, victim);

	return err ? err : ask(nl, SOCK_DESTROY, NLM_F_ACK, victim, message);
}

int inet_diag_probe(struct mnl_socket *nl)
{
	/* No socket has this address; only a kernel that could says so. */
	const struct weir_victim nobody = {
		.family = AF_INET,
		.source_port = 1,
		.peer_port = 1,
		.cookie = ~0ull - 1,
	};
	char message[MESSAGE_BYTES] __attribute__((aligned(8)));
	int err = ask(nl, SOCK_DESTROY, NLM_F_ACK, &nobody, message);

	return err == -ENOENT ? 0 : err ? err : -EPROTO;
}
