/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flood.c - SYNs from addresses that never asked for anything.
 *
 *   flood ADDRESS PORT COUNT [A.B.0.0]
 *
 * COUNT SYNs as fast as they go, each from another address and port of the
 * given /16 (10.99.0.0). Prints how many were sent. Only for a network
 * namespace of the test's own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
};

static uint32_t add(uint32_t sum, const void *data, size_t bytes)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	return sum;
}

static uint16_t checksum(const struct segment *s)
{
	uint32_t sum = add(0, &s->ip.saddr, 8) + IPPROTO_TCP + sizeof(s->tcp);

	sum = add(sum, &s->tcp, sizeof(s->tcp));
	sum = (sum >> 16) + (sum & 0xffff);
	return htons((uint16_t) ~(sum + (sum >> 16)));
}

static void fill(struct segment *s, uint32_t network, uint32_t i)
{
	memset(&s->tcp, 0, sizeof(s->tcp));
	/* The kernel fills in what is left 0 of the IP header. */
	s->ip.version = 4;
	s->ip.ihl = 5;
	s->ip.ttl = 64;
	s->ip.protocol = IPPROTO_TCP;
	s->ip.saddr = htonl(network | (i * 2654435761u >> 16));
	s->tcp.source = htons((uint16_t)(1024 + i % 60000));
	s->tcp.seq = htonl(i * 2246822519u);
	s->tcp.doff = 5;
	s->tcp.syn = 1;
	s->tcp.window = htons(65535);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct in_addr network = {.s_addr = htonl(0x0a630000)};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct segment s = {0};
	uint32_t count, sent = 0;

	if (argc < 4 || fd < 0 ||
	    inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 ||
	    (argc > 4 && inet_pton(AF_INET, argv[4], &network) != 1)) {
		fprintf(stderr, "usage: flood ADDRESS PORT COUNT [NETWORK]\n");
		return 2;
	}
	count = (uint32_t)strtoul(argv[3], NULL, 10);
	s.ip.daddr = to.sin_addr.s_addr;
	for (uint32_t i = 0; i < count; i++) {
		fill(&s, ntohl(network.s_addr), i);
		s.tcp.dest = htons((uint16_t)strtoul(argv[2], NULL, 10));
		s.tcp.check = checksum(&s);
		sent += sendto(fd, &s, sizeof(s), 0, (struct sockaddr *)&to,
			       sizeof(to)) == sizeof(s);
	}
	printf("%u\n", sent);
	return 0;
}
