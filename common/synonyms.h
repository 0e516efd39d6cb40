/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * synonyms.h - what somebody meant who wrote a word that is not ours.
 *
 * People come from other breakers and bring their keys along: say what the key
 * is called here instead of only that it is unknown.
 */
#pragma once

#include <stddef.h>

#define SYNONYMS_HINT_BYTES 256u

/* Another system's word, and what it is called here. */
struct synonym {
	const char *word;
	const char *hint;
};

/* Walks the words. NULL starts, NULL ends. */
const struct synonym *synonyms_next(const struct synonym *previous);

/*
 * A hint for a key that is not valid below `path` ("" is the document): the
 * nearest key, another system's word translated, the block it belongs in, or
 * the keys that are valid. Always fills `out`.
 */
void synonyms_suggest(const char *path, const char *key, char *out,
		      size_t bytes);

/* Insertions, deletions, replacements and swaps between two words. */
unsigned synonyms_distance(const char *a, const char *b);
