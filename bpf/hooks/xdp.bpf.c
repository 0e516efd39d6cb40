/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp.bpf.c - SYNs that a full listener would refuse, before the stack sees
 * them: no socket, no SYN cookie, no lookup is spent on a flood.
 *
 * Every packet of the interface comes by, so what is no plain SYN leaves at
 * once. Nothing is remembered of a SYN: its source is whoever it says it is.
 * It only asks whether the listener is full; what fills it are handshakes that
 * were completed. Needs no lease: static caps need no agent.
 *
 * Two programs of one body: which of them an interface gets is its answer.
 */
#include "bpf/arrival.h"
#include "bpf/mechanisms/packet.h"

/*
 * A router, a bridge or the host of containers sees SYNs for others as well,
 * and a policy may name every address.
 */
static __always_inline bool is_local(const struct packet_syn *syn)
{
	return bpf_map_lookup_elem(&weir_local, syn->to);
}

/* True: it is refused, and has been counted as that. */
static __always_inline bool sheds(const struct packet_syn *syn, __u32 verdict)
{
	struct arrival a = {
		.key.port = syn->port,
		.control = control_active(),
	};
	__u32 reason;

	if (!a.control)
		return false;
	for (int i = 0; i < 4; i++) {
		a.key.addr[i] = syn->to[i];
		a.peer.addr[i] = syn->from[i];
	}
	/* What is only observed goes on, and is counted where it arrives. */
	if (!arrival_find(&a) || !arrival_enforced(&a) ||
	    a.service->on_full != WEIR_FULL_SHED)
		return false;
	reason = arrival_look(&a);
	if (reason == WEIR_REASON_NONE || !is_local(syn))
		return false;
	arrival_count(&a, verdict, reason);
	return true;
}

SEC("xdp.frags")
int weir_shed_drop(struct xdp_md *ctx)
{
	struct packet_syn syn;

	if (!packet_parse(&syn, (void *)(long)ctx->data,
			  (void *)(long)ctx->data_end))
		return XDP_PASS;
	return sheds(&syn, WEIR_VERDICT_DROP) ? XDP_DROP : XDP_PASS;
}

/* The frame as its RST, or nothing: it is shed in any case. */
static __always_inline int answer(struct xdp_md *ctx, __u32 kind)
{
	void *data = (void *)(long)ctx->data,
	     *end = (void *)(long)ctx->data_end;
	__u32 bytes;

	if (kind == PACKET_SYN4) {
		if (data + PACKET_BYTES4 > end)
			return XDP_DROP;
		bytes = packet_answer4(data);
	} else {
		if (data + PACKET_BYTES6 > end)
			return XDP_DROP;
		bytes = packet_answer6(data);
	}
	if (!bytes || bpf_xdp_adjust_tail(ctx, (int)bytes - (int)(end - data)))
		return XDP_DROP;
	return XDP_TX;
}

SEC("xdp.frags")
int weir_shed_reset(struct xdp_md *ctx)
{
	struct packet_syn syn;

	if (!packet_parse(&syn, (void *)(long)ctx->data,
			  (void *)(long)ctx->data_end))
		return XDP_PASS;
	return sheds(&syn, WEIR_VERDICT_REFUSE) ? answer(ctx, syn.kind)
						: XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
