/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * synonyms.c - whoever comes from another breaker is told what it is called
 * here, and whoever mistypes is told what is near.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

#include <cmocka.h>

#include "common/fields.h"
#include "common/synonyms.h"
#include "tests/unit/lang.h"

#define BREAKER "spec.circuitBreaker"
#define EACH(s)                                                \
	for (const struct synonym *s = synonyms_next(NULL); s; \
	     s = synonyms_next(s))

/* A word, where somebody wrote it, and the key of ours that must be named. */
static const struct {
	const char *path, *word, *ours;
} foreign[] = {
	/* those that design/2-policy.md names */
	{BREAKER, "errorThresholdPercentage", "failureRateThreshold"},
	{BREAKER, "sleepWindowInMilliseconds", "waitDurationInOpenState"},
	{BREAKER, "consecutive5xxErrors", "consecutiveFailures"},
	{"spec", "maxConnectionsPerHost", "bulkhead.perEndpoint"},
	{"spec.bulkhead", "maxConnectionsPerHost", "perEndpoint"},
	{BREAKER, "max_fails", "consecutiveFailures"},
	{BREAKER, "breakDuration", "waitDurationInOpenState"},
	{BREAKER, "baseEjectionTime", "waitDurationInOpenState"},
	/* Hystrix */
	{BREAKER, "requestVolumeThreshold", "minimumNumberOfCalls"},
	{"spec", "forceOpen", "weirctl force"},
	/* resilience4j, in its own spellings */
	{BREAKER, "slidingWindowSize", "slidingWindow: {size"},
	{BREAKER, "sliding-window-size", "slidingWindow: {size"},
	{BREAKER, "wait-duration-in-open-state", "waitDurationInOpenState"},
	{BREAKER, "failure-rate-threshold", "failureRateThreshold"},
	{BREAKER, "FAILURE_RATE_THRESHOLD", "failureRateThreshold"},
	{BREAKER, "maxWaitDurationInHalfOpenState", "halfOpenTimeout"},
	/* Polly */
	{BREAKER, "MinimumThroughput", "minimumNumberOfCalls"},
	{BREAKER, "SamplingDuration", "slidingWindow"},
	{BREAKER, "FailureRatio", "failureRateThreshold"},
	/* Envoy and Istio */
	{BREAKER, "consecutive_5xx", "consecutiveFailures"},
	{"spec", "outlierDetection", "circuitBreaker"},
	{"spec", "outlier_detection", "circuitBreaker"},
	{"spec", "connectionPool", "bulkhead"},
	{"spec", "max_connections", "bulkhead"},
	{BREAKER, "minHealthPercent", "panicThreshold"},
	{BREAKER, "max_ejection_percent", "maxEjectionPercent"},
	{BREAKER, "interval", "slidingWindow"},
	/* nginx, HAProxy, Linkerd, Sentinel, Traefik */
	{BREAKER, "fail_timeout", "waitDurationInOpenState"},
	{"spec", "max_conns", "maxConnections"},
	{"spec", "maxconn", "perEndpoint.maxConnections"},
	{BREAKER, "minPenalty", "waitDurationInOpenState"},
	{BREAKER, "minRequestAmount", "minimumNumberOfCalls"},
	{BREAKER, "recoveryDuration", "permittedNumberOfCalls"},
	/* the shape of a document */
	{"spec.service.destinations[]", "port", "ports"},
	{"spec.service.destinations[]", "cidr", "address"},
	{"spec.service.clients[]", "unit", "systemdUnit"},
	{"", "status", "leave it out"},
	{"spec", "dryRun", "mode: observe"},
};

static void other_systems_words_are_translated(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(foreign); i++) {
		char hint[SYNONYMS_HINT_BYTES];

		synonyms_suggest(foreign[i].path, foreign[i].word, hint,
				 sizeof(hint));
		if (!strstr(hint, foreign[i].ours))
			fail_msg("%s: %s", foreign[i].word, hint);
	}
}

static void a_translation_arrives_with_the_error(void **state)
{
	static const struct finding want = {
		"errorThresholdPercentage: unknown key in spec.circuitBreaker",
		6, 20, 24,
		"Hystrix's word; here it is "
		"circuitBreaker.failureRateThreshold"};

	(void)state;
	lang_expect(LANG_LEAST
		    "  circuitBreaker: {errorThresholdPercentage: 50}\n",
		    &want, 1);
}

/* "circuitBreaker.halfOpenTimeout" in a hint is a key, or it misleads. */
static void check_words(const char *word, const char *hint)
{
	static const char *const blocks[] = {"circuitBreaker.", "bulkhead.",
					     "service.", "timeouts."};

	for (size_t i = 0; i < ROWS(blocks); i++) {
		const char *at = hint;

		while ((at = strstr(at, blocks[i]))) {
			char path[128];
			size_t bytes = strlen(blocks[i]);

			while (isalnum((unsigned char)at[bytes]) ||
			       (at[bytes] == '.' &&
				isalnum((unsigned char)at[bytes + 1])))
				bytes++;
			snprintf(path, sizeof(path), "spec.%.*s", (int)bytes,
				 at);
			/* A planned block may be named without its keys. */
			if (!fields_find(path) &&
			    strncmp(path, "spec.timeouts.", 14) != 0)
				fail_msg("%s: %s", word, path);
			at += bytes;
		}
	}
}

static void hints_name_only_keys_that_exist(void **state)
{
	(void)state;
	EACH(s)
	{
		check_words(s->word, s->hint);
		assert_true(strlen(s->hint) < SYNONYMS_HINT_BYTES);
	}
}

/* Written twice, the second would never be read. */
static void every_word_is_translated_once(void **state)
{
	(void)state;
	EACH(a)
	{
		size_t found = 0;

		EACH(b)
		found += !strcasecmp(a->word, b->word);
		if (found != 1)
			fail_msg("%s: %zu times", a->word, found);
	}
}

/* One key left out, doubled, swapped or replaced: the key is still found. */
static void a_slip_of_the_finger_finds_the_key(void **state)
{
	static const struct {
		const char *path, *word, *hint;
	} rows[] = {
		{"", "apiversion", "did you mean apiVersion?"},
		{"", "spc", "did you mean spec?"},
		{"", "sepc", "did you mean spec?"},
		{"", "speec", "did you mean spec?"},
		{"", "sped", "did you mean spec?"},
		{"spec", "bulkhaed", "did you mean bulkhead?"},
		{"spec", "circuit_breaker", "did you mean circuitBreaker?"},
		{BREAKER, "halfopentimout", "did you mean halfOpenTimeout?"},
		{BREAKER, "permittedNumberOfCallsInHalfOpen",
		 "did you mean permittedNumberOfCallsInHalfOpenState?"},
		{BREAKER ".onOpen", "ernno", "did you mean errno?"},
		{"spec.service.destinations[]", "adress",
		 "did you mean address?"},
		{"spec", "warnAt",
		 "it belongs elsewhere: spec.bulkhead.warnAt"},
		{"spec", "xyzzy",
		 "valid here: mode, service, circuitBreaker, bulkhead, rateLimit, access"},
		{"", "", "valid here: apiVersion, kind, metadata, spec"},
		{"metadata", "id", "valid here: name, labels"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char hint[SYNONYMS_HINT_BYTES];

		synonyms_suggest(rows[i].path, rows[i].word, hint,
				 sizeof(hint));
		if (strcmp(hint, rows[i].hint) != 0)
			fail_msg("%s in \"%s\": %s", rows[i].word, rows[i].path,
				 hint);
	}
}

/* What is not built yet is no advice. */
static void no_planned_key_is_suggested(void **state)
{
	char hint[SYNONYMS_HINT_BYTES];

	(void)state;
	synonyms_suggest("spec", "timeout", hint, sizeof(hint));
	assert_null(strstr(hint, "did you mean timeouts"));
	synonyms_suggest("spec", "zzz", hint, sizeof(hint));
	assert_null(strstr(hint, "adaptive"));
}

static void long_words_and_small_buffers_are_safe(void **state)
{
	char word[5000], hint[8];

	(void)state;
	memset(word, 'f', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	memset(hint, 'x', sizeof(hint));
	synonyms_suggest("spec", word, hint, 4);
	assert_string_equal(hint, "val");
	assert_int_equal(hint[4], 'x');
}

static void distances_are_counted_in_edits(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"abc", "acb", 1},
		{"ca", "abc", 3},
		{"kitten", "sitting", 3},
		{"mode", "model", 1},
		{"a", "b", 1},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(synonyms_distance(rows[i].a, rows[i].b),
				 rows[i].distance);
		assert_int_equal(synonyms_distance(rows[i].b, rows[i].a),
				 rows[i].distance);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_systems_words_are_translated),
		cmocka_unit_test(a_translation_arrives_with_the_error),
		cmocka_unit_test(hints_name_only_keys_that_exist),
		cmocka_unit_test(every_word_is_translated_once),
		cmocka_unit_test(a_slip_of_the_finger_finds_the_key),
		cmocka_unit_test(no_planned_key_is_suggested),
		cmocka_unit_test(long_words_and_small_buffers_are_safe),
		cmocka_unit_test(distances_are_counted_in_edits),
	};

	return cmocka_run_group_tests_name("synonyms", tests, NULL, NULL);
}
