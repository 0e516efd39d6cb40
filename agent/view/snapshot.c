/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * snapshot.c - see snapshot.h.
 */
#include "agent/view/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "common/count_of.h"

/* What an operator wants to hear of first. */
static const enum weir_state by_severity[] = {
	WEIR_STATE_OPEN,
	WEIR_STATE_FORCED_OPEN,
	WEIR_STATE_OPEN_SUPPRESSED,
	WEIR_STATE_HALF_OPEN,
	WEIR_STATE_FORCED_CLOSED,
};

unsigned snapshot_severity(enum weir_state state)
{
	const unsigned count = COUNT_OF(by_severity);

	for (unsigned i = 0; i < count; i++)
		if (by_severity[i] == state)
			return count - i;
	return 0;
}

enum weir_state snapshot_state(const struct snapshot_service *service)
{
	enum weir_state worst = WEIR_STATE_CLOSED;

	if (service->subject.has_breaker)
		return service->subject.state;
	for (int state = 0; state < WEIR_STATE_COUNT; state++)
		if (service->endpoints_by_state[state] &&
		    snapshot_severity(state) > snapshot_severity(worst))
			worst = state;
	return worst;
}

/* Its endpoints, clipped to what the snapshot has. */
static size_t endpoints_end(const struct snapshot *s,
			    const struct snapshot_service *service)
{
	size_t end = service->endpoint_first + service->endpoint_count;

	return end < s->endpoint_count ? end : s->endpoint_count;
}

/* Of two that are equally bad the one that has been so for longer speaks. */
const struct snapshot_subject *
snapshot_speaker(const struct snapshot *s,
		 const struct snapshot_service *service)
{
	enum weir_state state = snapshot_state(service);
	const struct snapshot_subject *speaker = NULL;

	if (service->subject.has_breaker)
		return &service->subject;
	for (size_t i = service->endpoint_first; i < endpoints_end(s, service);
	     i++) {
		const struct snapshot_subject *b = &s->endpoints[i].subject;

		if (!b->has_breaker || b->state != state)
			continue;
		if (!speaker || (b->since_seconds > speaker->since_seconds) ==
					(state != WEIR_STATE_CLOSED))
			speaker = b;
	}
	return speaker;
}

struct window_counts snapshot_window(const struct snapshot *s,
				     const struct snapshot_service *service)
{
	struct window_counts sum = {0};

	if (service->subject.has_breaker)
		return service->subject.window;
	for (size_t i = service->endpoint_first; i < endpoints_end(s, service);
	     i++) {
		const struct window_counts *w = &s->endpoints[i].subject.window;

		sum.calls += w->calls;
		sum.failures += w->failures;
		sum.slow += w->slow;
	}
	return sum;
}

static int64_t earlier(int64_t until_ns, const struct snapshot_subject *subject)
{
	int64_t other_ns = subject->until_realtime_ns;

	if (!subject->has_breaker || subject->state != WEIR_STATE_OPEN ||
	    !other_ns)
		return until_ns;
	return until_ns && until_ns < other_ns ? until_ns : other_ns;
}

int64_t snapshot_open_until_ns(const struct snapshot *s,
			       const struct snapshot_service *service)
{
	int64_t until_ns = earlier(0, &service->subject);

	for (size_t i = service->endpoint_first; i < endpoints_end(s, service);
	     i++)
		until_ns = earlier(until_ns, &s->endpoints[i].subject);
	return until_ns;
}

const struct snapshot_service *snapshot_find_service(const struct snapshot *s,
						     const char *name)
{
	for (size_t i = 0; i < s->service_count; i++)
		if (!strcmp(s->services[i].name, name))
			return &s->services[i];
	return NULL;
}

const struct snapshot_endpoint *snapshot_find_endpoint(const struct snapshot *s,
						       const char *name)
{
	const struct snapshot_endpoint *worst = NULL;

	/* One address may belong to two services: the one in trouble. */
	for (size_t i = 0; i < s->endpoint_count; i++) {
		const struct snapshot_endpoint *e = &s->endpoints[i];

		if (strcmp(e->name, name))
			continue;
		if (!worst || snapshot_severity(e->subject.state) >
				      snapshot_severity(worst->subject.state))
			worst = e;
	}
	return worst;
}

struct snapshot_clients *snapshot_copy_clients(const struct snapshot_clients *c,
					       size_t max)
{
	size_t count = c->count < max ? c->count : max;
	size_t bytes = sizeof(*c) + count * sizeof(c->items[0]);
	struct snapshot_clients *copy = malloc(bytes);

	if (!copy)
		return NULL;
	memcpy(copy, c, bytes);
	copy->count = count;
	return copy;
}

struct snapshot_full *snapshot_copy_full(const struct snapshot_full *full)
{
	struct snapshot_full *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *full;
	copy->holders = full->holders
				? snapshot_copy_clients(full->holders, SIZE_MAX)
				: NULL;
	return copy;
}

void snapshot_free_full(struct snapshot_full *full)
{
	if (full)
		free(full->holders);
	free(full);
}

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	for (size_t i = 0; i < snapshot->service_count; i++)
		snapshot_free_full(snapshot->services[i].full);
	free(snapshot->clients);
	free(snapshot->services);
	free(snapshot->endpoints);
	free(snapshot->policies);
	free(snapshot->events);
	free(snapshot);
}

const char *snapshot_xdp_word(enum snapshot_xdp mode)
{
	static const char *const words[] = {
		[SNAPSHOT_XDP_OFF] = "off",
		[SNAPSHOT_XDP_GENERIC] = "generic",
		[SNAPSHOT_XDP_DRIVER] = "driver",
	};

	return words[mode];
}
