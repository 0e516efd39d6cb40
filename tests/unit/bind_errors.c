/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind_errors.c - what is wrong in a policy is found, all of it at once, at its
 * place, with advice.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/fields.h"
#include "tests/unit/compose.h"
#include "tests/unit/lang.h"

#define EACH(f) \
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))

/* A value at a path, and the one mistake that is found. */
struct refusal {
	const char *path, *value;
	struct finding want;
};

static void expect_each(const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[COMPOSE_BYTES];

		compose(text, rows[i].path, rows[i].value);
		lang_expect(text, &rows[i].want, 1);
	}
}

/* ---- numbers --------------------------------------------------------------------- */

static const struct refusal numbers[] = {
	{AT_BREAKER "failureRateThreshold",
	 "150",
	 {"failureRateThreshold: 150 is not in 1..100", 6, 42, 3,
	  "percent of calls; open when at least that many failed; for example "
	  "failureRateThreshold: 50"}},
	{AT_BREAKER "failureRateThreshold",
	 "0.5",
	 {"failureRateThreshold: 0.5 is not a whole number of percent", 6, 42,
	  3, "percent, not ratio: did you mean 50?"}},
	{AT_BREAKER "failureRateThreshold",
	 "1.0",
	 {"failureRateThreshold: 1.0 is not a whole number of percent", 0, 0, 0,
	  "percent, not ratio: did you mean 100?"}},
	{AT_BREAKER "failureRateThreshold",
	 "0.001",
	 {"failureRateThreshold: 0.001 is not a whole number of percent", 0, 0,
	  0, "percent, not ratio: did you mean 1?"}},
	{AT_BREAKER "slowCallRateThreshold",
	 "'0.8'",
	 {"slowCallRateThreshold: 0.8 is not a whole number of percent", 0, 0,
	  5, "percent, not ratio: did you mean 80?"}},
	{AT_BREAKER "failureRateThreshold",
	 "50%",
	 {"failureRateThreshold: 50% is not a whole number", 6, 42, 3,
	  "percent without the sign: 50"}},
	{AT_BREAKER "failureRateThreshold",
	 "50.5",
	 {"failureRateThreshold: 50.5 is not a whole number", 0, 0, 0,
	  "a number without a fraction"}},
	{AT_BREAKER "failureRateThreshold",
	 "half",
	 {"failureRateThreshold: half is not a whole number", 0, 0, 0,
	  "digits only, as 20"}},
	{AT_BREAKER "failureRateThreshold",
	 "'50'",
	 {"failureRateThreshold: a text where a percentage belongs", 0, 0, 4,
	  "without quotes: failureRateThreshold: 50"}},
	{AT_BREAKER "consecutiveFailures",
	 "-1",
	 {"consecutiveFailures: -1 is not in 0..1000000", 0, 0, 2, NULL}},
	{AT_BREAKER "consecutiveFailures",
	 "0.5",
	 {"consecutiveFailures: 0.5 is not a whole number", 0, 0, 0,
	  "a number without a fraction"}},
	{AT_BREAKER "consecutiveFailures",
	 "1_000",
	 {"consecutiveFailures: 1_000 is not a whole number", 0, 0, 5,
	  "digits only, as 20"}},
	{AT_BREAKER "consecutiveFailures",
	 "0x10",
	 {"consecutiveFailures: 0x10 is not a whole number", 0, 0, 0, NULL}},
	{AT_BREAKER "consecutiveFailures",
	 "true",
	 {"consecutiveFailures: true is not a whole number", 0, 0, 0, NULL}},
	{AT_BREAKER "permittedNumberOfCallsInHalfOpenState",
	 "1001",
	 {"permittedNumberOfCallsInHalfOpenState: 1001 is not in 1..1000", 0, 0,
	  4, NULL}},
	{AT_WAIT "jitter",
	 "half",
	 {"jitter: half is not a number", 0, 0, 4, "a number, as 2 or 0.5"}},
	{AT_WAIT "jitter",
	 "'0.5'",
	 {"jitter: a text where a number belongs", 0, 0, 5,
	  "without quotes: jitter: 0.5"}},
	{AT_WAIT "multiplier",
	 "nan",
	 {"multiplier: nan is not a number", 0, 0, 3, NULL}},
	{AT_WAIT "multiplier",
	 "0.99",
	 {"multiplier: 0.99 is not in 1..100", 0, 0, 4, NULL}},
};

static void a_number_that_will_not_do_is_explained(void **state)
{
	(void)state;
	expect_each(numbers, ROWS(numbers));
}

/* ---- durations -------------------------------------------------------------------- */

#define TIMEOUT AT_BREAKER "halfOpenTimeout"

static const struct refusal durations[] = {
	{TIMEOUT,
	 "5",
	 {"halfOpenTimeout: 5 is not a duration", 6, 37, 1,
	  "durations need a unit: 5s"}},
	{TIMEOUT,
	 "5000",
	 {"halfOpenTimeout: 5000 is not a duration", 0, 0, 4,
	  "durations need a unit: 5000ms"}},
	{TIMEOUT,
	 "5 seconds",
	 {"halfOpenTimeout: 5 seconds is not a duration", 0, 0, 9, "write 5s"}},
	{TIMEOUT,
	 "500 msec",
	 {"halfOpenTimeout: 500 msec is not a duration", 0, 0, 0,
	  "write 500ms"}},
	{TIMEOUT,
	 "2minutes",
	 {"halfOpenTimeout: 2minutes is not a duration", 0, 0, 0, "write 2m"}},
	{TIMEOUT,
	 "1 hour",
	 {"halfOpenTimeout: 1 hour is not a duration", 0, 0, 0, "write 1h"}},
	{TIMEOUT,
	 "5S",
	 {"halfOpenTimeout: 5S is not a duration", 0, 0, 0, "write 5s"}},
	{TIMEOUT,
	 "05s",
	 {"halfOpenTimeout: 05s is not a duration", 0, 0, 0, "write 5s"}},
	{TIMEOUT,
	 "5 months",
	 {"halfOpenTimeout: 5 months is not a duration", 0, 0, 0,
	  "a number with ms, s, m or h: 250ms, 5s, 1m30s"}},
	{TIMEOUT,
	 "1m30",
	 {"halfOpenTimeout: 1m30 is not a duration", 0, 0, 0,
	  "a number with ms, s, m or h: 250ms, 5s, 1m30s"}},
	{TIMEOUT,
	 "1.2.3s",
	 {"halfOpenTimeout: 1.2.3s is not a duration", 0, 0, 0,
	  "a number with ms, s, m or h: 250ms, 5s, 1m30s"}},
	{TIMEOUT,
	 "-5s",
	 {"halfOpenTimeout: -5s is not a duration", 0, 0, 0, NULL}},
	{TIMEOUT,
	 "soon",
	 {"halfOpenTimeout: soon is not a duration", 0, 0, 0, NULL}},
	{TIMEOUT,
	 "0s",
	 {"halfOpenTimeout: 0s is not in 1ms..24h", 0, 0, 2,
	  "a probe that has not answered by then is a failure"}},
	{TIMEOUT,
	 "999us",
	 {"halfOpenTimeout: 999us is not in 1ms..24h", 0, 0, 0, NULL}},
	{TIMEOUT,
	 "24h1ms",
	 {"halfOpenTimeout: 24h1ms is not in 1ms..24h", 0, 0, 0, NULL}},
	{AT_BREAKER "waitDurationInOpenState",
	 "5",
	 {"waitDurationInOpenState: 5 is not a duration", 0, 0, 0,
	  "durations need a unit: 5s"}},
};

static void a_duration_that_will_not_do_is_explained(void **state)
{
	(void)state;
	expect_each(durations, ROWS(durations));
}

/* ---- words and names ---------------------------------------------------------------- */

static const struct refusal words[] = {
	{"spec.mode",
	 "enforced",
	 {"mode: enforced is not one of observe, enforce, disabled", 6, 9, 8,
	  "did you mean enforce?"}},
	{"spec.mode",
	 "ENFORCE",
	 {"mode: ENFORCE is not one of observe, enforce, disabled", 0, 0, 0,
	  "did you mean enforce?"}},
	{"spec.mode",
	 "on",
	 {"mode: on is not one of observe, enforce, disabled", 0, 0, 2,
	  "observe counts what enforce would refuse; disabled is off"}},
	{"spec.mode",
	 "''",
	 {"mode:  is not one of observe, enforce, disabled", 0, 0, 2, NULL}},
	{"apiVersion",
	 "weir/v2",
	 {"apiVersion: weir/v2 is not weir/v1", 1, 13, 7,
	  "did you mean weir/v1?"}},
	{"kind",
	 "Policy",
	 {"kind: Policy is not ResiliencePolicy", 2, 7, 6,
	  "what this document is"}},
	{AT_BREAKER "scope",
	 "host",
	 {"scope: host is not one of endpoint, service", 0, 0, 4, NULL}},
	{AT_BREAKER "onOpen.errno",
	 "ECONRESET",
	 {"errno: ECONRESET is not one of ECONNREFUSED, ETIMEDOUT, "
	  "EHOSTUNREACH, ENETUNREACH, EACCES",
	  0, 0, 9, NULL}},
	{AT_BREAKER "onOpen.newConnections",
	 "redirect",
	 {"spec.circuitBreaker.onOpen.newConnections: redirect: not supported "
	  "yet",
	  0, 0, 8, ""}},
	{"metadata.name",
	 "Orders",
	 {"name: Orders is not an RFC 1123 label", 3, 18, 6,
	  "1 to 63 of a-z, 0-9 and -, none of - at its ends"}},
	{"metadata.name",
	 "orders_db",
	 {"name: orders_db is not an RFC 1123 label", 0, 0, 0, NULL}},
	{"metadata.name",
	 "123",
	 {"name: 123 is not a text", 0, 0, 3, "quote it: \"123\""}},
	{"metadata.name",
	 "true",
	 {"name: true is not a text", 0, 0, 4, "quote it: \"true\""}},
	{"metadata.labels",
	 "{team: 5}",
	 {"labels: 5 is not a text", 3, 44, 1, "quote it: \"5\""}},
	{"metadata.labels",
	 "{a b: c}",
	 {"labels: a b: not a label", 0, 0, 0,
	  "up to 63 letters, digits, - _ and .; / in the key"}},
	{"metadata.labels",
	 "{a: b/c}",
	 {"labels: a: not a label", 0, 0, 0, NULL}},
	{"metadata.labels", "{'': b}", {"labels: : not a label", 0, 0, 0, NULL}},
};

static void a_word_that_will_not_do_is_explained(void **state)
{
	(void)state;
	expect_each(words, ROWS(words));
}

/* ---- who and where --------------------------------------------------------------------- */

static const struct refusal places[] = {
	{AT_PLACE "address",
	 "10.0.8.7/24",
	 {"address: 10.0.8.7/24 has bits below its prefix", 4, 43, 11,
	  "the network is 10.0.8.0/24"}},
	{AT_PLACE "address",
	 "10.0.8.0/33",
	 {"address: 10.0.8.0/33 is not an address", 0, 0, 0,
	  "the prefix is 0..32 for IPv4, 0..128 for IPv6"}},
	{AT_PLACE "address",
	 "db.internal",
	 {"address: db.internal is not an address", 0, 0, 0,
	  "host names are not supported yet; write the address"}},
	{AT_PLACE "address",
	 "10.0.8",
	 {"address: 10.0.8 is not an address", 0, 0, 0,
	  "an IPv4 or IPv6 address or CIDR, as 10.0.8.0/24"}},
	{AT_PLACE "address",
	 "0.0.0.0",
	 {"address: 0.0.0.0 is no destination", 0, 0, 0,
	  "every address is 0.0.0.0/0 or ::/0"}},
	{AT_PLACE "address",
	 "'::'",
	 {"address: :: is no destination", 0, 0, 0, NULL}},
	{AT_PLACE "ports",
	 "[0]",
	 {"ports: 0 is not a range of ports", 0, 0, 1,
	  "1..65535, the smaller one first"}},
	{AT_PLACE "ports",
	 "[90-80]",
	 {"ports: 90-80 is not a range of ports", 0, 0, 5, NULL}},
	{AT_PLACE "ports",
	 "[http]",
	 {"ports: http is not a port", 0, 0, 4,
	  "a number or a range, as 5432 or 8000-8099"}},
	{AT_PLACE "ports", "[]", {"ports: 0 items, not 1..64", 0, 0, 0, ""}},
	{AT_PLACE "ports",
	 "[[80]]",
	 {"ports: a port is missing", 0, 0, 0, NULL}},
	{AT_PLACE "ports",
	 "5432",
	 {"ports: a number where a list of ports belongs", 0, 0, 4,
	  "for example ports: [5432, 8000-8099]"}},
	{"spec.service.destinations",
	 "[]",
	 {"destinations: 0 items, not 1..256", 0, 0, 0,
	  "name at least one destination"}},
	{"spec.service.destinations",
	 "[10.0.8.7]",
	 {"spec.service.destinations[0]: a text where a block of keys belongs",
	  4, 33, 8,
	  "for example destinations: [{address: 10.0.8.0/24, ports: "
	  "[5432]}]"}},
	{"spec.service.destinations",
	 "{address: 10.0.8.7, ports: [1]}",
	 {"destinations: a block of keys where a list of blocks belongs", 0, 0,
	  0, NULL}},
	{"spec.service.clients",
	 "[]",
	 {"clients: 0 items, not 1..64", 0, 0, 0,
	  "leave clients out to govern everyone"}},
	{"spec.service.clients",
	 "[{}]",
	 {"spec.service.clients[0]: names nobody", 0, 0, 0,
	  "for example {systemdUnit: orders.service}"}},
	{"spec.service.clients",
	 "[{user: root, cgroup: /a}]",
	 {"spec.service.clients[0]: more than one key", 0, 0, 0,
	  "write one item for each"}},
	{AT_CLIENT "systemdUnit",
	 "orders",
	 {"systemdUnit: orders is not a unit", 0, 0, 6,
	  "a whole unit name, as orders.service"}},
	{AT_CLIENT "systemdUnit",
	 "a/b.service",
	 {"systemdUnit: a/b.service is not a unit", 0, 0, 0,
	  "a whole unit name, as orders.service"}},
	{AT_CLIENT "systemdUnit",
	 ".service",
	 {"systemdUnit: .service is not a unit", 0, 0, 0, NULL}},
	{AT_CLIENT "systemdUnit",
	 "orders.timer",
	 {"systemdUnit: orders.timer is not a unit", 0, 0, 0, NULL}},
	{AT_CLIENT "cgroup",
	 "system.slice",
	 {"cgroup: system.slice is not a cgroup path", 0, 0, 0,
	  "from the cgroup2 mount on: /system.slice/x.service"}},
	{AT_CLIENT "cgroup",
	 "/a/../b",
	 {"cgroup: /a/../b is not a cgroup path", 0, 0, 0, NULL}},
	{AT_CLIENT "cgroup",
	 "/a/..",
	 {"cgroup: /a/.. is not a cgroup path", 0, 0, 0, NULL}},
	{AT_CLIENT "cgroup",
	 "/a/.",
	 {"cgroup: /a/. is not a cgroup path", 0, 0, 0, NULL}},
	{AT_CLIENT "cgroup",
	 "/a//b",
	 {"cgroup: /a//b is not a cgroup path", 0, 0, 0, NULL}},
	{AT_CLIENT "cgroup",
	 "/a/",
	 {"cgroup: /a/ is not a cgroup path", 0, 0, 0, NULL}},
	{AT_CLIENT "user",
	 "no-such-user-here",
	 {"user: no-such-user-here does not exist", 0, 0, 17,
	  "a name of this host, or a uid"}},
	{AT_CLIENT "user",
	 "4294967295",
	 {"user: 4294967295 does not exist", 0, 0, 0, NULL}},
	{AT_CLIENT "user", "-1", {"user: -1 does not exist", 0, 0, 0, NULL}},
};

static void a_place_or_client_that_will_not_do_is_explained(void **state)
{
	(void)state;
	expect_each(places, ROWS(places));
}

static void lists_are_bounded(void **state)
{
	static const struct {
		const char *path, *item;
		size_t max;
		const char *message;
	} rows[] = {
		{"spec.service.destinations", "{address: 1.1.1.1, ports: [1]}",
		 POLICY_DESTINATIONS_MAX,
		 "destinations: 257 items, not 1..256"},
		{"spec.service.clients", "{user: 1}", POLICY_CLIENTS_MAX,
		 "clients: 65 items, not 1..64"},
		{AT_PLACE "ports", "1", POLICY_PORTS_MAX,
		 "ports: 65 items, not 1..64"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		scoped(text) char *list = calloc(1, 16384);
		scoped(text) char *text = malloc(32768);
		const struct finding want = {.message = rows[i].message};
		size_t used = 1;

		list[0] = '[';
		for (size_t k = 0; k <= rows[i].max; k++) {
			used += (size_t)snprintf(list + used, 16384 - used,
						 "%s%s", k ? "," : "",
						 rows[i].item);
			if (k + 1 < rows[i].max)
				continue;
			list[used] = ']';
			list[used + 1] = '\0';
			compose_long(text, 32768, rows[i].path, list);
			if (k < rows[i].max) {
				scoped(reading) struct reading r =
					lang_accept(text);
			} else {
				lang_expect(text, &want, 1);
			}
		}
	}
}

static void labels_are_bounded(void **state)
{
	static const struct finding want = {.message = "labels: more than 32"};
	char list[512] = "{", text[COMPOSE_BYTES];
	size_t used = 1;

	(void)state;
	for (unsigned i = 0; i < 33; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 "l%u: a, ", i);
	snprintf(list + used, sizeof(list) - used, "}");
	compose(text, "metadata.labels", list);
	lang_expect(text, &want, 1);
}

/* ---- types --------------------------------------------------------------------------- */

static bool takes(enum field_type type, const char *shape)
{
	switch (type) {
	case FIELD_BLOCK:
	case FIELD_LABELS:
		return *shape == '{';
	case FIELD_LIST:
	case FIELD_PORTS:
		return *shape == '[';
	case FIELD_WAIT:
		return *shape == '{';
	default:
		return false;
	}
}

/* A list, a block, nothing: each is named, and so is what belongs there. */
static void a_wrong_type_is_named_for_every_key(void **state)
{
	static const struct {
		const char *value, *name;
	} shapes[] = {
		{"[x, y]", "a list"},
		{"{x: y}", "a block of keys"},
		{"", "nothing"},
		{"~", "nothing"},
	};

	(void)state;
	EACH(f)
	{
		for (size_t i = 0; i < ROWS(shapes) && !f->planned; i++) {
			char text[COMPOSE_BYTES], message[128], hint[160];
			const struct finding want = {message, 0, 0, 0, hint};

			if (takes(f->type, shapes[i].value))
				continue;
			compose(text, f->path, shapes[i].value);
			snprintf(message, sizeof(message),
				 "%s: %s where %s belongs", fields_key(f),
				 shapes[i].name, fields_type_name(f->type));
			snprintf(hint, sizeof(hint), "for example %s: %s",
				 fields_key(f), f->example);
			lang_expect(text, &want, 1);
		}
	}
}

static void a_text_is_no_block_and_no_list(void **state)
{
	(void)state;
	EACH(f)
	{
		char text[COMPOSE_BYTES], message[128];
		const struct finding want = {.message = message};

		if (f->planned ||
		    (f->type != FIELD_BLOCK && f->type != FIELD_LIST &&
		     f->type != FIELD_PORTS && f->type != FIELD_LABELS))
			continue;
		compose(text, f->path, "yes");
		snprintf(message, sizeof(message),
			 "%s: a text where %s belongs", fields_key(f),
			 fields_type_name(f->type));
		lang_expect(text, &want, 1);
	}
}

/* ---- keys ---------------------------------------------------------------------------- */

/* Ignored, it would look as if it worked. */
static void keys_not_built_yet_are_refused(void **state)
{
	static const char *const values[] = {"1", "{}", "[]", "~",
					     "{a: {b: c}}"};

	(void)state;
	EACH(f)
	{
		for (size_t i = 0; i < ROWS(values) && f->planned; i++) {
			char text[COMPOSE_BYTES], shown[128], message[160];
			const char *item = strstr(f->path, "[]");
			const struct finding want = {message, 0, 0, 0, ""};

			snprintf(shown, sizeof(shown), "%s", f->path);
			if (item)
				snprintf(shown, sizeof(shown), "%.*s[0]%s",
					 (int)(item - f->path), f->path,
					 item + 2);
			compose(text, f->path, values[i]);
			snprintf(message, sizeof(message),
				 "%s: not supported yet", shown);
			lang_expect(text, &want, 1);
		}
	}
}

static void an_unknown_key_is_named_with_its_block(void **state)
{
	static const struct {
		const char *text;
		struct finding want;
	} rows[] = {
		{LANG_LEAST "extra: 1\n",
		 {"extra: unknown key", 6, 1, 5,
		  "valid here: apiVersion, kind, metadata, spec"}},
		{LANG_LEAST "  Mode: enforce\n",
		 {"Mode: unknown key in spec", 6, 3, 4, "did you mean mode?"}},
		{LANG_LEAST "  circuitBreaker: {failureRate_Threshold: 50}\n",
		 {"failureRate_Threshold: unknown key in spec.circuitBreaker",
		  6, 20, 21, "did you mean failureRateThreshold?"}},
		{LANG_LEAST "  circuitBreaker: {failureRateTreshold: 50}\n",
		 {"failureRateTreshold: unknown key in spec.circuitBreaker", 6,
		  20, 19, "did you mean failureRateThreshold?"}},
		{LANG_LEAST "  circuitBreaker: {maxConnections: 5}\n",
		 {"maxConnections: unknown key in spec.circuitBreaker", 6, 20,
		  14, "it belongs in spec.bulkhead"}},
		{LANG_LEAST "  warnAt: 5\n",
		 {"warnAt: unknown key in spec", 6, 3, 6,
		  "it belongs elsewhere: spec.bulkhead.warnAt"}},
		{LANG_HEAD
		 "spec: {service: {destinations: [{address: 10.0.8.7, ports: "
		 "[1], colour: red}]}}\n",
		 {"colour: unknown key in spec.service.destinations[0]", 4, 65,
		  6, "valid here: address, ports"}},
		{LANG_LEAST "\"\": 1\n", {": unknown key", 6, 1, 2, NULL}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		lang_expect(rows[i].text, &rows[i].want, 1);
}

/* A path of the table is no key: blocks are written as blocks. */
static void a_key_with_dots_is_no_path(void **state)
{
	static const char *const keys[] = {
		"spec.mode: enforce",
		"metadata.name: other",
		"spec.circuitBreaker.failureRateThreshold: 5",
		"\"spec.service.destinations[].address\": 10.0.8.7",
		"\"spec.service.destinations[].ports\": [1]",
		"\"spec.service.clients[].user\": root",
		"\"spec.service.clients[].systemdUnit\": a.service",
		"spec.service.listen: 1",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(keys); i++) {
		char text[1024], message[128];
		size_t start = keys[i][0] == '"';
		const struct finding want = {message, 6, 1, 0, NULL};

		snprintf(text, sizeof(text), "%s%s\n", LANG_LEAST, keys[i]);
		snprintf(message, sizeof(message), "%.*s: unknown key",
			 (int)strcspn(keys[i] + start, start ? "\"" : ":"),
			 keys[i] + start);
		lang_expect(text, &want, 1);
	}
}

static void a_very_long_key_is_only_unknown(void **state)
{
	size_t bytes = 500;
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text), "%s  %0*d: 1\n", LANG_LEAST, (int)bytes,
		 0);
	scoped(reading) struct reading r = lang_refuse(text);
	assert_int_equal(r.errors.count, 1);
	assert_int_equal(r.errors.items[0].length, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_will_not_do_is_explained),
		cmocka_unit_test(a_duration_that_will_not_do_is_explained),
		cmocka_unit_test(a_word_that_will_not_do_is_explained),
		cmocka_unit_test(
			a_place_or_client_that_will_not_do_is_explained),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(labels_are_bounded),
		cmocka_unit_test(a_wrong_type_is_named_for_every_key),
		cmocka_unit_test(a_text_is_no_block_and_no_list),
		cmocka_unit_test(keys_not_built_yet_are_refused),
		cmocka_unit_test(an_unknown_key_is_named_with_its_block),
		cmocka_unit_test(a_key_with_dots_is_no_path),
		cmocka_unit_test(a_very_long_key_is_only_unknown),
	};

	return cmocka_run_group_tests_name("bind_errors", tests, NULL, NULL);
}
