/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_parse.c - a text is policies or nothing: all of its documents count,
 * and all of its mistakes are said at once.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lang.h"

#define SECOND                       \
	"---\n"                      \
	"apiVersion: weir/v1\n"      \
	"kind: ResiliencePolicy\n"   \
	"metadata: {name: second}\n" \
	"spec: {service: {destinations: [{address: 10.9.0.0/16, ports: [1]}]}}\n"

/* ---- what is missing -------------------------------------------------------------- */

static void what_is_required_is_asked_for(void **state)
{
	static const struct {
		const char *text;
		struct finding want;
	} rows[] = {
		{"kind: ResiliencePolicy\nmetadata: {name: a}\n" LANG_SPEC,
		 {"apiVersion is missing", 1, 1, 1, "add apiVersion: weir/v1"}},
		{"apiVersion: weir/v1\nmetadata: {name: a}\n" LANG_SPEC,
		 {"kind is missing", 1, 1, 1, "add kind: ResiliencePolicy"}},
		{"apiVersion: weir/v1\nkind: ResiliencePolicy\n" LANG_SPEC,
		 {"metadata is missing", 1, 1, 1,
		  "add metadata: {name: orders-db}"}},
		{LANG_HEAD,
		 {"spec is missing", 1, 1, 1,
		  "add spec: {service: {destinations: [{address: 10.0.8.7, "
		  "ports: [5432]}]}}"}},
		{"apiVersion: weir/v1\nkind: ResiliencePolicy\n"
		 "metadata: {}\n" LANG_SPEC,
		 {"metadata: name is missing", 3, 11, 2,
		  "add name: orders-db"}},
		{LANG_HEAD "spec:\n  mode: observe\n",
		 {"spec: service is missing", 4, 1, 4, NULL}},
		{LANG_HEAD "spec: {service: {}}\n",
		 {"spec.service: destinations is missing", 4, 17, 2,
		  "add destinations: [{address: 10.0.8.0/24, ports: "
		  "[5432]}]"}},
		{LANG_HEAD "spec: {service: {destinations: [{ports: [1]}]}}\n",
		 {"spec.service.destinations[0]: address is missing", 4, 33, 12,
		  "add address: 10.0.8.0/24"}},
		{LANG_HEAD
		 "spec: {service: {destinations: [{address: 10.0.8.7}]}}\n",
		 {"spec.service.destinations[0]: ports is missing", 4, 33, 19,
		  "add ports: [5432, 8000-8099]"}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		lang_expect(rows[i].text, &rows[i].want, 1);
}

/* A key stands for the required one: one mistake, not two. */
static void an_alternative_is_enough_and_both_are_too_much(void **state)
{
	static const struct finding missing = {
		"spec.service.listen[0]: ports is missing", 0, 0, 0,
		"add ports: [8080]"};
	static const struct finding both = {
		"destinations and listen: write one of them", 0, 0, 0,
		"one service, one place"};

	(void)state;
	lang_expect(LANG_HEAD "spec: {service: {listen: [{address: '::'}]}}\n",
		    &missing, 1);
	lang_expect(LANG_HEAD "spec: {service: {destinations: [" LANG_PLACE
			      "], listen: [{address: '::', ports: [1]}]}}\n",
		    &both, 1);
}

static void what_is_no_policy_is_called_by_its_name(void **state)
{
	static const struct {
		const char *text;
		struct finding want;
	} rows[] = {
		{"hello\n",
		 {"a text where a policy belongs", 1, 1, 5,
		  "it begins with apiVersion: weir/v1"}},
		{"42\n", {"a number where a policy belongs", 1, 1, 2, NULL}},
		{"[a, b]\n", {"a list where a policy belongs", 1, 1, 6, NULL}},
		{"- a\n", {"a list where a policy belongs", 1, 1, 1, NULL}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		lang_expect(rows[i].text, &rows[i].want, 1);
}

/* ---- fields that are wrong together --------------------------------------------------- */

#define BREAKER LANG_LEAST "  circuitBreaker:\n"
#define WAIT	"    waitDurationInOpenState: "

static const struct {
	const char *text;
	struct finding want;
} contradictions[] = {
	{BREAKER WAIT "{initial: 10s, max: 5s}\n",
	 {"max: 5s is shorter than initial: 10s", 7, 50, 2,
	  "the wait grows from initial up to max"}},
	{BREAKER WAIT "{initial: 2m}\n",
	 {"max: 1m is shorter than initial: 2m", 7, 40, 2,
	  "max is 1m when it is not written: add a larger one"}},
	{BREAKER WAIT "{max: 1s}\n",
	 {"max: 1s is shorter than initial: 5s", 7, 36, 2, NULL}},
	{BREAKER "    minimumNumberOfCalls: 10\n"
		 "    minimumNumberOfFailures: 11\n",
	 {"minimumNumberOfFailures: 11 is more than minimumNumberOfCalls: 10",
	  8, 30, 2, "failures are a part of the calls"}},
	{BREAKER "    minimumNumberOfCalls: 4\n",
	 {"minimumNumberOfFailures: 5 is more than minimumNumberOfCalls: 4", 7,
	  27, 1, "minimumNumberOfFailures is 5 when it is not written"}},
	{BREAKER "    slidingWindow: {size: 9ms}\n",
	 {"slidingWindow: 10 buckets of less than 1ms", 7, 27, 3,
	  "use a longer window or fewer buckets"}},
	{BREAKER "    slidingWindow: {size: 30ms, buckets: 31}\n",
	 {"slidingWindow: 31 buckets of less than 1ms", 7, 27, 4, NULL}},
	{BREAKER "    slowCallRateThreshold: 50\n",
	 {"slowCallRateThreshold: no call is slow without "
	  "slowCallDurationThreshold",
	  7, 5, 21, "add slowCallDurationThreshold: 500ms, or remove this"}},
	{BREAKER "    onOpen: {establishedConnections: resetStuck}\n",
	 {"establishedConnections: resetStuck: no answer is overdue without "
	  "slowCallDurationThreshold",
	  7, 38, 10, "add slowCallDurationThreshold: 500ms, or use resetAll"}},
};

#define LISTENS                         \
	LANG_HEAD "spec:\n  service:\n" \
		  "    listen: [{address: 10.0.8.7, ports: [80]}]\n"

static void what_belongs_to_the_other_direction_is_refused(void **state)
{
	static const struct {
		const char *text;
		struct finding want;
	} rows[] = {
		{LISTENS "  circuitBreaker: {}\n",
		 {"circuitBreaker: not for a service that listens: a breaker "
		  "judges what this host calls",
		  7, 3, 14,
		  "limit the listener with bulkhead or rateLimit; the breaker "
		  "belongs to the policy of the caller"}},
		{LISTENS "  access: {allow: [{user: root}]}\n",
		 {"access: not for a service that listens: it names processes "
		  "that connect from this host",
		  7, 3, 6,
		  "name the networks in spec.service.clients, or use a "
		  "firewall"}},
		{LISTENS "  bulkhead: {perEndpoint: {maxConnections: 1}}\n",
		 {"perEndpoint: not for a service that listens: a listener is "
		  "one endpoint",
		  7, 14, 11, "use maxConnections"}},
		{LISTENS "  bulkhead: {maxConnecting: 1}\n",
		 {"maxConnecting: not for a service that listens: a SYN holds "
		  "no place here",
		  7, 14, 13, "use maxConnections, or rateLimit"}},
		{LISTENS "  bulkhead: {maxConcurrentCalls: 1}\n",
		 {"maxConcurrentCalls: not for a service that listens: calls "
		  "are not counted here",
		  7, 14, 18, "use maxConnections"}},
		{LISTENS "    clients: [{systemdUnit: a.service}]\n",
		 {"systemdUnit: who connects to a listener is known by address "
		  "alone",
		  7, 16, 11,
		  "clients of a listener are networks: {address: "
		  "10.1.0.0/16}"}},
		{LANG_HEAD "spec:\n  service:\n    destinations: [" LANG_PLACE
			   "]\n"
			   "    clients: [{address: 10.1.0.0/16}]\n",
		 {"address: clients of destinations are processes of this host",
		  7, 16, 7, "name processes: {systemdUnit: orders.service}"}},
		{LANG_LEAST "  bulkhead: {onFull: shed}\n",
		 {"onFull: shed is for services that listen", 6, 22, 4,
		  "of destinations: refuse, or drop (the SYN is lost)"}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		lang_expect(rows[i].text, &rows[i].want, 1);
}

#define CLIENT_CAP(what) \
	"  bulkhead: {perClient: {maxConnections: 1, " what "}}\n"

static void a_client_is_what_its_direction_knows_of_it(void **state)
{
	static const struct {
		const char *text;
		struct finding want;
	} rows[] = {
		{LISTENS CLIENT_CAP("by: user"),
		 {"by: user: who connects to a listener is known by address "
		  "alone",
		  7, 49, 4, "address, or prefix"}},
		{LANG_LEAST CLIENT_CAP("by: prefix"),
		 {"by: prefix: clients of destinations are processes of this "
		  "host",
		  6, 49, 6, "cgroup, user or process"}},
		{LISTENS CLIENT_CAP("by: address, prefixLength: {v4: 24}"),
		 {"prefixLength: a client by address has no prefix", 7, 58, 12,
		  "write by: prefix, or remove this"}},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		lang_expect(rows[i].text, &rows[i].want, 1);
}

static void fields_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(contradictions); i++)
		lang_expect(contradictions[i].text, &contradictions[i].want, 1);
}

/* One mistake, one error: what could not be read is not compared. */
static void a_broken_value_is_not_compared(void **state)
{
	static const char *const texts[] = {
		BREAKER WAIT "{initial: 2m, max: soon}\n",
		BREAKER WAIT "{initial: soon, max: 1s}\n",
		BREAKER "    minimumNumberOfCalls: x\n"
			"    minimumNumberOfFailures: 21\n",
		BREAKER "    slidingWindow: {size: 5ms, buckets: 61}\n",
		BREAKER "    slowCallDurationThreshold: 5\n"
			"    slowCallRateThreshold: 50\n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		scoped(reading) struct reading r = lang_refuse(texts[i]);

		if (r.errors.count != 1)
			fail_msg("%zu mistakes in\n%s", r.errors.count,
				 texts[i]);
	}
}

static void equal_ends_are_no_contradiction(void **state)
{
	static const char *const texts[] = {
		BREAKER WAIT "{initial: 5s, max: 5s}\n",
		BREAKER "    minimumNumberOfCalls: 5\n",
		BREAKER "    slidingWindow: {size: 10ms}\n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		scoped(reading) struct reading r = lang_accept(texts[i]);

		assert_int_equal(r.policies.count, 1);
	}
}

/* ---- all of it, or nothing --------------------------------------------------------------- */

/* In the order of the text, whatever found them. */
static void all_mistakes_are_said_at_once(void **state)
{
	static const char text[] =
		"apiVersion: weir/v2\n"
		"metadata: {name: Orders}\n"
		"spec:\n"
		"  mode: *x\n"
		"  service:\n"
		"    destinations:\n"
		"      - {address: 10.0.8.7/24, ports: [0, x]}\n"
		"      - {ports: [1]}\n"
		"  circuitBreaker:\n"
		"    failureRateThreshold: 0.5\n"
		"    failureRateThreshold: 5\n"
		"    halfOpenTimeout: 5\n"
		"  timeouts: {}\n"
		"---\n"
		"kind: Policy\n";
	static const struct finding want[] = {
		{"kind is missing", 1, 1, 0, NULL},
		{"apiVersion: weir/v2 is not weir/v1", 1, 13, 7, NULL},
		{"name: Orders is not an RFC 1123 label", 2, 18, 6, NULL},
		{"aliases (*) are not allowed", 4, 9, 2, NULL},
		{"address: 10.0.8.7/24 has bits below its prefix", 7, 19, 11,
		 NULL},
		{"ports: 0 is not a range of ports", 7, 40, 1, NULL},
		{"ports: x is not a port", 7, 43, 1, NULL},
		{"spec.service.destinations[1]: address is missing", 8, 9, 12,
		 NULL},
		{"failureRateThreshold: 0.5 is not a whole number of percent",
		 10, 27, 3, NULL},
		{"failureRateThreshold: this key is there twice", 11, 5, 20,
		 NULL},
		{"halfOpenTimeout: 5 is not a duration", 12, 22, 1, NULL},
		{"spec.timeouts: not supported yet", 13, 3, 8, NULL},
		{"apiVersion is missing", 15, 1, 0, NULL},
		{"metadata is missing", 15, 1, 0, NULL},
		{"spec is missing", 15, 1, 0, NULL},
		{"kind: Policy is not ResiliencePolicy", 15, 7, 6, NULL},
	};

	(void)state;
	lang_expect(text, want, ROWS(want));
}

static void one_bad_document_spoils_the_text(void **state)
{
	static const char *const texts[] = {
		LANG_LEAST "---\nkind: Policy\n" SECOND,
		LANG_LEAST "---\na: [\n",
		"kind: Policy\n" SECOND,
		LANG_LEAST "---\n*x\n",
		LANG_LEAST "---\n\x01\n",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		scoped(reading) struct reading r = lang_refuse(texts[i]);

		assert_int_equal(r.err, -EINVAL);
		assert_null(r.policies.items);
	}
}

static void what_was_there_before_stays(void **state)
{
	scoped(reading) struct reading r = lang_accept(LANG_LEAST);
	const struct weir_policy *first = r.policies.items[0];
	static const char bad[] = SECOND "---\nkind: 1\n";

	(void)state;
	assert_int_equal(policies_parse(&r.policies, &r.errors, "u.yaml", bad,
					strlen(bad)),
			 -EINVAL);
	assert_int_equal(r.policies.count, 1);
	assert_int_equal(policies_parse(&r.policies, &r.errors, "u.yaml",
					SECOND, strlen(SECOND)),
			 0);
	assert_int_equal(r.policies.count, 2);
	assert_ptr_equal(r.policies.items[0], first);
	assert_string_equal(r.policies.items[1]->file, "u.yaml");
}

/* Mistakes of an earlier text are no mistakes of this one. */
static void earlier_mistakes_spoil_nothing_and_stay_first(void **state)
{
	scoped(reading) struct reading r = lang_refuse("zzz: 1\n");
	size_t before = r.errors.count;

	(void)state;
	assert_int_equal(policies_parse(&r.policies, &r.errors, "u.yaml",
					LANG_LEAST, strlen(LANG_LEAST)),
			 0);
	assert_int_equal(
		policies_parse(&r.policies, &r.errors, "v.yaml", "1", 1),
		-EINVAL);
	assert_int_equal(r.errors.count, before + 1);
	assert_string_equal(r.errors.items[before].file, "v.yaml");
	assert_string_equal(r.errors.items[0].file, "t.yaml");
}

static void every_document_is_a_policy_with_its_own_text(void **state)
{
	scoped(reading) struct reading r =
		lang_accept("# head\n" LANG_LEAST SECOND "---\n# nothing\n");

	(void)state;
	assert_int_equal(r.policies.count, 2);
	assert_string_equal(r.policies.items[0]->text, "# head\n" LANG_LEAST);
	assert_int_equal(r.policies.items[0]->line, 1);
	assert_string_equal(r.policies.items[1]->text, SECOND + 4);
	assert_int_equal(r.policies.items[1]->line, 8);
	assert_int_equal(r.policies.items[1]->destinations[0].line, 11);
}

/* A policy's text, read alone, is the same policy: it is stored that way. */
static void a_policy_s_own_text_is_the_same_policy(void **state)
{
	scoped(reading) struct reading r = lang_accept(
		"--- " /* on the line of its marker */
		"{apiVersion: weir/v1, kind: ResiliencePolicy, metadata: "
		"{name: a}, spec: {service: {destinations: [" LANG_PLACE
		"]}}}\n" SECOND "...\n");

	(void)state;
	assert_int_equal(r.policies.count, 2);
	for (size_t i = 0; i < r.policies.count; i++) {
		scoped(reading) struct reading again =
			lang_accept(r.policies.items[i]->text);

		assert_int_equal(again.policies.count, 1);
		assert_true(policy_equal(r.policies.items[i],
					 again.policies.items[0]));
	}
}

static void a_text_without_policies_is_fine(void **state)
{
	static const char *const texts[] = {"", "# none\n", "---\n---\n", "~\n",
					    "null\n---\n# x\n"};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		scoped(reading) struct reading r = lang_accept(texts[i]);

		assert_int_equal(r.policies.count, 0);
	}
}

/* JSON is YAML: what `kubectl`-like tools write is read. */
static void json_is_read(void **state)
{
	scoped(reading) struct reading r = lang_accept(
		"{\"apiVersion\": \"weir/v1\", \"kind\": \"ResiliencePolicy\","
		"\"metadata\": {\"name\": \"a\"}, \"spec\": {\"service\":"
		"{\"destinations\": [{\"address\": \"10.0.8.7\", \"ports\":"
		"[5432]}]}, \"bulkhead\": {\"maxConnections\": 7}}}");

	(void)state;
	assert_int_equal(r.policies.items[0]->bulkhead.connections_max, 7);
}

/* ---- size ------------------------------------------------------------------------------- */

/* A policy, and a comment that fills the rest. */
static char *fill(size_t bytes)
{
	char *text = malloc(bytes + 1);

	assert_non_null(text);
	memset(text, '#', bytes);
	memcpy(text, LANG_LEAST, strlen(LANG_LEAST));
	text[bytes] = '\0';
	return text;
}

static void a_text_of_1_mib_is_read_and_one_byte_more_is_not(void **state)
{
	scoped(text) char *text = fill(POLICY_FILE_BYTES_MAX + 1);
	scoped(reading) struct reading fits =
		lang_read_bytes(text, POLICY_FILE_BYTES_MAX);
	scoped(reading) struct reading more =
		lang_read_bytes(text, POLICY_FILE_BYTES_MAX + 1);

	(void)state;
	assert_int_equal(fits.err, 0);
	assert_int_equal(fits.policies.count, 1);
	assert_int_equal(more.err, -E2BIG);
	assert_int_equal(more.policies.count, 0);
	assert_int_equal(more.errors.count, 1);
	assert_string_equal(more.errors.items[0].message,
			    "the text is larger than 1 MiB");
	assert_int_equal(more.errors.items[0].line, 0);
}

/* More mistakes than are kept are counted. */
static void mistakes_without_end_are_counted(void **state)
{
	char text[2048];
	size_t used = (size_t)snprintf(text, sizeof(text), "%s", LANG_LEAST);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "x%u: 1\n", i);
	scoped(reading) struct reading r = lang_refuse(text);
	assert_int_equal(r.errors.count, WEIR_ERRORS_MAX);
	assert_int_equal(r.errors.dropped, 100 - WEIR_ERRORS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_required_is_asked_for),
		cmocka_unit_test(
			an_alternative_is_enough_and_both_are_too_much),
		cmocka_unit_test(what_is_no_policy_is_called_by_its_name),
		cmocka_unit_test(
			what_belongs_to_the_other_direction_is_refused),
		cmocka_unit_test(a_client_is_what_its_direction_knows_of_it),
		cmocka_unit_test(fields_that_contradict_each_other_are_refused),
		cmocka_unit_test(a_broken_value_is_not_compared),
		cmocka_unit_test(equal_ends_are_no_contradiction),
		cmocka_unit_test(all_mistakes_are_said_at_once),
		cmocka_unit_test(one_bad_document_spoils_the_text),
		cmocka_unit_test(what_was_there_before_stays),
		cmocka_unit_test(earlier_mistakes_spoil_nothing_and_stay_first),
		cmocka_unit_test(every_document_is_a_policy_with_its_own_text),
		cmocka_unit_test(a_policy_s_own_text_is_the_same_policy),
		cmocka_unit_test(a_text_without_policies_is_fine),
		cmocka_unit_test(json_is_read),
		cmocka_unit_test(
			a_text_of_1_mib_is_read_and_one_byte_more_is_not),
		cmocka_unit_test(mistakes_without_end_are_counted),
	};

	return cmocka_run_group_tests_name("policy_parse", tests, NULL, NULL);
}
