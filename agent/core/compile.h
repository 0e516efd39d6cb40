/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compile.h - a set of policies becomes the kernel's records. Pure.
 *
 * The result is complete before anything is published (W4): rules by
 * destination key, mask classes, service configuration by slot, and the client
 * sets whose cgroup patterns the agent resolves to cgroup ids.
 */
#pragma once

#include "common/policy.h"
#include "weir/abi.h"

struct compiled_rule {
	struct weir_rule_key key; /* generation left 0 */
	struct weir_rule_set set; /* sorted by rank, highest first */
};

struct compiled_client {
	uint32_t set;			    /* from 1 */
	const struct policy_client *client; /* borrowed from the policy */
};

struct compiled {
	struct weir_class
		classes[WEIR_CLASSES_MAX]; /* exact key not among them */
	uint32_t class_count;
	struct compiled_rule *rules;
	size_t rule_count;
	struct compiled_client *clients;
	size_t client_count;
	struct weir_service *services; /* one per compiled policy */
	uint32_t *slots;	       /* services[i] belongs to slots[i] */
	const struct weir_policy **policies; /* borrowed, same index */
	size_t service_count;
};

/*
 * Policies with mode disabled are left out. `slot_of` gives the slot of a
 * service by name (WEIR_NONE: no slot left, reported as an error). -EINVAL
 * with errors when a limit of abi.h is exceeded: WEIR_CLASSES_MAX,
 * WEIR_RULES_PER_KEY, WEIR_RULES_MAX, slots. *out untouched on failure.
 */
int compile_policies(struct compiled **out, struct weir_errors *errors,
		     const struct weir_policies *policies,
		     uint32_t (*slot_of)(void *ctx, const char *name),
		     void *ctx);

void compiled_free(struct compiled *compiled);

/* Places of the ring of a queue: a power of two. */
uint32_t compile_ring(uint32_t queue_max);

/* The kernel's record of one policy. */
struct weir_service compile_service(const struct weir_policy *policy);

/*
 * The kernel's choice in C, for lint, tests and `explain`: the slot of the
 * service that governs a connection, WEIR_NONE if none. `in_set` tells whether
 * the client belongs to a client set.
 */
uint32_t compiled_match(const struct compiled *compiled,
			const uint8_t address[16], uint16_t port,
			bool (*in_set)(void *ctx, uint32_t set), void *ctx);
