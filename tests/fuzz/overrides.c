/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * overrides.c - whatever STATE/overrides.json holds: what is put back was
 * forced and has an end that an operator could have given, and what is written
 * after that says the same.
 */
#include <errno.h>

#include "agent/clock.h"
#include "agent/overrides.h"
#include "common/scoped.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/plane.h"

#define YEAR_NS (366 * 86400 * NS_PER_S)

static char directory[96];

static void remove_directory(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/overrides.json", directory);
	unlink(path);
	rmdir(directory);
}

static void make_directory(void)
{
	fuzz_directory_make(directory, sizeof(directory));
	atexit(remove_directory);
}

static void check_loaded(const struct overrides *loaded, uint64_t now_ns)
{
	demand(loaded->count <= OVERRIDES_MAX);
	for (size_t i = 0; i < loaded->count; i++) {
		const struct override *o = &loaded->items[i];

		demand(o->state == WEIR_STATE_FORCED_OPEN ||
		       o->state == WEIR_STATE_FORCED_CLOSED);
		demand(o->service[0]);
		demand(!o->until_ns || o->until_ns > now_ns);
		demand(o->until_ns < now_ns + YEAR_NS);
		demand(memchr(o->service, '\0', sizeof(o->service)));
		demand(memchr(o->endpoint, '\0', sizeof(o->endpoint)));
		demand(memchr(o->by, '\0', sizeof(o->by)));
		demand(memchr(o->reason, '\0', sizeof(o->reason)));
	}
}

static size_t count_forced(const struct registry *registry)
{
	size_t count = 0;

	for (uint32_t id = 0; id < PLANE_SUBJECTS; id++) {
		const struct subject *s = registry->subjects[id];

		count += s && (s->breaker.state == WEIR_STATE_FORCED_OPEN ||
			       s->breaker.state == WEIR_STATE_FORCED_CLOSED);
	}
	return count;
}

static void check_again(struct plane *p, struct overrides *held,
			uint64_t now_ns)
{
	struct overrides again = {0};
	struct store store;
	size_t count;

	snprintf(store.overrides, sizeof(store.overrides), "%s/overrides.json",
		 directory);
	overrides_restore(held, &p->decide, now_ns);
	count = count_forced(&p->registry) + held->count;
	demand(!overrides_save(held, &store, &p->registry, now_ns));
	demand(!overrides_load(&again, &store, now_ns));
	demand(again.count == (count < OVERRIDES_MAX ? count : OVERRIDES_MAX));
	check_loaded(&again, now_ns);
	overrides_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	scoped(fd) int fd = fuzz_file(data, bytes);
	uint64_t now_ns = clock_monotonic_ns();
	struct overrides held = {0};
	struct store store;
	struct plane p;
	int err;

	if (!directory[0])
		make_directory();
	fuzz_path(fd, store.overrides, sizeof(store.overrides));
	err = overrides_load(&held, &store, now_ns);
	demand(!err || err == -EINVAL);
	if (err)
		return 0;
	check_loaded(&held, now_ns);
	plane_open(&p, PLANE_POLICIES, now_ns);
	plane_meet(&p.registry, "orders", 0x0a000801, 5432, now_ns);
	check_again(&p, &held, now_ns);
	plane_close(&p);
	overrides_clear(&held);
	return 0;
}
