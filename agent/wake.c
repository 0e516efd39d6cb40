/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wake.c - see wake.h.
 */
#include "agent/wake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOPS 64

int wake_open(struct waker *waker)
{
	const int on = 1;

	*waker = (struct waker){
		.v4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW),
		.v6 = -1,
	};
	if (waker->v4 < 0)
		return -errno;
	/* A host without IPv6 has no sockets of it to wake. */
	waker->v6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (waker->v6 >= 0 && setsockopt(waker->v6, IPPROTO_IPV6, IPV6_HDRINCL,
					 &on, sizeof(on)) < 0) {
		int err = -errno;

		wake_close(waker);
		return err;
	}
	return 0;
}

void wake_close(struct waker *waker)
{
	if (waker->v4 >= 0)
		close(waker->v4);
	if (waker->v6 >= 0)
		close(waker->v6);
	*waker = (struct waker){-1, -1};
}

/* ---- the packet -------------------------------------------------------------------- */

static uint32_t add_words(uint32_t sum, const void *data, size_t bytes)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static bool is_v4(const struct weir_victim *socket)
{
	return !socket->peer[0] && !socket->peer[1] &&
	       socket->peer[2] == htonl(0xffff);
}

/* From the peer; acknowledges the SYN's own number, which is not its end. */
static void fill_tcp(struct tcphdr *tcp, const struct weir_victim *socket,
		     const void *from, const void *to, size_t address_bytes)
{
	uint32_t sum = IPPROTO_TCP + (uint32_t)sizeof(*tcp);

	*tcp = (struct tcphdr){
		.th_sport = htons(socket->peer_port),
		.th_dport = htons(socket->source_port),
		.th_ack = htonl(socket->seq),
		.th_off = sizeof(*tcp) / 4,
		.th_flags = TH_RST | TH_ACK,
	};
	sum = add_words(sum, from, address_bytes);
	sum = add_words(sum, to, address_bytes);
	tcp->th_sum = fold(add_words(sum, tcp, sizeof(*tcp)));
}

static size_t packet_v4(const struct weir_victim *socket, uint8_t *out)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
		.ttl = HOPS,
		.protocol = IPPROTO_TCP,
		.saddr = socket->peer[3],
		.daddr = socket->source[3],
	};
	struct tcphdr tcp;

	/* The kernel fills in the header's own checksum. */
	fill_tcp(&tcp, socket, &ip.saddr, &ip.daddr, sizeof(ip.saddr));
	memcpy(out, &ip, sizeof(ip));
	memcpy(out + sizeof(ip), &tcp, sizeof(tcp));
	return sizeof(ip) + sizeof(tcp);
}

static size_t packet_v6(const struct weir_victim *socket, uint8_t *out)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons(sizeof(struct tcphdr)),
		.ip6_nxt = IPPROTO_TCP,
		.ip6_hlim = HOPS,
	};
	struct tcphdr tcp;

	memcpy(&ip.ip6_src, socket->peer, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, socket->source, sizeof(ip.ip6_dst));
	fill_tcp(&tcp, socket, &ip.ip6_src, &ip.ip6_dst, sizeof(ip.ip6_src));
	memcpy(out, &ip, sizeof(ip));
	memcpy(out + sizeof(ip), &tcp, sizeof(tcp));
	return sizeof(ip) + sizeof(tcp);
}

size_t wake_packet(const struct weir_victim *socket,
		   uint8_t out[WAKE_PACKET_MAX])
{
	return is_v4(socket) ? packet_v4(socket, out) : packet_v6(socket, out);
}

int wake_send(const struct waker *waker, const struct weir_victim *socket)
{
	uint8_t packet[WAKE_PACKET_MAX];
	size_t bytes = wake_packet(socket, packet);
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = socket->source[3],
	};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	ssize_t sent;

	memcpy(&v6.sin6_addr, socket->source, sizeof(v6.sin6_addr));
	if (is_v4(socket))
		sent = sendto(waker->v4, packet, bytes, MSG_DONTWAIT,
			      (struct sockaddr *)&v4, sizeof(v4));
	else
		sent = sendto(waker->v6, packet, bytes, MSG_DONTWAIT,
			      (struct sockaddr *)&v6, sizeof(v6));
	return sent < 0 ? -errno : 0;
}
