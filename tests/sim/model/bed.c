/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bed.c - see bed.h.
 */
#include "tests/sim/model/bed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/host.h"
#include "tests/sim/model/maps.h"

#define START_NS     (1000 * S_NS)
#define SOCKETS_MAX  8192u
#define ADDRESS	     0x0a000001u
#define PORT	     5432u
#define SERVICES_MAX 2u

static void nothing(void *ctx)
{
	(void)ctx;
}

static void looked(void *ctx, struct subject *subject)
{
	(void)ctx, (void)subject;
}

static void met(void *ctx, const struct subject *subject)
{
	(void)ctx, (void)subject;
}

static const struct policy_breaker defaults = {
	.set = true,
	.scope = WEIR_SCOPE_ENDPOINT,
	.window_ns = 10 * S_NS,
	.window_buckets = 10,
	.calls_min = 20,
	.failures_min = 5,
	.failure_rate = 50,
	.consecutive = 5,
	.slow_ns = 500 * MS_NS,
	.slow_rate = 80,
	.wait_initial_ns = 5 * S_NS,
	.wait_multiplier = 2,
	.wait_max_ns = 60 * S_NS,
	.probes = 3,
	.half_open_timeout_ns = 10 * S_NS,
	.ejection_max = 50,
	.panic_threshold = 50,
	.refuse_errno = ECONNREFUSED,
};

void bed_make(struct bed *bed, uint32_t servers)
{
	memset(bed, 0, sizeof(*bed));
	bed->servers = servers;
	bed->policy.name = "orders";
	bed->policy.mode = WEIR_MODE_ENFORCE;
	bed->policy.breaker = defaults;
	bed->policy.destinations = bed->destinations;
	bed->policy.destination_count = servers;
	for (uint32_t i = 0; i < servers; i++) {
		struct policy_destination *to = &bed->destinations[i];

		to->address[10] = to->address[11] = 0xff;
		to->address[12] = ADDRESS >> 24;
		to->address[15] = (uint8_t)(ADDRESS + i);
		to->prefix = 128;
		to->ports[0] = (struct policy_ports){PORT, PORT};
		to->port_count = 1;
	}
	bed->item = &bed->policy;
	bed->set = (struct weir_policies){&bed->item, 1};
	bed->daemon.plane.services_max = SERVICES_MAX;
	bed->daemon.plane.endpoints_max = BED_SERVERS_MAX;
	bed->daemon.plane.send_hook = true;
	bed->daemon.looked = looked;
	bed->daemon.met = met;
	bed->daemon.audited = nothing;
}

void bed_start(struct bed *bed)
{
	const struct host_options options = {
		.services_max = SERVICES_MAX,
		.endpoints_max = BED_SERVERS_MAX,
		.sockets_max = SOCKETS_MAX,
	};
	struct weir_control *control;

	host_now_ns = START_NS;
	host_open(&options);
	control = maps_memory(MAP_CONTROL);
	control->lease_ns = 3 * S_NS;
	daemon_start(&bed->daemon, &bed->set, 1);
}

void bed_close(struct bed *bed)
{
	daemon_kill(&bed->daemon);
	host_close();
}

void bed_apply(struct bed *bed)
{
	daemon_apply(&bed->daemon, &bed->set);
}

void bed_pass(struct bed *bed, uint64_t ns)
{
	uint64_t end_ns = host_now_ns + ns;

	for (;;) {
		uint64_t tick_ns =
			(host_now_ns / DAEMON_TICK_NS + 1) * DAEMON_TICK_NS;

		if (tick_ns > end_ns)
			break;
		host_now_ns = tick_ns;
		if (bed->daemon.running)
			daemon_tick(&bed->daemon);
	}
	host_now_ns = end_ns;
}

/* ---- connections ------------------------------------------------------------------ */

static void drain(struct bed *bed)
{
	if (bed->daemon.running)
		daemon_drain(&bed->daemon);
}

uint32_t bed_dial(struct bed *bed, uint32_t server)
{
	uint32_t socket = bed->sockets++;

	if (socket >= SOCKETS_MAX)
		abort();
	if (host_connect(socket, ADDRESS + server, PORT)) {
		drain(bed);
		return BED_REFUSED;
	}
	host_syn(socket);
	drain(bed);
	return socket;
}

void bed_establish(struct bed *bed, uint32_t socket)
{
	host_established(socket);
	drain(bed);
}

void bed_fail(struct bed *bed, uint32_t socket, int error)
{
	host_fail(socket, error);
	host_release(socket, false);
	host_forget(socket);
	drain(bed);
}

void bed_ask(struct bed *bed, uint32_t socket)
{
	host_write(socket, 50);
	host_sent(socket, 50);
	drain(bed);
}

void bed_answer(struct bed *bed, uint32_t socket)
{
	host_answer(socket, 100);
	drain(bed);
}

void bed_hang_up(struct bed *bed, uint32_t socket)
{
	host_release(socket, false);
	host_finish(socket);
	host_forget(socket);
	drain(bed);
}

bool bed_good_call(struct bed *bed, uint32_t server)
{
	uint32_t socket = bed_dial(bed, server);

	if (socket == BED_REFUSED)
		return false;
	bed_establish(bed, socket);
	bed_ask(bed, socket);
	bed_answer(bed, socket);
	bed_hang_up(bed, socket);
	return true;
}

bool bed_bad_call(struct bed *bed, uint32_t server)
{
	uint32_t socket = bed_dial(bed, server);

	if (socket == BED_REFUSED)
		return false;
	bed_fail(bed, socket, ECONNREFUSED);
	return true;
}

/* ---- breakers ----------------------------------------------------------------------- */

struct breaker *bed_breaker(struct bed *bed, uint32_t server)
{
	char name[64];
	struct subject *subject;

	snprintf(name, sizeof(name), "10.0.0.%u:%u", server + 1, PORT);
	subject = registry_find(&bed->daemon.registry, name);
	if (!subject)
		abort();
	return &subject->breaker;
}

void bed_trip(struct bed *bed, uint32_t server)
{
	while (bed_breaker(bed, server)->state == WEIR_STATE_CLOSED)
		bed_bad_call(bed, server);
}
