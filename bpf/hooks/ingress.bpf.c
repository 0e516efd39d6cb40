/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ingress.bpf.c - cgroup_skb/ingress: a SYN that is not to arrive.
 *
 * Attached only while a policy says `onFull: drop`: sk_lookup can make the
 * kernel answer with a RST and nothing else. Here a packet has found its socket,
 * so all but those for a listener are let through after one look at its state.
 */
#include <linux/if_ether.h>
#include <linux/tcp.h>

#include "bpf/arrival.h"

#define INGRESS_PASS 1
#define INGRESS_DROP 0

#define V6_HEADER_BYTES 40

/* Where TCP begins; 0: not here, or behind headers that are not walked. */
static __always_inline __u32 read_addresses(struct __sk_buff *skb,
					    struct arrival *a)
{
	__u8 first, protocol;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, &first, 1) ||
		    bpf_skb_load_bytes(skb, 9, &protocol, 1) ||
		    bpf_skb_load_bytes(skb, 12, &a->peer.addr[3], 4) ||
		    bpf_skb_load_bytes(skb, 16, &a->key.addr[3], 4))
			return 0;
		a->key.addr[2] = a->peer.addr[2] = bpf_htonl(0xffff);
		return protocol == IPPROTO_TCP ? (first & 15u) * 4 : 0;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, 6, &protocol, 1) ||
	    bpf_skb_load_bytes(skb, 8, a->peer.addr, sizeof(a->peer.addr)) ||
	    bpf_skb_load_bytes(skb, 24, a->key.addr, sizeof(a->key.addr)))
		return 0;
	return protocol == IPPROTO_TCP ? V6_HEADER_BYTES : 0;
}

SEC("cgroup_skb/ingress")
int weir_ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct arrival a = {};
	struct tcphdr tcp;
	__u32 at;

	if (!sk || sk->state != BPF_TCP_LISTEN)
		return INGRESS_PASS;
	a.control = control_active();
	if (!a.control)
		return INGRESS_PASS;
	at = read_addresses(skb, &a);
	if (!at || bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)) || !tcp.syn ||
	    tcp.ack)
		return INGRESS_PASS;
	a.key.port = bpf_ntohs(tcp.dest);
	return arrival_judge_syn(&a, WEIR_FULL_DROP) == WEIR_VERDICT_ALLOW
		       ? INGRESS_PASS
		       : INGRESS_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
