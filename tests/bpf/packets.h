/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packets.h - frames, and what they are to the XDP programs. Userspace only.
 *
 * tests/unit/packet.c reads each with packet_parse() under sanitizers, and
 * tests/bpf/packets.c sends each through the programs in the kernel.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "bpf/mechanisms/packet.h"

#define FRAME_BYTES_MAX 256
#define FRAME_PORT	8080
#define FRAME_SEQ	0xfffffff0u /* close to its wrap */
#define FRAME_TCP_BYTES 40 /* 20 and as much of options, as Linux sends */
#define FRAME_DATA	7  /* where a row says so */

/* What stands between Ethernet's header and TCP's. */
enum frame_form {
	FRAME_IP4,
	FRAME_IP6,
	FRAME_IP4_DATA, /* a SYN with data: TCP Fast Open */
	FRAME_IP6_DATA,
	FRAME_VLAN,	    /* 802.1Q */
	FRAME_QINQ,	    /* 802.1ad */
	FRAME_IP4_OPTIONS,  /* router alert */
	FRAME_IP6_HOPS,	    /* a hop-by-hop header */
	FRAME_IP6_FRAGMENT, /* the first of several */
	FRAME_IPIP,	    /* IPv4 in IPv4 */
};

struct frame_patch {
	uint16_t at;
	uint8_t value;
};

struct packet_row {
	const char *promise;
	enum frame_form form;
	uint32_t cut; /* so many bytes of it; 0: all */
	struct frame_patch patches[2];
	enum packet_kind kind;
	/* Its RST; 0: the SYN contradicts itself and has none. */
	uint32_t ack;
};

/* A frame and two bytes before it: IP's header is aligned, as in the kernel. */
struct frame {
	uint32_t bytes;
	uint16_t pad;
	uint8_t data[FRAME_BYTES_MAX];
};

_Static_assert(offsetof(struct frame, data) % 4 == 2, "IP is aligned");

/* Where patches go. */
#define IP4_VERSION  14
#define IP4_BYTES    17
#define IP4_FRAGMENT 20
#define IP4_PROTOCOL 23
#define TCP4_WORDS   46
#define TCP4_FLAGS   47
#define IP6_VERSION  14
#define IP6_BYTES    19
#define IP6_PROTOCOL 20
#define TCP6_FLAGS   67
#define PLAIN_ACK    (FRAME_SEQ + 1)

/* clang-format off */
static const struct packet_row packet_rows[] = {
	{ .promise = "a_plain_syn_is_seen", .form = FRAME_IP4, .kind = PACKET_SYN4, .ack = PLAIN_ACK },
	{ .promise = "a_plain_syn_is_seen_over_ipv6", .form = FRAME_IP6, .kind = PACKET_SYN6, .ack = PLAIN_ACK },
	{ .promise = "a_syn_with_data_is_seen_and_all_of_it_acknowledged", .form = FRAME_IP4_DATA, .kind = PACKET_SYN4, .ack = PLAIN_ACK + FRAME_DATA },
	{ .promise = "a_syn_with_data_is_seen_over_ipv6", .form = FRAME_IP6_DATA, .kind = PACKET_SYN6, .ack = PLAIN_ACK + FRAME_DATA },
	{ .promise = "a_syn_that_asks_for_ecn_is_seen", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0xc2 }}, .kind = PACKET_SYN4, .ack = PLAIN_ACK },
	{ .promise = "a_syn_with_fin_is_seen_and_both_acknowledged", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0x03 }}, .kind = PACKET_SYN4, .ack = PLAIN_ACK + 1 },
	{ .promise = "a_syn_that_may_not_be_fragmented_is_seen", .form = FRAME_IP4, .patches = {{ IP4_FRAGMENT, 0x40 }}, .kind = PACKET_SYN4, .ack = PLAIN_ACK },
	{ .promise = "a_syn_without_tcp_options_is_seen", .form = FRAME_IP4, .cut = PACKET_BYTES4, .patches = {{ TCP4_WORDS, 0x50 }, { IP4_BYTES, 40 }}, .kind = PACKET_SYN4, .ack = PLAIN_ACK },
	{ .promise = "a_traffic_class_is_no_matter", .form = FRAME_IP6, .patches = {{ IP6_VERSION, 0x6b }}, .kind = PACKET_SYN6, .ack = PLAIN_ACK },
	/* contradictions: shed, and never answered */
	{ .promise = "a_header_shorter_than_itself_has_no_answer", .form = FRAME_IP4, .patches = {{ TCP4_WORDS, 0x40 }}, .kind = PACKET_SYN4 },
	{ .promise = "a_packet_shorter_than_its_headers_has_no_answer", .form = FRAME_IP4, .patches = {{ IP4_BYTES, 59 }}, .kind = PACKET_SYN4 },
	{ .promise = "a_packet_shorter_than_its_headers_has_no_answer_over_ipv6", .form = FRAME_IP6, .patches = {{ IP6_BYTES, 39 }}, .kind = PACKET_SYN6 },
	/* what passes untouched */
	{ .promise = "syn_ack_passes", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0x12 }} },
	{ .promise = "syn_ack_passes_over_ipv6", .form = FRAME_IP6, .patches = {{ TCP6_FLAGS, 0x12 }} },
	{ .promise = "ack_passes", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0x10 }} },
	{ .promise = "data_passes", .form = FRAME_IP4_DATA, .patches = {{ TCP4_FLAGS, 0x18 }} },
	{ .promise = "data_passes_over_ipv6", .form = FRAME_IP6_DATA, .patches = {{ TCP6_FLAGS, 0x18 }} },
	{ .promise = "fin_passes", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0x11 }} },
	{ .promise = "rst_passes", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0x04 }} },
	{ .promise = "rst_ack_passes", .form = FRAME_IP6, .patches = {{ TCP6_FLAGS, 0x14 }} },
	{ .promise = "syn_rst_passes", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0x06 }} },
	{ .promise = "no_flag_at_all_passes", .form = FRAME_IP4, .patches = {{ TCP4_FLAGS, 0x00 }} },
	{ .promise = "udp_passes", .form = FRAME_IP4, .patches = {{ IP4_PROTOCOL, 17 }} },
	{ .promise = "udp_passes_over_ipv6", .form = FRAME_IP6, .patches = {{ IP6_PROTOCOL, 17 }} },
	{ .promise = "vlan_passes", .form = FRAME_VLAN },
	{ .promise = "vlan_in_vlan_passes", .form = FRAME_QINQ },
	{ .promise = "ip_options_pass", .form = FRAME_IP4_OPTIONS },
	{ .promise = "extension_headers_pass", .form = FRAME_IP6_HOPS },
	{ .promise = "a_first_fragment_passes", .form = FRAME_IP4, .patches = {{ IP4_FRAGMENT, 0x20 }} },
	{ .promise = "a_later_fragment_passes", .form = FRAME_IP4, .patches = {{ IP4_FRAGMENT + 1, 0x03 }} },
	{ .promise = "a_fragment_passes_over_ipv6", .form = FRAME_IP6_FRAGMENT },
	{ .promise = "a_tunnel_passes", .form = FRAME_IPIP },
	{ .promise = "ip_of_no_version_passes", .form = FRAME_IP4, .patches = {{ IP4_VERSION, 0x55 }} },
	{ .promise = "ipv6_of_another_version_passes", .form = FRAME_IP6, .patches = {{ IP6_VERSION, 0x40 }} },
	{ .promise = "arp_passes", .form = FRAME_IP4, .patches = {{ 12, 0x08 }, { 13, 0x06 }} },
	{ .promise = "what_ends_in_tcp_passes", .form = FRAME_IP4, .cut = PACKET_BYTES4 - 1 },
	{ .promise = "what_ends_in_tcp_passes_over_ipv6", .form = FRAME_IP6, .cut = PACKET_BYTES6 - 1 },
	{ .promise = "ipv6_as_long_as_ipv4_passes", .form = FRAME_IP6, .cut = PACKET_BYTES4 },
	{ .promise = "what_ends_in_ip_passes", .form = FRAME_IP4, .cut = 20 },
	{ .promise = "ethernet_alone_passes", .form = FRAME_IP4, .cut = 14 },
};
/* clang-format on */

#define PACKET_ROWS (sizeof(packet_rows) / sizeof(packet_rows[0]))

/* Independent of what is tested: octet by octet, as RFC 1071 says it. */
static inline uint32_t octets_sum(const uint8_t *at, uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* ---- making them ----------------------------------------------------------------- */

static inline void frame_add(struct frame *frame, const void *bytes,
			     uint32_t count)
{
	memcpy(frame->data + frame->bytes, bytes, count);
	frame->bytes += count;
}

static inline void frame_add_ethernet(struct frame *frame, uint16_t tag,
				      uint16_t type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	const uint16_t vlan[2] = {htons(tag), htons(100)};

	type = htons(type);
	frame_add(frame, macs, sizeof(macs));
	if (tag)
		frame_add(frame, vlan, sizeof(vlan));
	frame_add(frame, &type, sizeof(type));
}

static inline void frame_add_ip4(struct frame *frame, uint8_t protocol,
				 uint16_t behind, uint8_t words)
{
	static const uint8_t router_alert[4] = {0x94, 4, 0, 0};
	uint16_t bytes = (uint16_t)(behind + words * 4);
	uint8_t header[20] = {
		(uint8_t)(0x40 | words),
		0x10,
		(uint8_t)(bytes >> 8),
		(uint8_t)bytes,
		0x12,
		0x34,
		0,
		0,
		63,
		protocol,
		0,
		0,
		10,
		77,
		0,
		1,
		10,
		77,
		0,
		2,
	};
	uint32_t sum = octets_sum(header, sizeof(header));

	header[10] = (uint8_t)(~sum >> 8);
	header[11] = (uint8_t)~sum;
	frame_add(frame, header, sizeof(header));
	if (words > 5)
		frame_add(frame, router_alert, sizeof(router_alert));
}

static inline void frame_add_ip6(struct frame *frame, uint8_t next,
				 uint16_t behind)
{
	uint8_t header[40] = {
		0x60, 1,  2, 3, (uint8_t)(behind >> 8), (uint8_t)behind,
		next, 63,
	};

	header[8] = header[24] = 0xfd;
	header[9] = header[25] = 0x77;
	header[23] = 1;
	header[39] = 2;
	frame_add(frame, header, sizeof(header));
}

static inline void frame_add_tcp(struct frame *frame, uint32_t data)
{
	uint8_t segment[FRAME_TCP_BYTES + FRAME_DATA] = {
		0xab,
		0xcd,
		FRAME_PORT >> 8,
		FRAME_PORT & 0xff,
		FRAME_SEQ >> 24,
		FRAME_SEQ >> 16 & 0xff,
		FRAME_SEQ >> 8 & 0xff,
		FRAME_SEQ & 0xff,
		0,
		0,
		0,
		0,
		FRAME_TCP_BYTES / 4 << 4,
		0x02,
		0xfa,
		0xf0,
		0x55,
		0xaa,
		0,
		0,
		2,
		4,
		5,
		0xb4,
		4,
		2,
		8,
		10,
		1,
		2,
		3,
		4,
		0,
		0,
		0,
		0,
		1,
		3,
		3,
		7,
	};

	frame_add(frame, segment, FRAME_TCP_BYTES + data);
}

static inline void frame_add_forms(struct frame *frame, enum frame_form form)
{
	static const uint8_t hops[8] = {PACKET_TCP, 0, 1, 4, 0, 0, 0, 0};
	static const uint8_t fragment[8] = {PACKET_TCP, 0, 0, 1, 0, 0, 0, 9};
	uint32_t data = form == FRAME_IP4_DATA || form == FRAME_IP6_DATA
				? FRAME_DATA
				: 0;
	uint16_t tcp = (uint16_t)(FRAME_TCP_BYTES + data);
	bool six = form == FRAME_IP6 || form == FRAME_IP6_DATA ||
		   form == FRAME_IP6_HOPS || form == FRAME_IP6_FRAGMENT;

	frame_add_ethernet(frame,
			   form == FRAME_VLAN	? 0x8100
			   : form == FRAME_QINQ ? 0x88a8
						: 0,
			   six ? PACKET_TYPE_IP6 : PACKET_TYPE_IP4);
	if (form == FRAME_IP6_HOPS || form == FRAME_IP6_FRAGMENT) {
		frame_add_ip6(frame, form == FRAME_IP6_HOPS ? 0 : 44, tcp + 8);
		frame_add(frame, form == FRAME_IP6_HOPS ? hops : fragment, 8);
	} else if (six) {
		frame_add_ip6(frame, PACKET_TCP, tcp);
	} else if (form == FRAME_IPIP) {
		frame_add_ip4(frame, 4, tcp + 20, 5);
		frame_add_ip4(frame, PACKET_TCP, tcp, 5);
	} else {
		frame_add_ip4(frame, PACKET_TCP, tcp,
			      form == FRAME_IP4_OPTIONS ? 6 : 5);
	}
	frame_add_tcp(frame, data);
}

static inline void frame_make(struct frame *frame, const struct packet_row *row)
{
	memset(frame, 0, sizeof(*frame));
	frame_add_forms(frame, row->form);
	for (size_t i = 0; i < 2; i++)
		if (row->patches[i].at)
			frame->data[row->patches[i].at] = row->patches[i].value;
	if (row->cut)
		frame->bytes = row->cut;
}

/* ---- judging an answer ----------------------------------------------------------- */

/* NULL, or what is wrong with the RST that answers a row's SYN. */
static inline const char *answer_fault(const struct packet_row *row,
				       const uint8_t *rst, uint32_t bytes)
{
	bool six = row->kind == PACKET_SYN6;
	uint32_t ip = six ? 40 : 20, addresses = six ? 32 : 8;
	const uint8_t *tcp = rst + 14 + ip;
	uint8_t pseudo[40] = {0};
	struct frame syn;
	uint32_t ack;

	frame_make(&syn, row);
	if (bytes != 14 + ip + 20)
		return "its length";
	if (memcmp(rst, syn.data + 6, 6) || memcmp(rst + 6, syn.data, 6))
		return "Ethernet's addresses";
	if (memcmp(tcp - addresses, syn.data + 14 + ip - addresses / 2,
		   addresses / 2) ||
	    memcmp(tcp - addresses / 2, syn.data + 14 + ip - addresses,
		   addresses / 2))
		return "IP's addresses";
	if (memcmp(tcp, syn.data + 14 + ip + 2, 2) ||
	    memcmp(tcp + 2, syn.data + 14 + ip, 2))
		return "the ports";
	memcpy(&ack, tcp + 8, 4);
	if (ntohl(ack) != row->ack || tcp[4] | tcp[5] | tcp[6] | tcp[7])
		return "the sequence";
	if (tcp[12] != 0x50 || tcp[13] != 0x14)
		return "the flags";
	if (six ? rst[14] != 0x60 || rst[18] || rst[19] != 20 || rst[20] != 6
		: rst[16] || rst[17] != 40 ||
			    octets_sum(rst + 14, 20) != 0xffff)
		return "IP's header";
	memcpy(pseudo, tcp - addresses, addresses);
	pseudo[addresses + 1] = PACKET_TCP;
	pseudo[addresses + 3] = 20;
	ack = octets_sum(pseudo, addresses + 4) + octets_sum(tcp, 20);
	return (ack & 0xffff) + (ack >> 16) == 0xffff ? NULL : "TCP's checksum";
}
