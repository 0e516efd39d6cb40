/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pins.h - where maps and links outlive their agent.
 *
 *   PIN-DIR/v<abi>/maps/NAME   PIN-DIR/v<abi>/links/NAME
 *
 * The directory must be on a bpf file system; if it is not, one is mounted on
 * it, readable by root alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PIN_PATH_BYTES 512

struct pins {
	char root[PIN_PATH_BYTES - 64]; /* as given */
	char base[PIN_PATH_BYTES - 48]; /* root/v<abi> */
};

/* Makes the directories. -errno, `why` says what failed in one line. */
int pins_open(struct pins *pins, const char *root, char *why, size_t bytes);

/* kind is "maps" or "links". */
void pins_path(const struct pins *pins, const char *kind, const char *name,
	       char out[PIN_PATH_BYTES]);

/* Removes every pin and directory, and the mount if it is ours. */
void pins_remove(const struct pins *pins);

/* Removes what pins_open() made, if nothing is pinned in it. */
void pins_leave(const struct pins *pins);

/* Removes the pins of maps and links and keeps the directories. */
void pins_clear(const struct pins *pins);
