/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * endpoints.c - see endpoints.h; and the endpoint half of registry.h.
 */
#include "agent/endpoints.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sample.h"
#include "weir/words.h"

#define LISTED_PORTS_MAX 16u /* more than that is a range, not a list */

void registry_name(const struct weir_endpoint_key *key, char out[64])
{
	const uint8_t *bytes = (const uint8_t *)key->addr;
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];

	memcpy(&address, bytes, sizeof(address));
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		inet_ntop(AF_INET, bytes + 12, text, sizeof(text));
		snprintf(out, 64, "%s:%u", text, key->port);
		return;
	}
	inet_ntop(AF_INET6, bytes, text, sizeof(text));
	snprintf(out, 64, "[%s]:%u", text, key->port);
}

void endpoints_restore(struct dataplane *plane, struct subject *subject,
		       uint64_t now_ns)
{
	const struct weir_verdict *verdict = &plane->verdicts[subject->id];
	const struct weir_subject *k = &plane->subjects[subject->id];

	sample_restore(subject, k, now_ns);
	breaker_restore(&subject->breaker, verdict,
			verdict_epoch(verdict->word), now_ns);
}

static struct subject *endpoint_new(struct registry *registry,
				    struct service *service,
				    const struct weir_endpoint_key *key,
				    uint32_t id, uint64_t now_ns)
{
	struct subject *subject = calloc(1, sizeof(*subject));
	struct subject **grown;

	if (!subject)
		return NULL;
	if (service->endpoint_count == service->endpoint_capacity) {
		size_t capacity = service->endpoint_capacity * 2 + 8;

		grown = realloc(service->endpoints, capacity * sizeof(*grown));
		if (!grown) {
			free(subject);
			return NULL;
		}
		service->endpoints = grown;
		service->endpoint_capacity = capacity;
	}
	subject->id = id;
	subject->is_endpoint = true;
	subject->key = *key;
	subject->service = service;
	subject->active_ns = now_ns;
	registry_name(key, subject->name);
	breaker_init(&subject->breaker, &service->rules, now_ns);
	service->endpoints[service->endpoint_count++] = subject;
	registry->subjects[id] = subject;
	registry->endpoint_count++;
	return subject;
}

struct subject *registry_endpoint(struct registry *registry,
				  const struct weir_endpoint_key *key,
				  uint32_t id, uint64_t now_ns)
{
	struct dataplane *plane = registry->plane;
	struct service *service;

	if (id < plane->services_max || id >= dataplane_subjects_max(plane) ||
	    key->slot >= plane->services_max)
		return NULL;
	if (registry->subjects[id])
		return registry->subjects[id];
	service = registry->services[key->slot];
	if (!service)
		return NULL;
	return endpoint_new(registry, service, key, id, now_ns);
}

/*
 * At the start an earlier agent's; later one whose event was lost: all it has
 * counted is news, but its calls may be in slices of another length.
 */
static void take_over(struct registry *registry, struct subject *subject,
		      uint64_t now_ns)
{
	struct dataplane *plane = registry->plane;

	if (registry->opened)
		sample_refresh(subject, &plane->subjects[subject->id], now_ns);
	else if (plane->adopted)
		endpoints_restore(plane, subject, now_ns);
}

void registry_scan(struct registry *registry, uint64_t now_ns)
{
	struct dataplane *plane = registry->plane;
	struct weir_endpoint_key key, *previous = NULL;

	/* The map is bounded; a concurrent insert may restart the walk. */
	for (uint32_t i = 0; i < plane->endpoints_max * 2; i++) {
		struct subject *subject;
		uint32_t id;
		bool known;

		if (bpf_map_get_next_key(plane->endpoint_fd, previous, &key))
			break;
		previous = &key;
		if (bpf_map_lookup_elem(plane->endpoint_fd, &key, &id) ||
		    id >= dataplane_subjects_max(plane))
			continue;
		known = registry->subjects[id];
		subject = registry_endpoint(registry, &key, id, now_ns);
		if (!known && subject)
			take_over(registry, subject, now_ns);
	}
}

static void list_one(struct registry *registry, struct service *service,
		     const struct weir_endpoint_key *key, uint64_t now_ns)
{
	struct dataplane *plane = registry->plane;
	struct subject *subject;
	uint32_t id;

	if (bpf_map_lookup_elem(plane->endpoint_fd, key, &id)) {
		/* A full table: it will be counted for the service alone. */
		if (bpf_map_lookup_and_delete_elem(plane->free_fd, NULL, &id))
			return;
		if (bpf_map_update_elem(plane->endpoint_fd, key, &id,
					BPF_NOEXIST)) {
			bpf_map_update_elem(plane->free_fd, NULL, &id, BPF_ANY);
			if (bpf_map_lookup_elem(plane->endpoint_fd, key, &id))
				return;
		}
	}
	subject = registry_endpoint(registry, key, id, now_ns);
	if (subject && subject->service == service)
		subject->listed = true;
}

static void list_ports(struct registry *registry, struct service *service,
		       const struct policy_destination *destination,
		       uint64_t now_ns)
{
	struct weir_endpoint_key key = {.slot = service->slot};
	uint32_t ports = 0;

	for (size_t i = 0; i < destination->port_count; i++)
		ports += destination->ports[i].max - destination->ports[i].min +
			 1u;
	if (destination->prefix != 128 || ports > LISTED_PORTS_MAX)
		return;
	memcpy(key.addr, destination->address, sizeof(key.addr));
	for (size_t i = 0; i < destination->port_count; i++)
		for (uint32_t port = destination->ports[i].min;
		     port <= destination->ports[i].max; port++) {
			key.port = port;
			list_one(registry, service, &key, now_ns);
		}
}

void registry_list(struct registry *registry, struct service *service,
		   uint64_t now_ns)
{
	for (size_t i = 0; i < service->endpoint_count; i++)
		service->endpoints[i]->listed = false;
	for (size_t i = 0; i < service->policy->destination_count; i++)
		list_ports(registry, service, &service->policy->destinations[i],
			   now_ns);
}

void endpoints_retire(struct dataplane *plane, struct subject *subject,
		      uint64_t now_ns)
{
	if (subject->retired_ns)
		return;
	subject->retired_ns = now_ns;
	subject->listed = false;
	bpf_map_delete_elem(plane->endpoint_fd, &subject->key);
	__atomic_store_n(&plane->verdicts[subject->id].word, 0,
			 __ATOMIC_RELEASE);
}

void endpoints_free(struct subject *subject)
{
	free(subject->older);
	free(subject->newer);
	free(subject);
}

static bool idle(const struct dataplane *plane, const struct subject *subject,
		 uint64_t now_ns)
{
	return !subject->listed && !plane->subjects[subject->id].in_use &&
	       subject->breaker.state == WEIR_STATE_CLOSED &&
	       now_ns - subject->active_ns > REGISTRY_IDLE_NS;
}

static bool drained(const struct dataplane *plane,
		    const struct subject *subject, uint64_t now_ns)
{
	return subject->retired_ns && !plane->subjects[subject->id].in_use &&
	       now_ns - subject->retired_ns > REGISTRY_DRAIN_NS;
}

/* The record becomes a blank one before anybody can be given it again. */
static void give_back(struct registry *registry, struct subject *subject)
{
	struct dataplane *plane = registry->plane;
	uint32_t id = subject->id;

	memset(&plane->subjects[id], 0, sizeof(plane->subjects[id]));
	memset(&plane->verdicts[id], 0, sizeof(plane->verdicts[id]));
	memset(&plane->hists[id - plane->services_max], 0,
	       sizeof(plane->hists[0]));
	registry->subjects[id] = NULL;
	registry->endpoint_count--;
	endpoints_free(subject);
	bpf_map_update_elem(plane->free_fd, NULL, &id, BPF_ANY);
}

void endpoints_sweep(struct registry *registry, struct service *service,
		     uint64_t now_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < service->endpoint_count; i++) {
		struct subject *subject = service->endpoints[i];

		if (idle(registry->plane, subject, now_ns))
			endpoints_retire(registry->plane, subject, now_ns);
		if (drained(registry->plane, subject, now_ns))
			give_back(registry, subject);
		else
			service->endpoints[kept++] = subject;
	}
	service->endpoint_count = kept;
}
