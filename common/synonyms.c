/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * synonyms.c - other systems' words, and typing mistakes.
 *
 * Words are compared without case, '_' and '-', so one row covers Envoy's
 * max_connections, Istio's maxConnections and HAProxy's spelling of it.
 */
#include "common/synonyms.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/count_of.h"
#include "common/fields.h"

#define WORD_BYTES_MAX 64u
#define CHILDREN_MAX   32u

/* clang-format off */
static const struct synonym synonyms[] = {
	/* Hystrix */
	{"errorThresholdPercentage", "Hystrix's word; here it is circuitBreaker.failureRateThreshold"},
	{"sleepWindowInMilliseconds", "Hystrix's word; here it is circuitBreaker.waitDurationInOpenState, with a unit: 5s"},
	{"requestVolumeThreshold", "Hystrix's word; here it is circuitBreaker.minimumNumberOfCalls"},
	{"maxConcurrentRequests", "requests are not visible to Weir; bulkhead.maxConnections counts connections"},
	{"timeoutInMilliseconds", "Hystrix's word; here slow calls are judged by circuitBreaker.slowCallDurationThreshold"},
	{"metricsRollingStatsTimeInMilliseconds", "here it is circuitBreaker.slidingWindow: {size: 10s}"},
	{"forceOpen", "an operator's act, not a policy: weirctl force SERVICE open"},
	{"forceClosed", "an operator's act, not a policy: weirctl force SERVICE closed"},
	{"coreSize", "a thread pool's word; here it is bulkhead.maxConnections"},
	/* resilience4j */
	{"slidingWindowSize", "here it is circuitBreaker.slidingWindow: {size: 10s}, always by time"},
	{"slidingWindowType", "the window is always by time: circuitBreaker.slidingWindow: {size: 10s}"},
	{"ringBufferSizeInClosedState", "here it is circuitBreaker.slidingWindow: {size: 10s}, by time"},
	{"ringBufferSizeInHalfOpenState", "here it is circuitBreaker.permittedNumberOfCallsInHalfOpenState"},
	{"automaticTransitionFromOpenToHalfOpenEnabled", "always so here: leave it out"},
	{"maxWaitDurationInHalfOpenState", "here it is circuitBreaker.halfOpenTimeout"},
	{"maxWaitDurationInOpenState", "here it is circuitBreaker.waitDurationInOpenState: {initial: 5s, max: 60s}"},
	{"waitDuration", "here it is circuitBreaker.waitDurationInOpenState"},
	{"recordExceptions", "Weir sees connections, not exceptions: leave it out"},
	{"ignoreExceptions", "Weir sees connections, not exceptions: leave it out"},
	{"maxWaitDuration", "here it is bulkhead.queue: {maxWait: 200ms}"},
	/* Polly */
	{"failureRatio", "Polly's word; here it is circuitBreaker.failureRateThreshold, in percent"},
	{"failureThreshold", "here it is circuitBreaker.failureRateThreshold (percent) or consecutiveFailures (count)"},
	{"minimumThroughput", "Polly's word; here it is circuitBreaker.minimumNumberOfCalls"},
	{"samplingDuration", "Polly's word; here it is circuitBreaker.slidingWindow: {size: 10s}"},
	{"breakDuration", "Polly's word; here it is circuitBreaker.waitDurationInOpenState"},
	{"durationOfBreak", "Polly's word; here it is circuitBreaker.waitDurationInOpenState"},
	/* Envoy, Istio, Kuma */
	{"consecutive5xx", "HTTP status is not visible to Weir; circuitBreaker.consecutiveFailures counts connects and answers that fail"},
	{"consecutive5xxErrors", "HTTP status is not visible to Weir; circuitBreaker.consecutiveFailures counts connects and answers that fail"},
	{"consecutiveErrors", "here it is circuitBreaker.consecutiveFailures"},
	{"consecutiveGatewayErrors", "HTTP status is not visible to Weir; use circuitBreaker.consecutiveFailures"},
	{"consecutiveGatewayFailure", "HTTP status is not visible to Weir; use circuitBreaker.consecutiveFailures"},
	{"consecutiveLocalOriginFailures", "here it is circuitBreaker.consecutiveFailures"},
	{"consecutiveLocalOriginFailure", "here it is circuitBreaker.consecutiveFailures"},
	{"outlierDetection", "here it is circuitBreaker with scope: endpoint"},
	{"interval", "there is no sweep here, every sample is judged at once; the window is circuitBreaker.slidingWindow"},
	{"baseEjectionTime", "here it is circuitBreaker.waitDurationInOpenState: {initial: 30s, max: 300s}"},
	{"maxEjectionTime", "here it is circuitBreaker.waitDurationInOpenState: {initial: 30s, max: 300s}"},
	{"maxEjectionTimeJitter", "here it is circuitBreaker.waitDurationInOpenState: {jitter: 0.5}, a share"},
	{"minHealthPercent", "here it is circuitBreaker.panicThreshold"},
	{"minHealthyPercent", "here it is circuitBreaker.panicThreshold"},
	{"failurePercentageThreshold", "here it is circuitBreaker.failureRateThreshold"},
	{"failurePercentageRequestVolume", "here it is circuitBreaker.minimumNumberOfCalls"},
	{"splitExternalLocalOriginErrors", "always so here: what is local is neutral"},
	{"connectionPool", "here it is bulkhead: {maxConnections: 100}"},
	{"connectionLimits", "here it is bulkhead: {maxConnections: 100}"},
	{"maxConnections", "it belongs in spec.bulkhead"},
	{"maxConnectionsPerHost", "here it is bulkhead.perEndpoint: {maxConnections: 40}"},
	{"maxPendingRequests", "requests are not visible to Weir; bulkhead.maxConnections counts connections"},
	{"http1MaxPendingRequests", "requests are not visible to Weir; bulkhead.maxConnections counts connections"},
	{"http2MaxRequests", "requests are not visible to Weir; bulkhead.maxConnections counts connections"},
	{"maxRequests", "requests are not visible to Weir; bulkhead.maxConnections counts connections"},
	{"maxRetries", "Weir never retries for an application: leave it out"},
	{"retries", "Weir never retries for an application: leave it out"},
	{"connectTimeout", "spec.timeouts.connect is not supported yet"},
	{"trafficPolicy", "here blocks stand directly in spec: circuitBreaker, bulkhead"},
	{"targetRef", "here it is spec.service.destinations"},
	{"selector", "here it is spec.service.clients"},
	/* nginx, HAProxy, Linkerd, Sentinel, Traefik, gobreaker */
	{"maxFails", "nginx's word; here it is circuitBreaker.consecutiveFailures"},
	{"failTimeout", "nginx's word; here it is circuitBreaker.waitDurationInOpenState"},
	{"maxConns", "here it is bulkhead.maxConnections, or bulkhead.perEndpoint.maxConnections"},
	{"maxconn", "HAProxy's word; here it is bulkhead.perEndpoint.maxConnections"},
	{"maxqueue", "HAProxy's word; here it is bulkhead.queue: {maxLength: 64}"},
	{"errorLimit", "HAProxy's word; here it is circuitBreaker.consecutiveFailures"},
	{"maxFailures", "here it is circuitBreaker.consecutiveFailures"},
	{"minPenalty", "Linkerd's word; here it is circuitBreaker.waitDurationInOpenState: {initial: 1s}"},
	{"maxPenalty", "Linkerd's word; here it is circuitBreaker.waitDurationInOpenState: {max: 60s}"},
	{"successRateThreshold", "here failures are counted: circuitBreaker.failureRateThreshold, in percent"},
	{"slowRatioThreshold", "Sentinel's word; here it is circuitBreaker.slowCallRateThreshold, in percent"},
	{"minRequestAmount", "Sentinel's word; here it is circuitBreaker.minimumNumberOfCalls"},
	{"statIntervalMs", "Sentinel's word; here it is circuitBreaker.slidingWindow: {size: 10s}"},
	{"timeWindow", "Sentinel's word; here it is circuitBreaker.waitDurationInOpenState"},
	{"fallbackDuration", "Traefik's word; here it is circuitBreaker.waitDurationInOpenState"},
	{"recoveryDuration", "here probes decide: circuitBreaker.permittedNumberOfCallsInHalfOpenState"},
	{"cooldown", "here it is circuitBreaker.waitDurationInOpenState"},
	{"resetTimeout", "here it is circuitBreaker.waitDurationInOpenState"},
	{"halfOpenMaxCalls", "here it is circuitBreaker.permittedNumberOfCallsInHalfOpenState"},
	{"successThreshold", "here it is circuitBreaker.permittedNumberOfCallsInHalfOpenState: all must succeed"},
	/* addresses and the shape of a document */
	{"cidr", "here it is address, which takes a CIDR too"},
	{"ip", "here it is address"},
	{"hostname", "host names are not supported yet; write the address"},
	{"port", "here it is ports, a list: ports: [5432]"},
	{"target", "here it is spec.service"},
	{"destination", "here it is spec.service.destinations, a list"},
	{"unit", "here it is systemdUnit"},
	{"uid", "here it is user, which takes a uid too"},
	{"cgroupPath", "here it is cgroup"},
	{"status", "the agent's answer, not a policy's: leave it out"},
	{"namespace", "Weir has no namespaces: leave it out"},
	{"annotations", "here there are only labels"},
	{"description", "write it as a # comment, or as a label"},
	{"enabled", "here it is spec.mode: observe, enforce or disabled"},
	{"dryRun", "here it is spec.mode: observe"},
};
/* clang-format on */

const struct synonym *synonyms_next(const struct synonym *previous)
{
	const struct synonym *next = previous ? previous + 1 : synonyms;

	return next < synonyms + COUNT_OF(synonyms) ? next : NULL;
}

/* Lower case, without '_' and '-'; cut at WORD_BYTES_MAX. */
static void normalise(const char *word, char out[WORD_BYTES_MAX])
{
	size_t used = 0;

	for (; *word && used < WORD_BYTES_MAX - 1; word++) {
		if (*word != '_' && *word != '-')
			out[used++] = (char)tolower((unsigned char)*word);
	}
	out[used] = '\0';
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* One row of the table of optimal string alignment. */
static void fill_row(unsigned rows[3][WORD_BYTES_MAX + 1], const char *a,
		     size_t i, const char *b, size_t b_bytes)
{
	unsigned *now = rows[i % 3];
	const unsigned *before = rows[(i + 2) % 3];
	const unsigned *twice = rows[(i + 1) % 3];

	now[0] = (unsigned)i;
	for (size_t j = 1; j <= b_bytes; j++) {
		unsigned replace = before[j - 1] + (a[i - 1] != b[j - 1]);

		now[j] = least(least(before[j], now[j - 1]) + 1, replace);
		if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
		    a[i - 2] == b[j - 1])
			now[j] = least(now[j], twice[j - 2] + 1);
	}
}

unsigned synonyms_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_BYTES_MAX + 1] = {0};
	size_t a_bytes = strnlen(a, WORD_BYTES_MAX);
	size_t b_bytes = strnlen(b, WORD_BYTES_MAX);

	for (size_t j = 0; j <= b_bytes; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_bytes; i++)
		fill_row(rows, a, i, b, b_bytes);
	return rows[a_bytes % 3][b_bytes];
}

/* A key below `path` that is at most `allowed` typing mistakes away. */
static bool suggest_nearest(const char *path, const char *word,
			    unsigned allowed, char *out, size_t bytes)
{
	const struct field *children[CHILDREN_MAX], *best = NULL;
	size_t count = fields_children(path, children, CHILDREN_MAX);
	unsigned nearest = allowed + 1;
	char key[WORD_BYTES_MAX] = "";

	for (size_t i = 0; i < count; i++) {
		unsigned distance;

		normalise(fields_key(children[i]), key);
		distance = synonyms_distance(word, key);
		if (distance < nearest && !children[i]->planned) {
			nearest = distance;
			best = children[i];
		}
	}
	if (!best)
		return false;
	snprintf(out, bytes, "did you mean %s?", fields_key(best));
	return true;
}

static bool suggest_synonym(const char *word, char *out, size_t bytes)
{
	char row[WORD_BYTES_MAX] = "";

	for (size_t i = 0; i < COUNT_OF(synonyms); i++) {
		normalise(synonyms[i].word, row);
		if (!strcmp(row, word)) {
			snprintf(out, bytes, "%s", synonyms[i].hint);
			return true;
		}
	}
	return false;
}

/* Our own key in the wrong block. */
static bool suggest_elsewhere(const char *word, char *out, size_t bytes)
{
	char key[WORD_BYTES_MAX] = "";

	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		normalise(fields_key(f), key);
		if (!strcmp(key, word)) {
			snprintf(out, bytes, "it belongs elsewhere: %s",
				 f->path);
			return true;
		}
	}
	return false;
}

static void list_keys(const char *path, char *out, size_t bytes)
{
	const struct field *children[CHILDREN_MAX];
	size_t count = fields_children(path, children, CHILDREN_MAX);
	size_t used = (size_t)snprintf(out, bytes, "valid here:");

	for (size_t i = 0; i < count && used < bytes; i++) {
		if (!children[i]->planned)
			used += (size_t)snprintf(out + used, bytes - used,
						 "%s %s", i ? "," : "",
						 fields_key(children[i]));
	}
}

/*
 * Our own word in another spelling comes first; then another system's word
 * beats a look-alike: `interval` is near nothing useful, `maxFails` near a lot.
 */
void synonyms_suggest(const char *path, const char *key, char *out,
		      size_t bytes)
{
	char word[WORD_BYTES_MAX] = "";

	normalise(key, word);
	if (suggest_nearest(path, word, 0, out, bytes) ||
	    suggest_synonym(word, out, bytes) ||
	    suggest_nearest(path, word, (unsigned)strlen(word) / 3, out,
			    bytes) ||
	    suggest_elsewhere(word, out, bytes))
		return;
	list_keys(path, out, bytes);
}
