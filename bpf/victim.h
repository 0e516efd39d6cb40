/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * victim.h - a socket as somebody outside has to address it.
 */
#pragma once

#include "bpf/kernel.h"
#include "weir/abi.h"

/* The socket's own view of its addresses, as inet_diag will look it up. */
static __always_inline void victim_describe(struct weir_victim *v,
					    struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;

	v->family = c->skc_family;
	v->source_port = c->skc_num;
	v->peer_port = bpf_ntohs(c->skc_dport);
	v->netns = c->skc_net.net->ns.inum;
	if (v->family == AF_INET) {
		v->source[2] = v->peer[2] = bpf_htonl(0xffff);
		v->source[3] = c->skc_rcv_saddr;
		v->peer[3] = c->skc_daddr;
		return;
	}
	for (int i = 0; i < 4; i++) {
		v->source[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		v->peer[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
	}
}
