/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wake.c - the packet that makes a held SYN go: what it says, to whom, and that
 * the kernel would believe its checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "agent/wake.h"

static struct weir_victim v4_socket(void)
{
	struct weir_victim v = {
		.source_port = 40000,
		.peer_port = 5432,
		.family = AF_INET,
		.wake = 1,
		.seq = 0x01020304,
	};

	v.source[2] = v.peer[2] = htonl(0xffff);
	inet_pton(AF_INET, "10.77.0.1", &v.source[3]);
	inet_pton(AF_INET, "10.77.0.2", &v.peer[3]);
	return v;
}

static struct weir_victim v6_socket(void)
{
	struct weir_victim v = v4_socket();

	v.family = AF_INET6;
	inet_pton(AF_INET6, "fd77::1", v.source);
	inet_pton(AF_INET6, "fd77::2", v.peer);
	return v;
}

/* A segment with its checksum in it sums up to all ones. */
static uint32_t sum_of(const uint8_t *at, size_t bytes, uint32_t sum)
{
	for (size_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void expect_segment(const uint8_t tcp[20], const uint8_t *addresses,
			   size_t address_bytes)
{
	uint32_t sum = sum_of(addresses, 2 * address_bytes, 20 + IPPROTO_TCP);

	assert_int_equal(tcp[0] << 8 | tcp[1], 5432);
	assert_int_equal(tcp[2] << 8 | tcp[3], 40000);
	/* What it acknowledges is the SYN's own number: nothing. */
	assert_memory_equal(tcp + 8, "\x01\x02\x03\x04", 4);
	assert_int_equal(tcp[12] >> 4, 5);
	assert_int_equal(tcp[13], 0x14); /* RST, ACK */
	assert_int_equal(sum_of(tcp, 20, sum), 0xffff);
}

static void an_ipv4_packet_comes_from_the_peer(void **state)
{
	const struct weir_victim v = v4_socket();
	uint8_t packet[WAKE_PACKET_MAX];

	(void)state;
	assert_int_equal(wake_packet(&v, packet), 40);
	assert_int_equal(packet[0], 0x45);
	assert_int_equal(packet[2] << 8 | packet[3], 40);
	assert_int_equal(packet[9], IPPROTO_TCP);
	assert_memory_equal(packet + 12, &v.peer[3], 4);
	assert_memory_equal(packet + 16, &v.source[3], 4);
	expect_segment(packet + 20, packet + 12, 4);
}

static void an_ipv6_packet_comes_from_the_peer(void **state)
{
	const struct weir_victim v = v6_socket();
	uint8_t packet[WAKE_PACKET_MAX];

	(void)state;
	assert_int_equal(wake_packet(&v, packet), 60);
	assert_int_equal(packet[0] >> 4, 6);
	assert_int_equal(packet[4] << 8 | packet[5], 20);
	assert_int_equal(packet[6], IPPROTO_TCP);
	assert_memory_equal(packet + 8, v.peer, 16);
	assert_memory_equal(packet + 24, v.source, 16);
	expect_segment(packet + 40, packet + 8, 16);
}

static void a_mapped_address_is_ipv4(void **state)
{
	struct weir_victim v = v4_socket();
	uint8_t packet[WAKE_PACKET_MAX];

	(void)state;
	v.family = AF_INET6; /* the socket's; its packets are IPv4 */
	assert_int_equal(wake_packet(&v, packet), 40);
	assert_int_equal(packet[0], 0x45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_packet_comes_from_the_peer),
		cmocka_unit_test(an_ipv6_packet_comes_from_the_peer),
		cmocka_unit_test(a_mapped_address_is_ipv4),
	};

	return cmocka_run_group_tests_name("wake", tests, NULL, NULL);
}
