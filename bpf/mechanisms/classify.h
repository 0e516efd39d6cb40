/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify.h - from the kernel's error and state to the words people read.
 */
#pragma once

#include "weir/abi.h"

/* Linux's numbers, the same on every architecture we build for. */
enum classify_errno {
	CLASSIFY_EPIPE = 32,
	CLASSIFY_ENETDOWN = 100,
	CLASSIFY_ENETUNREACH = 101,
	CLASSIFY_ECONNABORTED = 103,
	CLASSIFY_ECONNRESET = 104,
	CLASSIFY_ETIMEDOUT = 110,
	CLASSIFY_ECONNREFUSED = 111,
	CLASSIFY_EHOSTDOWN = 112,
	CLASSIFY_EHOSTUNREACH = 113,
};

/* sk_err of a socket on its way to CLOSE. */
static __always_inline enum weir_failure classify_failure(int sk_err)
{
	switch (sk_err) {
	case 0:
		return WEIR_FAILURE_LOCAL;
	case CLASSIFY_ECONNREFUSED:
		return WEIR_FAILURE_REFUSED;
	case CLASSIFY_ETIMEDOUT:
		return WEIR_FAILURE_TIMEOUT;
	case CLASSIFY_ENETDOWN:
	case CLASSIFY_ENETUNREACH:
	case CLASSIFY_EHOSTDOWN:
	case CLASSIFY_EHOSTUNREACH:
		return WEIR_FAILURE_UNREACHABLE;
	case CLASSIFY_ECONNRESET:
	case CLASSIFY_EPIPE:
		return WEIR_FAILURE_RESET;
	default:
		return WEIR_FAILURE_OTHER;
	}
}

/*
 * The peer's FIN with no answer to the last bytes. A client that has had its
 * answers says goodbye in a few bytes that nobody answers (MySQL and PostgreSQL
 * 5, LDAP 7, TLS close_notify 24 to 31), and closes: which side's FIN is first
 * is a race, and must not make a failure of the backend's.
 */
#define CLASSIFY_GOODBYE_BYTES 32u

static __always_inline enum weir_failure classify_peer_fin(int answered,
							   __u32 unanswered)
{
	return answered && unanswered <= CLASSIFY_GOODBYE_BYTES
		       ? WEIR_FAILURE_LOCAL
		       : WEIR_FAILURE_CLOSED;
}

/* Is that failure the backend's? What is local is neutral. */
static __always_inline int classify_is_failure(enum weir_failure failure)
{
	return failure != WEIR_FAILURE_LOCAL && failure != WEIR_FAILURE_OTHER;
}

static __always_inline enum weir_close
classify_close(int sk_err, int established, int in_order)
{
	if (!established)
		return WEIR_CLOSE_FAILED;
	switch (sk_err) {
	case CLASSIFY_ECONNRESET:
	case CLASSIFY_EPIPE:
		return WEIR_CLOSE_RST_REMOTE;
	case CLASSIFY_ETIMEDOUT:
		return WEIR_CLOSE_TIMEOUT;
	case 0:
		return in_order ? WEIR_CLOSE_FIN : WEIR_CLOSE_RST_LOCAL;
	default:
		return WEIR_CLOSE_OTHER;
	}
}

/*
 * The class of a call that took elapsed_us. One that is over the threshold was
 * counted when it became overdue; it is slow, whatever else became of it.
 */
static __always_inline enum weir_result
classify_result(int failed, int neutral, __u64 elapsed_us, __u64 slow_us)
{
	if (slow_us && elapsed_us > slow_us)
		return WEIR_RESULT_SLOW;
	if (failed)
		return WEIR_RESULT_FAILURE;
	return neutral ? WEIR_RESULT_NEUTRAL : WEIR_RESULT_SUCCESS;
}
