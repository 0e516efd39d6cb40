/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json.c - the objects are those of docs/API.md: names, types, values, and null
 * for what is not known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/view/render.h"
#include "common/scoped.h"
#include "tests/unit/rich.h"

DEFINE_SCOPED(json, json_t *, json_decref(*it))

static int make_rich(void **state)
{
	*state = rich_snapshot();
	return 0;
}

static int free_rich(void **state)
{
	snapshot_free(*state);
	return 0;
}

/* "items.0.breaker.state"; NULL when there is none. */
static json_t *at(json_t *value, const char *path)
{
	char part[64];

	while (value && *path) {
		size_t length = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)length, path);
		value = json_is_array(value)
				? json_array_get(value, strtoul(part, NULL, 10))
				: json_object_get(value, part);
		path += length + (path[length] == '.');
	}
	return value;
}

struct expectation {
	const char *path;
	const char *value; /* as JSON */
};

static void assert_values(json_t *object, const struct expectation *rows,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		json_t *found = at(object, rows[i].path);
		scoped(text) char *text =
			json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT |
						  JSON_REAL_PRECISION(9));

		if (!text || strcmp(text, rows[i].value))
			fail_msg("%s is %s, not %s", rows[i].path,
				 text ? text : "missing", rows[i].value);
	}
}

#define ASSERT_VALUES(object, rows) \
	assert_values(object, rows, sizeof(rows) / sizeof((rows)[0]))

static void status_counts_services_by_their_worst_state(void **state)
{
	static const struct expectation rows[] = {
		{"apiVersion", "\"weir/v1\""},
		{"kind", "\"Status\""},
		{"generation", "42"},
		{"started", "\"2026-11-24T05:00:00.123Z\""},
		{"lease_seconds", "3.0"},
		{"reload.ok", "true"},
		{"reload.error", "null"},
		{"services.total", "3"},
		{"services.by_state.open", "1"},
		{"services.by_state.half_open", "1"},
		{"services.by_state.closed", "1"},
		{"policies.enforce", "1"},
		{"policies.observe", "1"},
		{"policies.disabled", "0"},
		{"faults.no_storage", "1"},
		{"features.1.supported", "false"},
		{"xdp.0.interface", "\"eth0\""},
		{"xdp.0.mode", "\"driver\""},
		{"xdp.0.answer", "\"reset\""},
		{"xdp.1.mode", "\"off\""},
		{"xdp.1.trouble", "\"it is not there\""},
		{"maps.0.max_entries", "4096"},
		{"programs.0.run_seconds", "2.5e-6"},
		{"events.4.seq", "15"},
		{"problems.0.severity", "\"error\""},
		{"problems.0.service", "\"orders-db\""},
		{"problems.0.hint", "\"weirctl why orders-db\""},
		{"problems.1.severity", "\"warning\""},
	};
	scoped(json) json_t *status = json_status(*state);

	ASSERT_VALUES(status, rows);
	assert_int_equal(json_array_size(at(status, "events")), 5);
}

static void the_worst_endpoint_makes_the_services_state(void **state)
{
	/* From bad to good. */
	static const enum weir_state order[] = {
		WEIR_STATE_OPEN,
		WEIR_STATE_FORCED_OPEN,
		WEIR_STATE_OPEN_SUPPRESSED,
		WEIR_STATE_HALF_OPEN,
		WEIR_STATE_FORCED_CLOSED,
		WEIR_STATE_CLOSED,
	};
	struct snapshot *s = *state;
	struct snapshot_service *service = &s->services[RICH_ORDERS];

	for (size_t i = 0; i < WEIR_STATE_COUNT; i++) {
		memset(service->endpoints_by_state, 0,
		       sizeof(service->endpoints_by_state));
		for (size_t k = i; k < WEIR_STATE_COUNT; k++)
			service->endpoints_by_state[order[k]] = 1;
		assert_int_equal(snapshot_state(service), order[i]);
	}
}

static void a_quiet_agent_has_no_problems(void **state)
{
	const struct snapshot nothing = {.reload_ok = true};
	scoped(json) json_t *status = json_status(&nothing);

	(void)state;
	assert_int_equal(json_array_size(at(status, "problems")), 0);
}

static void status_names_each_problem(void **state)
{
	struct snapshot *s = *state;
	scoped(json) json_t *status = NULL;
	scoped(text) char *text = NULL;

	s->reload_ok = false;
	snprintf(s->reload_error, sizeof(s->reload_error), "x.yaml:3:1 bad");
	s->heartbeat_age_seconds = 4;
	s->services[RICH_ORDERS].panic = true;
	s->services[RICH_ORDERS].drift_total = 2;
	s->services[RICH_ORDERS].subject.in_use = 100;
	s->faults[WEIR_FAULT_ENDPOINT_FULL] = 9;
	status = json_status(s);
	text = json_dumps(at(status, "problems"), 0);
	assert_non_null(strstr(text, "generation 42 stays in force: x.yaml:3"));
	assert_non_null(strstr(text, "heartbeat is 4s old"));
	assert_non_null(strstr(text, "panic"));
	assert_non_null(strstr(text, "drifted 2 times"));
	assert_non_null(strstr(text, "100 of 100 connections"));
	assert_non_null(strstr(text, "9 connections found the endpoint table"));
	assert_non_null(strstr(text, "no sock_send_length"));
}

static void services_have_policy_limits_and_traffic(void **state)
{
	static const struct expectation rows[] = {
		{"kind", "\"ServiceList\""},
		{"items.0.name", "\"orders-db\""},
		{"items.0.observed", "false"},
		{"items.0.mode", "\"enforce\""},
		{"items.0.scope", "\"endpoint\""},
		{"items.0.policy.file",
		 "\"/etc/weir/policies.d/20-orders.yaml\""},
		{"items.0.policy.line", "3"},
		{"items.0.breaker", "null"},
		{"items.0.limits.connections", "100"},
		{"items.0.endpoints.total", "3"},
		{"items.0.endpoints.by_state.open", "1"},
		{"items.0.connections.active", "41"},
		{"items.0.connections.refused", "1340"},
		{"items.0.calls.overdue", "3"},
		{"items.0.calls.connect.failure", "135"},
		{"items.0.failures.timeout", "121"},
		{"items.0.rates.refused_per_second", "112.0"},
		{"items.0.connect.p99_seconds", "0.004"},
		{"items.0.response.p99_seconds", "null"},
		{"items.0.decisions.refuse.breaker", "1340"},
		{"items.1.name", "\"search\""},
		{"items.1.limits.connections", "null"},
		{"items.1.breaker.state", "\"half_open\""},
		{"items.1.breaker.until", "null"},
		{"items.1.breaker.until_seconds", "null"},
		{"items.1.breaker.probes.permitted", "3"},
		{"items.1.breaker.probes.taken", "2"},
		{"items.1.breaker.window.failure_ratio", "null"},
		{"items.1.decisions.would_refuse.breaker", "77"},
		{"items.2.observed", "true"},
		{"items.2.policy", "null"},
	};
	scoped(json) json_t *list = json_services(*state, NULL);

	ASSERT_VALUES(list, rows);
	assert_int_equal(json_array_size(at(list, "items")), 3);
}

static void a_service_has_the_state_of_who_is_worst(void **state)
{
	static const struct expectation rows[] = {
		{"items.0.state", "\"open\""},
		{"items.0.since_seconds", "12.0"},
		{"items.1.state", "\"half_open\""},
		{"items.1.since_seconds", "1.0"},
		{"items.2.state", "null"},
		{"items.2.since", "null"},
		{"items.2.since_seconds", "null"},
	};
	struct snapshot *s = *state;
	struct snapshot_subject *third = &s->endpoints[2].subject;
	scoped(json) json_t *list = json_services(s, NULL);
	scoped(json) json_t *two = NULL;

	ASSERT_VALUES(list, rows);
	/* Of two that are open: since the first of them was. */
	third->state = WEIR_STATE_OPEN;
	third->since_realtime_ns = RICH_NOW_NS - 30000000000;
	third->since_seconds = 30;
	two = json_services(s, "orders-db");
	assert_int_equal(json_real_value(at(two, "items.0.since_seconds")), 30);
}

static json_t *value_at(json_t *list, const char *path)
{
	json_t *value;
	size_t i;

	json_array_foreach (at(list, "items.0.values"), i, value)
		if (!strcmp(json_string_value(json_object_get(value, "path")),
			    path))
			return value;
	return NULL;
}

#define RULES "spec.circuitBreaker."

static void values_say_what_is_in_force_and_where_it_was_written(void **state)
{
	static const struct expectation written[] = {
		{"value", "50"}, {"line", "14"}, {"column", "29"}};
	static const struct expectation fallback[] = {{"value", "\"500ms\""},
						      {"line", "null"}};
	static const struct expectation word[] = {{"value", "\"enforce\""}};
	struct snapshot *s = *state;
	scoped(json) json_t *list = json_policies(s);
	scoped(json) json_t *off = NULL;

	json_add_values(list, s);
	ASSERT_VALUES(value_at(list, RULES "failureRateThreshold"), written);
	ASSERT_VALUES(value_at(list, RULES "slowCallDurationThreshold"),
		      fallback);
	ASSERT_VALUES(value_at(list, "spec.mode"), word);
	/* One that is masked is not in force. */
	assert_int_equal(json_array_size(at(list, "items.2.values")), 0);
	/* Nor is what stands below a block that is absent. */
	s->services[RICH_ORDERS].bulkhead.set = false;
	off = json_policies(s);
	json_add_values(off, s);
	assert_non_null(value_at(list, "spec.bulkhead.warnAt"));
	assert_null(value_at(off, "spec.bulkhead.warnAt"));
}

static void a_wait_written_as_one_duration_was_written_there(void **state)
{
	static const struct expectation rows[] = {{"line", "15"},
						  {"column", "30"}};
	struct snapshot *s = *state;
	struct snapshot_service *orders = &s->services[RICH_ORDERS];
	scoped(json) json_t *list = json_policies(s);
	scoped(json) json_t *block = json_policies(s);

	orders->positions[1] = (struct policy_position){
		RULES "waitDurationInOpenState", 15, 30};
	orders->position_count = 2;
	json_add_values(list, s);
	ASSERT_VALUES(value_at(list, RULES "waitDurationInOpenState.max"),
		      rows);
	orders->positions[2] = (struct policy_position){
		RULES "waitDurationInOpenState.initial", 16, 16};
	orders->position_count = 3;
	json_add_values(block, s);
	assert_true(json_is_null(json_object_get(
		value_at(block, RULES "waitDurationInOpenState.max"), "line")));
}

static void a_name_selects_one_service(void **state)
{
	scoped(json) json_t *one = json_services(*state, "search");
	scoped(json) json_t *none = json_services(*state, "nobody");

	assert_int_equal(json_array_size(at(one, "items")), 1);
	assert_string_equal(json_string_value(at(one, "items.0.name")),
			    "search");
	assert_int_equal(json_array_size(at(none, "items")), 0);
}

static void endpoints_have_breakers_of_their_own(void **state)
{
	static const struct expectation rows[] = {
		{"kind", "\"EndpointList\""},
		{"items.0.name", "\"10.0.7.3:5432\""},
		{"items.0.service", "\"orders-db\""},
		{"items.0.listed", "false"},
		{"items.1.listed", "true"},
		{"items.0.breaker.state", "\"open\""},
		{"items.0.breaker.enforced", "true"},
		{"items.0.breaker.epoch", "7"},
		{"items.0.breaker.level", "3"},
		{"items.0.breaker.since", "\"2026-11-24T05:59:48.123Z\""},
		{"items.0.breaker.until", "\"2026-11-24T06:00:08.123Z\""},
		{"items.0.breaker.until_seconds", "8.0"},
		{"items.0.breaker.trip", "\"failure_rate\""},
		{"items.0.breaker.value", "63"},
		{"items.0.breaker.threshold", "50"},
		{"items.0.breaker.window.calls", "120"},
		{"items.0.breaker.window.failures", "118"},
		{"items.0.breaker.override", "null"},
	};
	scoped(json) json_t *list = json_endpoints(*state, "orders-db");
	scoped(json) json_t *all = json_endpoints(*state, NULL);

	ASSERT_VALUES(list, rows);
	assert_int_equal(json_array_size(at(list, "items")), 3);
	assert_int_equal(json_array_size(at(all, "items")), 4);
}

static void policies_show_labels_and_what_masks_them(void **state)
{
	static const struct expectation rows[] = {
		{"kind", "\"PolicyList\""},
		{"items.0.name", "\"orders-db\""},
		{"items.0.labels.team", "\"payments\""},
		{"items.0.labels.tier", "\"1\""},
		{"items.0.labels.odd", "\"\""},
		{"items.0.overridden_by", "null"},
		{"items.1.mode", "\"observe\""},
		{"items.2.overridden_by", "\"/run/weir/x.yaml\""},
	};
	scoped(json) json_t *list = json_policies(*state);

	ASSERT_VALUES(list, rows);
}

static void clients_are_processes_and_what_they_hold(void **state)
{
	static const struct expectation rows[] = {
		{"kind", "\"ClientList\""},
		{"time", "\"2026-11-24T05:59:00.123Z\""},
		{"connections", "100"},
		{"unlisted", "0"},
		{"items.0.kind", "\"Client\""},
		{"items.0.name", "\"orders.service/java[4711]\""},
		{"items.0.service", "\"orders-db\""},
		{"items.0.pid", "4711"},
		{"items.0.process", "\"java\""},
		{"items.0.unit", "\"orders.service\""},
		{"items.0.cgroup", "null"},
		{"items.0.cgroup_id", "4242"},
		{"items.0.uid", "0"},
		{"items.0.connections", "90"},
		{"items.0.connecting", "0"},
		{"items.0.waiting", "0"},
		{"items.0.idle", "40"},
		{"items.0.close_wait", "12"},
		{"items.0.closing", "0"},
		{"items.0.over", "0"},
		{"items.0.oldest_seconds", "11520.5"},
		{"items.0.older", "false"},
		{"items.0.idle_seconds", "10800.0"},
		{"items.1.idle_seconds", "null"},
		{"items.2.pid", "null"},
		{"items.2.process", "null"},
		{"items.2.detached", "1"},
		{"items.2.older", "true"},
	};
	scoped(memory) void *memory = rich_clients();
	scoped(json) json_t *list = json_clients(memory);

	(void)state;
	assert_values(list, rows, sizeof(rows) / sizeof(rows[0]));
}

static void a_why_has_who_held_the_full_cap(void **state)
{
	static const struct expectation rows[] = {
		{"held.full.time", "\"2026-11-24T05:59:00.123Z\""},
		{"held.full.subject", "\"orders-db\""},
		{"held.full.limit", "100"},
		{"held.full.enforced", "true"},
		{"held.full.refused", "\"perl (pid 9, uid 33)\""},
		{"held.full.connections", "100"},
		{"held.full.processes", "3"},
		{"held.full.holders.1.name", "\"batch/php[7]\""},
		{"held.now", "null"},
	};
	struct snapshot *s = *state;

	s->services[RICH_ORDERS].full = rich_full();
	scoped(json) json_t *why = json_why(s, "orders-db");
	assert_values(why, rows, sizeof(rows) / sizeof(rows[0]));
}

static void overrides_list_who_and_why(void **state)
{
	static const struct expectation rows[] = {
		{"kind", "\"OverrideList\""},
		{"items.0.name", "\"search\""},
		{"items.0.state", "\"forced_open\""},
		{"items.0.by", "\"uid 0\""},
		{"items.0.until", "\"2026-11-24T06:00:00.123Z\""},
	};
	struct snapshot *s = *state;
	struct snapshot_subject *b = &s->services[RICH_SEARCH].subject;
	scoped(json) json_t *before = json_overrides(s);
	scoped(json) json_t *list = NULL;
	scoped(text) char *text = NULL;

	assert_int_equal(json_array_size(at(before, "items")), 0);
	b->state = WEIR_STATE_FORCED_OPEN;
	b->until_realtime_ns = RICH_NOW_NS;
	snprintf(b->override_by, sizeof(b->override_by), "uid 0");
	snprintf(b->override_reason, sizeof(b->override_reason), "drill ü");
	list = json_overrides(s);
	text = json_dumps(at(list, "items.0.reason"),
			  JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	assert_string_equal(text, "\"drill \\u00FC\"");
	ASSERT_VALUES(list, rows);
}

/* A text cut in the middle of a character must not make the object vanish. */
static void a_cut_character_leaves_the_rest_readable(void **state)
{
	struct snapshot *s = *state;
	struct snapshot_subject *b = &s->services[RICH_SEARCH].subject;
	scoped(json) json_t *list = NULL;

	b->state = WEIR_STATE_FORCED_OPEN;
	snprintf(b->override_by, sizeof(b->override_by), "uid 0");
	snprintf(b->override_reason, sizeof(b->override_reason), "drill \xc3");
	list = json_overrides(s);
	assert_string_equal(json_string_value(at(list, "items.0.reason")),
			    "drill ?");
}

static void generations_name_the_current_one(void **state)
{
	static const struct expectation rows[] = {
		{"kind", "\"GenerationList\""},
		{"items.0.number", "42"},
		{"items.0.by", "\"start\""},
		{"items.0.current", "true"},
	};
	scoped(json) json_t *list = json_generations(*state);

	ASSERT_VALUES(list, rows);
}

/* ---- events: the snapshot holds 10..15, orders-db the even ones ------------- */

static void events_are_told_once_and_in_order(void **state)
{
	static const struct {
		uint64_t since;
		size_t limit;
		const char *service, *type;
		size_t items;
		uint64_t first, next, lost;
	} rows[] = {
		{0, 100, NULL, NULL, 6, 10, 15, 0},
		{0, 2, NULL, NULL, 2, 14, 15, 0}, /* the newest */
		{0, 2, "orders-db", NULL, 2, 12, 15, 0},
		{9, 100, NULL, NULL, 6, 10, 15, 0},
		{12, 100, NULL, NULL, 3, 13, 15, 0},
		{12, 2, NULL, NULL, 2, 13, 14, 0}, /* the oldest */
		{12, 100, "orders-db", NULL, 1, 14, 15, 0},
		{12, 100, NULL, "breaker", 3, 13, 15, 0},
		{12, 100, NULL, "policy", 0, 0, 15, 0},
		{15, 100, NULL, NULL, 0, 0, 15, 0},
		{3, 100, NULL, NULL, 6, 10, 15, 6},  /* 4..9 are gone */
		{99, 100, NULL, NULL, 6, 10, 15, 0}, /* restarted agent */
		{0, 0, NULL, NULL, 0, 0, 15, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scoped(json) json_t *list =
			json_events(*state, rows[i].since, rows[i].limit,
				    rows[i].service, rows[i].type);

		assert_int_equal(json_array_size(at(list, "items")),
				 rows[i].items);
		assert_int_equal(json_integer_value(at(list, "items.0.seq")),
				 rows[i].first);
		assert_int_equal(json_integer_value(at(list, "next")),
				 rows[i].next);
		assert_int_equal(json_integer_value(at(list, "lost")),
				 rows[i].lost);
	}
}

static void only_a_breaker_event_has_states(void **state)
{
	static const struct expectation rows[] = {
		{"kind", "\"EventList\""},
		{"items.0.type", "\"breaker\""},
		{"items.0.time", "\"2026-11-24T05:59:40.123Z\""},
		{"items.0.from", "\"closed\""},
		{"items.0.to", "\"open\""},
		{"items.0.trip", "\"failure_rate\""},
		{"items.0.calls", "214"},
		{"items.0.enforced", "true"},
		{"items.1.type", "\"policy\""},
	};
	struct snapshot *s = *state;
	scoped(json) json_t *list = NULL;

	s->events[1].type = SNAPSHOT_EVENT_POLICY;
	list = json_events(s, 9, 100, NULL, NULL);
	ASSERT_VALUES(list, rows);
	assert_null(at(list, "items.1.from"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_rich, free_rich)
	const struct CMUnitTest tests[] = {
		T(status_counts_services_by_their_worst_state),
		T(the_worst_endpoint_makes_the_services_state),
		cmocka_unit_test(a_quiet_agent_has_no_problems),
		T(status_names_each_problem),
		T(services_have_policy_limits_and_traffic),
		T(a_service_has_the_state_of_who_is_worst),
		T(values_say_what_is_in_force_and_where_it_was_written),
		T(a_wait_written_as_one_duration_was_written_there),
		T(a_name_selects_one_service),
		T(endpoints_have_breakers_of_their_own),
		T(policies_show_labels_and_what_masks_them),
		T(clients_are_processes_and_what_they_hold),
		T(a_why_has_who_held_the_full_cap),
		T(overrides_list_who_and_why),
		T(a_cut_character_leaves_the_rest_readable),
		T(generations_name_the_current_one),
		T(events_are_told_once_and_in_order),
		T(only_a_breaker_event_has_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
