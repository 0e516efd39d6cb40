/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind.c - what a policy says arrives in the struct, and only what it says.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/fields.h"
#include "common/scan.h"
#include "tests/unit/compose.h"
#include "tests/unit/lang.h"

#define MS 1000000ull
#define S  1000000000ull

#define EACH(f) \
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f))

/* Every key there is, none with its default. */
static const char whole[] =
	"apiVersion: weir/v1\n"
	"kind: ResiliencePolicy\n"
	"metadata:\n"
	"  name: orders-db\n"
	"  labels: {team: payments, tier: '1'}\n"
	"spec:\n"
	"  mode: enforce\n"
	"  service:\n"
	"    destinations:\n"
	"      - {address: 10.0.8.0/24, ports: [5432, 8000-8099]}\n"
	"      - address: fd00::7\n"
	"        ports: [6432]\n"
	"    clients:\n"
	"      - {systemdUnit: orders.service}\n"
	"      - {cgroup: /system.slice/docker-*.scope}\n"
	"      - {user: root}\n"
	"      - {user: 1234}\n"
	"  circuitBreaker:\n"
	"    scope: service\n"
	"    slidingWindow: {size: 30s, buckets: 15}\n"
	"    minimumNumberOfCalls: 40\n"
	"    minimumNumberOfFailures: 7\n"
	"    failureRateThreshold: 33\n"
	"    consecutiveFailures: 0\n"
	"    slowCallDurationThreshold: 500ms\n"
	"    slowCallRateThreshold: 70\n"
	"    waitDurationInOpenState: {initial: 2s, multiplier: 1.5, "
	"max: 1m30s, jitter: 0.25}\n"
	"    permittedNumberOfCallsInHalfOpenState: 4\n"
	"    halfOpenTimeout: 3s\n"
	"    maxEjectionPercent: 25\n"
	"    panicThreshold: 0\n"
	"    onOpen: {newConnections: drop, errno: EHOSTUNREACH, "
	"establishedConnections: resetStuck, resetRate: 20}\n"
	"  bulkhead:\n"
	"    maxConnections: 100\n"
	"    maxConnecting: 32\n"
	"    maxConcurrentCalls: 50\n"
	"    perEndpoint: {maxConnections: 40}\n"
	"    perClient: {by: process, maxConnections: 20}\n"
	"    queue: {maxWait: 350ms, maxLength: 16}\n"
	"    warnAt: 90\n"
	"  rateLimit:\n"
	"    connectionsPerSecond: 200\n"
	"    burst: 30\n"
	"    perClient: {by: user, connectionsPerSecond: 25, burst: 5}\n"
	"  access:\n"
	"    allow: [{systemdUnit: orders.service}, {user: root}]\n";

static void every_value_arrives_in_the_breaker(void **state)
{
	scoped(reading) struct reading r = lang_accept(whole);
	const struct policy_breaker *b = &r.policies.items[0]->breaker;

	(void)state;
	assert_true(b->set);
	assert_int_equal(b->scope, WEIR_SCOPE_SERVICE);
	assert_int_equal(b->window_ns, 30 * S);
	assert_int_equal(b->window_buckets, 15);
	assert_int_equal(b->calls_min, 40);
	assert_int_equal(b->failures_min, 7);
	assert_int_equal(b->failure_rate, 33);
	assert_int_equal(b->consecutive, 0);
	assert_int_equal(b->slow_ns, 500 * MS);
	assert_int_equal(b->slow_rate, 70);
	assert_int_equal(b->wait_initial_ns, 2 * S);
	assert_true(b->wait_multiplier == 1.5);
	assert_int_equal(b->wait_max_ns, 90 * S);
	assert_true(b->wait_jitter == 0.25);
	assert_int_equal(b->probes, 4);
	assert_int_equal(b->half_open_timeout_ns, 3 * S);
	assert_int_equal(b->ejection_max, 25);
	assert_int_equal(b->panic_threshold, 0);
	assert_int_equal(b->refuse_errno, EHOSTUNREACH);
	assert_int_equal(b->drop, 1);
	assert_int_equal(b->established, WEIR_ESTABLISHED_RESET_STUCK);
	assert_int_equal(b->reset_rate, 20);
}

static void every_value_arrives_elsewhere(void **state)
{
	scoped(reading) struct reading r = lang_accept(whole);
	const struct weir_policy *policy = r.policies.items[0];

	(void)state;
	assert_int_equal(r.policies.count, 1);
	assert_string_equal(policy->name, "orders-db");
	assert_string_equal(policy->file, "t.yaml");
	assert_string_equal(policy->text, whole);
	assert_int_equal(policy->line, 1);
	assert_int_equal(policy->label_count, 2);
	assert_string_equal(policy->labels[0], "team=payments");
	assert_string_equal(policy->labels[1], "tier=1");
	assert_int_equal(policy->mode, WEIR_MODE_ENFORCE);
	assert_true(policy->bulkhead.set);
	assert_int_equal(policy->bulkhead.connections_max, 100);
	assert_int_equal(policy->bulkhead.endpoint_connections_max, 40);
	assert_int_equal(policy->bulkhead.connecting_max, 32);
	assert_int_equal(policy->bulkhead.calls_max, 50);
	assert_int_equal(policy->bulkhead.warn_at, 90);
	assert_true(policy->rate.set);
	assert_int_equal(policy->rate.per_second, 200);
	assert_int_equal(policy->rate.burst, 30);
	assert_int_equal(policy->bulkhead.client_by, WEIR_BY_PROCESS);
	assert_int_equal(policy->bulkhead.client_connections_max, 20);
	assert_true(policy->bulkhead.queue_set);
	assert_int_equal(policy->bulkhead.queue_wait_ns, 350 * MS);
	assert_int_equal(policy->bulkhead.queue_length, 16);
	assert_int_equal(policy->rate.client_by, WEIR_BY_USER);
	assert_int_equal(policy->rate.client_per_second, 25);
	assert_int_equal(policy->rate.client_burst, 5);
	assert_int_equal(policy->allowed_count, 2);
	assert_int_equal(policy->allowed[0].kind, POLICY_CLIENT_SYSTEMD_UNIT);
	assert_string_equal(policy->allowed[0].pattern, "orders.service");
	assert_int_equal(policy->allowed[1].kind, POLICY_CLIENT_USER);
}

static void destinations_arrive_with_their_places(void **state)
{
	scoped(reading) struct reading r = lang_accept(whole);
	const struct weir_policy *policy = r.policies.items[0];
	const struct policy_destination *at = policy->destinations;
	char text[SCAN_ADDRESS_BYTES];

	(void)state;
	assert_int_equal(policy->destination_count, 2);
	scan_address_text(at[0].address, at[0].prefix, text, sizeof(text));
	assert_string_equal(text, "10.0.8.0/24");
	assert_int_equal(at[0].port_count, 2);
	assert_int_equal(at[0].ports[0].min, 5432);
	assert_int_equal(at[0].ports[0].max, 5432);
	assert_int_equal(at[0].ports[1].min, 8000);
	assert_int_equal(at[0].ports[1].max, 8099);
	assert_int_equal(at[0].line, 10);
	assert_int_equal(at[0].column, 9);
	scan_address_text(at[1].address, at[1].prefix, text, sizeof(text));
	assert_string_equal(text, "fd00::7");
	assert_int_equal(at[1].line, 11);
}

static void clients_arrive_as_they_were_named(void **state)
{
	scoped(reading) struct reading r = lang_accept(whole);
	const struct weir_policy *policy = r.policies.items[0];
	const struct policy_client *c = policy->clients;

	(void)state;
	assert_int_equal(policy->client_count, 4);
	assert_int_equal(c[0].kind, POLICY_CLIENT_SYSTEMD_UNIT);
	assert_string_equal(c[0].pattern, "orders.service");
	assert_int_equal(c[1].kind, POLICY_CLIENT_CGROUP);
	assert_string_equal(c[1].pattern, "/system.slice/docker-*.scope");
	assert_int_equal(c[2].kind, POLICY_CLIENT_USER);
	assert_string_equal(c[2].pattern, "root");
	assert_int_equal(c[2].uid, 0);
	assert_int_equal(c[3].uid, 1234);
	assert_int_equal(c[1].line, 15);
	assert_int_equal(c[1].column, 9);
}

/* The figures of design/2-policy.md, not the table's: it must agree. */
static void what_is_not_written_has_the_documented_default(void **state)
{
	scoped(reading) struct reading r =
		lang_accept(LANG_LEAST "  circuitBreaker: {}\n"
				       "  bulkhead: {}\n");
	const struct weir_policy *policy = r.policies.items[0];
	const struct policy_breaker *b = &policy->breaker;

	(void)state;
	assert_int_equal(policy->mode, WEIR_MODE_OBSERVE);
	assert_true(b->set);
	assert_int_equal(b->scope, WEIR_SCOPE_ENDPOINT);
	assert_int_equal(b->window_ns, 10 * S);
	assert_int_equal(b->window_buckets, 10);
	assert_int_equal(b->calls_min, 20);
	assert_int_equal(b->failures_min, 5);
	assert_int_equal(b->failure_rate, 50);
	assert_int_equal(b->consecutive, 5);
	assert_int_equal(b->slow_ns, 0);
	assert_int_equal(b->slow_rate, 80);
	assert_int_equal(b->wait_initial_ns, 5 * S);
	assert_true(b->wait_multiplier == 2);
	assert_int_equal(b->wait_max_ns, 60 * S);
	assert_true(b->wait_jitter == 0.5);
	assert_int_equal(b->probes, 3);
	assert_int_equal(b->half_open_timeout_ns, 10 * S);
	assert_int_equal(b->ejection_max, 50);
	assert_int_equal(b->panic_threshold, 50);
	assert_int_equal(b->refuse_errno, ECONNREFUSED);
	assert_true(policy->bulkhead.set);
	assert_int_equal(policy->bulkhead.connections_max, WEIR_NONE);
	assert_int_equal(policy->bulkhead.endpoint_connections_max, WEIR_NONE);
	assert_int_equal(policy->bulkhead.warn_at, 80);
}

static void an_absent_block_is_off(void **state)
{
	scoped(reading) struct reading r = lang_accept(LANG_LEAST);
	const struct weir_policy *policy = r.policies.items[0];

	(void)state;
	assert_false(policy->breaker.set);
	assert_false(policy->bulkhead.set);
	assert_int_equal(policy->bulkhead.connections_max, WEIR_NONE);
	assert_int_equal(policy->client_count, 0);
	assert_int_equal(policy->label_count, 0);
}

/* One duration is a fixed wait. */
static void a_wait_of_one_duration_neither_grows_nor_varies(void **state)
{
	scoped(reading) struct reading r = lang_accept(
		LANG_LEAST "  circuitBreaker: {waitDurationInOpenState: 7s}\n");
	const struct policy_breaker *b = &r.policies.items[0]->breaker;

	(void)state;
	assert_int_equal(b->wait_initial_ns, 7 * S);
	assert_int_equal(b->wait_max_ns, 7 * S);
	assert_true(b->wait_multiplier == 1);
	assert_true(b->wait_jitter == 0);
}

/* ---- the ends of every range -------------------------------------------------- */

struct end {
	double value;
	bool inside;
};

static void bind_end(const struct field *f, const struct end *end)
{
	char value[32], text[COMPOSE_BYTES], message[128];
	struct finding want = {.message = message};

	if (f->type == FIELD_DURATION || f->type == FIELD_WAIT)
		snprintf(value, sizeof(value), "%.0fns", end->value);
	else
		snprintf(value, sizeof(value), "%.10g", end->value);
	compose(text, f->path, value);
	if (end->inside) {
		scoped(reading) struct reading r = lang_accept(text);
		return;
	}
	if (f->type == FIELD_DURATION || f->type == FIELD_WAIT)
		snprintf(message, sizeof(message), "%s: %s is not in 1ms..%s",
			 fields_key(f), value,
			 f->max < 24 * 3600e9 ? "1m" : "24h");
	else
		snprintf(message, sizeof(message),
			 "%s: %s is not in %.0f..%.0f", fields_key(f), value,
			 f->min, f->max);
	lang_expect(text, &want, 1);
}

static void both_ends_of_every_range_are_inside(void **state)
{
	size_t looked_at = 0;

	(void)state;
	EACH(f)
	{
		double step = f->type == FIELD_FACTOR ? 0.001 : 1;
		const struct end ends[] = {
			{f->min, true},
			{f->max, true},
			{f->min - step, false},
			{f->max + step, false},
		};

		if (!f->max)
			continue;
		for (size_t i = 0; i < ROWS(ends); i++)
			bind_end(f, &ends[i]);
		looked_at++;
	}
	assert_true(looked_at >= 18);
}

static void huge_numbers_are_out_of_range(void **state)
{
	(void)state;
	EACH(f)
	{
		char text[COMPOSE_BYTES];
		bool duration = f->type == FIELD_DURATION;

		if (!f->max || f->type == FIELD_WAIT)
			continue;
		compose(text, f->path,
			duration ? "99999999999999999999s"
				 : "18446744073709551617");
		scoped(reading) struct reading r = lang_refuse(text);
		assert_int_equal(r.errors.count, 1);
	}
}

/* ---- words -------------------------------------------------------------------- */

static void every_word_binds_or_says_that_it_will(void **state)
{
	(void)state;
	EACH(f)
	{
		for (const struct field_word *it = f->words; it && it->word;
		     it++) {
			char text[COMPOSE_BYTES], message[160];
			const struct finding want = {message, 0, 0, 0, ""};

			compose(text, f->path, it->word);
			snprintf(message, sizeof(message),
				 "%s: %s: not supported yet", f->path,
				 it->word);
			if (it->planned) {
				lang_expect(text, &want, 1);
				continue;
			}
			scoped(reading) struct reading r = lang_accept(text);
			if (fields_bytes(f))
				assert_int_equal(
					*(int *)((char *)r.policies.items[0] +
						 f->offset),
					it->value);
		}
	}
}

/* ---- positions ------------------------------------------------------------------ */

static void every_written_value_has_one_position(void **state)
{
	scoped(reading) struct reading r = lang_accept(whole);
	const struct weir_policy *policy = r.policies.items[0];

	(void)state;
	EACH(f)
	{
		size_t found = 0;

		if (strchr(f->path, '['))
			continue;
		for (size_t i = 0; i < policy->position_count; i++)
			found += !strcmp(policy->positions[i].path, f->path);
		if (found != !f->planned)
			fail_msg("%s: %zu positions", f->path, found);
	}
}

static void a_position_is_where_the_value_stands(void **state)
{
	static const struct {
		const char *path;
		unsigned line, column;
	} rows[] = {
		{"metadata.name", 4, 9},
		{"spec.mode", 7, 9},
		{"spec.circuitBreaker.failureRateThreshold", 23, 27},
		{"spec.circuitBreaker.slidingWindow.buckets", 20, 41},
		{"spec.circuitBreaker.waitDurationInOpenState", 27, 30},
		{"spec.bulkhead.maxConnections", 34, 21},
	};
	scoped(reading) struct reading r = lang_accept(whole);
	scoped(reading) struct reading least = lang_accept(LANG_LEAST);

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct policy_position *at =
			policy_position(r.policies.items[0], rows[i].path);

		assert_non_null(at);
		assert_int_equal(at->line, rows[i].line);
		assert_int_equal(at->column, rows[i].column);
	}
	assert_null(policy_position(least.policies.items[0], "spec.mode"));
}

/* ---- what may be written in more than one way -------------------------------------- */

static void addresses_ports_and_clients_have_their_forms(void **state)
{
	static const struct {
		const char *path, *value;
	} rows[] = {
		{AT_PLACE "address", "0.0.0.0/0"},
		{AT_PLACE "address", "\"::/0\""},
		{AT_PLACE "address", "\"::ffff:10.0.8.7\""},
		{AT_PLACE "address", "'fd00::/8'"},
		{AT_PLACE "ports", "[1, 65535, '80', 1-65535]"},
		{AT_CLIENT "systemdUnit", "getty@tty1.service"},
		{AT_CLIENT "systemdUnit", "user-1000.slice"},
		{AT_CLIENT "systemdUnit", "session-1.scope"},
		{AT_CLIENT "systemdUnit", "dev-disk\\x2dswap.swap"},
		{AT_CLIENT "cgroup", "/"},
		{AT_CLIENT "cgroup", "/a/b*/..c"},
		{AT_CLIENT "user", "'0'"},
		{AT_CLIENT "user", "4294967294"},
		{"metadata.name", "'123'"},
		{"metadata.labels", "{}"},
		{"metadata.labels", "{a.b/c: '', d: 'true'}"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[COMPOSE_BYTES];

		compose(text, rows[i].path, rows[i].value);
		scoped(reading) struct reading r = lang_accept(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_arrives_in_the_breaker),
		cmocka_unit_test(every_value_arrives_elsewhere),
		cmocka_unit_test(destinations_arrive_with_their_places),
		cmocka_unit_test(clients_arrive_as_they_were_named),
		cmocka_unit_test(
			what_is_not_written_has_the_documented_default),
		cmocka_unit_test(an_absent_block_is_off),
		cmocka_unit_test(
			a_wait_of_one_duration_neither_grows_nor_varies),
		cmocka_unit_test(both_ends_of_every_range_are_inside),
		cmocka_unit_test(huge_numbers_are_out_of_range),
		cmocka_unit_test(every_word_binds_or_says_that_it_will),
		cmocka_unit_test(every_written_value_has_one_position),
		cmocka_unit_test(a_position_is_where_the_value_stands),
		cmocka_unit_test(addresses_ports_and_clients_have_their_forms),
	};

	return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
