/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - every map: who writes it (W3), who reads it.
 *
 * They are weak because each hook is an object of its own and the linker makes
 * one of them. Sizes marked "set by the agent" are placeholders.
 */
#pragma once

#include "bpf/kernel.h"
#include "weir/abi.h"
#include "weir/holders.h"

/* The first endpoint's subject; set before loading, as services_max. */
__weak const volatile __u32 weir_services_max = WEIR_SERVICES_MAX;
/* Is sock_send_length there to start turns? Else the audit ages them. */
__weak const volatile __u32 weir_send_hook = 0;
/* Are answers seen at all? Else only connects are judged. */
__weak const volatile __u32 weir_turn_hook = 0;
/* Is what XDP sheds dropped? Else it is answered with a RST. */
__weak const volatile __u32 weir_shed_drops = 1;
/* How long a jiffy is: timers of TCP are in these. */
__weak const volatile __u32 weir_tick_us = 4000;
/* Adoption: the cgroup we are attached to, and whether it is the root. */
__weak const volatile __u64 weir_cgroup_id = 0;

/* agent → programs: the one word that activates them, lease, mask classes */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_control);
} weir_control __weak SEC(".maps");

/* agent → connect: destinations of both generations */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * WEIR_RULES_MAX);
	__type(key, struct weir_rule_key);
	__type(value, struct weir_rule_set);
} weir_rule __weak SEC(".maps");

/* agent → connect: who belongs to a client set, both generations */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * WEIR_CLIENTS_MAX);
	__type(key, struct weir_client_key);
	__type(value, __u8);
} weir_client __weak SEC(".maps");

/* agent → hooks: clients of a listener, both generations */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * WEIR_CLIENTS_MAX);
	__type(key, struct weir_network_key);
	__type(value, __u8);
} weir_network __weak SEC(".maps");

/* agent → hooks: configuration of a slot; size set by the agent */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct weir_service);
} weir_service __weak SEC(".maps");

/* agent → hooks: the breakers' verdicts; size set by the agent */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_verdict);
} weir_verdict __weak SEC(".maps");

/* hooks → agent: live counts and samples; size set by the agent */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_subject);
} weir_subject __weak SEC(".maps");

/* hooks → agent: statistics of a slot; size set by the agent */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_stat);
} weir_stat __weak SEC(".maps");

/* hooks → agent: histograms of an endpoint; size set by the agent */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_endpoint_hist);
} weir_hist __weak SEC(".maps");

/* connect → agent (which removes idle ones): destination to subject */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct weir_endpoint_key);
	__type(value, __u32);
} weir_endpoint __weak SEC(".maps");

/* agent → connect: subjects that are free for new endpoints */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 1);
	__uint(value_size, sizeof(__u32));
} weir_free __weak SEC(".maps");

/* hooks: the life of one connection; dies with its socket */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct weir_conn);
} weir_conn __weak SEC(".maps");

/*
 * connect and release → agent: what each client holds. Sets of places with a
 * lock each, and not a hash: places that are idle are given to the next client
 * under the lock, so none is ever freed under somebody's hands.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEIR_CALLER_SETS);
	__type(key, __u32);
	__type(value, struct weir_caller_set);
} weir_caller __weak SEC(".maps");

/* hooks → agent: connects that wait for a slot, a ring for each queue */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_WAITERS_MAX);
	__type(key, __u32);
	__type(value, struct weir_waiter);
} weir_waiter __weak SEC(".maps");

/* hooks → agent: hints and new endpoints; losing one loses no decision */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEIR_RING_BYTES);
} weir_event __weak SEC(".maps");

/* hooks → agent: enum weir_fault_id, per CPU */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_FAULT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} weir_fault __weak SEC(".maps");

/* audit → agent, which clears it before each pass; size set by the agent */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_recount);
} weir_recount __weak SEC(".maps");

/* agent ↔ select: which connections to list, and how many there were */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_select);
} weir_select __weak SEC(".maps");

/* agent ↔ holders: whose connections to list, and how many there were */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_look);
} weir_look __weak SEC(".maps");

/* adopt → adopt: ports that listen in the namespace being walked */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_LISTEN_PORTS_MAX);
	__type(key, __u32);
	__type(value, __u8);
} weir_listen __weak SEC(".maps");

/* agent → xdp: addresses of this host, in its own network namespace */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_LOCAL_MAX);
	__uint(key_size, 16);
	__uint(value_size, 1);
} weir_local __weak SEC(".maps");
