/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fields.h - the policy language as one table.
 *
 * The binder, the defaults, policy_equal(), `weirctl explain`, the schema and
 * the check of docs/POLICY.md all walk these rows: a key exists here or it
 * does not exist.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_NOT_STORED SIZE_MAX

enum field_type {
	FIELD_BLOCK,	/* mapping of the rows below it; stored: bool */
	FIELD_LIST,	/* sequence of mappings, rows below "path[]" */
	FIELD_WORD,	/* one of `words`; int */
	FIELD_NAME,	/* RFC 1123 label */
	FIELD_LABELS,	/* mapping of text to text */
	FIELD_COUNT,	/* whole number min..max; uint32_t */
	FIELD_PERCENT,	/* as a count, with hints for ratios */
	FIELD_FACTOR,	/* decimal min..max; double */
	FIELD_DURATION, /* uint64_t ns */
	FIELD_WAIT,	/* a duration (fixed), or a block of rows below it */
	FIELD_ADDRESS,	/* address or CIDR of a destination */
	FIELD_PORTS,	/* list of ports and port ranges of a destination */
	FIELD_UNIT,	/* a client by systemd unit */
	FIELD_CGROUP,	/* a client by cgroup glob */
	FIELD_USER,	/* a client by user name or uid */
	FIELD_NETWORK,	/* a client by address or CIDR */
	FIELD_TYPES,
};

/* One value of a FIELD_WORD. */
struct field_word {
	const char *word; /* NULL ends the list */
	int value;
	bool planned; /* part of the language, not supported yet */
};

struct field {
	const char *path;    /* "spec.service.destinations[].ports" */
	const char *help;    /* one line */
	const char *initial; /* default as written; NULL: none, see `unset` */
	const char *unset;   /* what absence means, when there is no default */
	const char *example; /* a valid value */
	const char *instead; /* another key that may stand for a required one */
	const struct field_word *words;
	double min, max; /* of numbers, inclusive */
	size_t offset;	 /* in struct weir_policy, or FIELDS_NOT_STORED */
	enum field_type type;
	bool required; /* in its block */
	bool planned;  /* rejected: "not supported yet" */
};

/* Walks the table: parents before children. NULL starts, NULL ends. */
const struct field *fields_next(const struct field *previous);

/* The row of a path, or NULL. */
const struct field *fields_find(const char *path);

/* The row's number, from 0; below fields_count(). */
size_t fields_index(const struct field *field);
size_t fields_count(void);

/* The last part of the path: "ports". */
const char *fields_key(const struct field *field);

/* True when the row is directly below `path` ("" is the document). */
bool fields_is_child(const struct field *field, const char *path);

/* What belongs there, for people: "a duration", "a list of blocks". */
const char *fields_type_name(enum field_type type);

/* Bytes stored at `offset`; 0: not a plain value. */
size_t fields_bytes(const struct field *field);

/* Fills the keys valid directly below `path`, supported ones first. */
size_t fields_children(const char *path, const struct field **out, size_t max);
