/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shed.c - what a frame costs in the XDP program, next to one that does nothing.
 *
 *   shed frames OBJECT ROUNDS REPEAT
 *   shed bare INTERFACE driver|generic
 *   shed watch SECONDS
 *
 * frames: runs each frame REPEAT times through the programs by
 * BPF_PROG_TEST_RUN, in turns, ROUNDS times; prints "CASE NS" for each. Nothing
 * is attached. bare: attaches a program that drops everything, until killed.
 * watch: what the programs on interfaces took meanwhile, by the kernel's own
 * statistics: "NAME RUNS NS".
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bare.skel.h"
#include "weir/abi.h"

#define PROGRAMS_MAX	   64
#define SERVICES_MAX	   4
#define CAP		   100
#define EXACT		   8080 /* its rule names this address */
#define ANY		   8081 /* its rule names every address */
#define ROOM		   8082 /* its cap has room */
#define NOBODYS		   8083
#define RULES_OF_LISTENERS WEIR_RULE_INGRESS /* generation 0 */
#define FRAME_BYTES	   74
#define OUT_BYTES	   256

struct frame {
	uint8_t pad[2];
	uint8_t bytes[FRAME_BYTES];
};

static const struct frame plain = {
	.bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		  /* IPv4 */
		  0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 77, 0, 1, 10,
		  77, 0, 2,
		  /* TCP */
		  0xab, 0xcd, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0xa0, 2},
};

static struct bpf_object *object;

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static void put(const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map_fd(map), key, value, BPF_ANY)) {
		perror(map);
		exit(1);
	}
}

static void put_service(uint32_t slot, uint32_t in_use)
{
	struct weir_service service = {
		.mode = WEIR_MODE_ENFORCE,
		.direction = WEIR_INGRESS,
		.on_full = WEIR_FULL_SHED,
		.connections_max = CAP,
	};
	struct weir_subject subject = {.in_use = in_use};
	uint32_t index = slot * 2;

	put("weir_service", &index, &service);
	put("weir_subject", &slot, &subject);
}

static void put_rule(uint32_t slot, uint16_t port, bool exact)
{
	struct weir_rule_key key = {
		.generation = RULES_OF_LISTENERS,
		.prefix = exact ? 128 : 96,
		.port = port,
		.addr = {0, 0, htonl(0xffff), exact ? htonl(0x0a4d0002) : 0},
	};
	struct weir_rule_set set = {
		.count = 1,
		.rules = {{port, port, 1, 0, slot}},
	};

	put("weir_rule", &key, &set);
}

static void fill(void)
{
	uint32_t here[4] = {0, 0, htonl(0xffff), htonl(0x0a4d0002)}, zero = 0;
	struct weir_control control = {.active = 1};
	uint8_t there = 1;

	control.class_count[RULES_OF_LISTENERS] = 1;
	control.classes[RULES_OF_LISTENERS][0] =
		(struct weir_class){96, 1, {0}};
	put("weir_control", &zero, &control);
	put("weir_local", here, &there);
	put_service(1, CAP);
	put_service(2, 0);
	put_rule(1, EXACT, true);
	put_rule(1, ANY, false);
	put_rule(2, ROOM, true);
}

static int open_object(const char *file)
{
	static const char *const per_service[] = {"weir_service",
						  "weir_subject", "weir_stat"};
	struct bpf_program *program;
	struct bpf_map *map;

	object = bpf_object__open_file(file, NULL);
	if (!object)
		return -1;
	bpf_object__for_each_program(program, object) bpf_program__set_autoload(
		program, !strcmp(bpf_program__name(program), "weir_shed_drop"));
	bpf_object__for_each_map(
		map, object) for (size_t i = 0; i < 3;
				  i++) if (!strcmp(bpf_map__name(map),
						   per_service[i]))
		bpf_map__set_max_entries(map, SERVICES_MAX * 2);
	return bpf_object__load(object);
}

static void measure(const char *name, int program, uint16_t port, uint8_t flags,
		    uint32_t action, int repeat)
{
	struct frame frame = plain;
	uint8_t out[OUT_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes,
		    .data_size_in = FRAME_BYTES, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = repeat);

	frame.bytes[36] = (uint8_t)(port >> 8);
	frame.bytes[37] = (uint8_t)port;
	frame.bytes[47] = flags;
	if (bpf_prog_test_run_opts(program, &options) ||
	    options.retval != action) {
		fprintf(stderr, "shed: %s: action %u, not %u\n", name,
			options.retval, action);
		exit(1);
	}
	printf("%s %u\n", name, options.duration);
}

static int run_frames(struct bare_bpf *bare, char **argv)
{
	int rounds = atoi(argv[3]), repeat = atoi(argv[4]), drop, pass, weir;

	if (open_object(argv[2])) {
		fprintf(stderr, "shed: loading %s: %s\n", argv[2],
			strerror(errno));
		return 1;
	}
	drop = bpf_program__fd(bare->progs.bare_drop);
	pass = bpf_program__fd(bare->progs.bare_pass);
	weir = bpf_program__fd(
		bpf_object__find_program_by_name(object, "weir_shed_drop"));
	fill();
	while (rounds-- > 0) {
		measure("bare_drop", drop, EXACT, 2, XDP_DROP, repeat);
		measure("exact", weir, EXACT, 2, XDP_DROP, repeat);
		measure("any", weir, ANY, 2, XDP_DROP, repeat);
		measure("bare_pass", pass, EXACT, 2, XDP_PASS, repeat);
		measure("established", weir, EXACT, 0x10, XDP_PASS, repeat);
		measure("nobodys", weir, NOBODYS, 2, XDP_PASS, repeat);
		measure("room", weir, ROOM, 2, XDP_PASS, repeat);
		measure("again_drop", drop, EXACT, 2, XDP_DROP, repeat);
	}
	return 0;
}

static int hold_bare(struct bare_bpf *bare, char **argv)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = strcmp(argv[3], "driver") ? XDP_FLAGS_SKB_MODE
						       : XDP_FLAGS_DRV_MODE);

	if (bpf_link_create(bpf_program__fd(bare->progs.bare_drop),
			    (int)if_nametoindex(argv[2]), BPF_XDP,
			    &options) < 0) {
		fprintf(stderr, "shed: %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	pause();
	return 0;
}

/* Programs on interfaces, of whoever they are. */
static size_t list_programs(struct bpf_prog_info *out, size_t max)
{
	size_t count = 0;
	uint32_t id = 0;

	while (count < max && !bpf_prog_get_next_id(id, &id)) {
		uint32_t bytes = sizeof(*out);
		int fd = bpf_prog_get_fd_by_id(id);

		memset(&out[count], 0, sizeof(*out));
		if (fd >= 0 &&
		    !bpf_obj_get_info_by_fd(fd, &out[count], &bytes) &&
		    out[count].type == BPF_PROG_TYPE_XDP)
			count++;
		if (fd >= 0)
			close(fd);
	}
	return count;
}

static int watch(unsigned seconds)
{
	static struct bpf_prog_info before[PROGRAMS_MAX], after[PROGRAMS_MAX];
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	size_t count = list_programs(before, PROGRAMS_MAX), then;

	if (stats < 0)
		return 1;
	sleep(seconds);
	then = list_programs(after, PROGRAMS_MAX);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < then; k++) {
			uint64_t runs = after[k].run_cnt - before[i].run_cnt;

			if (before[i].id != after[k].id || !runs)
				continue;
			printf("%s %llu %.1f\n", after[k].name,
			       (unsigned long long)runs,
			       (double)(after[k].run_time_ns -
					before[i].run_time_ns) /
				       (double)runs);
		}
	close(stats);
	return 0;
}

int main(int argc, char **argv)
{
	struct bare_bpf *bare = bare_bpf__open_and_load();

	libbpf_set_print(NULL);
	if (bare && argc == 5 && !strcmp(argv[1], "frames"))
		return run_frames(bare, argv);
	if (bare && argc == 4 && !strcmp(argv[1], "bare"))
		return hold_bare(bare, argv);
	if (bare && argc == 3 && !strcmp(argv[1], "watch"))
		return watch((unsigned)atoi(argv[2]));
	fprintf(stderr, "usage: shed frames|bare|watch ... (root)\n");
	return 2;
}
