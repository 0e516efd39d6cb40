/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind_rules.c - fields that are right alone and wrong together.
 *
 * A field that was already reported is not compared: one mistake, one error.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/bind.h"
#include "common/count_of.h"
#include "common/scan.h"

#define BREAKER "spec.circuitBreaker"
#define WAIT	BREAKER ".waitDurationInOpenState"

static bool is_broken(const struct binder *b, const char *path)
{
	const struct field *field = fields_find(path);

	return field && b->broken[fields_index(field)];
}

/* The node of a path without lists, or NULL when it was not written. */
static const struct tree_node *find_node(const struct binder *b,
					 const char *path)
{
	const struct tree_node *node = b->tree->root;

	while (node && *path) {
		size_t bytes = strcspn(path, ".");
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)bytes, path);
		node = tree_get(node, key);
		path += bytes + (path[bytes] == '.');
	}
	return node;
}

/* The first of two paths that was written: one of them always was. */
static const struct tree_node *
find_either(const struct binder *b, const char *first, const char *second)
{
	const struct tree_node *node = find_node(b, first);

	return node ? node : find_node(b, second);
}

static void check_wait(struct binder *b)
{
	const struct policy_breaker *breaker = &b->policy->breaker;
	char initial[32], max[32];

	if (is_broken(b, WAIT ".initial") || is_broken(b, WAIT ".max") ||
	    breaker->wait_max_ns >= breaker->wait_initial_ns)
		return;
	scan_duration_text(breaker->wait_initial_ns, initial, sizeof(initial));
	scan_duration_text(breaker->wait_max_ns, max, sizeof(max));
	bind_error(
		b, find_either(b, WAIT ".max", WAIT ".initial"),
		find_node(b, WAIT ".max")
			? "the wait grows from initial up to max"
			: "max is 1m when it is not written: add a larger one",
		"max: %s is shorter than initial: %s", max, initial);
}

static void check_volume(struct binder *b)
{
	const struct policy_breaker *breaker = &b->policy->breaker;
	static const char failures[] = BREAKER ".minimumNumberOfFailures";
	static const char calls[] = BREAKER ".minimumNumberOfCalls";

	if (is_broken(b, failures) || is_broken(b, calls) ||
	    breaker->failures_min <= breaker->calls_min)
		return;
	bind_error(
		b, find_either(b, failures, calls),
		find_node(b, failures)
			? "failures are a part of the calls"
			: "minimumNumberOfFailures is 5 when it is not written",
		"minimumNumberOfFailures: %u is more than "
		"minimumNumberOfCalls: %u",
		breaker->failures_min, breaker->calls_min);
}

static void check_window(struct binder *b)
{
	const struct policy_breaker *breaker = &b->policy->breaker;
	static const char size[] = BREAKER ".slidingWindow.size";
	static const char buckets[] = BREAKER ".slidingWindow.buckets";

	if (is_broken(b, size) || is_broken(b, buckets) ||
	    breaker->window_ns >=
		    breaker->window_buckets * POLICY_DURATION_MIN_NS)
		return;
	bind_error(b, find_either(b, size, buckets),
		   "use a longer window or fewer buckets",
		   "slidingWindow: %u buckets of less than 1ms",
		   breaker->window_buckets);
}

/* A threshold that judges nothing would be a key that is ignored. */
static void check_slow(struct binder *b)
{
	const struct tree_node *rate =
		find_node(b, BREAKER ".slowCallRateThreshold");

	if (!rate || find_node(b, BREAKER ".slowCallDurationThreshold"))
		return;
	bind_error(b, rate->key,
		   "add slowCallDurationThreshold: 500ms, or remove this",
		   "slowCallRateThreshold: no call is slow without "
		   "slowCallDurationThreshold");
}

/* Without a threshold nothing is ever overdue. */
static void check_stuck(struct binder *b)
{
	const struct tree_node *established =
		find_node(b, BREAKER ".onOpen.establishedConnections");

	if (b->policy->breaker.established != WEIR_ESTABLISHED_RESET_STUCK ||
	    !established || find_node(b, BREAKER ".slowCallDurationThreshold"))
		return;
	bind_error(b, established,
		   "add slowCallDurationThreshold: 500ms, or use resetAll",
		   "establishedConnections: resetStuck: no answer is overdue "
		   "without slowCallDurationThreshold");
}

/* What is said of a connection's other end has no meaning at this one. */
static const struct {
	const char *path, *why, *hint;
} egress_only[] = {
	{BREAKER, "a breaker judges what this host calls",
	 "limit the listener with bulkhead or rateLimit; the breaker belongs "
	 "to the policy of the caller"},
	{"spec.access", "it names processes that connect from this host",
	 "name the networks in spec.service.clients, or use a firewall"},
	{"spec.bulkhead.perEndpoint", "a listener is one endpoint",
	 "use maxConnections"},
	{"spec.bulkhead.maxConnecting", "a SYN holds no place here",
	 "use maxConnections, or rateLimit"},
	{"spec.bulkhead.maxConcurrentCalls", "calls are not counted here",
	 "use maxConnections"},
};

static void check_clients(struct binder *b, bool ingress)
{
	const struct tree_node *clients = find_node(b, "spec.service.clients");
	const struct tree_node *it = clients ? clients->first : NULL;

	for (; it; it = it->next) {
		const struct tree_node *key = it->first;

		if (it->type != TREE_MAPPING || !key || !key->key)
			continue;
		if (!strcmp(key->key->text, "address") == ingress)
			continue;
		if (ingress)
			bind_error(b, key->key,
				   "clients of a listener are networks: "
				   "{address: 10.1.0.0/16}",
				   "%.40s: who connects to a listener is known "
				   "by address alone",
				   key->key->text);
		else
			bind_error(b, key->key,
				   "name processes: {systemdUnit: "
				   "orders.service}",
				   "address: clients of destinations are "
				   "processes of this host");
	}
}

/* Who calls is a process here, and an address there. */
static void check_by(struct binder *b, const char *block, int by, bool ingress)
{
	char path[96];
	const struct tree_node *word, *bits;

	snprintf(path, sizeof(path), "%s.perClient.by", block);
	word = find_node(b, path);
	if (!word || is_broken(b, path))
		return;
	if (ingress && by < WEIR_BY_ADDRESS)
		bind_error(b, word, "address, or prefix",
			   "by: %.20s: who connects to a listener is known by "
			   "address alone",
			   word->text);
	if (!ingress && by >= WEIR_BY_ADDRESS)
		bind_error(b, word, "cgroup, user or process",
			   "by: %.20s: clients of destinations are processes "
			   "of this host",
			   word->text);
	snprintf(path, sizeof(path), "%s.perClient.prefixLength", block);
	bits = find_node(b, path);
	if (bits && by != WEIR_BY_PREFIX)
		bind_error(b, bits->key, "write by: prefix, or remove this",
			   "prefixLength: a client by %.20s has no prefix",
			   word->text);
}

static void check_direction(struct binder *b)
{
	const struct tree_node *full = find_node(b, "spec.bulkhead.onFull");
	bool ingress = find_node(b, "spec.service.listen");

	check_clients(b, ingress);
	check_by(b, "spec.bulkhead", b->policy->bulkhead.client_by, ingress);
	check_by(b, "spec.rateLimit", b->policy->rate.client_by, ingress);
	for (size_t i = 0; ingress && i < COUNT_OF(egress_only); i++) {
		const struct tree_node *node =
			find_node(b, egress_only[i].path);

		if (node)
			bind_error(b, node->key, egress_only[i].hint,
				   "%s: not for a service that listens: %s",
				   node->key->text, egress_only[i].why);
	}
	if (full && !ingress && b->policy->bulkhead.on_full == WEIR_FULL_SHED)
		bind_error(b, full,
			   "of destinations: refuse, or drop (the SYN is lost)",
			   "onFull: shed is for services that listen");
}

/* A block that limits nothing would look as if it did. */
static void check_rate(struct binder *b)
{
	const struct tree_node *rate = find_node(b, "spec.rateLimit");

	if (!rate || is_broken(b, "spec.rateLimit") ||
	    find_node(b, "spec.rateLimit.connectionsPerSecond") ||
	    find_node(b, "spec.rateLimit.perClient"))
		return;
	bind_error(b, rate,
		   "add connectionsPerSecond: 200, or perClient: {by: cgroup, "
		   "connectionsPerSecond: 20}",
		   "rateLimit: nothing in it limits a rate");
}

static void check_queue(struct binder *b)
{
	static const char *const limits[] = {
		"spec.bulkhead.maxConnections",
		"spec.bulkhead.maxConnecting",
		"spec.bulkhead.maxConcurrentCalls",
		"spec.bulkhead.perEndpoint",
	};
	const struct tree_node *queue = find_node(b, "spec.bulkhead.queue");

	if (!queue || is_broken(b, "spec.bulkhead.queue"))
		return;
	for (size_t i = 0; i < COUNT_OF(limits); i++)
		if (find_node(b, limits[i]))
			return;
	bind_error(b, queue, "add maxConnections: 100",
		   "queue: there is nothing to wait for without a limit");
}

void bind_rules(struct binder *b)
{
	check_direction(b);
	check_queue(b);
	check_rate(b);
	check_wait(b);
	check_volume(b);
	check_window(b);
	check_slow(b);
	check_stuck(b);
}
