/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * field_text.c - see field_text.h.
 */
#include "tools/weirctl/field_text.h"

#include <stdio.h>

#include "common/scan.h"

void field_text_type(const struct field *field, char out[FIELD_TEXT_BYTES])
{
	size_t used = 0;

	if (field->type != FIELD_WORD)
		snprintf(out, FIELD_TEXT_BYTES, "%s",
			 field->planned ? "not supported yet"
					: fields_type_name(field->type));
	for (const struct field_word *word = field->words;
	     word && word->word && used < FIELD_TEXT_BYTES; word++)
		if (!word->planned)
			used += (size_t)snprintf(
				out + used, FIELD_TEXT_BYTES - used, "%s%s",
				used ? "|" : "", word->word);
}

void field_text_range(const struct field *field, char out[FIELD_TEXT_BYTES])
{
	char low[64], high[64];

	out[0] = '\0';
	switch (field->type) {
	case FIELD_COUNT:
	case FIELD_PERCENT:
	case FIELD_FACTOR:
		snprintf(out, FIELD_TEXT_BYTES, "%.10g..%.10g", field->min,
			 field->max);
		break;
	case FIELD_DURATION:
	case FIELD_WAIT:
		scan_duration_text((uint64_t)field->min, low, sizeof(low));
		scan_duration_text((uint64_t)field->max, high, sizeof(high));
		snprintf(out, FIELD_TEXT_BYTES, "%s..%s", low, high);
		break;
	default:
		break;
	}
}

void field_text_words(const struct field *field, char out[FIELD_TEXT_BYTES])
{
	size_t used = 0;

	out[0] = '\0';
	for (const struct field_word *word = field->words; word && word->word;
	     word++) {
		int wrote =
			snprintf(out + used, FIELD_TEXT_BYTES - used, "%s%s%s",
				 used ? ", " : "", word->word,
				 word->planned ? " (not supported yet)" : "");

		if (wrote < 0 || (size_t)wrote >= FIELD_TEXT_BYTES - used)
			return;
		used += (size_t)wrote;
	}
}
