/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * holders.h - who holds the connections: the question and the answer, between
 * agent/holders.c and bpf/hooks/holders.bpf.c. As abi.h says it of itself.
 */
#pragma once

#include "weir/abi.h"

/* Connections that one look lists (W7); how many there were more is said. */
#define WEIR_HOLDERS_MAX 65536u

/* weir_look, one element: whose holders the next walk is to list. */
struct weir_look {
	__u32 subject; /* WEIR_NONE: everybody's */
	__u32 pass;    /* number of the latest walk of weir_owner */
	__u32 max;     /* at most that many connections */
	__u32 found;   /* by the walk; more than max: some are not listed */
	__u64 pass_us; /* when that pass began */
	/* At the end of the walk: with two of them the length of a jiffy. */
	__u64 jiffies;
	__u64 at_us;
};

#define WEIR_HOLDER_OPEN    (1u << 0) /* `pid` has it open now */
#define WEIR_HOLDER_WAITING (1u << 1) /* an answer is awaited */
#define WEIR_HOLDER_CLOSING (1u << 2) /* the application has closed it */
#define WEIR_HOLDER_ADOPTED (1u << 3) /* it is older than age_us */
#define WEIR_HOLDER_OVER    (1u << 4) /* enforced, it would not be there */

/* What the walk writes for each connection. */
struct weir_holder {
	__u64 cgroup; /* the socket's */
	__u64 age_us;
	__u32 silent_jiffies; /* since data was sent or arrived */
	__u32 pid;
	__u32 uid;
	__u32 slot;
	__u32 endpoint;
	__u16 state; /* of TCP, as the kernel numbers them */
	__u16 flags; /* WEIR_HOLDER_ */
};

WEIR_PIN_SIZE(weir_look, 40);
WEIR_PIN_SIZE(weir_holder, 40);
