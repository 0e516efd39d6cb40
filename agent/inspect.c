/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * inspect.c - what there is to read in the data plane: statistics, faults, and
 * for `status` and /metrics the programs, maps and features themselves.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dataplane.h"
#include "common/scoped.h"

int dataplane_stat(struct dataplane *plane, uint32_t slot,
		   struct weir_stat *out)
{
	int cpus = libbpf_num_possible_cpus();
	size_t words = sizeof(*out) / sizeof(uint64_t);
	scoped(memory) void *memory = NULL;
	uint64_t *sum = (uint64_t *)out;

	if (cpus <= 0)
		return -EINVAL;
	memory = calloc((size_t)cpus, sizeof(*out));
	if (!memory)
		return -ENOMEM;
	if (bpf_map_lookup_elem(plane->stat_fd, &slot, memory))
		return -errno;
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < words * (size_t)cpus; i++)
		sum[i % words] += ((const uint64_t *)memory)[i];
	return 0;
}

void dataplane_faults(struct dataplane *plane, uint64_t out[WEIR_FAULT_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	scoped(memory) void *memory =
		calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(uint64_t));

	memset(out, 0, sizeof(uint64_t) * WEIR_FAULT_COUNT);
	for (uint32_t id = 0; memory && id < WEIR_FAULT_COUNT; id++) {
		if (bpf_map_lookup_elem(plane->fault_fd, &id, memory))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			out[id] += ((const uint64_t *)memory)[cpu];
	}
}

size_t dataplane_programs(struct dataplane *plane, struct snapshot_program *out,
			  size_t max)
{
	struct bpf_program *program;
	size_t count = 0;

	bpf_object__for_each_program(program, plane->object)
	{
		struct bpf_prog_info info = {};
		__u32 bytes = sizeof(info);
		int fd = bpf_program__fd(program);

		if (count == max || fd < 0 ||
		    bpf_obj_get_info_by_fd(fd, &info, &bytes))
			continue;
		snprintf(out[count].name, sizeof(out[count].name), "%s",
			 bpf_program__name(program));
		out[count].run_count = info.run_cnt;
		out[count].run_ns = info.run_time_ns;
		out[count].recursion_misses = info.recursion_misses;
		count++;
	}
	return count;
}

/* Arrays are always full; who fills a hash tells how full it is. */
size_t dataplane_maps(struct dataplane *plane, struct snapshot_map *out,
		      size_t max)
{
	const char *name;
	size_t count = 0;

	for (; count < max && (name = dataplane_kept_map(count)); count++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(plane->object, name);
		enum bpf_map_type type = bpf_map__type(map);

		snprintf(out[count].name, sizeof(out[count].name), "%s", name);
		out[count].max_entries = bpf_map__max_entries(map);
		out[count].entries =
			type == BPF_MAP_TYPE_ARRAY ||
					type == BPF_MAP_TYPE_PERCPU_ARRAY
				? out[count].max_entries
				: 0;
	}
	return count;
}

static void set_feature(struct snapshot_feature *feature, const char *name,
			bool supported, const char *effect)
{
	snprintf(feature->name, sizeof(feature->name), "%s", name);
	feature->supported = supported;
	snprintf(feature->effect, sizeof(feature->effect), "%s", effect);
}

size_t dataplane_features(struct dataplane *plane, struct snapshot_feature *out,
			  size_t max)
{
	bool ready = plane->turns == DATAPLANE_TURNS_DATA_READY;

	if (max < 4)
		return 0;
	set_feature(&out[0], "sk_data_ready", ready,
		    ready ? ""
		    : plane->turns == DATAPLANE_TURNS_TCP_PROBE
			    ? "tcp_probe stands in: response latency is "
			      "measured from the start of a flight"
			    : "no response latency: only connects are judged");
	set_feature(&out[1], "sock_send_length", plane->send_hook,
		    plane->send_hook ? ""
				     : "overdue calls are found by the audit, "
				       "every 200 ms");
	set_feature(&out[2], "inet_diag_destroy", plane->reset_works,
		    plane->reset_works
			    ? ""
			    : "established connections are never reset");
	set_feature(&out[3], "wake", plane->wake_works,
		    plane->wake_works ? ""
				      : "a full bulkhead cannot hold a connect "
					"in a queue (CAP_NET_RAW)");
	return 4;
}
