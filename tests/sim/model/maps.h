/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - BPF maps in ordinary memory.
 *
 * Both sides use them: the hooks through their helpers (host.c), the agent
 * through bpf_map_*_elem() of libbpf, which maps.c defines in libbpf's place;
 * the number of a map is its file descriptor.
 */
#pragma once

#include <stdint.h>

enum map_id {
	MAP_CONTROL = 1,
	MAP_RULE,
	MAP_CLIENT,
	MAP_SERVICE,
	MAP_VERDICT,
	MAP_SUBJECT,
	MAP_STAT,
	MAP_HIST,
	MAP_ENDPOINT,
	MAP_FREE,
	MAP_FAULT,
	MAP_RECOUNT,
	MAP_COUNT,
};

void maps_open(uint32_t services_max, uint32_t endpoints_max);
void maps_close(void);

/* The array behind a mapped map. */
void *maps_memory(enum map_id id);

/* The value of a key, in place; NULL: none. */
void *maps_find(enum map_id id, const void *key);

/* 0 or -errno, as the kernel has it. */
int maps_set(enum map_id id, const void *key, const void *value,
	     uint64_t flags);
int maps_delete(enum map_id id, const void *key);
int maps_push(enum map_id id, const void *value);
int maps_pop(enum map_id id, void *value);
