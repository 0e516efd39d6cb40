/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * publish.c - see publish.h.
 */
#include "agent/publish.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/queues.h"

uint32_t publish_next_parity(const struct dataplane *plane)
{
	return (plane->control->generation + 1) & 1;
}

/* What the generation before last left under this parity. */
static void clear_rules(struct dataplane *plane, uint32_t parity)
{
	struct weir_rule_key key, next;
	bool more = !bpf_map_get_next_key(plane->rule_fd, NULL, &next);

	while (more) {
		key = next;
		/* Ask for the next before this one is gone. */
		more = !bpf_map_get_next_key(plane->rule_fd, &key, &next);
		if (key.generation == parity)
			bpf_map_delete_elem(plane->rule_fd, &key);
	}
}

static int fill_rules(struct dataplane *plane, const struct compiled *compiled,
		      uint32_t parity)
{
	for (size_t i = 0; i < compiled->rule_count; i++) {
		struct weir_rule_key key = compiled->rules[i].key;

		key.generation = (uint8_t)parity;
		if (bpf_map_update_elem(plane->rule_fd, &key,
					&compiled->rules[i].set, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Services that no policy governs now: they drain, and keep their name. */
static struct weir_service drained_record(const struct service *service)
{
	struct weir_service record = {
		.mode = WEIR_MODE_OBSERVE,
		.connections_max = WEIR_NONE,
		.endpoint_connections_max = WEIR_NONE,
		.slice_shift = 17,
		.scope = WEIR_SCOPE_SERVICE,
	};

	if (!service || service->slot == WEIR_SLOT_OBSERVED)
		return record;
	snprintf(record.name, sizeof(record.name), "%s", service->name);
	queues_note(service, &record);
	return record;
}

static int write_service(struct dataplane *plane, uint32_t slot,
			 uint32_t parity, const struct weir_service *record)
{
	uint32_t index = slot * 2 + parity;

	return bpf_map_update_elem(plane->service_fd, &index, record, BPF_ANY)
		       ? -errno
		       : 0;
}

static int fill_services(struct registry *registry,
			 const struct compiled *compiled, uint32_t parity)
{
	struct dataplane *plane = registry->plane;
	int err = 0;

	for (uint32_t slot = 0; slot < plane->services_max && !err; slot++) {
		struct weir_service record =
			drained_record(registry->services[slot]);

		err = write_service(plane, slot, parity, &record);
	}
	for (size_t i = 0; i < compiled->service_count && !err; i++)
		err = write_service(plane, compiled->slots[i], parity,
				    &compiled->services[i]);
	return err;
}

int publish_fill(struct registry *registry, const struct compiled *compiled,
		 const struct clients *clients)
{
	struct dataplane *plane = registry->plane;
	uint32_t parity = publish_next_parity(plane);
	int err;

	clear_rules(plane, parity);
	err = fill_services(registry, compiled, parity);
	if (!err)
		err = clients_write(clients, plane->client_fd, parity);
	return err ? err : fill_rules(plane, compiled, parity);
}

uint32_t publish_flip(struct dataplane *plane, const struct compiled *compiled)
{
	struct weir_control *control = plane->control;
	uint32_t parity = publish_next_parity(plane);

	memcpy(control->classes[parity], compiled->classes,
	       sizeof(control->classes[parity]));
	control->class_count[parity] = compiled->class_count;
	__atomic_store_n(&control->generation, control->generation + 1,
			 __ATOMIC_RELEASE);
	/* From the first generation on the programs do their work (W2). */
	__atomic_store_n(&control->active, 1, __ATOMIC_RELEASE);
	return control->generation;
}
