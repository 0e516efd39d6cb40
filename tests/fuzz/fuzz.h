/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz.h - what every fuzz target has in common.
 *
 * tests/fuzz/NAME.c is a target: nothing else has to know of it. NAME.seeds, if
 * there is one, is run with a directory to fill with inputs to begin with;
 * NAME.dict holds words that mutations are made of. See tests/fuzz/run.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What must hold for every input: the input that breaks it is kept. */
#define demand(condition)                                                \
	do {                                                             \
		if (!(condition)) {                                      \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, \
				__LINE__, #condition);                   \
			abort();                                         \
		}                                                        \
	} while (0)
