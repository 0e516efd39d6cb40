/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.c - which frames are SYNs, and the RSTs that answer them, from the
 * same table that tests/bpf/packets.c sends through the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/bpf/packets.h"

static enum packet_kind parse(struct packet_syn *syn, const struct frame *frame)
{
	return packet_parse(syn, frame->data, frame->data + frame->bytes);
}

static void every_frame_is_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKET_ROWS; i++) {
		struct packet_syn syn;
		struct frame frame;

		frame_make(&frame, &packet_rows[i]);
		if (parse(&syn, &frame) != packet_rows[i].kind)
			fail_msg("%s", packet_rows[i].promise);
	}
}

/* In memory that ends where the frame does: sanitizers see one byte more. */
static void no_byte_behind_the_frame_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKET_ROWS; i++) {
		struct packet_syn syn;
		struct frame frame;
		uint8_t *copy;

		frame_make(&frame, &packet_rows[i]);
		for (uint32_t bytes = 0; bytes <= frame.bytes; bytes++) {
			copy = malloc(bytes + 2);
			memcpy(copy + 2, frame.data, bytes);
			packet_parse(&syn, copy + 2, copy + 2 + bytes);
			free(copy);
		}
	}
}

static void addresses_and_port_are_those_of_the_rules(void **state)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 10, 77, 0, 2};
	static const uint8_t six[16] = {0xfd, 0x77, [15] = 2};
	struct packet_syn syn;
	struct frame frame;

	(void)state;
	frame_make(&frame, &packet_rows[0]);
	assert_int_equal(parse(&syn, &frame), PACKET_SYN4);
	assert_memory_equal(syn.to, mapped, 16);
	assert_int_equal(((uint8_t *)syn.from)[15], 1);
	assert_int_equal(syn.port, FRAME_PORT);
	assert_int_equal(syn.kind, PACKET_SYN4);
	frame_make(&frame, &packet_rows[1]);
	assert_int_equal(parse(&syn, &frame), PACKET_SYN6);
	assert_memory_equal(syn.to, six, 16);
	assert_int_equal(((uint8_t *)syn.from)[15], 1);
	assert_int_equal(syn.port, FRAME_PORT);
	assert_int_equal(syn.kind, PACKET_SYN6);
}

static void every_answer_is_the_rst_of_a_closed_port(void **state)
{
	unsigned answers = 0;

	(void)state;
	for (size_t i = 0; i < PACKET_ROWS; i++) {
		const struct packet_row *row = &packet_rows[i];
		struct frame frame, before;
		const char *fault;
		uint32_t bytes;

		if (row->kind == PACKET_OTHER)
			continue;
		frame_make(&frame, row);
		before = frame;
		bytes = row->kind == PACKET_SYN4 ? packet_answer4(frame.data)
						 : packet_answer6(frame.data);
		assert_int_equal(!!bytes, !!row->ack);
		if (!bytes) {
			assert_memory_equal(&frame, &before, sizeof(frame));
			continue;
		}
		fault = answer_fault(row, frame.data, bytes);
		if (fault)
			fail_msg("%s: %s", row->promise, fault);
		answers++;
	}
	assert_true(answers > 5);
}

/* Sums that carry once more when they are folded are where checksums break. */
static void answers_are_right_for_every_port_and_sequence(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		struct packet_row row = packet_rows[i % 2];
		struct frame frame;
		uint8_t *tcp;
		uint32_t ack = i * 2654435761u;
		const char *fault;

		row.patches[0] = (struct frame_patch){
			(uint16_t)(i % 2 ? 54 : 34), (uint8_t)(i >> 8)};
		row.patches[1] = (struct frame_patch){
			(uint16_t)(i % 2 ? 55 : 35), (uint8_t)i};
		row.ack = ack + 1;
		frame_make(&frame, &row);
		tcp = frame.data + (i % 2 ? 54 : 34);
		ack = htonl(ack);
		memcpy(tcp + 4, &ack, 4);
		fault = answer_fault(&row, frame.data,
				     i % 2 ? packet_answer6(frame.data)
					   : packet_answer4(frame.data));
		if (fault)
			fail_msg("%u: %s", i, fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_is_what_the_table_says),
		cmocka_unit_test(no_byte_behind_the_frame_is_read),
		cmocka_unit_test(addresses_and_port_are_those_of_the_rules),
		cmocka_unit_test(every_answer_is_the_rst_of_a_closed_port),
		cmocka_unit_test(answers_are_right_for_every_port_and_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
