/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker.c - every seed is a world, and in every world the promises hold.
 *
 *   breaker                       the seeds of CI
 *   breaker --seeds A-B           these
 *   breaker --seed N [--trace]    one, and what happens in it
 *   breaker --stop ...            at the first that fails
 *
 * Every fourth world is run twice more, observed and enforced, and the two
 * must come to the same timeline. A seed that fails prints the line that runs
 * it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/world.h"

#define SEEDS	   10000u
#define TWIN_EVERY 4u

struct tally {
	uint64_t seeds;
	uint64_t broken, parted; /* seeds that broke a promise, or the other */
	uint64_t trips, closings, looks, requests, compared;
};

static void complain(uint64_t seed, const char *what)
{
	printf("FAIL seed %llu: %s\n"
	       "    again: build/debug/tests/sim/breaker --seed %llu --trace\n",
	       (unsigned long long)seed, what, (unsigned long long)seed);
}

static void add_up(struct tally *tally, const struct world *world)
{
	tally->trips += world->oracle.trips;
	tally->closings += world->oracle.closings;
	tally->looks += world->oracle.looks;
	tally->requests += world->requests;
}

/* True if all was well. */
static bool run_once(struct world *world, const struct shape *shape, bool trace,
		     struct tally *tally)
{
	if (trace)
		shape_print(shape);
	world_open(world, shape, trace);
	world_run(world);
	add_up(tally, world);
	if (world->wrong[0])
		complain(shape->seed, world->wrong);
	return !world->wrong[0];
}

/* ---- observe == enforce ------------------------------------------------------------ */

static bool same_move(const struct world_move *a, const struct world_move *b)
{
	return a->at_ns == b->at_ns && a->slot == b->slot &&
	       a->address == b->address && a->from == b->from &&
	       a->to == b->to && a->trip == b->trip;
}

static bool same_timeline(const struct world *a, const struct world *b)
{
	char text[200];
	uint32_t i = 0;

	while (i < a->move_count && i < b->move_count &&
	       same_move(&a->moves[i], &b->moves[i]))
		i++;
	if (i == a->move_count && i == b->move_count)
		return true;
	snprintf(text, sizeof(text),
		 "observe and enforce part at change %u, at %.6f and %.6f s", i,
		 i < a->move_count
			 ? (double)(a->moves[i].at_ns - WORLD_START_NS) / 1e9
			 : -1,
		 i < b->move_count
			 ? (double)(b->moves[i].at_ns - WORLD_START_NS) / 1e9
			 : -1);
	complain(a->shape->seed, text);
	return false;
}

static bool run_twins(uint64_t seed, bool trace, struct tally *tally)
{
	static const enum weir_mode modes[] = {WEIR_MODE_OBSERVE,
					       WEIR_MODE_ENFORCE};
	struct shape shapes[2];
	struct world worlds[2];
	bool well = true;

	for (int i = 0; i < 2; i++) {
		shape_make(&shapes[i], seed);
		shape_twin(&shapes[i], modes[i]);
		well = well && run_once(&worlds[i], &shapes[i], trace, tally);
		if (!well && i == 0) {
			world_close(&worlds[0]);
			shape_clear(&shapes[0]);
			return false;
		}
		/* The moves stay; the kernel is the next world's. */
		world_stop(&worlds[i]);
	}
	if (well && !worlds[0].overflow && !worlds[1].overflow) {
		tally->compared++;
		well = same_timeline(&worlds[0], &worlds[1]);
	}
	for (int i = 0; i < 2; i++) {
		world_close(&worlds[i]);
		shape_clear(&shapes[i]);
	}
	return well;
}

static bool run_seed(uint64_t seed, bool trace, struct tally *tally)
{
	struct shape shape;
	struct world world;
	bool well;

	shape_make(&shape, seed);
	well = run_once(&world, &shape, trace, tally);
	world_close(&world);
	shape_clear(&shape);
	tally->broken += !well;
	if (!well || seed % TWIN_EVERY)
		return well;
	well = run_twins(seed, trace, tally);
	tally->parted += !well;
	return well;
}

static void print_promise(const char *promise, uint64_t failures)
{
	printf("%s %s\n", failures ? "FAIL" : "ok", promise);
}

/* Two promises; a seed is no test of its own. */
static int report(const struct tally *tally)
{
	unsigned failed = !!tally->broken + !!tally->parted;

	printf("%llu seeds: %llu requests, %llu trips, %llu closings, %llu "
	       "looks, %llu timelines compared\n",
	       (unsigned long long)tally->seeds,
	       (unsigned long long)tally->requests,
	       (unsigned long long)tally->trips,
	       (unsigned long long)tally->closings,
	       (unsigned long long)tally->looks,
	       (unsigned long long)tally->compared);
	print_promise("in_every_world_every_look_is_the_right_one",
		      tally->broken);
	print_promise("observe_and_enforce_come_to_the_same_timeline",
		      tally->parted);
	printf("%u passed, %u failed, 0 skipped\n", 2 - failed, failed);
	return failed > 0;
}

/* ---- the program ---------------------------------------------------------------------- */

static int usage(void)
{
	fputs("usage: breaker [--seed N | --seeds A-B] [--trace] [--stop]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long long first = 0, last = SEEDS - 1;
	struct tally tally = {0};
	bool trace = false, stop = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--trace"))
			trace = true;
		else if (!strcmp(argv[i], "--stop"))
			stop = true;
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc &&
			 sscanf(argv[++i], "%llu", &first) == 1)
			last = first;
		else if (strcmp(argv[i], "--seeds") || i + 1 == argc ||
			 sscanf(argv[++i], "%llu-%llu", &first, &last) != 2)
			return usage();
	}
	for (uint64_t seed = first; seed <= last; seed++) {
		tally.seeds++;
		if (!run_seed(seed, trace, &tally) && stop)
			break;
	}
	return report(&tally);
}
