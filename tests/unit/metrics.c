/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics.c - the exposition says what the snapshot holds, in both formats, and
 * promtool finds nothing to object to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "agent/view/render.h"
#include "agent/view/selection.h"
#include "common/scoped.h"
#include "tests/unit/rich.h"
#include "weir/histogram.h"

static char *render(const struct snapshot *s, enum metrics_format format)
{
	size_t bytes = 0;
	char *text = metrics_render(s, format, &bytes);

	assert_non_null(text);
	assert_int_equal(strlen(text), bytes);
	return text;
}

/* A whole line, so that a longer value or further labels do not pass. */
static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at += length)
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

static void assert_line(const char *text, const char *line)
{
	if (!has_line(text, line))
		fail_msg("no such line: %s", line);
}

static size_t count(const char *text, const char *needle)
{
	size_t found = 0;

	for (; (text = strstr(text, needle)); text += strlen(needle))
		found++;
	return found;
}

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

/* ---- values --------------------------------------------------------------- */

#define L "{service=\"orders-db\",direction=\"egress\""

static const char *const expected[] = {
	"weir_build_info{version=\"0.1.0-\\\"test\\\"\"} 1",
	"weir_kernel_info{release=\"6.12.0\"} 1",
	"weir_feature_supported{feature=\"sock_send_length\"} 0",
	"weir_xdp_mode{interface=\"eth0\",mode=\"driver\"} 1",
	"weir_xdp_mode{interface=\"eth0\",mode=\"generic\"} 0",
	"weir_xdp_mode{interface=\"eth1\",mode=\"off\"} 1",
	"weir_connections_opened_total" L "} 1000",
	"weir_connections_active" L "} 41",
	"weir_connections_connecting" L "} 2",
	"weir_connections_closed_total" L ",reason=\"fin\"} 800",
	"weir_connection_failures_total" L ",reason=\"timeout\"} 121",
	"weir_calls_total" L ",phase=\"connect\",result=\"failure\"} 135",
	"weir_calls_total" L ",phase=\"turn\",result=\"neutral\"} 12",
	"weir_calls_active" L "} 7",
	"weir_calls_overdue" L "} 3",
	"weir_sent_bytes_total" L "} 123456789012",
	"weir_decisions_total" L ",verdict=\"refuse\",reason=\"breaker\"} 1340",
	"weir_decisions_total" L ",verdict=\"refuse\",reason=\"cap\"} 0",
	"weir_decisions_total{service=\"search\",direction=\"egress\","
	"verdict=\"would_refuse\",reason=\"breaker\"} 77",
	"weir_decisions_total{service=\"10.0.0.9:80\",direction=\"egress\","
	"verdict=\"allow\",reason=\"none\"} 0",
	"weir_breaker_state" L ",state=\"open\"} 1",
	"weir_breaker_state" L ",state=\"closed\"} 0",
	"weir_breaker_state{service=\"search\",direction=\"egress\","
	"state=\"half_open\"} 1",
	"weir_breaker_transitions_total" L
	",from=\"closed\",to=\"open\",reason=\"failure_rate\"} 3",
	"weir_breaker_window_calls" L "} 308",
	"weir_breaker_failure_ratio{service=\"search\",direction=\"egress\"} 0",
	"weir_breaker_open_until_timestamp_seconds" L "} 1795500008.123",
	"weir_endpoints" L ",state=\"closed\"} 2",
	"weir_endpoint_ejected" L ",endpoint=\"10.0.7.3:5432\"} 1",
	"weir_endpoint_ejected" L ",endpoint=\"10.0.7.4:5432\"} 0",
	"weir_bulkhead_limit" L ",resource=\"connections\"} 100",
	"weir_bulkhead_limit" L ",resource=\"endpoint_connections\"} 40",
	"weir_bulkhead_in_use" L ",resource=\"connections\"} 41",
	"weir_bulkhead_drift_total" L "} 0",
	"weir_policy_generation 42",
	"weir_policies_loaded{mode=\"enforce\"} 1",
	"weir_policies_loaded{mode=\"observe\"} 1",
	"weir_policy_last_reload_successful 1",
	"weir_policy_value" L ",knob=\"slidingWindow.size\"} 10",
	"weir_policy_value" L ",knob=\"failureRateThreshold\"} 50",
	"weir_policy_value" L ",knob=\"waitDurationInOpenState.jitter\"} 0.5",
	"weir_heartbeat_age_seconds 0.125",
	"weir_fail_open_total{reason=\"no_storage\"} 1",
	"weir_fail_open_total{reason=\"ring_full\"} 0",
	"weir_bpf_map_max_entries{map=\"weir_endpoint\"} 4096",
	"weir_bpf_program_run_seconds_total{program=\"weir_connect4\"} 2.5e-06",
	"process_cpu_seconds_total 1.5",
	"process_open_fds 12",
};

static void every_number_of_the_snapshot_is_exported(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_line(text, expected[i]);
}

static void
a_destination_without_policy_has_traffic_and_no_breaker(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);

	assert_line(text,
		    "weir_connections_opened_total"
		    "{service=\"10.0.0.9:80\",direction=\"egress\"} 1000");
	assert_null(strstr(text, "weir_breaker_state{service=\"10.0.0.9:80\""));
	assert_null(strstr(text, "weir_policy_value{service=\"10.0.0.9:80\""));
	assert_null(strstr(text, "weir_bulkhead_limit{service=\"search\""));
}

static void exactly_one_state_is_1(void **state)
{
	struct snapshot *s = *state;

	for (int i = 0; i < WEIR_STATE_COUNT; i++) {
		scoped(text) char *text = NULL;
		size_t ones = 0, series = 0;

		s->services[RICH_SEARCH].subject.state = i;
		text = render(s, METRICS_TEXT_004);
		for (const char *at = text;
		     (at = strstr(at, "weir_breaker_state{service=\"search\""));
		     at++) {
			series++;
			ones += strchr(at, '}')[2] == '1';
		}
		assert_int_equal(series, WEIR_STATE_COUNT);
		assert_int_equal(ones, 1);
	}
}

static void an_endpoint_has_a_label_only_if_listed_or_ejected(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);

	assert_int_equal(count(text, "endpoint=\""), 2);
	assert_null(strstr(text, "10.0.7.5:5432"));
}

static void help_and_labels_are_escaped(void **state)
{
	struct snapshot *s = *state;
	scoped(text) char *text = NULL;

	snprintf(s->services[RICH_SEEN].name, WEIR_NAME_BYTES, "a\"b\\c\nd");
	text = render(s, METRICS_TEXT_004);
	assert_line(text, "weir_connections_active{service=\"a\\\"b\\\\c\\nd\","
			  "direction=\"egress\"} 41");
}

/* ---- histograms ------------------------------------------------------------ */

static void histogram_buckets_fold_exactly(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);

	assert_line(text, "weir_connect_duration_seconds_bucket" L
			  ",le=\"0.0005\"} 12");
	assert_line(text, "weir_connect_duration_seconds_bucket" L
			  ",le=\"0.001\"} 23");
	assert_line(text,
		    "weir_connect_duration_seconds_bucket" L ",le=\"10\"} 23");
	assert_line(text, "weir_connect_duration_seconds_bucket" L
			  ",le=\"+Inf\"} 25");
	assert_line(text, "weir_connect_duration_seconds_count" L "} 25");
	assert_line(text, "weir_connect_duration_seconds_sum" L "} 1.5");
}

/* A sample on an edge is inside its le, one microsecond more is outside. */
static void a_sample_on_an_edge_is_below_it(void **state)
{
	static const struct {
		uint64_t us;
		const char *le;
	} edges[] = {
		{500, "0.0005"}, {1000, "0.001"},  {2500, "0.0025"},
		{5000, "0.005"}, {10000, "0.01"},  {25000, "0.025"},
		{50000, "0.05"}, {100000, "0.1"},  {250000, "0.25"},
		{500000, "0.5"}, {1000000, "1"},   {2500000, "2.5"},
		{5000000, "5"},	 {10000000, "10"},
	};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct snapshot *s = *state;
		struct weir_histogram *h = &s->services[RICH_SEARCH].response;
		scoped(text) char *text = NULL;
		char line[160];

		*h = (struct weir_histogram){0};
		h->bucket[hist_bucket(edges[i].us)] += 1;
		h->bucket[hist_bucket(edges[i].us + 1)] += 10;
		text = render(s, METRICS_TEXT_004);
		snprintf(line, sizeof(line),
			 "weir_response_duration_seconds_bucket{service="
			 "\"search\",direction=\"egress\",le=\"%s\"} 1",
			 edges[i].le);
		assert_line(text, line);
	}
}

/* ---- formats ----------------------------------------------------------------- */

static void text_004_names_counters_with_total(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);

	assert_line(text, "# TYPE weir_calls_total counter");
	assert_line(text, "# TYPE weir_calls_active gauge");
	assert_line(text, "# TYPE weir_connect_duration_seconds histogram");
	assert_null(strstr(text, "# EOF"));
	assert_null(strstr(text, "# UNIT"));
}

static void openmetrics_has_units_an_end_and_bare_family_names(void **state)
{
	scoped(text) char *text = render(*state, METRICS_OPENMETRICS_1);
	size_t bytes = strlen(text);

	assert_line(text, "# TYPE weir_calls counter");
	assert_line(text, "# UNIT weir_sent_bytes bytes");
	assert_line(text, "weir_connections_opened_total" L "} 1000");
	assert_line(text,
		    "weir_connect_duration_seconds_bucket" L ",le=\"1.0\"} 23");
	assert_string_equal(text + bytes - 6, "# EOF\n");
}

/* Family by family, each opened once: both formats demand it. */
static void families_are_contiguous_and_named_once(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);
	char family[128] = "";
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[128] = "";

		if (sscanf(line, "# HELP %127s", name) == 1) {
			assert_string_not_equal(name, family);
			memcpy(family, name, sizeof(family));
		} else if (line[0] != '#') {
			assert_memory_equal(line, family, strlen(family));
		}
	}
}

/* ---- limits -------------------------------------------------------------------- */

static struct snapshot *many(size_t services, size_t open)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->services = calloc(services, sizeof(*s->services));
	assert_non_null(s->services);
	s->service_count = services;
	for (size_t i = 0; i < services; i++) {
		struct snapshot_service *service = &s->services[i];

		snprintf(service->name, sizeof(service->name), "s%zu", i);
		service->subject.opened = i;
		service->subject.has_breaker = true;
		service->observed = i >= open;
		if (i < open)
			service->subject.state = WEIR_STATE_OPEN;
	}
	return s;
}

static void beyond_200_services_the_rest_is_summed(void **state)
{
	struct snapshot *s = many(250, 0);
	scoped(text) char *text = render(s, METRICS_TEXT_004);

	(void)state;
	/* The least busy 50: 0 + 1 + ... + 49. */
	assert_line(text, "weir_connections_opened_total"
			  "{service=\"_other\",direction=\"egress\"} 1225");
	assert_line(text, "weir_connections_opened_total"
			  "{service=\"s249\",direction=\"egress\"} 249");
	assert_line(text, "weir_metrics_folded{limit=\"services\"} 50");
	assert_int_equal(count(text, "weir_connections_opened_total{"), 201);
	snapshot_free(s);
}

static void two_hundred_services_need_no_other(void **state)
{
	struct snapshot *s = many(200, 0);
	scoped(text) char *text = render(s, METRICS_TEXT_004);

	(void)state;
	assert_null(strstr(text, "\"_other\""));
	assert_line(text, "weir_metrics_folded{limit=\"services\"} 0");
	snapshot_free(s);
}

static void a_service_in_trouble_is_never_folded(void **state)
{
	struct snapshot *s = many(260, 230);
	scoped(text) char *text = render(s, METRICS_TEXT_004);

	(void)state;
	assert_int_equal(count(text, "weir_connections_opened_total{"), 231);
	assert_line(text, "weir_connections_opened_total"
			  "{service=\"s0\",direction=\"egress\"} 0");
	assert_line(text, "weir_metrics_folded{limit=\"services\"} 30");
	snapshot_free(s);
}

static void at_most_256_endpoints_the_ejected_first(void **state)
{
	struct snapshot *s = many(1, 1);
	scoped(text) char *text = NULL;

	(void)state;
	s->endpoint_count = 300;
	s->endpoints = calloc(300, sizeof(*s->endpoints));
	assert_non_null(s->endpoints);
	for (unsigned i = 0; i < 300; i++) {
		struct snapshot_endpoint *e = &s->endpoints[i];

		snprintf(e->name, sizeof(e->name), "10.0.0.%u:%u", i % 250, i);
		e->listed = true;
		e->subject.has_breaker = true;
		if (i == 299)
			e->subject.state = WEIR_STATE_OPEN;
	}
	text = render(s, METRICS_TEXT_004);
	assert_int_equal(count(text, "endpoint=\""), 256);
	assert_line(text, "weir_endpoint_ejected{service=\"s0\",direction="
			  "\"egress\",endpoint=\"10.0.0.49:299\"} 1");
	assert_line(text, "weir_metrics_folded{limit=\"endpoints\"} 44");
	snapshot_free(s);
}

static void an_empty_snapshot_renders(void **state)
{
	const struct snapshot nothing = {0};
	scoped(text) char *text = render(&nothing, METRICS_OPENMETRICS_1);

	(void)state;
	assert_line(text, "weir_policy_generation 0");
	assert_null(strstr(text, "\nprocess_open_fds "));
}

/* docs/METRICS.md is written by hand: it must not fall behind the table. */
static void every_family_is_documented(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);
	scoped(file) FILE *file = fopen("docs/METRICS.md", "re");
	scoped(memory) void *memory = calloc(1, 128 * 1024);
	char *save = NULL;

	if (!file) {
		print_message("SKIPPED, LOUDLY: docs/METRICS.md is not here; "
			      "run this from the root of the tree\n");
		skip();
	}
	assert_true(fread(memory, 1, 128 * 1024 - 1, file) > 0);
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[128], row[160];

		if (sscanf(line, "# HELP %127s", name) != 1)
			continue;
		snprintf(row, sizeof(row), "| `%s` |", name);
		if (!strstr(memory, row))
			fail_msg("%s is not in docs/METRICS.md", name);
	}
}

/* ---- another's opinion ------------------------------------------------------------ */

static void promtool_finds_nothing(void **state)
{
	scoped(text) char *text = render(*state, METRICS_TEXT_004);
	FILE *pipe;
	int status;

	if (system("command -v promtool >/dev/null 2>&1") != 0) {
		print_message("SKIPPED, LOUDLY: promtool is not installed, the "
			      "exposition was not linted (apt install "
			      "prometheus)\n");
		skip();
	}
	/* It says on stdout what it dislikes and then exits with 3. */
	pipe = popen("promtool check metrics >&2", "we");
	assert_non_null(pipe);
	assert_int_equal(fwrite(text, 1, strlen(text), pipe), strlen(text));
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_rich, free_rich)
	const struct CMUnitTest tests[] = {
		T(every_number_of_the_snapshot_is_exported),
		T(a_destination_without_policy_has_traffic_and_no_breaker),
		T(exactly_one_state_is_1),
		T(an_endpoint_has_a_label_only_if_listed_or_ejected),
		T(help_and_labels_are_escaped),
		T(histogram_buckets_fold_exactly),
		T(a_sample_on_an_edge_is_below_it),
		T(text_004_names_counters_with_total),
		T(openmetrics_has_units_an_end_and_bare_family_names),
		T(families_are_contiguous_and_named_once),
		cmocka_unit_test(beyond_200_services_the_rest_is_summed),
		cmocka_unit_test(two_hundred_services_need_no_other),
		cmocka_unit_test(a_service_in_trouble_is_never_folded),
		cmocka_unit_test(at_most_256_endpoints_the_ejected_first),
		cmocka_unit_test(an_empty_snapshot_renders),
		T(every_family_is_documented),
		T(promtool_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
