/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * queues.c - see queues.h.
 */
#include "agent/queues.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "agent/clock.h"

/* Nobody waits for longer: after that a ring that was left is empty. */
#define LEFT_RING_NS (2 * 60 * NS_PER_S)

static bool overlaps(const struct queue_ring *ring, uint32_t base,
		     uint32_t places)
{
	return ring->places && base < ring->base + ring->places &&
	       ring->base < base + places;
}

/* Where the next ring may begin, if not at `base`; `base` itself if it may. */
static uint32_t pass_rings(const struct registry *registry, uint32_t base,
			   uint32_t places, uint64_t now_ns)
{
	for (uint32_t i = 0; i < registry->plane->services_max; i++) {
		const struct service *service = registry->services[i];

		if (!service)
			continue;
		if (overlaps(&service->queue, base, places))
			return service->queue.base + service->queue.places;
		if (now_ns < service->queue_left_ns &&
		    overlaps(&service->queue_left, base, places))
			return service->queue_left.base +
			       service->queue_left.places;
	}
	return base;
}

static int find_ring(const struct registry *registry, uint32_t places,
		     uint64_t now_ns, struct queue_ring *out)
{
	uint32_t base = 0;

	while (base + places <= WEIR_WAITERS_MAX) {
		uint32_t next = pass_rings(registry, base, places, now_ns);

		if (next == base) {
			*out = (struct queue_ring){base, places};
			return 0;
		}
		base = next;
	}
	return -ENOSPC;
}

static int assign(struct registry *registry, struct service *service,
		  uint32_t places, uint64_t now_ns)
{
	struct queue_ring ring;
	int err;

	if (places <= service->queue.places)
		return 0;
	/* Those who wait in the ring before the last one would be lost. */
	if (service->queue.places && now_ns < service->queue_left_ns)
		return -ENOSPC;
	err = find_ring(registry, places, now_ns, &ring);
	if (err)
		return err;
	/* No ticket of an earlier owner may look like one of ours. */
	memset(&registry->plane->waiters[ring.base], 0,
	       ring.places * sizeof(*registry->plane->waiters));
	if (service->queue.places) {
		service->queue_left = service->queue;
		service->queue_left_ns = now_ns + LEFT_RING_NS;
	}
	service->queue = ring;
	return 0;
}

int queues_assign(struct registry *registry, struct compiled *compiled,
		  uint64_t now_ns)
{
	for (size_t i = 0; i < compiled->service_count; i++) {
		struct weir_service *record = &compiled->services[i];
		struct service *service =
			registry->services[compiled->slots[i]];
		int err = record->queue_max
				  ? assign(registry, service,
					   compile_ring(record->queue_max),
					   now_ns)
				  : 0;

		if (err)
			return err;
		queues_note(service, record);
	}
	return 0;
}

void queues_note(const struct service *service, struct weir_service *record)
{
	if (!service->queue.places)
		return;
	record->queue_base = service->queue.base;
	record->queue_mask = service->queue.places - 1;
}
