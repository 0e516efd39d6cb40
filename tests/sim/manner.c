/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * manner.c - connections that do not take turns, step by step: what is a
 * request, what is none, and when a connection and its endpoint are found out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/mechanisms/manner.h"
#include "tests/sim/model/bed.h"
#include "tests/sim/model/host.h"

#define SOCKETS 25u /* more than minimumNumberOfCalls */

static uint32_t connected(struct bed *bed)
{
	uint32_t socket = bed_dial(bed, 0);

	assert_int_not_equal(socket, BED_REFUSED);
	bed_establish(bed, socket);
	return socket;
}

static void write_bytes(struct bed *bed, uint32_t socket, uint32_t bytes)
{
	host_write(socket, bytes);
	host_sent(socket, bytes);
	daemon_drain(&bed->daemon);
}

static bool is_duplex(uint32_t socket)
{
	return host_conn(socket)->flags & WEIR_CONN_DUPLEX;
}

static const struct weir_subject *counts(struct bed *bed, uint32_t socket)
{
	return &bed->daemon.plane.subjects[host_conn(socket)->endpoint];
}

static void assert_state(struct bed *bed, enum weir_state want)
{
	assert_int_equal(bed_breaker(bed, 0)->state, want);
}

/* ---- what HTTP/2 writes that is no request -------------------------------------- */

/* Answered once, then so many bytes that nobody answers; all idle. */
static void idle_after(struct bed *bed, uint32_t bytes, uint32_t *sockets)
{
	for (uint32_t i = 0; i < SOCKETS; i++) {
		sockets[i] = connected(bed);
		bed_ask(bed, sockets[i]);
		bed_answer(bed, sockets[i]);
		write_bytes(bed, sockets[i], bytes);
	}
	bed_pass(bed, 3 * S_NS);
}

static void an_idle_http2_connection_hangs_nobody(void **state)
{
	static const uint32_t sizes[] = {9, 30, 31, 38};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t sockets[SOCKETS];
		struct bed bed;

		bed_make(&bed, 1);
		bed_start(&bed);
		idle_after(&bed, sizes[i], sockets);
		assert_state(&bed, WEIR_STATE_CLOSED);
		assert_int_equal(counts(&bed, sockets[0])->calls_active, 0);
		/* Nor is it given up late. */
		for (uint32_t s = 0; s < SOCKETS; s++)
			bed_hang_up(&bed, sockets[s]);
		bed_pass(&bed, S_NS);
		assert_state(&bed, WEIR_STATE_CLOSED);
		bed_close(&bed);
	}
}

static void the_next_request_on_it_is_timed_from_its_own_start(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	bed_ask(&bed, socket);
	bed_answer(&bed, socket);
	write_bytes(&bed, socket, 9);
	bed_pass(&bed, 3 * S_NS);
	bed_ask(&bed, socket);
	bed_pass(&bed, 100 * MS_NS);
	bed_answer(&bed, socket);
	assert_int_equal(
		counts(&bed, socket)->calls[WEIR_PHASE_TURN][WEIR_RESULT_SLOW],
		0);
	assert_int_equal(counts(&bed, socket)
				 ->calls[WEIR_PHASE_TURN][WEIR_RESULT_SUCCESS],
			 2);
	bed_close(&bed);
}

static void a_request_of_another_size_that_hangs_trips(void **state)
{
	uint32_t sockets[SOCKETS];
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	idle_after(&bed, 37, sockets);
	assert_state(&bed, WEIR_STATE_OPEN);
	bed_close(&bed);
}

static void the_first_request_is_one_whatever_its_size(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	for (uint32_t i = 0; i < SOCKETS; i++)
		write_bytes(&bed, connected(&bed), 9);
	bed_pass(&bed, 3 * S_NS);
	assert_state(&bed, WEIR_STATE_OPEN);
	bed_close(&bed);
}

static void requests_that_short_hang_where_they_were_answered(void **state)
{
	uint32_t sockets[SOCKETS];
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	for (uint32_t i = 0; i < SOCKETS; i++) {
		sockets[i] = connected(&bed);
		bed_ask(&bed, sockets[i]);
		bed_answer(&bed, sockets[i]);
		write_bytes(&bed, sockets[i], 9);
		bed_answer(&bed, sockets[i]);
	}
	for (uint32_t i = 0; i < SOCKETS; i++)
		write_bytes(&bed, sockets[i], 9);
	bed_pass(&bed, 3 * S_NS);
	assert_state(&bed, WEIR_STATE_OPEN);
	bed_close(&bed);
}

/* ---- habits ---------------------------------------------------------------------- */

/* Writes and pauses, unanswered; true when that has been found out. */
static bool stream(struct bed *bed, uint32_t socket, int writes)
{
	for (int i = 0; i < writes; i++) {
		write_bytes(bed, socket, 50);
		bed_pass(bed, 210 * MS_NS);
	}
	return is_duplex(socket);
}

static void the_third_pause_of_a_stream_is_a_habit(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	assert_false(stream(&bed, socket, 3));
	assert_int_equal(counts(&bed, socket)->manner, 0);
	assert_true(stream(&bed, socket, 1));
	assert_int_equal(counts(&bed, socket)->manner, MANNER_FOUND);
	assert_int_equal(counts(&bed, socket)->calls_active, 0);
	bed_close(&bed);
}

static void pieces_of_a_request_are_no_stream(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	for (int i = 0; i < 20; i++) {
		write_bytes(&bed, socket, 50);
		bed_pass(&bed, 100 * MS_NS);
	}
	assert_false(is_duplex(socket));
	bed_close(&bed);
}

static void the_third_push_after_silence_is_a_habit(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	bed_ask(&bed, socket);
	bed_answer(&bed, socket);
	for (int i = 0; i < 3; i++) {
		assert_false(is_duplex(socket));
		bed_pass(&bed, 1100 * MS_NS);
		bed_answer(&bed, socket);
	}
	assert_true(is_duplex(socket));
	bed_close(&bed);
}

static void an_answer_in_pieces_is_no_push(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	bed_ask(&bed, socket);
	for (int i = 0; i < 20; i++) {
		bed_answer(&bed, socket);
		bed_pass(&bed, 900 * MS_NS);
	}
	assert_false(is_duplex(socket));
	bed_close(&bed);
}

/* Request, answer, pause: as long as it likes. */
static void turns_with_pauses_are_turns(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	for (int i = 0; i < 20; i++) {
		bed_ask(&bed, socket);
		bed_pass(&bed, 100 * MS_NS);
		bed_answer(&bed, socket);
		bed_pass(&bed, 5 * S_NS);
	}
	assert_false(is_duplex(socket));
	assert_false(host_conn(socket)->flags & MANNER_STRIKE_BITS);
	bed_close(&bed);
}

static void sixteen_turns_forgive_what_was_an_accident(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	assert_false(stream(&bed, socket, 2));
	for (int i = 0; i < 16; i++) {
		bed_ask(&bed, socket);
		bed_answer(&bed, socket);
	}
	assert_false(host_conn(socket)->flags & MANNER_STRIKE_BITS);
	assert_false(stream(&bed, socket, 3));
	bed_close(&bed);
}

/* ---- the endpoint ----------------------------------------------------------------- */

static void an_endpoint_is_known_by_its_second_connection(void **state)
{
	uint32_t judged = 0;
	struct bed bed;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	for (int i = 0; i < 2; i++) {
		uint32_t socket = connected(&bed);

		assert_false(is_duplex(socket));
		assert_true(stream(&bed, socket, 4));
	}
	/* From now on they are left alone from the start, but for one of 16. */
	for (int i = 0; i < 32; i++)
		judged += !is_duplex(connected(&bed));
	assert_int_equal(judged, 2);
	bed_close(&bed);
}

static void connections_that_take_turns_take_it_back(void **state)
{
	struct bed bed;
	uint32_t socket;

	(void)state;
	bed_make(&bed, 1);
	bed_start(&bed);
	socket = connected(&bed);
	assert_true(stream(&bed, socket, 4));
	for (uint32_t i = 0; i < MANNER_FOUND; i++) {
		uint32_t other = connected(&bed);

		assert_int_equal(counts(&bed, socket)->manner,
				 MANNER_FOUND - i);
		bed_ask(&bed, other);
		bed_answer(&bed, other);
		bed_hang_up(&bed, other);
	}
	assert_int_equal(counts(&bed, socket)->manner, 0);
	bed_close(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_http2_connection_hangs_nobody),
		cmocka_unit_test(
			the_next_request_on_it_is_timed_from_its_own_start),
		cmocka_unit_test(a_request_of_another_size_that_hangs_trips),
		cmocka_unit_test(the_first_request_is_one_whatever_its_size),
		cmocka_unit_test(
			requests_that_short_hang_where_they_were_answered),
		cmocka_unit_test(the_third_pause_of_a_stream_is_a_habit),
		cmocka_unit_test(pieces_of_a_request_are_no_stream),
		cmocka_unit_test(the_third_push_after_silence_is_a_habit),
		cmocka_unit_test(an_answer_in_pieces_is_no_push),
		cmocka_unit_test(turns_with_pauses_are_turns),
		cmocka_unit_test(sixteen_turns_forgive_what_was_an_accident),
		cmocka_unit_test(an_endpoint_is_known_by_its_second_connection),
		cmocka_unit_test(connections_that_take_turns_take_it_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
