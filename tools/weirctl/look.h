/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * look.h - what stands at a path of a JSON object ("breaker.window.calls").
 *
 * A missing member is no mistake: an agent of another version may answer.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

json_t *look_at(const json_t *object, const char *path);

/* NULL: not there, or not a text. Borrowed. */
const char *look_text(const json_t *object, const char *path);

/* The text or "". */
const char *look_text_or_empty(const json_t *object, const char *path);

/* NAN: not there, or null. */
double look_number(const json_t *object, const char *path);

/* 0 when it is not there. */
json_int_t look_count(const json_t *object, const char *path);

/* Not there is false. */
bool look_true(const json_t *object, const char *path);

/* Members of a list or an object. */
size_t look_size(const json_t *object, const char *path);

/* The member of `list` whose name it is, or NULL. Borrowed. */
json_t *look_named(const json_t *list, const char *name);
