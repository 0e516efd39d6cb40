/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scan.c - a text that is read can be written back, one that is not leaves no
 * trace, and no reader looks behind the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/scan.h"
#include "common/scoped.h"
#include "tests/fuzz/fuzz.h"

#define UNTOUCHED 0xa5a5a5a5a5a5a5a5ull

static void check_count(const char *text)
{
	uint64_t value = UNTOUCHED;
	char back[32];

	if (scan_count(text, &value)) {
		demand(value == UNTOUCHED);
		return;
	}
	snprintf(back, sizeof(back), "%" PRIu64, value);
	demand(!strcmp(back, text));
}

static void check_duration(const char *text)
{
	uint64_t value = UNTOUCHED, again = 0;
	char back[64];

	if (scan_duration(text, &value)) {
		demand(value == UNTOUCHED);
		return;
	}
	scan_duration_text(value, back, sizeof(back));
	demand(!scan_duration(back, &again));
	demand(again == value);
}

static void check_decimal(const char *text)
{
	double value = -12345.5;
	uint64_t count;

	if (scan_decimal(text, &value))
		demand(value == -12345.5);
	else
		demand(value == value && value < 1e20 && value > -1e20);
	if (!scan_count(text, &count)) {
		demand(!scan_decimal(text, &value));
		demand(value == (double)count);
	}
}

static void check_ports(const char *text)
{
	uint16_t min = 0, max = 0;

	if (scan_ports(text, &min, &max))
		demand(!min && !max);
	else
		demand(min >= 1 && min <= max);
}

static void check_address(const char *text)
{
	uint8_t address[16] = {0x5a}, again[16], prefix = 0, prefix_again;
	char back[SCAN_ADDRESS_BYTES];

	if (scan_address(text, address, &prefix)) {
		demand(address[0] == 0x5a && !prefix);
		return;
	}
	demand(prefix <= 128);
	scan_mask(address, prefix);
	demand(!scan_mask(address, prefix));
	scan_address_text(address, prefix, back, sizeof(back));
	demand(!scan_address(back, again, &prefix_again));
	demand(prefix == prefix_again);
	demand(!memcmp(address, again, sizeof(address)));
}

/* On a copy of exactly these bytes: the sanitizer sees what is behind them. */
static void check_characters(const char *text, size_t bytes)
{
	size_t characters = 0;

	for (size_t at = 0; at < bytes; characters++) {
		uint32_t c = 0x110000;
		size_t step = scan_character(text + at, bytes - at, &c);
		size_t line_break = scan_line_break(text + at, bytes - at);

		demand(step <= 4 && at + step <= bytes);
		demand(step ? c < 0x110000 : c == 0x110000);
		demand(line_break <= 3 && at + line_break <= bytes);
		at += step ? step : 1;
	}
	demand(scan_characters(text, bytes) == characters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	scoped(text) char *exact = malloc(bytes ? bytes : 1);
	scoped(text) char *text = malloc(bytes + 1);

	if (!exact || !text)
		return 0;
	if (bytes) {
		memcpy(exact, data, bytes);
		memcpy(text, data, bytes);
	}
	text[bytes] = '\0';
	check_count(text);
	check_duration(text);
	check_decimal(text);
	check_ports(text);
	check_address(text);
	demand(!scan_is_label(text) || (*text && strlen(text) <= 63));
	check_characters(exact, bytes);
	return 0;
}
