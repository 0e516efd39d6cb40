/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * storm.c - SYNs from addresses that are nobody's, as fast as one core makes
 * them, past the sending side's own stack (AF_PACKET).
 *
 *   storm INTERFACE MAC ADDRESS PORT COUNT [SECONDS]
 *
 * To ADDRESS:PORT behind MAC, from 10.200.0.0/13, valid in every checksum.
 * Stops after COUNT, after SECONDS, or when told to end; prints how many were
 * sent and how many nanoseconds that took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	    64
#define FRAME_BYTES 74
#define SOURCES	    0x0ac80000u /* 10.200.0.0/13 */
#define SOURCE_BITS 19

static uint8_t frames[BATCH][FRAME_BYTES];

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t sum(const uint8_t *at, unsigned bytes, uint32_t so_far)
{
	for (unsigned i = 0; i < bytes; i += 2)
		so_far += (uint32_t)at[i] << 8 | at[i + 1];
	return so_far;
}

static void write_sum(uint8_t *at, uint32_t value)
{
	value = (value & 0xffff) + (value >> 16);
	value = ~((value & 0xffff) + (value >> 16));
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void write_template(uint8_t *frame, const uint8_t mac[6],
			   const uint8_t address[4], uint16_t port)
{
	static const uint8_t ip[12] = {0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6};
	static const uint8_t tcp[28] = {
		[12] = 0xa0, 0x02, 0xfa, 0xf0, [20] = 2, 4, 5, 0xb4, 4, 2, 1, 1,
	};

	memcpy(frame, mac, 6);
	frame[6] = 2;
	frame[11] = 0xee;
	frame[12] = 8;
	memcpy(frame + 14, ip, sizeof(ip));
	memcpy(frame + 30, address, 4);
	memcpy(frame + 34, tcp, sizeof(tcp));
	memset(frame + 62, 1, 12); /* padding: no-operation options */
	frame[36] = (uint8_t)(port >> 8);
	frame[37] = (uint8_t)port;
}

/* Another source, source port and sequence. */
static void vary(uint8_t *frame, uint64_t *random)
{
	uint32_t source, port, seq;

	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	source = htonl(SOURCES | (*random & ((1u << SOURCE_BITS) - 1)));
	port = (uint32_t)(*random >> 20);
	seq = (uint32_t)(*random >> 32);
	memcpy(frame + 26, &source, 4);
	frame[34] = (uint8_t)(port >> 8 | 4); /* from 1024 on */
	frame[35] = (uint8_t)port;
	memcpy(frame + 38, &seq, 4);
	frame[24] = frame[25] = frame[50] = frame[51] = 0;
	write_sum(frame + 24, sum(frame + 14, 20, 0));
	write_sum(frame + 50, sum(frame + 26, 8 + 40, 6 + 40));
}

static int open_interface(const char *name)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(name),
	};
	/* Protocol 0: it receives nothing. */
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || !at.sll_ifindex ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(name);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

static uint64_t send_all(int fd, uint64_t count, uint64_t until_ns)
{
	struct iovec at[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	uint64_t sent = 0, random = now_ns() | 1;

	for (int i = 0; i < BATCH; i++) {
		at[i] = (struct iovec){frames[i], FRAME_BYTES};
		messages[i].msg_hdr.msg_iov = &at[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (!ended && sent < count && now_ns() < until_ns) {
		unsigned batch =
			count - sent < BATCH ? (unsigned)(count - sent) : BATCH;
		int done;

		for (unsigned i = 0; i < batch; i++)
			vary(frames[i], &random);
		done = sendmmsg(fd, messages, batch, 0);
		/* The other side's queue is full: as lost on the wire. */
		if (done < 0 && errno != ENOBUFS && errno != EAGAIN &&
		    errno != EINTR)
			die("send");
		sent += done > 0 ? (unsigned)done : 0;
	}
	return sent;
}

int main(int argc, char **argv)
{
	uint64_t start_ns, sent, seconds;
	uint8_t address[4], mac[6];
	int fd;

	if (argc < 6 || inet_pton(AF_INET, argv[3], address) != 1 ||
	    sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1],
		   &mac[2], &mac[3], &mac[4], &mac[5]) != 6) {
		fprintf(stderr, "usage: storm INTERFACE MAC ADDRESS PORT COUNT "
				"[SECONDS]\n");
		return 2;
	}
	for (int i = 0; i < BATCH; i++)
		write_template(frames[i], mac, address,
			       (uint16_t)strtoul(argv[4], NULL, 10));
	fd = open_interface(argv[1]);
	signal(SIGTERM, end);
	signal(SIGINT, end);
	seconds = argc > 6 ? strtoul(argv[6], NULL, 10) : 3600;
	start_ns = now_ns();
	sent = send_all(fd, strtoull(argv[5], NULL, 10),
			start_ns + seconds * 1000000000u);
	printf("%llu %llu\n", (unsigned long long)sent,
	       (unsigned long long)(now_ns() - start_ns));
	return 0;
}
