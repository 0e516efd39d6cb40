/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * resets.c - whatever the process that resets connections sends back, and
 * whenever it is gone: the agent counts no more than it ordered, at no more
 * than the policy's pace, and goes on.
 */
#include <errno.h>
#include <sys/socket.h>

#include "agent/clock.h"
#include "agent/reset.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/plane.h"

#define RATE_SUM (50 + 10) /* of both services of the plane, a second */
#define BURSTS	 (7 + 3)   /* what each may save up */

static struct fuzz_input input;
static uint64_t listed;

/* In place of agent/dataplane.c: as many victims as the input has. */
int dataplane_select(struct dataplane *plane, const struct weir_select *ask,
		     struct weir_victim *out, size_t *count)
{
	uint32_t found = fuzz_byte(&input) % 70;

	(void)plane;
	demand(ask->max && ask->max <= RESETTER_BATCH_MAX);
	if (found == 69)
		return -EIO;
	*count = found < ask->max ? found : ask->max;
	memset(out, 0, *count * sizeof(*out));
	listed += *count;
	return 0;
}

struct moment {
	struct plane plane;
	struct resetter resetter;
	struct resets resets;
	int other; /* the end of the process that resets; -1: it is gone */
	uint64_t start_ns, now_ns;
};

static void send_raw(struct moment *m)
{
	uint8_t message[RESETTER_BATCH_MAX * sizeof(struct reset_result) + 8];
	size_t bytes = fuzz_byte(&input) * 3u;

	bytes = bytes < sizeof(message) ? bytes : sizeof(message);
	bytes = fuzz_take(&input, message, bytes);
	if (m->other >= 0)
		send(m->other, message, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_result(struct moment *m)
{
	const struct reset_result result = {
		.subject = fuzz_byte(&input) % (PLANE_SUBJECTS + 4),
		.error = -(int32_t)(fuzz_byte(&input) % 3),
	};

	if (m->other >= 0)
		send(m->other, &result, sizeof(result),
		     MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* It takes its orders. */
static void obey(struct moment *m)
{
	struct weir_victim victims[RESETTER_BATCH_MAX + 1];

	if (m->other < 0)
		return;
	for (;;) {
		ssize_t bytes =
			recv(m->other, victims, sizeof(victims), MSG_DONTWAIT);

		if (bytes <= 0)
			return;
		demand(bytes % (ssize_t)sizeof(victims[0]) == 0);
		demand((size_t)bytes <=
		       RESETTER_BATCH_MAX * sizeof(victims[0]));
	}
}

static void go_away(struct moment *m)
{
	if (m->other >= 0)
		close(m->other);
	m->other = -1;
}

static void force(struct moment *m)
{
	uint8_t byte = fuzz_byte(&input);
	struct subject *subject =
		m->plane.registry.subjects[byte % PLANE_SUBJECTS];

	if (subject && subject->service->policy)
		decide_force(&m->plane.decide, subject,
			     byte & 128 ? WEIR_STATE_FORCED_OPEN
					: WEIR_STATE_CLOSED,
			     0, "fuzz", "", m->now_ns);
}

static void pass(struct moment *m)
{
	m->now_ns += fuzz_byte(&input) * 10 * NS_PER_MS;
	reset_tick(&m->resets, m->now_ns);
}

static void (*const steps[])(struct moment *) = {
	send_raw, send_result, obey, force, pass, pass, pass, go_away,
};

static void open_moment(struct moment *m)
{
	int ends[2];

	*m = (struct moment){.now_ns = 1000 * NS_PER_S};
	m->start_ns = m->now_ns;
	listed = 0;
	plane_open(&m->plane, PLANE_POLICIES, m->now_ns);
	plane_meet(&m->plane.registry, "orders", 0x0a000801, 5432, m->now_ns);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, ends))
		abort();
	m->other = ends[1];
	m->resetter.fd = ends[0];
	m->resets = (struct resets){
		.registry = &m->plane.registry,
		.events = m->plane.events,
		.resetter = &m->resetter,
	};
}

/* What is listed is paced, whatever became of it. */
static void check_pace(const struct moment *m)
{
	uint64_t seconds = (m->now_ns - m->start_ns) / NS_PER_S + 1;

	demand(listed <= seconds * RATE_SUM + BURSTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct moment m;

	input = (struct fuzz_input){data, bytes};
	open_moment(&m);
	while (input.left) {
		uint8_t step = fuzz_byte(&input);

		steps[step % (sizeof(steps) / sizeof(steps[0]))](&m);
		check_pace(&m);
	}
	go_away(&m);
	resetter_stop(&m.resetter);
	plane_close(&m.plane);
	return 0;
}
