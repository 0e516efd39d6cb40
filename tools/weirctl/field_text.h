/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * field_text.h - what a row of the policy language allows, in words.
 */
#pragma once

#include "common/fields.h"

#define FIELD_TEXT_BYTES 256u

/* What stands there: a type's name, or the words that are supported. */
void field_text_type(const struct field *field, char out[FIELD_TEXT_BYTES]);

/* "1..100", "1ms..24h"; "" when there is none. */
void field_text_range(const struct field *field, char out[FIELD_TEXT_BYTES]);

/* "refuse, drop (not supported yet)"; "" when it takes no words. */
void field_text_words(const struct field *field, char out[FIELD_TEXT_BYTES]);
