/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packets.c - the frames of packets.h through the real XDP programs, by
 * BPF_PROG_TEST_RUN: nothing is attached, no packet leaves. Needs root.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/scoped.h"
#include "tests/bpf/packets.h"

#define OBJECT	     "build/release/weir.bpf.o"
#define SERVICES_MAX 4
#define SLOT	     1u
#define OTHER_PORT   (FRAME_PORT + 1)
#define CAP	     3u

static unsigned passed, failed;

/* The programs, and the maps in which a policy is for them. */
struct bench {
	struct bpf_object *object;
	int drop, reset;
	struct weir_control control;
	struct weir_service service;
	struct weir_subject subject;
};

static void report(bool ok, const char *how, const char *name,
		   const char *detail)
{
	printf("%s %s%s%s%s\n", ok ? "ok" : "FAIL", how, name, ok ? "" : ": ",
	       ok ? "" : detail);
	passed += ok;
	failed += !ok;
}

static int map_of(const struct bench *b, const char *name)
{
	return bpf_object__find_map_fd_by_name(b->object, name);
}

static int open_programs(struct bench *b)
{
	static const char *const per_service[] = {"weir_service",
						  "weir_subject", "weir_stat"};
	struct bpf_program *program;
	struct bpf_map *map;

	b->object = bpf_object__open_file(OBJECT, NULL);
	if (!b->object)
		return -1;
	bpf_object__for_each_program(program, b->object)
		bpf_program__set_autoload(
			program, !strncmp(bpf_program__name(program),
					  "weir_shed_", strlen("weir_shed_")));
	bpf_object__for_each_map(
		map, b->object) for (size_t i = 0; i < 3;
				     i++) if (!strcmp(bpf_map__name(map),
						      per_service[i]))
		bpf_map__set_max_entries(map, SERVICES_MAX * 2);
	if (bpf_object__load(b->object))
		return -1;
	b->drop = bpf_program__fd(
		bpf_object__find_program_by_name(b->object, "weir_shed_drop"));
	b->reset = bpf_program__fd(
		bpf_object__find_program_by_name(b->object, "weir_shed_reset"));
	return 0;
}

static int put(const struct bench *b, const char *map, const void *key,
	       const void *value)
{
	return bpf_map_update_elem(map_of(b, map), key, value, BPF_ANY);
}

static int write_rule(const struct bench *b, const uint32_t addr[4])
{
	struct weir_rule_key key = {
		.generation = WEIR_RULE_INGRESS,
		.prefix = 128,
		.port = FRAME_PORT,
	};
	struct weir_rule_set set = {
		.count = 1,
		.rules = {{FRAME_PORT, FRAME_PORT, 1, 0, SLOT}},
	};
	uint8_t there = 1;

	memcpy(key.addr, addr, sizeof(key.addr));
	return put(b, "weir_local", addr, &there) |
	       put(b, "weir_rule", &key, &set);
}

/* All that depends on the moment. */
static int write_state(const struct bench *b)
{
	uint32_t zero = 0, index = SLOT * 2, slot = SLOT;

	return put(b, "weir_control", &zero, &b->control) |
	       put(b, "weir_service", &index, &b->service) |
	       put(b, "weir_subject", &slot, &b->subject);
}

static int fill(struct bench *b)
{
	uint32_t addr4[4] = {0, 0, htonl(0xffff), htonl(0x0a4d0002)};
	uint32_t addr6[4] = {htonl(0xfd770000), 0, 0, htonl(2)};

	b->control.active = 1;
	b->service = (struct weir_service){
		.mode = WEIR_MODE_ENFORCE,
		.direction = WEIR_INGRESS,
		.on_full = WEIR_FULL_SHED,
		.connections_max = CAP,
		.endpoint_connections_max = WEIR_NONE,
	};
	b->subject.in_use = CAP;
	return write_rule(b, addr4) | write_rule(b, addr6) | write_state(b);
}

/* What a program said of a frame; *out is the frame then. -1: it did not run. */
static int run(int program, const struct frame *in, struct frame *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in->data,
		    .data_size_in = in->bytes, .data_out = out->data,
		    .data_size_out = sizeof(out->data));

	memset(out, 0, sizeof(*out));
	if (bpf_prog_test_run_opts(program, &options))
		return -1;
	out->bytes = options.data_size_out;
	return (int)options.retval;
}

static bool same(const struct frame *a, const struct frame *b)
{
	return a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

static uint64_t counted(const struct bench *b, unsigned verdict,
			unsigned reason)
{
	int cpus = libbpf_num_possible_cpus();
	scoped(memory) void *memory =
		calloc((size_t)cpus, sizeof(struct weir_stat));
	const struct weir_stat *stat = memory;
	uint32_t slot = SLOT;
	uint64_t sum = 0;

	if (!stat || bpf_map_lookup_elem(map_of(b, "weir_stat"), &slot, memory))
		return ~0ull;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += stat[cpu].decisions[verdict][reason];
	return sum;
}

static void run_row_dropping(struct bench *b, const struct packet_row *row)
{
	uint64_t before = counted(b, WEIR_VERDICT_DROP, WEIR_REASON_CAP), count;
	struct frame in, out;
	char detail[100];
	int action, want = row->kind == PACKET_OTHER ? XDP_PASS : XDP_DROP;

	frame_make(&in, row);
	action = run(b->drop, &in, &out);
	count = counted(b, WEIR_VERDICT_DROP, WEIR_REASON_CAP) - before;
	snprintf(detail, sizeof(detail), "action %d, want %d, counted %llu",
		 action, want, (unsigned long long)count);
	report(action == want && same(&in, &out) && count == (want == XDP_DROP),
	       "drop: ", row->promise, detail);
}

static void run_row_answering(struct bench *b, const struct packet_row *row)
{
	int action, want = row->kind == PACKET_OTHER ? XDP_PASS
			   : row->ack		     ? XDP_TX
						     : XDP_DROP;
	const char *fault = NULL;
	struct frame in, out;
	char detail[100];

	frame_make(&in, row);
	action = run(b->reset, &in, &out);
	if (action == XDP_TX)
		fault = answer_fault(row, out.data, out.bytes);
	else if (!same(&in, &out))
		fault = "it was changed";
	snprintf(detail, sizeof(detail), "action %d, want %d, wrong: %s",
		 action, want, fault ? fault : "nothing");
	report(action == want && !fault, "reset: ", row->promise, detail);
}

/* With room no frame is touched, whatever it is. */
static void run_row_with_room(struct bench *b, const struct packet_row *row)
{
	struct frame in, out, out2;
	bool ok;

	frame_make(&in, row);
	ok = run(b->drop, &in, &out) == XDP_PASS &&
	     run(b->reset, &in, &out2) == XDP_PASS && same(&in, &out) &&
	     same(&in, &out2);
	report(ok, "room: ", row->promise, "it does not pass as it is");
}

/* One thing is different from a full cap that sheds; then all is as before. */
static void expect(struct bench *b, const char *promise, int want)
{
	struct frame in, out;
	char detail[60];
	int action;

	frame_make(&in, &packet_rows[0]);
	action = write_state(b) ? -1 : run(b->drop, &in, &out);
	snprintf(detail, sizeof(detail), "action %d, want %d", action, want);
	report(action == want, "", promise, detail);
}

static void run_circumstances(struct bench *b)
{
	const struct bench as_it_was = *b;
	uint64_t before;

	expect(b, "a_full_cap_sheds", XDP_DROP);
	b->subject.in_use = CAP + 5;
	expect(b, "a_cap_that_was_lowered_sheds", XDP_DROP);
	*b = as_it_was;
	b->subject.in_use = CAP - 1;
	expect(b, "one_free_slot_lets_in", XDP_PASS);
	*b = as_it_was;
	b->control.active = 0;
	expect(b, "inactive_programs_touch_nothing", XDP_PASS);
	*b = as_it_was;
	b->control.generation = 1;
	expect(b, "rules_of_another_generation_do_not_count", XDP_PASS);
	*b = as_it_was;
	b->service.mode = WEIR_MODE_OBSERVE;
	before = counted(b, WEIR_VERDICT_DROP, WEIR_REASON_CAP);
	expect(b, "observe_mode_sheds_nothing", XDP_PASS);
	report(counted(b, WEIR_VERDICT_DROP, WEIR_REASON_CAP) == before, "",
	       "what_passes_is_counted_where_it_arrives", "counted here");
	*b = as_it_was;
	b->service.on_full = WEIR_FULL_REFUSE;
	expect(b, "a_policy_that_says_refuse_sheds_nothing", XDP_PASS);
	*b = as_it_was;
	b->service.connections_max = WEIR_NONE;
	expect(b, "no_cap_sheds_nothing", XDP_PASS);
	b->service.rate_ns = 1000000000;
	expect(b, "a_rate_that_is_not_used_up_lets_in", XDP_PASS);
	b->subject.rate_at_ns = ~0ull >> 2;
	before = counted(b, WEIR_VERDICT_DROP, WEIR_REASON_RATE);
	expect(b, "a_rate_that_is_used_up_sheds", XDP_DROP);
	report(counted(b, WEIR_VERDICT_DROP, WEIR_REASON_RATE) == before + 1,
	       "", "shed_by_the_rate_is_counted_as_that", "not counted");
	*b = as_it_was;
	write_state(b);
}

static void run_strangers(struct bench *b)
{
	uint32_t addr4[4] = {0, 0, htonl(0xffff), htonl(0x0a4d0002)};
	struct packet_row row = packet_rows[0];
	struct frame in, out;

	row.patches[0] = (struct frame_patch){37, OTHER_PORT & 0xff};
	frame_make(&in, &row);
	report(run(b->drop, &in, &out) == XDP_PASS, "",
	       "a_port_of_no_policy_passes", "it does not");
	frame_make(&in, &packet_rows[0]);
	bpf_map_delete_elem(map_of(b, "weir_local"), addr4);
	report(run(b->drop, &in, &out) == XDP_PASS, "",
	       "what_is_for_another_host_passes", "it does not");
}

int main(void)
{
	struct bench bench = {0};

	libbpf_set_print(NULL);
	if (open_programs(&bench) || fill(&bench)) {
		printf("FAIL the XDP programs do not load (root is needed)\n"
		       "0 passed, 1 failed, 0 skipped\n");
		return 1;
	}
	for (size_t i = 0; i < PACKET_ROWS; i++) {
		run_row_dropping(&bench, &packet_rows[i]);
		run_row_answering(&bench, &packet_rows[i]);
	}
	run_circumstances(&bench);
	bench.subject.in_use = CAP - 1;
	write_state(&bench);
	for (size_t i = 0; i < PACKET_ROWS; i++)
		run_row_with_room(&bench, &packet_rows[i]);
	bench.subject.in_use = CAP;
	write_state(&bench);
	run_strangers(&bench);
	bpf_object__close(bench.object);
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
