/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.c - see maps.h.
 *
 * Three kinds: arrays, hashes (open addressing, linear probing) and a stack.
 */
#include "tests/sim/model/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/random.h"
#include "weir/abi.h"

#define RULES_MAX   256u
#define CLIENTS_MAX 16u

enum kind { KIND_ARRAY, KIND_HASH, KIND_STACK };

struct map {
	enum kind kind;
	uint32_t key_bytes, value_bytes;
	uint32_t max, held;
	uint32_t slots; /* of a hash: a power of two, at least twice max */
	uint8_t *keys, *values;
	bool *used;
};

static struct map maps[MAP_COUNT];

static void make(enum map_id id, enum kind kind, uint32_t key_bytes,
		 uint32_t value_bytes, uint32_t max)
{
	struct map *map = &maps[id];

	*map = (struct map){
		.kind = kind,
		.key_bytes = key_bytes,
		.value_bytes = value_bytes,
		.max = max,
		.slots = max,
	};
	if (kind == KIND_HASH) {
		for (map->slots = 4; map->slots < 2 * max;)
			map->slots *= 2;
		map->keys = calloc(map->slots, key_bytes);
		map->used = calloc(map->slots, sizeof(*map->used));
	}
	map->values = calloc(map->slots, value_bytes);
	if (!map->values || (kind == KIND_HASH && (!map->keys || !map->used)))
		abort();
}

void maps_open(uint32_t services_max, uint32_t endpoints_max)
{
	uint32_t subjects_max = services_max + endpoints_max;

#define ARRAY(id, type, max) make(id, KIND_ARRAY, 4, sizeof(struct type), max)
	ARRAY(MAP_CONTROL, weir_control, 1);
	ARRAY(MAP_SERVICE, weir_service, 2 * services_max);
	ARRAY(MAP_VERDICT, weir_verdict, subjects_max);
	ARRAY(MAP_SUBJECT, weir_subject, subjects_max);
	ARRAY(MAP_STAT, weir_stat, services_max);
	ARRAY(MAP_HIST, weir_endpoint_hist, endpoints_max);
	ARRAY(MAP_RECOUNT, weir_recount, subjects_max);
#undef ARRAY
	make(MAP_FAULT, KIND_ARRAY, 4, 8, WEIR_FAULT_COUNT);
	make(MAP_RULE, KIND_HASH, sizeof(struct weir_rule_key),
	     sizeof(struct weir_rule_set), RULES_MAX);
	make(MAP_CLIENT, KIND_HASH, sizeof(struct weir_client_key), 1,
	     CLIENTS_MAX);
	make(MAP_ENDPOINT, KIND_HASH, sizeof(struct weir_endpoint_key), 4,
	     endpoints_max);
	make(MAP_FREE, KIND_STACK, 0, 4, endpoints_max);
	for (uint32_t i = endpoints_max; i > 0; i--)
		maps_push(MAP_FREE, &(uint32_t){services_max + i - 1});
}

void maps_close(void)
{
	for (int id = 0; id < MAP_COUNT; id++) {
		free(maps[id].keys);
		free(maps[id].values);
		free(maps[id].used);
		maps[id] = (struct map){0};
	}
}

void *maps_memory(enum map_id id)
{
	return maps[id].values;
}

/* ---- hashes ---------------------------------------------------------------------- */

static uint32_t home_of(const struct map *map, const uint8_t *key)
{
	uint64_t hash = 1469598103934665603ull; /* FNV-1a */

	for (uint32_t i = 0; i < map->key_bytes; i++)
		hash = (hash ^ key[i]) * 1099511628211ull;
	return (uint32_t)random_mix(hash) & (map->slots - 1);
}

/* The key's slot, or the free one where it would be. */
static uint32_t probe(const struct map *map, const void *key)
{
	uint32_t slot = home_of(map, key);

	while (map->used[slot] &&
	       memcmp(map->keys + (size_t)slot * map->key_bytes, key,
		      map->key_bytes))
		slot = (slot + 1) & (map->slots - 1);
	return slot;
}

static void put(struct map *map, uint32_t slot, const void *key,
		const void *value)
{
	map->used[slot] = true;
	memcpy(map->keys + (size_t)slot * map->key_bytes, key, map->key_bytes);
	memcpy(map->values + (size_t)slot * map->value_bytes, value,
	       map->value_bytes);
}

/* What stood behind a removed key is put where it would be without it. */
static void close_gap(struct map *map, uint32_t slot)
{
	for (uint32_t i = (slot + 1) & (map->slots - 1); map->used[i];
	     i = (i + 1) & (map->slots - 1)) {
		uint8_t key[64], value[256];

		memcpy(key, map->keys + (size_t)i * map->key_bytes,
		       map->key_bytes);
		memcpy(value, map->values + (size_t)i * map->value_bytes,
		       map->value_bytes);
		map->used[i] = false;
		put(map, probe(map, key), key, value);
	}
}

/* ---- all kinds --------------------------------------------------------------------- */

void *maps_find(enum map_id id, const void *key)
{
	struct map *map = &maps[id];
	uint32_t slot;

	if (map->kind == KIND_HASH) {
		slot = probe(map, key);
		if (!map->used[slot])
			return NULL;
	} else {
		memcpy(&slot, key, sizeof(slot));
		if (slot >= map->max)
			return NULL;
	}
	return map->values + (size_t)slot * map->value_bytes;
}

int maps_set(enum map_id id, const void *key, const void *value, uint64_t flags)
{
	struct map *map = &maps[id];
	void *found = maps_find(id, key);

	if (found && flags == BPF_NOEXIST)
		return -EEXIST;
	if (found) {
		memcpy(found, value, map->value_bytes);
		return 0;
	}
	if (map->kind != KIND_HASH || map->held == map->max)
		return -E2BIG;
	put(map, probe(map, key), key, value);
	map->held++;
	return 0;
}

int maps_delete(enum map_id id, const void *key)
{
	struct map *map = &maps[id];
	uint32_t slot = probe(map, key);

	if (!map->used[slot])
		return -ENOENT;
	map->used[slot] = false;
	map->held--;
	close_gap(map, slot);
	return 0;
}

int maps_push(enum map_id id, const void *value)
{
	struct map *map = &maps[id];

	if (map->held == map->max)
		return -E2BIG;
	memcpy(map->values + (size_t)map->held++ * map->value_bytes, value,
	       map->value_bytes);
	return 0;
}

int maps_pop(enum map_id id, void *value)
{
	struct map *map = &maps[id];

	if (!map->held)
		return -ENOENT;
	memcpy(value, map->values + (size_t)--map->held * map->value_bytes,
	       map->value_bytes);
	return 0;
}

/* ---- in libbpf's place: -1 and errno ------------------------------------------------- */

static int told(int err)
{
	if (!err)
		return 0;
	errno = -err;
	return err;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	const void *found = maps_find(fd, key);

	if (!found)
		return told(-ENOENT);
	memcpy(value, found, maps[fd].value_bytes);
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	return told(maps[fd].kind == KIND_STACK
			    ? maps_push(fd, value)
			    : maps_set(fd, key, value, flags));
}

int bpf_map_delete_elem(int fd, const void *key)
{
	return told(maps_delete(fd, key));
}

int bpf_map_lookup_and_delete_elem(int fd, const void *key, void *value)
{
	(void)key;
	return told(maps_pop(fd, value));
}

int bpf_map_get_next_key(int fd, const void *key, void *next)
{
	struct map *map = &maps[fd];
	uint32_t slot = 0;

	if (key) {
		slot = probe(map, key);
		slot = map->used[slot] ? slot + 1 : 0;
	}
	while (slot < map->slots && !map->used[slot])
		slot++;
	if (slot == map->slots)
		return told(-ENOENT);
	memcpy(next, map->keys + (size_t)slot * map->key_bytes, map->key_bytes);
	return 0;
}
