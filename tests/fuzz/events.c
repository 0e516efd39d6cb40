/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.c - whatever records the kernel sends, whatever its counters say and
 * whenever: the agent's books stay whole, and what it tells is an object.
 *
 * An input is a row of steps, a byte and what it needs: records as raw bytes or
 * put together, counts, endpoints in the map, time, operators.
 */
#include "agent/view/render.h"
#include "bpf/mechanisms/probe.h"
#include "bpf/mechanisms/sample.h"
#include "tests/fuzz/agent.h"

struct moment {
	struct agent *agent;
	struct fuzz_input input;
	uint64_t now_ns;
};

static struct weir_endpoint_key key_of(struct moment *m)
{
	uint8_t byte = fuzz_byte(&m->input);
	struct weir_endpoint_key key = {
		.slot = byte % (PLANE_SERVICES + 2),
		.port = byte & 64 ? 80 : 5432,
	};

	key.addr[2] = byte & 128 ? 0 : __builtin_bswap32(0xffff);
	key.addr[3] = __builtin_bswap32(0x0a000800u | fuzz_byte(&m->input));
	return key;
}

/* Just so many bytes: what looks behind them is caught. */
static void send_raw(struct moment *m, size_t bytes)
{
	void *record = malloc(bytes ? bytes : 1);

	if (!record)
		abort();
	bytes = fuzz_take(&m->input, record, bytes);
	loop_take_event(m->agent, record, bytes, m->now_ns);
	free(record);
}

static void send_whole(struct moment *m)
{
	send_raw(m, sizeof(struct weir_event));
}

static void send_some(struct moment *m)
{
	send_raw(m, fuzz_byte(&m->input));
}

static void send_event(struct moment *m)
{
	uint8_t byte = fuzz_byte(&m->input);
	struct weir_event event = {
		.type = byte >> 5,
		.subject = (byte & 31) % (PLANE_SUBJECTS + 2),
	};

	event.key = key_of(m);
	loop_take_event(m->agent, &event, sizeof(event), m->now_ns);
}

/* As connect() does it: a number off the stack, the key into the hash. */
static void meet(struct moment *m)
{
	const struct weir_endpoint_key key = key_of(m);
	uint32_t id;

	if (maps_find(MAP_ENDPOINT, &key) || maps_pop(MAP_FREE, &id))
		return;
	maps_set(MAP_ENDPOINT, &key, &id, 0);
}

static void count(struct moment *m)
{
	uint8_t byte = fuzz_byte(&m->input), more = fuzz_byte(&m->input);
	uint32_t id = byte % PLANE_SUBJECTS;
	struct weir_subject *k = &m->agent->plane->subjects[id];
	uint32_t epoch = verdict_epoch(m->agent->plane->verdicts[id].word);

	k->judged[more % WEIR_RESULT_COUNT] += more >> 4;
	if (more % WEIR_RESULT_COUNT == WEIR_RESULT_FAILURE) {
		k->bad += more >> 4;
		for (int i = 0; i < more >> 4; i++)
			consecutive_add(&k->consecutive, epoch, false);
	}
	k->in_use = byte >> 5;
}

/* What no kernel of ours writes: any field, any value. */
static void scribble(struct moment *m)
{
	uint32_t id = fuzz_byte(&m->input) % PLANE_SUBJECTS;
	size_t at = fuzz_byte(&m->input) * 4u;
	uint8_t *k = (uint8_t *)&m->agent->plane->subjects[id];

	if (at + 8 <= sizeof(struct weir_subject))
		fuzz_take(&m->input, k + at, 8);
}

static void take_probe(struct moment *m)
{
	uint8_t byte = fuzz_byte(&m->input);
	uint32_t id = byte % PLANE_SUBJECTS;
	struct weir_subject *k = &m->agent->plane->subjects[id];
	uint32_t epoch = verdict_epoch(m->agent->plane->verdicts[id].word);

	if (probe_take(&k->probe, epoch, 3) == PROBE_TAKEN && byte & 128)
		probe_settle(&k->probe, epoch,
			     byte & 64 ? PROBE_ONE_OK : PROBE_ONE_BAD);
}

/* Up to 25 s, or ten minutes and more: until what is idle is forgotten. */
static void pass(struct moment *m)
{
	uint8_t byte = fuzz_byte(&m->input);

	m->now_ns += byte == 255 ? REGISTRY_IDLE_NS + NS_PER_S
				 : byte * 100 * NS_PER_MS;
	decide_tick(&m->agent->decide, m->now_ns);
	reset_tick(&m->agent->resets, m->now_ns);
	report_tick(m->agent, m->now_ns);
	registry_sweep(&m->agent->registry, m->now_ns);
}

static void scan(struct moment *m)
{
	registry_scan(&m->agent->registry, m->now_ns);
}

static void operate(struct moment *m)
{
	static const enum weir_state states[] = {WEIR_STATE_FORCED_OPEN,
						 WEIR_STATE_FORCED_CLOSED,
						 WEIR_STATE_CLOSED};
	uint8_t byte = fuzz_byte(&m->input);
	struct subject *subject =
		m->agent->registry.subjects[byte % PLANE_SUBJECTS];

	if (!subject || !subject->service->policy)
		return;
	if (byte >> 6 == 3)
		decide_reset(&m->agent->decide, subject, "fuzz", m->now_ns);
	else
		decide_force(&m->agent->decide, subject, states[byte >> 6],
			     fuzz_byte(&m->input) * NS_PER_S, "fuzz", "",
			     m->now_ns);
}

static void rebind(struct moment *m)
{
	static const struct weir_policies nothing;
	const struct weir_policies *in_force = &m->agent->set->policies;
	bool none = fuzz_byte(&m->input) & 1;

	registry_bind(&m->agent->registry, none ? &nothing : in_force,
		      m->now_ns);
}

static void (*const steps[])(struct moment *) = {
	send_event, send_whole, send_some, meet,    count,  scribble,
	take_probe, pass,	scan,	   operate, rebind,
};

static void check_told(struct agent *agent)
{
	struct snapshot *s = report_snapshot(agent);
	json_t *services, *endpoints;

	demand(s);
	services = json_services(s, NULL);
	endpoints = json_endpoints(s, NULL);
	demand(json_is_array(json_object_get(services, "items")));
	demand(json_is_array(json_object_get(endpoints, "items")));
	for (size_t i = 0; i < s->service_count; i++) {
		json_t *why = json_why(s, s->services[i].name);

		demand(json_array_size(json_object_get(why, "lines")) > 0);
		json_decref(why);
	}
	json_decref(services);
	json_decref(endpoints);
	snapshot_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct moment m = {
		.agent = fuzz_agent_start(),
		.input = {data, bytes},
		.now_ns = clock_monotonic_ns(),
	};

	while (m.input.left) {
		uint8_t step = fuzz_byte(&m.input);

		steps[step % (sizeof(steps) / sizeof(steps[0]))](&m);
		fuzz_check_registry(&m.agent->registry);
	}
	check_told(m.agent);
	fuzz_agent_stop(m.agent);
	return 0;
}
