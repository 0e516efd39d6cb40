/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compose.h - a right policy but for one value: the one a test is about.
 *
 * Include after <cmocka.h>.
 */
#pragma once

#include "tests/unit/lang.h"

#define COMPOSE_BYTES 4096u

#define AT_BREAKER     "spec.circuitBreaker."
#define AT_WAIT	       AT_BREAKER "waitDurationInOpenState."
#define AT_PLACE       "spec.service.destinations[]."
#define AT_CLIENT      "spec.service.clients[]."
#define CAPPED	       LANG_LEAST "  bulkhead: {maxConnections: 1, "
#define AT_CLIENT_CAP  "spec.bulkhead.perClient."
#define AT_CLIENT_RATE "spec.rateLimit.perClient."
#define AT_ALLOWED     "spec.access.allow[]."
#define BREAKER	       LANG_LEAST "  circuitBreaker: "
#define SERVICE	       LANG_HEAD "spec: {service: "

/*
 * Where a value stands. Some are only right in company: a longer window allows
 * more buckets, a larger max a longer initial wait.
 */
static const struct {
	const char *path, *form;
} compose_forms[] = {
	{"apiVersion", "apiVersion: %s\nkind: ResiliencePolicy\n"
		       "metadata: {name: orders-db}\n" LANG_SPEC},
	{"kind", "apiVersion: weir/v1\nkind: %s\n"
		 "metadata: {name: orders-db}\n" LANG_SPEC},
	{"metadata", "apiVersion: weir/v1\nkind: ResiliencePolicy\n"
		     "metadata: %s\n" LANG_SPEC},
	{"metadata.name", "apiVersion: weir/v1\nkind: ResiliencePolicy\n"
			  "metadata: {name: %s}\n" LANG_SPEC},
	{"metadata.labels",
	 "apiVersion: weir/v1\nkind: ResiliencePolicy\n"
	 "metadata: {name: orders-db, labels: %s}\n" LANG_SPEC},
	{"spec", LANG_HEAD "spec: %s\n"},
	{"spec.service", SERVICE "%s}\n"},
	{"spec.service.destinations", SERVICE "{destinations: %s}}\n"},
	{AT_PLACE "address",
	 SERVICE "{destinations: [{address: %s, ports: [1]}]}}\n"},
	{AT_PLACE "host",
	 SERVICE "{destinations: [{host: %s, ports: [1]}]}}\n"},
	{AT_PLACE "ports",
	 SERVICE "{destinations: [{address: 10.0.8.7, ports: %s}]}}\n"},
	{"spec.service.listen", SERVICE "{listen: %s}}\n"},
	{"spec.service.clients",
	 SERVICE "{destinations: [" LANG_PLACE "], clients: %s}}\n"},
	{AT_CLIENT "systemdUnit", SERVICE
	 "{destinations: [" LANG_PLACE "], clients: [{systemdUnit: %s}]}}\n"},
	{AT_CLIENT "cgroup", SERVICE "{destinations: [" LANG_PLACE
				     "], clients: [{cgroup: %s}]}}\n"},
	{AT_CLIENT "user",
	 SERVICE "{destinations: [" LANG_PLACE "], clients: [{user: %s}]}}\n"},
	{AT_CLIENT "address", SERVICE "{destinations: [" LANG_PLACE
				      "], clients: [{address: %s}]}}\n"},
	{"spec.rateLimit.burst",
	 LANG_LEAST "  rateLimit: {connectionsPerSecond: 1, burst: %s}\n"},
	{"spec.rateLimit", LANG_LEAST "  rateLimit: %s\n"},
	{"spec.rateLimit.perClient",
	 LANG_LEAST "  rateLimit: {connectionsPerSecond: 1, perClient: %s}\n"},
	{AT_CLIENT_RATE "by", LANG_LEAST "  rateLimit: {perClient: {by: %s, "
					 "connectionsPerSecond: 1}}\n"},
	{AT_CLIENT_RATE "connectionsPerSecond",
	 LANG_LEAST "  rateLimit: {perClient: {by: user, "
		    "connectionsPerSecond: %s}}\n"},
	{AT_CLIENT_RATE "burst",
	 LANG_LEAST "  rateLimit: {perClient: {by: user, "
		    "connectionsPerSecond: 1, burst: %s}}\n"},
	{"spec.bulkhead.queue", CAPPED "queue: %s}\n"},
	{"spec.bulkhead.queue.maxWait", CAPPED "queue: {maxWait: %s}}\n"},
	{"spec.bulkhead.queue.maxLength", CAPPED "queue: {maxLength: %s}}\n"},
	{AT_CLIENT_CAP "by", LANG_LEAST "  bulkhead: {perClient: {by: %s, "
					"maxConnections: 1}}\n"},
	{AT_CLIENT_CAP "maxConnections",
	 LANG_LEAST "  bulkhead: {perClient: {by: user, "
		    "maxConnections: %s}}\n"},
	{"spec.access.allow", LANG_LEAST "  access: {allow: %s}\n"},
	{AT_ALLOWED "systemdUnit",
	 LANG_LEAST "  access: {allow: [{systemdUnit: %s}]}\n"},
	{AT_ALLOWED "cgroup", LANG_LEAST "  access: {allow: [{cgroup: %s}]}\n"},
	{AT_ALLOWED "user", LANG_LEAST "  access: {allow: [{user: %s}]}\n"},
	{AT_BREAKER "minimumNumberOfCalls",
	 BREAKER "{minimumNumberOfFailures: 1, minimumNumberOfCalls: %s}\n"},
	{AT_BREAKER "minimumNumberOfFailures", BREAKER
	 "{minimumNumberOfCalls: 1000000, minimumNumberOfFailures: %s}\n"},
	{AT_BREAKER "slowCallRateThreshold", BREAKER
	 "{slowCallDurationThreshold: 1s, slowCallRateThreshold: %s}\n"},
	{AT_BREAKER "onOpen.establishedConnections",
	 BREAKER "{slowCallDurationThreshold: 1s, "
		 "onOpen: {establishedConnections: %s}}\n"},
	{AT_BREAKER "slidingWindow.size",
	 BREAKER "{slidingWindow: {buckets: 1, size: %s}}\n"},
	{AT_WAIT "initial",
	 BREAKER "{waitDurationInOpenState: {max: 24h, initial: %s}}\n"},
	{AT_WAIT "max",
	 BREAKER "{waitDurationInOpenState: {initial: 1ms, max: %s}}\n"},
};

/* "spec.a.b", "1" becomes "  a: {b: 1}" below a policy's service. */
static inline void compose_nested(char *out, const char *path,
				  const char *value)
{
	size_t used = (size_t)snprintf(out, COMPOSE_BYTES, "%s  ", LANG_LEAST);
	unsigned open = 0;

	for (;; open++) {
		size_t bytes = strcspn(path, ".");

		used += (size_t)snprintf(out + used, COMPOSE_BYTES - used,
					 "%.*s: ", (int)bytes, path);
		path += bytes;
		if (!*path++)
			break;
		used += (size_t)snprintf(out + used, COMPOSE_BYTES - used, "{");
	}
	used += (size_t)snprintf(out + used, COMPOSE_BYTES - used, "%s", value);
	while (open--)
		used += (size_t)snprintf(out + used, COMPOSE_BYTES - used, "}");
	snprintf(out + used, COMPOSE_BYTES - used, "\n");
}

/* A policy with `value` at `path`, which is in compose_forms. */
static inline bool compose_long(char *out, size_t bytes, const char *path,
				const char *value)
{
	for (size_t i = 0; i < ROWS(compose_forms); i++) {
		const char *form = compose_forms[i].form;
		const char *slot = strstr(form, "%s");

		if (strcmp(compose_forms[i].path, path) != 0)
			continue;
		snprintf(out, bytes, "%.*s%s%s", (int)(slot - form), form,
			 value, slot + 2);
		return true;
	}
	return false;
}

/* A policy with `value` at `path`, a row of the table of fields. */
static inline void compose(char out[COMPOSE_BYTES], const char *path,
			   const char *value)
{
	if (!compose_long(out, COMPOSE_BYTES, path, value))
		compose_nested(out, path + strlen("spec."), value);
}
