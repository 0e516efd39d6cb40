/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * queue.c - the real queue.h and wait.h, raced by threads.
 *
 * Each thread is one application after another: it connects, waits in the queue
 * when the bulkhead is full, gives up sometimes, holds what it gets, gives it
 * back. Whatever the interleaving: no more hold a slot than the cap allows, and
 * in the end nothing is held, nobody waits, and the ring is empty.
 */
#include "tests/sim/model/helpers.h"

#include "bpf/wait.h"

#undef SEC
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>
#include <time.h>

#define SLOT	  1u
#define ENDPOINTS 2u
#define THREADS	  6u
#define ROUNDS	  20000u
#define CAP	  3u
#define LENGTH	  4u
#define RING	  16u

static struct weir_control control = {.active = 1};
static struct weir_service services[4];
static struct weir_subject subjects[4 + ENDPOINTS];
static struct weir_waiter waiters[RING];
static struct weir_verdict verdicts[4 + ENDPOINTS];
static struct weir_stat stats[4];
static uint64_t faults[WEIR_FAULT_COUNT];
static unsigned lookups;
static int holders, holders_most, served, expired, refused;

/* ---- in the kernel's place -------------------------------------------------------- */

void *helper_lookup(const void *map, const void *key)
{
	uint32_t index = *(const uint32_t *)key;

	if (map == &weir_control)
		return &control;
	if (map == &weir_service)
		return &services[index];
	if (map == &weir_subject)
		return index < 4 + ENDPOINTS ? &subjects[index] : NULL;
	if (map == &weir_waiter) {
		/* Interrupted at any step, also for longer than a lap. */
		if (__atomic_fetch_add(&lookups, 1, __ATOMIC_RELAXED) % 7 == 0)
			sched_yield();
		return index < RING ? &waiters[index] : NULL;
	}
	if (map == &weir_verdict)
		return &verdicts[index];
	if (map == &weir_stat)
		return &stats[index];
	if (map == &weir_fault)
		return &faults[index];
	return NULL;
}

__u64 helper_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void *helper_reserve(const void *map, __u64 bytes, __u64 flags)
{
	static __thread struct weir_event event;

	(void)map, (void)bytes, (void)flags;
	return &event;
}

void helper_submit(void *event, __u64 flags)
{
	(void)event, (void)flags;
}

long helper_loop(__u32 count, long (*one)(__u32 i, void *ctx), void *ctx)
{
	__u32 i = 0;

	while (i < count && !one(i, ctx))
		i++;
	return i;
}

/* Nothing here makes endpoints or has sockets. */
long helper_update(const void *map, const void *key, const void *value,
		   __u64 flags)
{
	(void)map, (void)key, (void)value, (void)flags;
	abort();
}

long helper_push(const void *map, const void *value)
{
	(void)map, (void)value;
	abort();
}

long helper_pop(const void *map, void *value)
{
	(void)map, (void)value;
	abort();
}

/* ---- an application ---------------------------------------------------------------- */

static uint32_t next(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

static void hold(struct weir_conn *conn, uint32_t *random)
{
	int now = __atomic_add_fetch(&holders, 1, __ATOMIC_SEQ_CST);
	int most = __atomic_load_n(&holders_most, __ATOMIC_RELAXED);

	while (now > most &&
	       !__atomic_compare_exchange_n(&holders_most, &most, now, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	if (next(random) % 4 == 0)
		sched_yield();
	__atomic_sub_fetch(&holders, 1, __ATOMIC_SEQ_CST);
	conn_release(conn);
}

/* As connect.bpf.c: at once, or with a ticket; false: refused. */
static bool start(struct weir_conn *conn, struct weir_service *service)
{
	struct places p = {
		.slot = SLOT,
		.endpoint = conn->endpoint,
		.syn = 1,
	};
	struct seat seat = {
		.slot = SLOT,
		.endpoint = conn->endpoint,
		.breaker = SLOT,
	};
	struct weir_subject *s = &subjects[SLOT];

	if (!*(volatile uint32_t *)&s->waiting &&
	    weir_places_take(service, &p) == PLACES_TAKEN) {
		if (p.syn)
			conn->flags |= WEIR_CONN_SYN;
		conn->held = WEIR_HELD_RESERVED;
		return true;
	}
	if (!weir_queue_room(SLOT, service->queue_max))
		return false;
	if (!weir_queue_join(service, &seat)) {
		cap_give(&s->waiting);
		return false;
	}
	conn->flags |= WEIR_CONN_WAITING;
	conn->waiter = seat.index;
	conn->ticket = seat.ticket;
	queue_serve(SLOT);
	return true;
}

static void wait_and_hold(struct weir_conn *conn, uint32_t *random)
{
	/* Some are in a hurry, and leave in the very moment. */
	uint32_t patience = next(random) % 4 ? 1000000 : next(random) % 8;

	while (conn->flags & WEIR_CONN_WAITING) {
		if (weir_wait_pick(conn))
			break;
		if (patience-- == 0) {
			weir_wait_leave(conn);
			__atomic_add_fetch(&expired, 1, __ATOMIC_RELAXED);
			return;
		}
		sched_yield();
	}
	__atomic_add_fetch(&served, 1, __ATOMIC_RELAXED);
	hold(conn, random);
}

static void *application(void *number)
{
	uint32_t random = (uint32_t)(uintptr_t)number * 2654435761u + 1;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct weir_conn conn = {
			.slot = SLOT,
			.endpoint = 4 + next(&random) % ENDPOINTS,
			.breaker = SLOT,
		};

		if (start(&conn, &services[2 * SLOT]))
			wait_and_hold(&conn, &random);
		else
			__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void race(const struct weir_service *limits)
{
	pthread_t threads[THREADS];

	memset(subjects, 0, sizeof(subjects));
	memset(waiters, 0, sizeof(waiters));
	holders = holders_most = served = expired = refused = 0;
	services[2 * SLOT] = *limits;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, application,
						(void *)(i + 1)),
				 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(served + expired + refused, THREADS * ROUNDS);
	assert_int_equal(holders, 0);
	for (uint32_t i = SLOT; i < 4 + ENDPOINTS; i++) {
		assert_int_equal(subjects[i].in_use, 0);
		assert_int_equal(subjects[i].syns, 0);
		assert_int_equal(subjects[i].waiting, 0);
	}
	queue_serve(SLOT);
	for (uint32_t i = 0; i < RING; i++)
		assert_int_equal(pair_low(waiters[i].word), WEIR_WAITER_GONE);
}

static struct weir_service limits_of(uint32_t cap)
{
	return (struct weir_service){
		.mode = WEIR_MODE_ENFORCE,
		.connections_max = cap,
		.endpoint_connections_max = WEIR_NONE,
		.queue_max = LENGTH,
		.queue_mask = RING - 1,
	};
}

static void a_cap_is_never_exceeded_and_all_slots_come_back(void **state)
{
	struct weir_service limits = limits_of(CAP);

	(void)state;
	race(&limits);
	assert_in_range(holders_most, 2, CAP);
	assert_true(served > 0);
}

static void neither_is_that_of_an_endpoint_nor_of_those_connecting(void **state)
{
	struct weir_service limits = limits_of(WEIR_NONE);

	(void)state;
	limits.endpoint_connections_max = 1;
	race(&limits);
	assert_in_range(holders_most, 1, ENDPOINTS);
	limits = limits_of(WEIR_NONE);
	limits.connecting_max = 2;
	race(&limits);
	assert_in_range(holders_most, 1, 2);
}

static void nobody_is_refused_while_there_is_room_to_wait(void **state)
{
	struct weir_service limits = limits_of(1);

	(void)state;
	limits.queue_max = THREADS;
	race(&limits);
	assert_int_equal(refused, 0);
}

static void one_slot_serves_everybody(void **state)
{
	struct weir_service limits = limits_of(1);

	(void)state;
	race(&limits);
	assert_int_equal(holders_most, 1);
}

/* ---- in turn ------------------------------------------------------------------------- */

static void who_came_first_is_granted_first(void **state)
{
	struct weir_service limits = limits_of(1);
	struct weir_conn conns[4] = {0};

	(void)state;
	memset(subjects, 0, sizeof(subjects));
	memset(waiters, 0, sizeof(waiters));
	services[2 * SLOT] = limits;
	for (int i = 0; i < 4; i++) {
		conns[i].slot = conns[i].breaker = SLOT;
		conns[i].endpoint = WEIR_NONE;
		assert_true(start(&conns[i], &services[2 * SLOT]));
	}
	assert_int_equal(subjects[SLOT].waiting, 3);
	/* One in the middle goes away. */
	assert_true(weir_wait_leave(&conns[2]));
	conn_release(&conns[0]);
	assert_false(weir_wait_pick(&conns[3]));
	assert_true(weir_wait_pick(&conns[1]));
	conn_release(&conns[1]);
	assert_true(weir_wait_pick(&conns[3]));
	conn_release(&conns[3]);
	assert_int_equal(subjects[SLOT].in_use, 0);
}

static void an_open_breaker_grants_to_nobody_but_its_probes(void **state)
{
	struct weir_service limits = limits_of(1);
	struct weir_conn conns[3] = {0};

	(void)state;
	memset(subjects, 0, sizeof(subjects));
	memset(waiters, 0, sizeof(waiters));
	services[2 * SLOT] = limits;
	for (int i = 0; i < 3; i++) {
		conns[i].slot = conns[i].breaker = SLOT;
		conns[i].endpoint = WEIR_NONE;
		assert_true(start(&conns[i], &services[2 * SLOT]));
	}
	waiters[conns[2].waiter].probe = 1;
	verdicts[SLOT].word = verdict_word(1, 1, WEIR_GATE_REFUSE, 0);
	conn_release(&conns[0]);
	assert_false(weir_wait_pick(&conns[1]));
	assert_false(weir_wait_pick(&conns[2]));
	verdicts[SLOT].word = verdict_word(2, 1, WEIR_GATE_PROBE, 0);
	queue_serve(SLOT);
	assert_false(weir_wait_pick(&conns[1]));
	assert_true(weir_wait_pick(&conns[2]));
	verdicts[SLOT].word = 0;
	conn_release(&conns[2]);
	assert_true(weir_wait_leave(&conns[1]));
	assert_int_equal(subjects[SLOT].in_use, 0);
	assert_int_equal(subjects[SLOT].waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_came_first_is_granted_first),
		cmocka_unit_test(
			an_open_breaker_grants_to_nobody_but_its_probes),
		cmocka_unit_test(
			a_cap_is_never_exceeded_and_all_slots_come_back),
		cmocka_unit_test(
			neither_is_that_of_an_endpoint_nor_of_those_connecting),
		cmocka_unit_test(nobody_is_refused_while_there_is_room_to_wait),
		cmocka_unit_test(one_slot_serves_everybody),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
