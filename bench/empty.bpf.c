/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * empty.bpf.c - a program that does nothing on each hook we use: the floor
 * that the kernel's own program statistics have. (A name has 15 characters.)
 */
#include "bpf/kernel.h"

SEC("cgroup/connect4")
int none_connect4(struct bpf_sock_addr *ctx)
{
	return 1;
}

SEC("sockops")
int none_sockops(struct bpf_sock_ops *ctx)
{
	return 1;
}

SEC("cgroup/sock_release")
int none_release(struct bpf_sock *ctx)
{
	return 1;
}

SEC("cgroup_skb/egress")
int none_egress(struct __sk_buff *skb)
{
	return 1;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(none_data_ready, struct sock *sk)
{
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(none_send, struct sock *sk, int ret, int flags)
{
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int none_walk(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
