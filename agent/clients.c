/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clients.c - see clients.h.
 */
#include "agent/clients.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/scoped.h"

#define PATH_BYTES 4096
#define DEPTH_MAX  32

struct walk {
	const struct compiled *compiled;
	struct clients *out;
	char path[PATH_BYTES]; /* below the root, "" for the root */
};

static int add_key(struct clients *clients, uint32_t set, uint32_t kind,
		   uint64_t id)
{
	struct weir_client_key *grown;

	if (clients->count == WEIR_CLIENTS_MAX) {
		clients->dropped++;
		return 0;
	}
	if ((clients->count & (clients->count - 1)) == 0) {
		size_t capacity = clients->count ? clients->count * 2 : 1;

		grown = realloc(clients->keys, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		clients->keys = grown;
	}
	clients->keys[clients->count++] = (struct weir_client_key){
		.set = set,
		.kind = kind,
		.id = id,
	};
	return 0;
}

static int add_network(struct clients *clients, uint32_t set,
		       const struct policy_client *client)
{
	struct weir_network_key *grown;
	struct weir_network_key key = {
		.bits = WEIR_NETWORK_BITS + client->prefix,
		.set = set,
	};

	if (clients->network_count == WEIR_CLIENTS_MAX) {
		clients->dropped++;
		return 0;
	}
	grown = reallocarray(clients->networks, clients->network_count + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memcpy(key.addr, client->address, sizeof(key.addr));
	clients->networks = grown;
	clients->networks[clients->network_count++] = key;
	return 0;
}

static bool selects(const struct policy_client *client, const char *path)
{
	const char *name = strrchr(path, '/');
	const char *pattern = client->pattern;

	switch (client->kind) {
	case POLICY_CLIENT_SYSTEMD_UNIT:
		return !strcmp(name ? name + 1 : path, pattern);
	case POLICY_CLIENT_CGROUP:
		return !fnmatch(pattern + (*pattern == '/'), path,
				FNM_PATHNAME);
	default:
		return false;
	}
}

static int match_cgroup(struct walk *walk, uint64_t id)
{
	for (size_t i = 0; i < walk->compiled->client_count; i++) {
		const struct compiled_client *c = &walk->compiled->clients[i];
		int err = selects(c->client, walk->path)
				  ? add_key(walk->out, c->set,
					    WEIR_CLIENT_CGROUP, id)
				  : 0;

		if (err)
			return err;
	}
	return 0;
}

static int walk_directory(struct walk *walk, int parent_fd, const char *name,
			  int depth);

static int walk_children(struct walk *walk, DIR *dir, int depth)
{
	size_t length = strlen(walk->path);
	struct dirent *entry;
	int err = 0;

	while (!err && (entry = readdir(dir))) {
		int used;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		used = snprintf(walk->path + length, PATH_BYTES - length,
				"%s%s", length ? "/" : "", entry->d_name);
		if (used > 0 && (size_t)used < PATH_BYTES - length)
			err = walk_directory(walk, dirfd(dir), entry->d_name,
					     depth + 1);
		walk->path[length] = '\0';
	}
	return err;
}

static int walk_directory(struct walk *walk, int parent_fd, const char *name,
			  int depth)
{
	struct stat st;
	int err;
	scoped(fd) int fd =
		openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* A cgroup that vanished meanwhile is no mistake. */
	if (fd < 0 || depth > DEPTH_MAX || fstat(fd, &st) < 0)
		return 0;
	err = match_cgroup(walk, st.st_ino);
	if (err)
		return err;
	scoped(dir) DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	fd = -1; /* the stream's now */
	return walk_children(walk, dir, depth);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weir_client_key));
}

int clients_resolve(struct clients *out, const struct compiled *compiled,
		    const char *root)
{
	struct clients found = {0};
	struct walk walk = {.compiled = compiled, .out = &found};
	bool tree = false;
	int err = 0;

	for (size_t i = 0; i < compiled->client_count && !err; i++) {
		const struct compiled_client *c = &compiled->clients[i];

		if (c->client->kind == POLICY_CLIENT_ADDRESS)
			err = add_network(&found, c->set, c->client);
		else if (c->client->kind != POLICY_CLIENT_USER)
			tree = true;
		else
			err = add_key(&found, c->set, WEIR_CLIENT_UID,
				      c->client->uid);
	}
	if (!err && tree)
		err = walk_directory(&walk, AT_FDCWD, root, 0);
	if (err) {
		clients_clear(&found);
		return err;
	}
	if (found.count)
		qsort(found.keys, found.count, sizeof(*found.keys),
		      compare_keys);
	*out = found;
	return 0;
}

void clients_clear(struct clients *clients)
{
	free(clients->keys);
	free(clients->networks);
	memset(clients, 0, sizeof(*clients));
}

static int write_key(int map_fd, struct weir_client_key key, uint32_t parity)
{
	uint8_t here = 1;

	key.generation = parity;
	return bpf_map_update_elem(map_fd, &key, &here, BPF_ANY) ? -errno : 0;
}

static int write_networks(const struct clients *clients, int map_fd,
			  uint32_t parity)
{
	struct weir_network_key key, next;
	bool more = !bpf_map_get_next_key(map_fd, NULL, &next);
	uint8_t here = 1;

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map_fd, &key, &next);
		if (key.generation == parity)
			bpf_map_delete_elem(map_fd, &key);
	}
	for (size_t i = 0; i < clients->network_count; i++) {
		key = clients->networks[i];
		key.generation = parity;
		if (bpf_map_update_elem(map_fd, &key, &here, BPF_ANY))
			return -errno;
	}
	return 0;
}

int clients_write(const struct clients *clients, int map_fd, int network_fd,
		  uint32_t parity)
{
	struct weir_client_key key, next;
	bool more = !bpf_map_get_next_key(map_fd, NULL, &next);
	int err = 0;

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map_fd, &key, &next);
		if (key.generation == parity)
			bpf_map_delete_elem(map_fd, &key);
	}
	for (size_t i = 0; i < clients->count && !err; i++)
		err = write_key(map_fd, clients->keys[i], parity);
	return err ? err : write_networks(clients, network_fd, parity);
}

static bool holds(const struct clients *clients,
		  const struct weir_client_key *key)
{
	return clients->count && bsearch(key, clients->keys, clients->count,
					 sizeof(*key), compare_keys);
}

int clients_update(const struct clients *before, const struct clients *now,
		   int map_fd, uint32_t parity)
{
	int err = 0;

	for (size_t i = 0; i < now->count && !err; i++)
		if (!holds(before, &now->keys[i]))
			err = write_key(map_fd, now->keys[i], parity);
	for (size_t i = 0; i < before->count; i++) {
		struct weir_client_key key = before->keys[i];

		if (holds(now, &key))
			continue;
		key.generation = parity;
		bpf_map_delete_elem(map_fd, &key);
	}
	return err;
}
