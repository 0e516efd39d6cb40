/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lookup.bpf.c - sk_lookup: which listener gets this SYN?
 *
 * None, when the service is full: the kernel then answers as if nobody listened,
 * with a RST of its own. One link in each network namespace, while a policy that
 * refuses is enforced. It runs for what no connection takes: SYNs, also those
 * that find a time-wait entry (the client is then told a second later), the last
 * ACK of a handshake with a SYN cookie (as good as its SYN), and strays of
 * connections that are gone, which a listener would answer with a RST, too. It
 * cannot tell them apart, so all of them are counted. A socket that another
 * program on this hook has chosen goes before our refusal.
 */
#include "bpf/arrival.h"

SEC("sk_lookup")
int weir_lookup(struct bpf_sk_lookup *ctx)
{
	struct arrival a = {.control = control_active()};

	if (!a.control || ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	a.key.port = ctx->local_port;
	if (ctx->family == AF_INET) {
		a.key.addr[2] = a.peer.addr[2] = bpf_htonl(0xffff);
		a.key.addr[3] = context_word(ctx, local_ip4);
		a.peer.addr[3] = context_word(ctx, remote_ip4);
	} else {
		a.key.addr[0] = context_word(ctx, local_ip6[0]);
		a.key.addr[1] = context_word(ctx, local_ip6[1]);
		a.key.addr[2] = context_word(ctx, local_ip6[2]);
		a.key.addr[3] = context_word(ctx, local_ip6[3]);
		a.peer.addr[0] = context_word(ctx, remote_ip6[0]);
		a.peer.addr[1] = context_word(ctx, remote_ip6[1]);
		a.peer.addr[2] = context_word(ctx, remote_ip6[2]);
		a.peer.addr[3] = context_word(ctx, remote_ip6[3]);
	}
	return arrival_judge_syn(&a, WEIR_FULL_REFUSE) == WEIR_VERDICT_ALLOW
		       ? SK_PASS
		       : SK_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
