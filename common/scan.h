/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan.h - from the words people write to the numbers we work with.
 *
 * Strict on purpose: no sign, no leading zero, no trailing rest, no locale, so
 * that a text has one meaning or none. All functions are pure and return 0,
 * -EINVAL (not of this form) or -ERANGE (of this form, but it does not fit);
 * the output is untouched on failure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_ADDRESS_BYTES 64u /* room for any address with its prefix */

/* "20", "0"; not "020", "+20", "1_000", "0x10". */
int scan_count(const char *text, uint64_t *out);

/* "2", "0.5", "-1.25"; not ".5", "1e3", "nan". */
int scan_decimal(const char *text, double *out);

/* Go's form without a sign: "250ms", "1m30s", "0.5s", "1h". Nanoseconds. */
int scan_duration(const char *text, uint64_t *out_ns);

/* Exact, in whole units, the largest first: 90000000000 is "1m30s". */
void scan_duration_text(uint64_t ns, char *out, size_t bytes);

/* "5432" or "8000-8099", both ends in 1..65535. min > max is -ERANGE. */
int scan_ports(const char *text, uint16_t *out_min, uint16_t *out_max);

/*
 * An IPv4 or IPv6 address or CIDR. IPv4 becomes ::ffff:a.b.c.d with 96 added
 * to the prefix, and so does IPv6 text that maps an IPv4 address. The address
 * is not masked: see scan_mask(). Without a prefix it is 128.
 */
int scan_address(const char *text, uint8_t out[16], uint8_t *out_prefix);

/* Clears the bits below the prefix; true when there were any. */
bool scan_mask(uint8_t address[16], uint8_t prefix);

/* The inverse of scan_address(); no prefix is written for a host. */
void scan_address_text(const uint8_t address[16], uint8_t prefix, char *out,
		       size_t bytes);

/* RFC 1123 label: 1..63 of a-z 0-9 and '-', none at either end. */
bool scan_is_label(const char *text);

/*
 * Decodes one UTF-8 character: its bytes, or 0 when it is malformed,
 * overlong, a surrogate or beyond U+10FFFF.
 */
size_t scan_character(const char *text, size_t bytes, uint32_t *out);

/* Characters of a UTF-8 text; a malformed byte counts as one. */
size_t scan_characters(const char *text, size_t bytes);

/* Bytes of the line break (as YAML knows them) at `text`, 0 if there is none. */
size_t scan_line_break(const char *text, size_t bytes);
