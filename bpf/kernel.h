/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel.h - the few kernel structures we look into, field by field.
 *
 * Each access is relocated at load time (CO-RE), so the order and the size of
 * these declarations mean nothing; only the names do. A full vmlinux.h would
 * be 3 MB of somebody's kernel; this is what a reader has to know.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

/* `self` is first: a cgroup's parent is reached through it. */
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct possible_net {
	struct net *net;
};

struct sock_common {
	__u16 skc_family;
	volatile unsigned char skc_state;
	__u16 skc_num;	 /* local port, host order */
	__u16 skc_dport; /* network order */
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct possible_net skc_net;
};

struct bpf_local_storage;
struct socket;

struct uid {
	unsigned int val;
};

struct sk_buff {
	char cb[48];
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u16 sk_protocol;
	struct uid sk_uid; /* the kernel's kuid_t */
	struct sock_cgroup_data sk_cgrp_data;
	struct socket *sk_socket; /* NULL: not accepted yet, or closed */
	struct bpf_local_storage *sk_bpf_storage;
};

struct tcp_sock {
	struct sock sk; /* under other names, but it does begin with one */
	__u32 write_seq;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 total_retrans;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 tcp_mstamp;
	__u64 first_tx_mstamp;
	__u32 lsndtime; /* jiffies: data was sent */
};

/* What a tcp_sock begins with. */
struct inet_connection_sock {
	struct {
		__u32 lrcvtime; /* jiffies: data arrived; 0: never */
	} icsk_ack;
};

struct task_struct {
	int tgid;
};

struct file;

struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	__u8 tcp_flags;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	unsigned int uid;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop

#ifndef AF_INET
#define AF_INET	 2
#define AF_INET6 10
#endif
#ifndef IPPROTO_TCP
#define IPPROTO_TCP 6
#endif
#define SOL_TCP	   6
#define TCPHDR_FIN 1

/* Since 6.12 an option of bpf_setsockopt(); elsewhere it fails harmlessly. */
#define WEIR_TCP_BPF_SOCK_OPS_CB_FLAGS 1008

/*
 * A word of a program's context, read through the pointer it was given. The
 * compiler would keep a pointer into the context, or make one read of two on
 * two ways; the verifier refuses both.
 */
#define context_word(ctx, member)                                           \
	({                                                                  \
		__u32 word_;                                                \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                       \
			     : "=r"(word_)                                  \
			     : "r"(ctx), "i"(__builtin_offsetof(            \
						 typeof(*(ctx)), member))); \
		word_;                                                      \
	})
