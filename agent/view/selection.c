/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * selection.c - see selection.h.
 */
#include "agent/view/selection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/scoped.h"

/* In trouble 2, named by a policy 1, merely seen 0. */
static int rank(const struct snapshot_service *service)
{
	if (snapshot_state(service) != WEIR_STATE_CLOSED)
		return 2;
	return service->observed ? 0 : 1;
}

/*
 * By totals and not by rates: a service that came and went with every lull
 * would make its own counters and those of _other jump.
 */
static int compare(const void *left, const void *right)
{
	const struct snapshot_service *a =
		*(const struct snapshot_service **)left;
	const struct snapshot_service *b =
		*(const struct snapshot_service **)right;

	if (rank(a) != rank(b))
		return rank(b) - rank(a);
	if (a->subject.opened != b->subject.opened)
		return a->subject.opened < b->subject.opened ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void add_counts(uint64_t *to, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] += from[i];
}

static void add_histogram(struct weir_histogram *to,
			  const struct weir_histogram *from)
{
	for (size_t i = 0; i < WEIR_HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->sum_us += from->sum_us;
}

static void add_subject(struct snapshot_subject *to,
			const struct snapshot_subject *from)
{
	to->in_use += from->in_use;
	to->connecting += from->connecting;
	to->waiting += from->waiting;
	to->calls_active += from->calls_active;
	to->calls_overdue += from->calls_overdue;
	to->opened += from->opened;
	to->refused += from->refused;
	for (int phase = 0; phase < WEIR_PHASE_COUNT; phase++)
		add_counts(to->calls[phase], from->calls[phase],
			   WEIR_RESULT_COUNT);
	add_counts(to->failures, from->failures, WEIR_FAILURE_COUNT);
}

static void add_service(struct snapshot_service *to,
			const struct snapshot_service *from)
{
	add_subject(&to->subject, &from->subject);
	for (int verdict = 0; verdict < WEIR_VERDICT_COUNT; verdict++)
		add_counts(to->decisions[verdict], from->decisions[verdict],
			   WEIR_REASON_COUNT);
	add_counts(to->closed, from->closed, WEIR_CLOSE_COUNT);
	to->established += from->established;
	to->adopted += from->adopted;
	to->sent_bytes += from->sent_bytes;
	to->received_bytes += from->received_bytes;
	to->retransmits += from->retransmits;
	add_histogram(&to->connect, &from->connect);
	add_histogram(&to->response, &from->response);
	add_histogram(&to->queued, &from->queued);
	to->queue_expired += from->queue_expired;
	to->queue_left += from->queue_left;
}

/* How many of the sorted services keep their own series. */
static size_t kept(const struct selection *selection, size_t total)
{
	size_t keep =
		total < SELECTION_SERVICES_MAX ? total : SELECTION_SERVICES_MAX;

	while (keep < total && rank(selection->services[keep]) == 2)
		keep++;
	return keep;
}

static int fold(struct selection *selection, size_t total)
{
	size_t keep = kept(selection, total);

	selection->service_count = keep;
	if (keep == total)
		return 0;
	selection->other = calloc(1, sizeof(*selection->other));
	if (!selection->other)
		return -ENOMEM;
	snprintf(selection->other->name, sizeof(selection->other->name),
		 "_other");
	selection->other->observed = true;
	for (size_t i = keep; i < total; i++)
		add_service(selection->other, selection->services[i]);
	selection->services_folded = total - keep;
	return 0;
}

static void take_endpoints(struct selection *selection,
			   const struct snapshot *s, bool ejected)
{
	for (size_t i = 0; i < s->endpoint_count; i++) {
		const struct snapshot_endpoint *e = &s->endpoints[i];
		bool is_ejected = e->subject.has_breaker &&
				  e->subject.state != WEIR_STATE_CLOSED;

		if (e->service >= s->service_count || is_ejected != ejected ||
		    (!is_ejected && !e->listed))
			continue;
		if (selection->endpoint_count < SELECTION_ENDPOINTS_MAX)
			selection->endpoints[selection->endpoint_count++] = e;
		else
			selection->endpoints_folded++;
	}
}

int selection_make(struct selection *out, const struct snapshot *s)
{
	struct selection made = {0};

	/* One more than needed: calloc(0) may be NULL. */
	made.services = calloc(s->service_count + 1, sizeof(*made.services));
	if (!made.services)
		return -ENOMEM;
	for (size_t i = 0; i < s->service_count; i++)
		made.services[i] = &s->services[i];
	qsort(made.services, s->service_count, sizeof(*made.services), compare);
	if (fold(&made, s->service_count)) {
		selection_clear(&made);
		return -ENOMEM;
	}
	take_endpoints(&made, s, true);
	take_endpoints(&made, s, false);
	*out = made;
	return 0;
}

void selection_clear(struct selection *selection)
{
	free(selection->services);
	free(selection->other);
	*selection = (struct selection){0};
}
