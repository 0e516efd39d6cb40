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
	v->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	v->source_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	v->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	v->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (v->family == AF_INET) {
		v->source[2] = v->peer[2] = bpf_htonl(0xffff);
		v->source[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		v->peer[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		return;
	}
	BPF_CORE_READ_INTO(&v->source, sk,
			   __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
	BPF_CORE_READ_INTO(&v->peer, sk,
			   __sk_common.skc_v6_daddr.in6_u.u6_addr32);
}
