/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * helpers.h - the real hooks, compiled for the simulated kernel.
 *
 * Included before a file of bpf/hooks: its maps and kernel structures are the
 * real ones, only the helper functions are those of host.c. A helper that is
 * not named here is called at the kernel's number for it: the program crashes.
 */
#pragma once

#define __BPF__
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wint-conversion"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wshadow"

#include "bpf/maps.h"

#undef BPF_CORE_READ
#define READ_2(from, a)		      ((from)->a)
#define READ_3(from, a, b)	      ((from)->a->b)
#define READ_N(from, a, b, name, ...) name
#define BPF_CORE_READ(...)	      READ_N(__VA_ARGS__, READ_3, READ_2)(__VA_ARGS__)
#undef SEC
#define SEC(name)

#define bpf_map_lookup_elem		   helper_lookup
#define bpf_map_update_elem		   helper_update
#define bpf_map_delete_elem		   helper_delete
#define bpf_map_push_elem(map, value, f)   helper_push(map, value)
#define bpf_map_pop_elem		   helper_pop
#define bpf_ktime_get_ns		   helper_now
#define bpf_sk_storage_get		   helper_storage
#define bpf_skc_to_tcp_sock		   helper_tcp
#define bpf_ringbuf_reserve		   helper_reserve
#define bpf_ringbuf_submit		   helper_submit
#define bpf_probe_read_kernel(to, n, from) __builtin_memcpy(to, from, n)
#define bpf_get_retval()		   0
#define bpf_set_retval			   helper_retval
#define bpf_getsockopt(...)		   helper_getsockopt()
/* In sockops it is about waiting, and no service here has a queue. */
#define bpf_setsockopt(ctx, level, ...)        \
	_Generic((ctx), struct bpf_sock_addr * \
		 : helper_state_cb, default    \
		 : helper_no_option)((void *)(ctx))
#define bpf_loop(n, one, ctx, flags)		  helper_loop(n, (void *)(one), ctx)
#define bpf_spin_lock(lock)			  ((void)(lock))
#define bpf_spin_unlock(lock)			  ((void)(lock))
#define bpf_sock_ops_cb_flags_set(ctx, f)	  helper_cb_flags(ctx, f)
#define bpf_get_current_pid_tgid()		  0ull
#define bpf_get_current_cgroup_id()		  0
#define bpf_get_current_comm(out, bytes)	  ((void)(out), (void)(bytes))
#define bpf_get_current_uid_gid()		  0
#define bpf_get_current_ancestor_cgroup_id(level) 0

void *helper_lookup(const void *map, const void *key);
long helper_update(const void *map, const void *key, const void *value,
		   __u64 flags);
long helper_delete(const void *map, const void *key);
long helper_push(const void *map, const void *value);
long helper_pop(const void *map, void *value);
__u64 helper_now(void);
struct weir_conn *helper_storage(const void *map, void *sk, void *value,
				 __u64 flags);
struct tcp_sock *helper_tcp(void *sk);
void *helper_reserve(const void *map, __u64 bytes, __u64 flags);
void helper_submit(void *event, __u64 flags);
int helper_retval(int retval);
int helper_getsockopt(void);
int helper_state_cb(struct bpf_sock_addr *ctx);
int helper_no_option(void *ctx);
long helper_loop(__u32 count, long (*one)(__u32 i, void *ctx), void *ctx);
int helper_cb_flags(struct bpf_sock_ops *ctx, int flags);

/* The hooks' entries. */
int weir_connect4(struct bpf_sock_addr *ctx);
int weir_sockops(struct bpf_sock_ops *ctx);
int weir_release(struct bpf_sock *ctx);
int weir_data_ready(unsigned long long *ctx);
int weir_tcp_probe(unsigned long long *ctx);
int weir_send(unsigned long long *ctx);
int weir_audit(struct bpf_iter__bpf_sk_storage_map *ctx);
