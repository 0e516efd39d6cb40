/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * queues.c - who gets which ring: none is anybody else's, and none is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/queues.h"

#define SERVICES 20u
#define NOW	 1000000000ull
#define LATER	 (NOW + 3 * 60 * 1000000000ull)

static struct {
	struct dataplane plane;
	struct registry registry;
	struct service services[SERVICES], *by_slot[SERVICES];
	struct weir_service records[SERVICES];
	uint32_t slots[SERVICES];
	struct compiled compiled;
} world;

static int build(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.plane.services_max = SERVICES;
	world.plane.waiters =
		calloc(WEIR_WAITERS_MAX, sizeof(*world.plane.waiters));
	world.registry.plane = &world.plane;
	world.registry.services = world.by_slot;
	for (uint32_t i = 0; i < SERVICES; i++) {
		world.by_slot[i] = &world.services[i];
		world.slots[i] = i;
	}
	world.compiled.services = world.records;
	world.compiled.slots = world.slots;
	world.compiled.service_count = SERVICES;
	return world.plane.waiters ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(world.plane.waiters);
	return 0;
}

static int assign(uint64_t now_ns)
{
	return queues_assign(&world.registry, &world.compiled, now_ns);
}

static void rings_do_not_touch(void **state)
{
	static uint8_t taken[WEIR_WAITERS_MAX];

	(void)state;
	for (uint32_t i = 0; i < SERVICES; i++)
		world.records[i].queue_max = i % 3 ? 10 * i : 0;
	assert_int_equal(assign(NOW), 0);
	for (uint32_t i = 0; i < SERVICES; i++) {
		const struct weir_service *r = &world.records[i];

		if (!r->queue_max) {
			assert_int_equal(r->queue_mask, 0);
			continue;
		}
		/* A power of two, with room for all. */
		assert_int_equal(r->queue_mask & (r->queue_mask + 1), 0);
		assert_true(r->queue_mask + 1 >=
			    WEIR_RING_PLACES * r->queue_max);
		for (uint32_t p = 0; p <= r->queue_mask; p++)
			assert_int_equal(taken[r->queue_base + p]++, 0);
	}
}

static void a_ring_stays_when_its_queue_shrinks_or_goes(void **state)
{
	uint32_t base;

	(void)state;
	world.records[2].queue_max = 64;
	world.records[3].queue_max = 64;
	assert_int_equal(assign(NOW), 0);
	base = world.records[3].queue_base;
	world.records[3].queue_max = 1;
	assert_int_equal(assign(NOW), 0);
	assert_int_equal(world.records[3].queue_base, base);
	world.records[3] = (struct weir_service){0};
	assert_int_equal(assign(NOW), 0);
	assert_int_equal(world.records[3].queue_base, base);
	assert_int_equal(world.records[3].queue_mask, compile_ring(64) - 1);
}

static void a_larger_queue_moves_and_the_old_ring_is_left_alone(void **state)
{
	uint32_t base;

	(void)state;
	world.records[1].queue_max = 8;
	assert_int_equal(assign(NOW), 0);
	base = world.records[1].queue_base;
	world.plane.waiters[base].word = 77;
	world.records[1].queue_max = 64;
	assert_int_equal(assign(NOW), 0);
	assert_true(world.records[1].queue_base != base);
	/* Those who wait in it have time to go. */
	world.records[2].queue_max = 8;
	assert_int_equal(assign(NOW), 0);
	assert_true(world.records[2].queue_base != base);
	assert_int_equal(world.plane.waiters[base].word, 77);
	world.records[3].queue_max = 8;
	assert_int_equal(assign(LATER), 0);
	assert_int_equal(world.records[3].queue_base, base);
	/* And no ticket of theirs is taken for one of the new owner. */
	assert_int_equal(world.plane.waiters[base].word, 0);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		world.records[i].queue_max = WEIR_QUEUE_MAX;
	assert_int_equal(assign(NOW), 0);
	world.records[4].queue_max = 1;
	assert_int_equal(assign(NOW), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rings_do_not_touch, build,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_ring_stays_when_its_queue_shrinks_or_goes, build,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_larger_queue_moves_and_the_old_ring_is_left_alone,
			build, tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused,
						build, tear_down),
	};

	return cmocka_run_group_tests_name("queues", tests, NULL, NULL);
}
