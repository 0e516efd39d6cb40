/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * snapshot.c - see snapshot.h.
 */
#include "agent/view/snapshot.h"

#include <stdlib.h>
#include <string.h>

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
	const unsigned count = sizeof(by_severity) / sizeof(by_severity[0]);

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

const struct snapshot_service *
snapshot_find_service(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->service_count; i++)
		if (!strcmp(s->services[i].name, name))
			return &s->services[i];
	return NULL;
}

const struct snapshot_endpoint *
snapshot_find_endpoint(const struct snapshot *s, const char *name)
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

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->services);
	free(snapshot->endpoints);
	free(snapshot->policies);
	free(snapshot->events);
	free(snapshot);
}
