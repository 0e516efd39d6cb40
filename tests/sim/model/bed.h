/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bed.h - one service with its endpoints, for stories told step by step.
 *
 * No chance and no oracle: the hooks, the agent and the clock, and what a test
 * does with them. Hints are taken in at once; time passes in pass() alone.
 */
#pragma once

#include "tests/sim/model/daemon.h"

#define BED_SERVERS_MAX 16u
#define BED_REFUSED	UINT32_MAX
#define S_NS		1000000000ull
#define MS_NS		1000000ull

struct bed {
	struct daemon daemon;
	struct weir_policy policy;
	struct weir_policy *item;
	struct weir_policies set;
	struct policy_destination destinations[BED_SERVERS_MAX];
	uint32_t servers, sockets;
};

/* The defaults of the policy reference, no jitter, half a second is slow. */
void bed_make(struct bed *bed, uint32_t servers);
/* The agent starts with the policy as it is now. */
void bed_start(struct bed *bed);
void bed_close(struct bed *bed);

/* The policy was edited. */
void bed_apply(struct bed *bed);

void bed_pass(struct bed *bed, uint64_t ns);

/* connect(), up to the SYN: a new socket, or BED_REFUSED. */
uint32_t bed_dial(struct bed *bed, uint32_t server);
void bed_establish(struct bed *bed, uint32_t socket);
void bed_fail(struct bed *bed, uint32_t socket, int error);
void bed_ask(struct bed *bed, uint32_t socket);
void bed_answer(struct bed *bed, uint32_t socket);
/* The application closes, and the connection ends. */
void bed_hang_up(struct bed *bed, uint32_t socket);

/* Whole calls; false: refused. */
bool bed_good_call(struct bed *bed, uint32_t server);
bool bed_bad_call(struct bed *bed, uint32_t server);

struct breaker *bed_breaker(struct bed *bed, uint32_t server);
/* As many bad calls as it takes. */
void bed_trip(struct bed *bed, uint32_t server);
