/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * manner.h - do the two sides of a connection take turns?
 *
 * Only then can a request and its answer be told apart by when bytes move. A
 * connection shows that it does not (pipelining, HTTP/2, WebSocket, long poll,
 * one-way streams) by things that happen on none that does, each of which may
 * happen once by accident: the third time it is a habit. An endpoint whose
 * connections have it is remembered, so that the next ones are not judged by
 * their first requests; now and then one is, for protocols change.
 */
#pragma once

#include "weir/abi.h"

#define MANNER_STRIKES	 3u
#define MANNER_FOUND	 5u  /* a connection that does not take turns */
#define MANNER_LOOK_EACH 16u /* connections, of which one is judged anew */

/* Shorter pauses are a request or an answer in several pieces. */
#define MANNER_PAUSE_US	     200000ull
#define MANNER_PUSH_PAUSE_US 1000000ull

#define MANNER_STRIKE_BITS \
	(3 * WEIR_CONN_OVERLAP | 3 * WEIR_CONN_LONE | 3 * WEIR_CONN_PUSH)
#define MANNER_CLEAN_BITS (15 * WEIR_CONN_CLEAN)

/*
 * HTTP/2 takes turns while one request at a time is made, but for what a client
 * writes to acknowledge the server's settings: nine bytes, in TLS 1.2 or 1.3 a
 * record of these sizes, and nobody answers them. Taken for a request it would
 * hang for as long as the connection idles.
 */
static __always_inline int manner_acknowledges(__u32 bytes)
{
	return bytes == 9 || bytes == 30 || bytes == 31 || bytes == 38;
}

/* Strikes are two bits in the flags, at `one`. */
static __always_inline __u32 manner_strikes(__u32 flags, __u32 one)
{
	return flags / one & 3;
}

/* So many turns as they should be: what was before them was an accident. */
static __always_inline int manner_forgives(__u32 flags)
{
	return (flags & MANNER_CLEAN_BITS) == MANNER_CLEAN_BITS;
}

static __always_inline __u64 manner_found(__u64 score)
{
	score += MANNER_FOUND;
	return score > WEIR_MANNER_MAX ? WEIR_MANNER_MAX : score;
}

/* A connection ended that took turns all its life. */
static __always_inline __u64 manner_kept(__u64 score)
{
	return score ? score - 1 : 0;
}

/* Is the endpoint's `nth` connection to be left alone from the start? */
static __always_inline int manner_known(__u64 score, __u64 nth)
{
	return score >= WEIR_MANNER_KNOWN && nth % MANNER_LOOK_EACH != 0;
}
