/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * publish.h - a compiled set of policies goes to the kernel, all of it or none.
 *
 * Rules and services of the next generation are written beside those in force,
 * under the other parity; one store of the generation number makes the switch
 * (W4). A connect sees the old set or the new one, never a mixture.
 */
#pragma once

#include "agent/clients.h"
#include "agent/core/compile.h"
#include "agent/dataplane.h"
#include "agent/registry.h"

/* Fills the next generation. -errno: nothing is in force that was not before. */
int publish_fill(struct registry *registry, const struct compiled *compiled,
		 const struct clients *clients);

/* The switch; returns the number of the generation now in force. */
uint32_t publish_flip(struct dataplane *plane, const struct compiled *compiled);

/* The parity publish_fill() writes to. */
uint32_t publish_next_parity(const struct dataplane *plane);
