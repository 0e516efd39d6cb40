/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * addresses.c - see addresses.h.
 */
#include "agent/addresses.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/scoped.h"

#define ADDRESS_BYTES sizeof(((struct addresses *)0)->items[0])

static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, ADDRESS_BYTES);
}

/* In the form of the rules: IPv4 as ::ffff:a.b.c.d. */
static bool convert(uint32_t out[4], const struct sockaddr *address)
{
	const struct sockaddr_in *four = (const void *)address;
	const struct sockaddr_in6 *six = (const void *)address;

	if (address && address->sa_family == AF_INET) {
		out[0] = out[1] = 0;
		out[2] = htonl(0xffff);
		out[3] = four->sin_addr.s_addr;
		return true;
	}
	if (!address || address->sa_family != AF_INET6)
		return false;
	memcpy(out, &six->sin6_addr, ADDRESS_BYTES);
	return true;
}

static int collect(uint32_t (*out)[4], size_t *count)
{
	struct ifaddrs *list, *at;
	int err = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	*count = 0;
	for (at = list; at; at = at->ifa_next) {
		uint32_t address[4];

		if (!convert(address, at->ifa_addr))
			continue;
		if (*count == WEIR_LOCAL_MAX) {
			err = -E2BIG;
			break;
		}
		memcpy(out[(*count)++], address, sizeof(address));
	}
	freeifaddrs(list);
	qsort(out, *count, ADDRESS_BYTES, by_octets);
	return err;
}

static bool holds(const uint32_t (*list)[4], size_t count,
		  const uint32_t address[4])
{
	return bsearch(address, list, count, ADDRESS_BYTES, by_octets);
}

int addresses_refresh(struct addresses *a)
{
	scoped(memory) void *memory = calloc(WEIR_LOCAL_MAX, ADDRESS_BYTES);
	uint32_t(*now)[4] = memory;
	const uint8_t there = 1;
	size_t count = 0;
	int err;

	if (!now)
		return -ENOMEM;
	err = collect(now, &count);
	if (err && err != -E2BIG)
		return err;
	/* First what went: a full map must have room for what came. */
	for (size_t i = 0; i < a->count; i++)
		if (!holds(now, count, a->items[i]))
			bpf_map_delete_elem(a->map_fd, a->items[i]);
	for (size_t i = 0; i < count; i++)
		if (!holds(a->items, a->count, now[i]) &&
		    bpf_map_update_elem(a->map_fd, now[i], &there, BPF_ANY))
			err = -errno;
	memcpy(a->items, now, count * ADDRESS_BYTES);
	a->count = count;
	return err;
}
