/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rich.h - a snapshot in which everything happens, for the tests of the views.
 *
 * "orders-db" (scope endpoint, enforce) has one endpoint open and two closed,
 * "search" (scope service, observe) is half-open, and 10.0.0.9:80 was only seen.
 */
#pragma once

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/view/snapshot.h"

#define RICH_NOW_NS 1795500000123000000ll /* 2026-11-24T06:00:00.123Z */

enum { RICH_ORDERS, RICH_SEARCH, RICH_SEEN, RICH_SERVICES };

static inline struct policy_breaker rich_rules(enum weir_scope scope)
{
	return (struct policy_breaker){
		.set = true,
		.scope = scope,
		.window_ns = 10000000000,
		.window_buckets = 10,
		.calls_min = 20,
		.failures_min = 5,
		.failure_rate = 50,
		.consecutive = 5,
		.slow_ns = 500000000,
		.slow_rate = 80,
		.wait_initial_ns = 5000000000,
		.wait_multiplier = 2,
		.wait_max_ns = 60000000000,
		.wait_jitter = 0.5,
		.probes = 3,
		.half_open_timeout_ns = 10000000000,
		.ejection_max = 50,
		.panic_threshold = 50,
		.refuse_errno = 111,
	};
}

static inline void rich_traffic(struct snapshot_subject *t)
{
	t->in_use = 41;
	t->connecting = 2;
	t->calls_active = 7;
	t->calls_overdue = 3;
	t->opened = 1000;
	t->refused = 1340;
	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_SUCCESS] = 900;
	t->calls[WEIR_PHASE_CONNECT][WEIR_RESULT_FAILURE] = 135;
	t->calls[WEIR_PHASE_TURN][WEIR_RESULT_NEUTRAL] = 12;
	t->failures[WEIR_FAILURE_TIMEOUT] = 121;
	t->failures[WEIR_FAILURE_RESET] = 14;
	t->calls_per_second = 21.5;
	t->failed_ratio = 0.25;
	t->slow_ratio = 0;
	t->refused_per_second = 112;
	t->connect = (struct snapshot_quantiles){900, 0.001, 0.004};
	t->response = (struct snapshot_quantiles){0, NAN, NAN};
}

static inline void rich_open(struct snapshot_subject *b)
{
	b->has_breaker = true;
	b->enforced = true;
	b->state = WEIR_STATE_OPEN;
	b->epoch = 7;
	b->level = 3;
	b->since_realtime_ns = RICH_NOW_NS - 12000000000;
	b->since_seconds = 12;
	b->until_realtime_ns = RICH_NOW_NS + 8000000000;
	b->until_seconds = 8;
	b->last = (struct breaker_change){
		.changed = true,
		.from = WEIR_STATE_CLOSED,
		.to = WEIR_STATE_OPEN,
		.trip = WEIR_TRIP_FAILURE_RATE,
		.value = 63,
		.threshold = 50,
		.window = {214, 135, 0},
	};
	b->window = (struct window_counts){120, 118, 0};
}

static inline void rich_orders(struct snapshot *s)
{
	struct snapshot_service *orders = &s->services[RICH_ORDERS];

	snprintf(orders->name, sizeof(orders->name), "orders-db");
	snprintf(orders->file, sizeof(orders->file),
		 "/etc/weir/policies.d/20-orders.yaml");
	orders->line = 3;
	orders->mode = WEIR_MODE_ENFORCE;
	orders->scope = WEIR_SCOPE_ENDPOINT;
	orders->breaker = rich_rules(WEIR_SCOPE_ENDPOINT);
	orders->bulkhead = (struct policy_bulkhead){
		.set = true,
		.connections_max = 100,
		.endpoint_connections_max = 40,
		.warn_at = 80,
	};
	orders->positions[0] = (struct policy_position){
		"spec.circuitBreaker.failureRateThreshold", 14, 29};
	orders->position_count = 1;
	rich_traffic(&orders->subject);
	orders->decisions[WEIR_VERDICT_ALLOW][WEIR_REASON_NONE] = 1000;
	orders->decisions[WEIR_VERDICT_REFUSE][WEIR_REASON_BREAKER] = 1340;
	orders->closed[WEIR_CLOSE_FIN] = 800;
	orders->established = 900;
	orders->sent_bytes = 123456789012;
	orders->connect.bucket[0] = 5;	 /* up to 10 us */
	orders->connect.bucket[48] = 7;	 /* its upper edge is 500 us */
	orders->connect.bucket[49] = 11; /* the first above 500 us */
	orders->connect.bucket[WEIR_HIST_BUCKETS - 1] = 2;
	orders->connect.sum_us = 1500000;
	orders->transitions[WEIR_STATE_CLOSED][WEIR_STATE_OPEN]
			   [WEIR_TRIP_FAILURE_RATE] = 3;
	orders->endpoints_by_state[WEIR_STATE_OPEN] = 1;
	orders->endpoints_by_state[WEIR_STATE_CLOSED] = 2;
	orders->endpoint_first = 0;
	orders->endpoint_count = 3;
	for (unsigned i = 0; i < 3; i++) {
		struct snapshot_endpoint *e = &s->endpoints[i];

		e->service = RICH_ORDERS;
		snprintf(e->name, sizeof(e->name), "10.0.7.%u:5432", i + 3);
		e->listed = i == 1;
		e->subject.has_breaker = true;
		e->subject.enforced = true;
		e->subject.window = (struct window_counts){94, 17, 0};
	}
	rich_traffic(&s->endpoints[0].subject);
	rich_open(&s->endpoints[0].subject);
}

static inline void rich_search(struct snapshot *s)
{
	struct snapshot_service *search = &s->services[RICH_SEARCH];
	struct snapshot_subject *b = &search->subject;

	snprintf(search->name, sizeof(search->name), "search");
	snprintf(search->file, sizeof(search->file),
		 "/etc/weir/a \"b\"\\c.yaml");
	search->line = 1;
	search->mode = WEIR_MODE_OBSERVE;
	search->scope = WEIR_SCOPE_SERVICE;
	search->breaker = rich_rules(WEIR_SCOPE_SERVICE);
	b->has_breaker = true;
	b->state = WEIR_STATE_HALF_OPEN;
	b->since_realtime_ns = RICH_NOW_NS - 1000000000;
	b->since_seconds = 1;
	b->last = (struct breaker_change){
		.changed = true,
		.from = WEIR_STATE_OPEN,
		.to = WEIR_STATE_HALF_OPEN,
		.trip = WEIR_TRIP_WAIT_ELAPSED,
	};
	b->probes_taken = 2;
	b->probes_ok = 1;
	search->decisions[WEIR_VERDICT_WOULD_REFUSE][WEIR_REASON_BREAKER] = 77;
}

static inline void rich_seen(struct snapshot *s)
{
	struct snapshot_service *seen = &s->services[RICH_SEEN];

	snprintf(seen->name, sizeof(seen->name), "10.0.0.9:80");
	seen->observed = true;
	rich_traffic(&seen->subject);
	seen->subject.refused = 0;
	seen->endpoint_first = 3;
	seen->endpoint_count = 1;
	seen->endpoints_by_state[WEIR_STATE_CLOSED] = 1;
	s->endpoints[3].service = RICH_SEEN;
	snprintf(s->endpoints[3].name, sizeof(s->endpoints[3].name),
		 "10.0.0.9:80");
}

static inline void rich_event(struct snapshot_event *e, uint64_t seq,
			      const char *service, enum weir_state to)
{
	*e = (struct snapshot_event){
		.seq = seq,
		.realtime_ns = RICH_NOW_NS - 20000000000,
		.type = SNAPSHOT_EVENT_BREAKER,
		.from = WEIR_STATE_CLOSED,
		.to = to,
		.trip = WEIR_TRIP_FAILURE_RATE,
		.value = 63,
		.threshold = 50,
		.calls = 214,
		.enforced = true,
	};
	snprintf(e->service, sizeof(e->service), "%s", service);
	snprintf(e->text, sizeof(e->text), "%s: closed -> open", service);
}

static inline void rich_lists(struct snapshot *s)
{
	s->policies[0].mode = WEIR_MODE_ENFORCE;
	s->policies[1].mode = WEIR_MODE_OBSERVE;
	snprintf(s->policies[0].name, sizeof(s->policies[0].name), "orders-db");
	snprintf(s->policies[0].labels, sizeof(s->policies[0].labels),
		 "team=payments,tier=1,odd");
	snprintf(s->policies[1].name, sizeof(s->policies[1].name), "search");
	s->policies[2].mode = WEIR_MODE_ENFORCE;
	snprintf(s->policies[2].overridden_by,
		 sizeof(s->policies[2].overridden_by), "/run/weir/x.yaml");
	s->policy_count = 3;
	for (unsigned i = 0; i < 6; i++)
		rich_event(&s->events[i], 10 + i,
			   i % 2 ? "search" : "orders-db", WEIR_STATE_OPEN);
	s->event_count = 6;
	s->maps[0] = (struct snapshot_map){"weir_endpoint", 4, 4096};
	s->map_count = 1;
	s->programs[0] =
		(struct snapshot_program){"weir_connect4", 10, 2500, 1};
	s->program_count = 1;
	s->features[0] = (struct snapshot_feature){"sk_data_ready", true, ""};
	s->features[1] = (struct snapshot_feature){
		"sock_send_length", false, "overdue calls are found late"};
	s->feature_count = 2;
	s->interfaces[0] = (struct snapshot_interface){
		"eth0", SNAPSHOT_XDP_DRIVER, true, true, ""};
	s->interfaces[1] = (struct snapshot_interface){
		"eth1", SNAPSHOT_XDP_OFF, true, false, "it is not there"};
	s->interface_count = 2;
	s->generations[0] =
		(struct snapshot_generation){42, RICH_NOW_NS, 2, "start"};
	s->generation_count = 1;
}

static inline struct snapshot_client rich_client(const char *name, uint32_t pid)
{
	struct snapshot_client c = {
		.subject = 1,
		.pid = pid,
		.cgroup_id = 4242,
		.oldest_seconds = 11520.5,
	};

	snprintf(c.service, sizeof(c.service), "orders-db");
	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

/* A leak, somebody idle, and a process of which nothing is known. */
static inline struct snapshot_clients *rich_clients(void)
{
	struct snapshot_clients *clients =
		calloc(1, sizeof(*clients) + 3 * sizeof(clients->items[0]));

	if (!clients)
		abort();
	clients->realtime_ns = RICH_NOW_NS - 60000000000;
	clients->connections = 100;
	clients->processes = clients->count = 3;
	clients->items[0] = rich_client("orders.service/java[4711]", 4711);
	clients->items[0].connections = 90;
	clients->items[0].close_wait = 12;
	clients->items[0].idle = 40;
	clients->items[0].idle_seconds = 10800;
	snprintf(clients->items[0].process, sizeof(clients->items[0].process),
		 "java");
	snprintf(clients->items[0].unit, sizeof(clients->items[0].unit),
		 "orders.service");
	clients->items[1] = rich_client("batch/php[7]", 7);
	clients->items[1].connections = clients->items[1].waiting = 9;
	clients->items[2] = rich_client("unknown[uid 33]", 0);
	clients->items[2].connections = clients->items[2].detached = 1;
	clients->items[2].older = true;
	clients->items[2].uid = 33;
	return clients;
}

static inline struct snapshot_full *rich_full(void)
{
	struct snapshot_full *full = calloc(1, sizeof(*full));

	if (!full)
		abort();
	full->holders = rich_clients();
	full->realtime_ns = full->holders->realtime_ns;
	full->limit = 100;
	full->enforced = true;
	snprintf(full->subject, sizeof(full->subject), "orders-db");
	snprintf(full->refused, sizeof(full->refused), "perl (pid 9, uid 33)");
	return full;
}

static inline struct snapshot *rich_snapshot(void)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->services = calloc(RICH_SERVICES, sizeof(*s->services));
	s->endpoints = calloc(4, sizeof(*s->endpoints));
	s->policies = calloc(3, sizeof(*s->policies));
	s->events = calloc(6, sizeof(*s->events));
	if (!s->services || !s->endpoints || !s->policies || !s->events)
		abort();
	s->service_count = RICH_SERVICES;
	s->endpoint_count = 4;
	snprintf(s->version, sizeof(s->version), "0.1.0-\"test\"");
	snprintf(s->kernel, sizeof(s->kernel), "6.12.0");
	s->now_realtime_ns = RICH_NOW_NS;
	s->started_realtime_ns = RICH_NOW_NS - 3600000000000;
	s->uptime_seconds = 3600;
	s->heartbeat_age_seconds = 0.125;
	s->lease_seconds = 3;
	s->generation = 42;
	s->reload_ok = true;
	s->reload_realtime_ns = RICH_NOW_NS;
	s->faults[WEIR_FAULT_NO_STORAGE] = 1;
	s->process = (struct snapshot_process){true, 1.5, 4096, 8192, 12, 1024};
	rich_orders(s);
	rich_search(s);
	rich_seen(s);
	rich_lists(s);
	return s;
}
