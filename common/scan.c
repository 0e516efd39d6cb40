/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan.c - strict readers for counts, durations, ports, addresses and UTF-8.
 *
 * Written by hand instead of on top of strtoull() and friends: those accept
 * white space, signs, hexadecimal and the locale's decimal point, and every
 * one of them would be a second way to write the same policy.
 */
#include "common/scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/count_of.h"

#define FRACTION_DIGITS_MAX 9

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits; the text after them is in *rest. */
static int read_digits(const char *text, const char **rest, uint64_t *out)
{
	uint64_t value = 0;

	if (!digit(*text))
		return -EINVAL;
	for (; digit(*text); text++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'),
					   &value))
			return -ERANGE;
	}
	*rest = text;
	*out = value;
	return 0;
}

int scan_count(const char *text, uint64_t *out)
{
	const char *rest = text;
	uint64_t value = 0;
	int err;

	if (text[strspn(text, "0123456789")] || !*text)
		return -EINVAL;
	if (text[0] == '0' && text[1])
		return -EINVAL;
	err = read_digits(text, &rest, &value);
	if (err)
		return err;
	*out = value;
	return 0;
}

/* ".25" after a number: the digits as nanounits; none is fine. */
static int read_fraction(const char *text, const char **rest, uint64_t *out)
{
	uint64_t value = 0;
	int digits = 0;

	*rest = text;
	*out = 0;
	if (*text != '.')
		return 0;
	for (text++; digit(*text); text++, digits++) {
		if (digits < FRACTION_DIGITS_MAX)
			value = value * 10 + (uint64_t)(*text - '0');
	}
	if (!digits)
		return -EINVAL;
	for (; digits < FRACTION_DIGITS_MAX; digits++)
		value *= 10;
	*rest = text;
	*out = value;
	return 0;
}

int scan_decimal(const char *text, double *out)
{
	bool negative = *text == '-';
	uint64_t whole = 0, nano = 0;
	double value;
	int err;

	text += negative;
	if (text[0] == '0' && digit(text[1]))
		return -EINVAL;
	err = read_digits(text, &text, &whole);
	if (err)
		return err;
	err = read_fraction(text, &text, &nano);
	if (err || *text)
		return -EINVAL;
	value = (double)whole + (double)nano / 1e9;
	*out = negative ? -value : value;
	return 0;
}

struct unit {
	const char *name;
	uint64_t ns;
};

/* Longer names first: "ms" is not "m" and a rest. */
static const struct unit units[] = {
	{"ns", 1},
	{"us", 1000},
	{"\xc2\xb5s", 1000}, /* micro sign */
	{"\xce\xbcs", 1000}, /* Greek mu */
	{"ms", 1000000},
	{"s", 1000000000},
	{"m", 60ull * 1000000000},
	{"h", 3600ull * 1000000000},
};

static const struct unit *read_unit(const char **text)
{
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		size_t bytes = strlen(units[i].name);

		if (!strncmp(*text, units[i].name, bytes)) {
			*text += bytes;
			return &units[i];
		}
	}
	return NULL;
}

/* One "1.5h": adds it to *total. */
static int read_span(const char **text, uint64_t *total)
{
	uint64_t whole = 0, nano = 0, ns;
	const struct unit *unit;
	int err;

	if ((*text)[0] == '0' && digit((*text)[1]))
		return -EINVAL;
	err = read_digits(*text, text, &whole);
	if (err)
		return err;
	err = read_fraction(*text, text, &nano);
	if (err)
		return err;
	unit = read_unit(text);
	if (!unit)
		return -EINVAL;
	/* nano < 1e9 and a unit <= 3.6e12 ns: 128 bits, then exact. */
	nano = (uint64_t)((unsigned __int128)nano * unit->ns / 1000000000u);
	if (__builtin_mul_overflow(whole, unit->ns, &ns) ||
	    __builtin_add_overflow(ns, nano, &ns) ||
	    __builtin_add_overflow(*total, ns, total))
		return -ERANGE;
	return 0;
}

int scan_duration(const char *text, uint64_t *out_ns)
{
	uint64_t total = 0;

	if (!*text)
		return -EINVAL;
	while (*text) {
		int err = read_span(&text, &total);

		if (err)
			return err;
	}
	*out_ns = total;
	return 0;
}

void scan_duration_text(uint64_t ns, char *out, size_t bytes)
{
	static const char *const names[] = {"h", "m", "s", "ms", "us", "ns"};
	static const uint64_t sizes[] = {3600000000000ull, 60000000000ull,
					 1000000000ull,	   1000000ull,
					 1000ull,	   1ull};
	size_t used = 0;

	if (bytes)
		snprintf(out, bytes, "0s");
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		uint64_t n = ns / sizes[i];

		ns %= sizes[i];
		if (n && used < bytes)
			used += (size_t)snprintf(out + used, bytes - used,
						 "%" PRIu64 "%s", n, names[i]);
	}
}

static int read_port(const char *text, uint16_t *out)
{
	uint64_t port = 0;
	int err = scan_count(text, &port);

	if (err)
		return err;
	if (port < 1 || port > 65535)
		return -ERANGE;
	*out = (uint16_t)port;
	return 0;
}

int scan_ports(const char *text, uint16_t *out_min, uint16_t *out_max)
{
	const char *dash = strchr(text, '-');
	uint16_t min = 0, max = 0;
	char first[8];
	int err;

	if (!dash) {
		err = read_port(text, &min);
		max = min;
	} else {
		if ((size_t)(dash - text) >= sizeof(first))
			return -EINVAL;
		memcpy(first, text, (size_t)(dash - text));
		first[dash - text] = '\0';
		err = read_port(first, &min);
		err = err ? err : read_port(dash + 1, &max);
	}
	if (err)
		return err;
	if (min > max)
		return -ERANGE;
	*out_min = min;
	*out_max = max;
	return 0;
}

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Splits "a/b"; the prefix text is NULL when there is no slash. */
static int split_prefix(const char *text, char *address, size_t bytes,
			const char **prefix)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);

	if (length >= bytes)
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	*prefix = slash ? slash + 1 : NULL;
	return 0;
}

int scan_address(const char *text, uint8_t out[16], uint8_t *out_prefix)
{
	char host[INET6_ADDRSTRLEN];
	uint64_t bits_max = 32, bits;
	const char *prefix = NULL;
	uint8_t address[16];
	int err = split_prefix(text, host, sizeof(host), &prefix);

	if (err)
		return err;
	memcpy(address, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, host, address + 12) != 1) {
		if (inet_pton(AF_INET6, host, address) != 1)
			return -EINVAL;
		bits_max = 128;
	}
	bits = bits_max;
	if (prefix) {
		err = scan_count(prefix, &bits);
		if (err)
			return err;
	}
	if (bits > bits_max)
		return -ERANGE;
	memcpy(out, address, sizeof(address));
	*out_prefix = (uint8_t)(bits + 128 - bits_max);
	return 0;
}

bool scan_mask(uint8_t address[16], uint8_t prefix)
{
	bool cleared = false;

	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = prefix > i * 8 ? prefix - i * 8 : 0;
		uint8_t mask = kept >= 8 ? 0xff : (uint8_t)(0xff00u >> kept);

		cleared |= (address[i] & ~mask) != 0;
		address[i] &= mask;
	}
	return cleared;
}

void scan_address_text(const uint8_t address[16], uint8_t prefix, char *out,
		       size_t bytes)
{
	bool v4 = prefix >= 96 && !memcmp(address, mapped, sizeof(mapped));
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, text,
		  sizeof(text));
	if (prefix == 128)
		snprintf(out, bytes, "%s", text);
	else
		snprintf(out, bytes, "%s/%u", text, v4 ? prefix - 96 : prefix);
}

bool scan_is_label(const char *text)
{
	static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t length = strlen(text);

	return length >= 1 && length <= 63 && !text[strspn(text, inner)] &&
	       text[0] != '-' && text[length - 1] != '-';
}

/* By the first byte: how many follow it, and the smallest value they may give. */
static int lead(uint8_t byte, uint32_t *value, uint32_t *smallest)
{
	if (byte < 0x80) {
		*value = byte;
		*smallest = 0;
		return 0;
	}
	if (byte >= 0xc0 && byte < 0xe0) {
		*value = byte & 0x1f;
		*smallest = 0x80;
		return 1;
	}
	if (byte >= 0xe0 && byte < 0xf0) {
		*value = byte & 0x0f;
		*smallest = 0x800;
		return 2;
	}
	*value = byte & 0x07;
	*smallest = 0x10000;
	return byte >= 0xf0 && byte < 0xf8 ? 3 : -1;
}

size_t scan_character(const char *text, size_t bytes, uint32_t *out)
{
	uint32_t value = 0, smallest = 0;
	int more;

	if (!bytes)
		return 0;
	more = lead((uint8_t)text[0], &value, &smallest);
	if (more < 0 || (size_t)more >= bytes)
		return 0;
	for (int i = 1; i <= more; i++) {
		if (((uint8_t)text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((uint8_t)text[i] & 0x3f);
	}
	if (value < smallest || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 0;
	*out = value;
	return (size_t)more + 1;
}

size_t scan_characters(const char *text, size_t bytes)
{
	size_t count = 0;

	for (size_t i = 0; i < bytes; count++) {
		uint32_t unused;
		size_t step = scan_character(text + i, bytes - i, &unused);

		i += step ? step : 1;
	}
	return count;
}

size_t scan_line_break(const char *text, size_t bytes)
{
	if (!bytes)
		return 0;
	if (text[0] == '\n')
		return 1;
	if (text[0] == '\r')
		return bytes > 1 && text[1] == '\n' ? 2 : 1;
	if (bytes > 1 && !memcmp(text, "\xc2\x85", 2))
		return 2;
	if (bytes > 2 && (!memcmp(text, "\xe2\x80\xa8", 3) ||
			  !memcmp(text, "\xe2\x80\xa9", 3)))
		return 3;
	return 0;
}
