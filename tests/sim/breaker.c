/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * breaker.c - every seed is a world, and in every world the promises hold.
 *
 *   breaker                     the seeds of CI
 *   breaker --seeds A-B         these
 *   breaker --seed N [--trace]  one, and what happens in it
 *
 * A seed that fails prints the line that runs it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/world.h"

#define SEEDS 10000u

struct tally {
	uint64_t passed, failed;
	uint64_t trips, closings, looks, requests;
};

static void run_seed(uint64_t seed, bool trace, struct tally *tally)
{
	struct shape shape;
	struct world world;

	shape_make(&shape, seed);
	if (trace)
		shape_print(&shape);
	world_open(&world, &shape, trace);
	world_run(&world);
	tally->trips += world.oracle.trips;
	tally->closings += world.oracle.closings;
	tally->looks += world.oracle.looks;
	tally->requests += world.requests;
	if (world.wrong[0]) {
		printf("FAIL seed %llu: %s\n"
		       "    again: tests/sim/breaker --seed %llu --trace\n",
		       (unsigned long long)seed, world.wrong,
		       (unsigned long long)seed);
		tally->failed++;
	} else {
		tally->passed++;
	}
	world_close(&world);
	shape_clear(&shape);
}

int main(int argc, char **argv)
{
	unsigned long long first = 0, last = SEEDS - 1;
	struct tally tally = {0};
	bool trace = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--trace"))
			trace = true;
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			first = last = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seeds") && i + 1 < argc)
			sscanf(argv[++i], "%llu-%llu", &first, &last);
	}
	for (uint64_t seed = first; seed <= last; seed++)
		run_seed(seed, trace, &tally);
	printf("%llu requests, %llu trips, %llu closings, %llu looks\n",
	       (unsigned long long)tally.requests,
	       (unsigned long long)tally.trips,
	       (unsigned long long)tally.closings,
	       (unsigned long long)tally.looks);
	printf("%llu passed, %llu failed, 0 skipped\n",
	       (unsigned long long)tally.passed,
	       (unsigned long long)tally.failed);
	return tally.failed > 0;
}
