/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h - is this frame a plain SYN, and what would refuse it?
 *
 * Only the plainest form is looked at: Ethernet, IPv4 without options or IPv6
 * without extension headers, no fragment, TCP, SYN without ACK and RST. All
 * else is the stack's: it knows the rest, and a flood that takes the trouble to
 * wear a VLAN tag or an option is still refused there.
 *
 * The headers are declared here because the kernel's drag in names that
 * kernel.h has; those of IP begin on an odd half word, as frames have them.
 */
#pragma once

#include "bpf/mechanisms/match.h"

#ifdef __BPF__
#define packet_htons(x) bpf_htons(x)
#define packet_ntohs(x) bpf_ntohs(x)
#define packet_ntohl(x) bpf_ntohl(x)
#else
#define packet_htons(x) htons(x)
#define packet_ntohs(x) ntohs(x)
#define packet_ntohl(x) ntohl(x)
#endif

#define PACKET_TYPE_IP4	 0x0800
#define PACKET_TYPE_IP6	 0x86dd
#define PACKET_TCP	 6
#define PACKET_PLAIN_IP4 0x45	/* version 4, five words: no options */
#define PACKET_FRAGMENT	 0x3fff /* more fragments, or an offset */
#define PACKET_FIN	 0x01
#define PACKET_SYN	 0x02
#define PACKET_RST	 0x04
#define PACKET_ACK	 0x10
#define PACKET_HOPS	 64

struct packet_ethernet {
	__u16 to[3];
	__u16 from[3];
	__u16 type;
};

struct packet_ip4 {
	__u8 version;
	__u8 service;
	__u16 bytes; /* this header and all behind it */
	__u16 id;
	__u16 fragment;
	__u8 hops;
	__u8 protocol;
	__u16 sum;
	__u32 from;
	__u32 to;
};

struct packet_ip6 {
	__u32 version;
	__u16 bytes; /* behind this header */
	__u8 protocol;
	__u8 hops;
	__u32 from[4];
	__u32 to[4];
};

struct packet_tcp {
	__u16 from;
	__u16 to;
	__u32 seq;
	__u32 ack;
	__u8 words; /* of this header, in the upper half */
	__u8 flags;
	__u16 window;
	__u16 sum;
	__u16 urgent;
};

#define PACKET_ETHERNET_BYTES sizeof(struct packet_ethernet)
#define PACKET_BYTES4                                        \
	(PACKET_ETHERNET_BYTES + sizeof(struct packet_ip4) + \
	 sizeof(struct packet_tcp))
#define PACKET_BYTES6                                        \
	(PACKET_ETHERNET_BYTES + sizeof(struct packet_ip6) + \
	 sizeof(struct packet_tcp))

_Static_assert(PACKET_BYTES4 == 54 && PACKET_BYTES6 == 74, "as on the wire");

enum packet_kind { PACKET_OTHER, PACKET_SYN4, PACKET_SYN6 };

/* What a SYN asks for: `to` and `port` are ours. */
struct packet_syn {
	__u32 to[4];
	__u32 from[4];
	__u32 port;
	__u32 kind; /* enum packet_kind */
};

static __always_inline int packet_opens(const struct packet_tcp *tcp)
{
	return (tcp->flags & (PACKET_SYN | PACKET_ACK | PACKET_RST)) ==
	       PACKET_SYN;
}

static __always_inline enum packet_kind packet_parse4(struct packet_syn *out,
						      const void *data)
{
	const struct packet_ip4 *ip = data + PACKET_ETHERNET_BYTES;
	const struct packet_tcp *tcp = (const void *)(ip + 1);

	if (ip->version != PACKET_PLAIN_IP4 || ip->protocol != PACKET_TCP ||
	    ip->fragment & packet_htons(PACKET_FRAGMENT) || !packet_opens(tcp))
		return PACKET_OTHER;
	out->to[0] = out->to[1] = out->from[0] = out->from[1] = 0;
	out->to[2] = out->from[2] = match_htonl(0xffff);
	out->to[3] = ip->to;
	out->from[3] = ip->from;
	out->port = packet_ntohs(tcp->to);
	out->kind = PACKET_SYN4;
	return PACKET_SYN4;
}

static __always_inline enum packet_kind packet_parse6(struct packet_syn *out,
						      const void *data)
{
	const struct packet_ip6 *ip = data + PACKET_ETHERNET_BYTES;
	const struct packet_tcp *tcp = (const void *)(ip + 1);

	if (packet_ntohl(ip->version) >> 28 != 6 ||
	    ip->protocol != PACKET_TCP || !packet_opens(tcp))
		return PACKET_OTHER;
	for (int i = 0; i < 4; i++) {
		out->to[i] = ip->to[i];
		out->from[i] = ip->from[i];
	}
	out->port = packet_ntohs(tcp->to);
	out->kind = PACKET_SYN6;
	return PACKET_SYN6;
}

/* A frame that ends too early is not plain: headers in pieces are possible. */
static __always_inline enum packet_kind
packet_parse(struct packet_syn *out, const void *data, const void *end)
{
	const struct packet_ethernet *ethernet = data;

	if (data + PACKET_BYTES4 > end)
		return PACKET_OTHER;
	if (ethernet->type == packet_htons(PACKET_TYPE_IP4))
		return packet_parse4(out, data);
	if (ethernet->type == packet_htons(PACKET_TYPE_IP6) &&
	    data + PACKET_BYTES6 <= end)
		return packet_parse6(out, data);
	return PACKET_OTHER;
}

/* ---- the answer ------------------------------------------------------------------ */

/* One's complement sums: so many half words, and what folds them into one. */
static __always_inline __u32 packet_sum(const void *data, __u32 bytes)
{
	const __u16 *at = data;
	__u32 sum = 0;

	for (__u32 i = 0; i < bytes / 2; i++)
		sum += at[i];
	return sum;
}

static __always_inline __u16 packet_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline void packet_turn_ethernet(struct packet_ethernet *e)
{
	for (int i = 0; i < 3; i++) {
		__u16 to = e->to[i];

		e->to[i] = e->from[i];
		e->from[i] = to;
	}
}

/*
 * A SYN's header becomes that of the RST a closed port sends (RFC 9293, 3.10.7.1:
 * sequence 0, acknowledging all that came); `payload` is what came behind it.
 */
static __always_inline void packet_turn_tcp(struct packet_tcp *tcp,
					    __u32 payload, __u32 pseudo)
{
	__u32 seq = packet_ntohl(tcp->seq) + 1 + payload +
		    !!(tcp->flags & PACKET_FIN);
	__u16 from = tcp->from;

	tcp->from = tcp->to;
	tcp->to = from;
	tcp->seq = 0;
	tcp->ack = match_htonl(seq);
	tcp->words = sizeof(*tcp) / 4 << 4;
	tcp->flags = PACKET_RST | PACKET_ACK;
	tcp->window = 0;
	tcp->urgent = 0;
	tcp->sum = 0;
	pseudo += packet_htons(PACKET_TCP) + packet_htons(sizeof(*tcp));
	tcp->sum = packet_fold(pseudo + packet_sum(tcp, sizeof(*tcp)));
}

/* How much there is behind TCP's header; below 0: it makes no sense. */
static __always_inline int packet_payload(const struct packet_tcp *tcp,
					  __u32 bytes)
{
	__u32 header = tcp->words >> 4 << 2;

	return header < sizeof(*tcp) ? -1 : (int)bytes - (int)header;
}

/*
 * Turns a SYN that packet_parse() has found in data..end into its RST, in
 * place; what there is behind it must be cut off. The length of the frame then,
 * or 0: it contradicts itself, nothing was changed.
 */
static __always_inline __u32 packet_answer4(void *data)
{
	struct packet_ip4 *ip = data + PACKET_ETHERNET_BYTES;
	struct packet_tcp *tcp = (void *)(ip + 1);
	int payload = packet_payload(tcp, packet_ntohs(ip->bytes) -
						  (__u32)sizeof(*ip));
	__u32 from = ip->from;

	if (payload < 0)
		return 0;
	packet_turn_ethernet(data);
	ip->from = ip->to;
	ip->to = from;
	ip->service = 0;
	ip->bytes = packet_htons(sizeof(*ip) + sizeof(*tcp));
	ip->id = 0;
	ip->fragment = packet_htons(0x4000);
	ip->hops = PACKET_HOPS;
	ip->sum = 0;
	ip->sum = packet_fold(packet_sum(ip, sizeof(*ip)));
	packet_turn_tcp(tcp, (__u32)payload, packet_sum(&ip->from, 8));
	return PACKET_BYTES4;
}

static __always_inline __u32 packet_answer6(void *data)
{
	struct packet_ip6 *ip = data + PACKET_ETHERNET_BYTES;
	struct packet_tcp *tcp = (void *)(ip + 1);
	int payload = packet_payload(tcp, packet_ntohs(ip->bytes));

	if (payload < 0)
		return 0;
	packet_turn_ethernet(data);
	for (int i = 0; i < 4; i++) {
		__u32 from = ip->from[i];

		ip->from[i] = ip->to[i];
		ip->to[i] = from;
	}
	ip->version = match_htonl(6u << 28);
	ip->bytes = packet_htons(sizeof(*tcp));
	ip->hops = PACKET_HOPS;
	packet_turn_tcp(tcp, (__u32)payload, packet_sum(ip->from, 32));
	return PACKET_BYTES6;
}
