/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * empty.bpf.c - a program that does nothing on each hook we use: the floor
 * that the kernel's own program statistics have.
 */
#include "bpf/kernel.h"

SEC("cgroup/connect4")
int empty_connect4(struct bpf_sock_addr *ctx)
{
	return 1;
}

SEC("sockops")
int empty_sockops(struct bpf_sock_ops *ctx)
{
	return 1;
}

SEC("cgroup/sock_release")
int empty_release(struct bpf_sock *ctx)
{
	return 1;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(empty_ready, struct sock *sk)
{
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(empty_send, struct sock *sk, int ret, int flags)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
