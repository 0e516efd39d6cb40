/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics.c - the families of design/4-operator.md from a snapshot.
 *
 * One row is one family in both formats and in docs/METRICS.md. A row takes its
 * samples from a member of the service or from a function, and says which
 * services have it: a destination without policy has traffic, no breaker.
 */
#include <errno.h>
#include <stddef.h>

#include "agent/view/knobs.h"
#include "agent/view/names.h"
#include "agent/view/selection.h"
#include "agent/view/writer.h"
#include "common/count_of.h"
#include "common/scoped.h"

DEFINE_SCOPED(selection, struct selection, selection_clear(it))

struct sources {
	const struct snapshot *snapshot;
	const struct selection *selection;
};

enum whose {
	EVERY_SERVICE,
	WITH_POLICY,
	WITH_BREAKER,
	WITH_BULKHEAD,
	WITH_QUEUE,
};

struct family {
	const char *name;
	enum writer_kind kind;
	const char *unit;
	const char *help;
	enum whose whose;
	/* Exactly one of: */
	size_t count64, count32; /* offsets in struct snapshot_service */
	void (*service)(struct writer *w, const struct snapshot_service *s);
	void (*agent)(struct writer *w, const struct sources *from);
};

static void name_service(struct writer *w, const struct snapshot_service *s)
{
	w->service = s->name;
	w->direction = names_direction[s->direction];
}

/* ---- build and agent --------------------------------------------------------- */

static void build_info(struct writer *w, const struct sources *from)
{
	writer_count(w, 1, "version", from->snapshot->version, NULL);
}

static void kernel_info(struct writer *w, const struct sources *from)
{
	writer_count(w, 1, "release", from->snapshot->kernel, NULL);
}

static void features(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->snapshot->feature_count; i++)
		writer_count(w, from->snapshot->features[i].supported,
			     "feature", from->snapshot->features[i].name, NULL);
}

/* Every mode as 0 or 1, so that a change of it leaves no series behind. */
static void xdp_modes(struct writer *w, const struct sources *from)
{
	const struct snapshot *s = from->snapshot;

	for (size_t i = 0; i < s->interface_count; i++)
		for (int mode = 0; mode <= SNAPSHOT_XDP_DRIVER; mode++)
			writer_count(w, (int)s->interfaces[i].mode == mode,
				     "interface", s->interfaces[i].name, "mode",
				     snapshot_xdp_word((enum snapshot_xdp)mode),
				     NULL);
}

static void generation(struct writer *w, const struct sources *from)
{
	writer_count(w, from->snapshot->generation, NULL);
}

static void policies_loaded(struct writer *w, const struct sources *from)
{
	const struct snapshot *s = from->snapshot;
	uint64_t counts[3] = {0};

	for (size_t i = 0; i < s->policy_count; i++)
		if (!s->policies[i].overridden_by[0])
			counts[s->policies[i].mode]++;
	for (int mode = 0; mode < 3; mode++)
		writer_count(w, counts[mode], "mode", names_mode[mode], NULL);
}

static void reload_time(struct writer *w, const struct sources *from)
{
	if (from->snapshot->reload_realtime_ns)
		writer_real(w, (double)from->snapshot->reload_realtime_ns / 1e9,
			    NULL);
}

static void heartbeat(struct writer *w, const struct sources *from)
{
	writer_real(w, from->snapshot->heartbeat_age_seconds, NULL);
}

static void lease(struct writer *w, const struct sources *from)
{
	writer_real(w, from->snapshot->lease_seconds, NULL);
}

/* Those that are one number of the snapshot. */
#define ONE_NUMBER(name, member)                                       \
	static void name(struct writer *w, const struct sources *from) \
	{                                                              \
		writer_count(w, from->snapshot->member, NULL);         \
	}

ONE_NUMBER(events_lost, events_lost_total)
ONE_NUMBER(hints, hints_total)
ONE_NUMBER(wakes_missed, wakes_missed_total)
ONE_NUMBER(local_fault, local_fault)
ONE_NUMBER(reload_ok, reload_ok)

static void fail_open(struct writer *w, const struct sources *from)
{
	for (int fault = 0; fault < WEIR_FAULT_COUNT; fault++)
		writer_count(w, from->snapshot->faults[fault], "reason",
			     names_fault[fault], NULL);
}

static void folded(struct writer *w, const struct sources *from)
{
	writer_count(w, from->selection->services_folded, "limit", "services",
		     NULL);
	writer_count(w, from->selection->endpoints_folded, "limit", "endpoints",
		     NULL);
}

static void map_entries(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->snapshot->map_count; i++)
		writer_count(w, from->snapshot->maps[i].entries, "map",
			     from->snapshot->maps[i].name, NULL);
}

static void map_max(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->snapshot->map_count; i++)
		writer_count(w, from->snapshot->maps[i].max_entries, "map",
			     from->snapshot->maps[i].name, NULL);
}

static void program_seconds(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->snapshot->program_count; i++)
		writer_real(w, (double)from->snapshot->programs[i].run_ns / 1e9,
			    "program", from->snapshot->programs[i].name, NULL);
}

static void program_runs(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->snapshot->program_count; i++)
		writer_count(w, from->snapshot->programs[i].run_count,
			     "program", from->snapshot->programs[i].name, NULL);
}

static void program_misses(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->snapshot->program_count; i++)
		writer_count(w, from->snapshot->programs[i].recursion_misses,
			     "program", from->snapshot->programs[i].name, NULL);
}

/* ---- traffic ------------------------------------------------------------------- */

static void closed(struct writer *w, const struct snapshot_service *s)
{
	for (int i = 0; i < WEIR_CLOSE_COUNT; i++)
		writer_count(w, s->closed[i], "reason", names_close[i], NULL);
}

static void resets(struct writer *w, const struct snapshot_service *s)
{
	enum weir_established why = s->direction == WEIR_INGRESS
					    ? WEIR_ESTABLISHED_DOOMED
					    : s->breaker.established;

	if (why)
		writer_count(w, s->resets_total, "reason", names_reset[why],
			     NULL);
}

static void would_reset(struct writer *w, const struct snapshot_service *s)
{
	if (s->breaker.established)
		writer_count(w, s->would_reset_total, "reason",
			     names_reset[s->breaker.established], NULL);
}

static void failures(struct writer *w, const struct snapshot_service *s)
{
	for (int i = 0; i < WEIR_FAILURE_COUNT; i++)
		writer_count(w, s->subject.failures[i], "reason",
			     names_failure[i], NULL);
}

static void calls(struct writer *w, const struct snapshot_service *s)
{
	for (int phase = 0; phase < WEIR_PHASE_COUNT; phase++)
		for (int i = 0; i < WEIR_RESULT_COUNT; i++)
			writer_count(w, s->subject.calls[phase][i], "phase",
				     names_phase[phase], "result",
				     names_result[i], NULL);
}

static void connect_seconds(struct writer *w, const struct snapshot_service *s)
{
	writer_histogram(w, &s->connect);
}

static void response_seconds(struct writer *w, const struct snapshot_service *s)
{
	writer_histogram(w, &s->response);
}

/*
 * Of a counter's possible series, those an alert will name exist from the
 * start (a series that appears with its first event hides that event from
 * rate()); the others only once they happen.
 */
static const bool usual[WEIR_REASON_COUNT] = {
	[WEIR_REASON_FORCED] = true,
	[WEIR_REASON_BREAKER] = true,
	[WEIR_REASON_HALF_OPEN] = true,
	[WEIR_REASON_CAP] = true,
};

static bool shown(const struct snapshot_service *s, int verdict, int reason)
{
	if (s->decisions[verdict][reason])
		return true;
	if (verdict == WEIR_VERDICT_ALLOW)
		return reason == WEIR_REASON_NONE;
	return !s->observed && usual[reason];
}

static void decisions(struct writer *w, const struct snapshot_service *s)
{
	for (int verdict = 0; verdict < WEIR_VERDICT_COUNT; verdict++)
		for (int reason = 0; reason < WEIR_REASON_COUNT; reason++)
			if (shown(s, verdict, reason))
				writer_count(w, s->decisions[verdict][reason],
					     "verdict", names_verdict[verdict],
					     "reason", names_reason[reason],
					     NULL);
}

/* ---- breaker -------------------------------------------------------------------- */

static void breaker_state(struct writer *w, const struct snapshot_service *s)
{
	for (int state = 0; state < WEIR_STATE_COUNT; state++)
		writer_count(w, snapshot_state(s) == (enum weir_state)state,
			     "state", names_state[state], NULL);
}

static void transitions(struct writer *w, const struct snapshot_service *s)
{
	for (int from = 0; from < WEIR_STATE_COUNT; from++)
		for (int to = 0; to < WEIR_STATE_COUNT; to++)
			for (int trip = 0; trip < WEIR_TRIP_COUNT; trip++)
				if (s->transitions[from][to][trip])
					writer_count(
						w,
						s->transitions[from][to][trip],
						"from", names_state[from], "to",
						names_state[to], "reason",
						names_trip[trip], NULL);
}

static void failure_ratio(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->selection->service_count; i++) {
		const struct snapshot_service *s = from->selection->services[i];
		struct window_counts window;

		if (!s->breaker.set)
			continue;
		window = snapshot_window(from->snapshot, s);
		name_service(w, s);
		writer_real(w,
			    window.calls ? (double)window.failures /
						   (double)window.calls
					 : 0,
			    NULL);
	}
}

static void slow_ratio(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->selection->service_count; i++) {
		const struct snapshot_service *s = from->selection->services[i];
		struct window_counts window;

		if (!s->breaker.set)
			continue;
		window = snapshot_window(from->snapshot, s);
		name_service(w, s);
		writer_real(w,
			    window.calls
				    ? (double)window.slow / (double)window.calls
				    : 0,
			    NULL);
	}
}

static void window_calls(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->selection->service_count; i++) {
		const struct snapshot_service *s = from->selection->services[i];

		if (!s->breaker.set)
			continue;
		name_service(w, s);
		writer_count(w, snapshot_window(from->snapshot, s).calls, NULL);
	}
}

/* The earliest end of a wait; with scope endpoint of any endpoint. */
static void open_until(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->selection->service_count; i++) {
		const struct snapshot_service *s = from->selection->services[i];
		int64_t until_ns = snapshot_open_until_ns(from->snapshot, s);

		if (!until_ns)
			continue;
		name_service(w, s);
		writer_real(w, (double)until_ns / 1e9, NULL);
	}
}

static void probes(struct writer *w, const struct snapshot_service *s)
{
	writer_count(w, s->probes_ok_total, "result", "success", NULL);
	writer_count(w, s->probes_bad_total, "result", "failure", NULL);
}

static void endpoints(struct writer *w, const struct snapshot_service *s)
{
	for (int state = 0; state < WEIR_STATE_COUNT; state++)
		writer_count(w, s->endpoints_by_state[state], "state",
			     names_state[state], NULL);
}

static void ejected(struct writer *w, const struct sources *from)
{
	for (size_t i = 0; i < from->selection->endpoint_count; i++) {
		const struct snapshot_endpoint *e =
			from->selection->endpoints[i];
		enum weir_state state = e->subject.state;
		bool out = e->subject.has_breaker &&
			   (state == WEIR_STATE_OPEN ||
			    state == WEIR_STATE_HALF_OPEN ||
			    state == WEIR_STATE_FORCED_OPEN);

		name_service(w, &from->snapshot->services[e->service]);
		writer_count(w, out, "endpoint", e->name, NULL);
	}
}

static void panic(struct writer *w, const struct snapshot_service *s)
{
	writer_count(w, s->panic, NULL);
}

/* ---- bulkhead and policy ----------------------------------------------------------- */

static void resource(struct writer *w, uint32_t value, uint32_t max,
		     const char *name)
{
	if (max && max != WEIR_NONE)
		writer_count(w, value, "resource", name, NULL);
}

static void limits(struct writer *w, const struct snapshot_service *s)
{
	const struct policy_bulkhead *b = &s->bulkhead;

	resource(w, b->connections_max, b->connections_max, "connections");
	resource(w, b->endpoint_connections_max, b->endpoint_connections_max,
		 "endpoint_connections");
	resource(w, b->connecting_max, b->connecting_max, "connecting");
	resource(w, b->calls_max, b->calls_max, "calls");
}

static void in_use(struct writer *w, const struct snapshot_service *s)
{
	const struct policy_bulkhead *b = &s->bulkhead;

	writer_count(w, s->subject.in_use, "resource", "connections", NULL);
	resource(w, s->subject.connecting, b->connecting_max, "connecting");
	resource(w, s->subject.calls_active, b->calls_max, "calls");
}

static void queue_seconds(struct writer *w, const struct snapshot_service *s)
{
	writer_histogram(w, &s->queued);
}

static void queue_ended(struct writer *w, const struct snapshot_service *s)
{
	writer_count(w, s->queue_expired, "reason", "expired", NULL);
	writer_count(w, s->queue_left, "reason", "left", NULL);
}

/* ---- process ------------------------------------------------------------------------ */

static void cpu_seconds(struct writer *w, const struct sources *from)
{
	if (from->snapshot->process.known)
		writer_real(w, from->snapshot->process.cpu_seconds, NULL);
}

/* Four of one shape. */
#define PROCESS_COUNT(member)                                                  \
	static void member(struct writer *w, const struct sources *from)       \
	{                                                                      \
		if (from->snapshot->process.known)                             \
			writer_count(w, from->snapshot->process.member, NULL); \
	}

PROCESS_COUNT(resident_bytes)
PROCESS_COUNT(virtual_bytes)
PROCESS_COUNT(open_fds)
PROCESS_COUNT(max_fds)

static void start_time(struct writer *w, const struct sources *from)
{
	writer_real(w, (double)from->snapshot->started_realtime_ns / 1e9, NULL);
}

/* ---- the families -------------------------------------------------------------------- */

#define SERVICE(member) offsetof(struct snapshot_service, member)

/* clang-format off */
static const struct family families[] = {
	{ "weir_build_info", WRITER_GAUGE, "", "Version of the running agent; always 1.", .agent = build_info },
	{ "weir_kernel_info", WRITER_GAUGE, "", "Release of the running kernel; always 1.", .agent = kernel_info },
	{ "weir_feature_supported", WRITER_GAUGE, "", "Whether this kernel has a feature Weir makes use of.", .agent = features },
	{ "weir_xdp_mode", WRITER_GAUGE, "", "How the program that sheds SYNs is attached to an interface of weir.yaml.", .agent = xdp_modes },

	{ "weir_connections_opened", WRITER_COUNTER, "", "Connection attempts that were let through.", .count64 = SERVICE(subject.opened) },
	{ "weir_connections_established", WRITER_COUNTER, "", "Connections that were established.", .count64 = SERVICE(established) },
	{ "weir_connections_adopted", WRITER_COUNTER, "", "Connections that existed before the agent started.", .count64 = SERVICE(adopted) },
	{ "weir_connections_closed", WRITER_COUNTER, "", "Connections that ended, by how.", .service = closed },
	{ "weir_connections_active", WRITER_GAUGE, "", "Connections held, from connect() to the final close.", .count32 = SERVICE(subject.in_use) },
	{ "weir_connections_connecting", WRITER_GAUGE, "", "Connections not yet established.", .count32 = SERVICE(subject.connecting) },
	{ "weir_connection_failures", WRITER_COUNTER, "", "Connection attempts and connections that failed, by why.", .service = failures },
	{ "weir_connect_duration_seconds", WRITER_HISTOGRAM, "seconds", "From connect() to established.", .service = connect_seconds },
	{ "weir_response_duration_seconds", WRITER_HISTOGRAM, "seconds", "From a request's first byte to the first byte of its answer.", .service = response_seconds },
	{ "weir_calls", WRITER_COUNTER, "", "Calls that ended, by phase and result.", .service = calls },
	{ "weir_calls_active", WRITER_GAUGE, "", "Calls in flight.", .count32 = SERVICE(subject.calls_active) },
	{ "weir_calls_overdue", WRITER_GAUGE, "", "Calls in flight for longer than slowCallDurationThreshold.", .count32 = SERVICE(subject.calls_overdue) },
	{ "weir_tcp_retransmits", WRITER_COUNTER, "", "TCP segments sent again.", .count64 = SERVICE(retransmits) },
	{ "weir_sent_bytes", WRITER_COUNTER, "bytes", "Bytes the peer has acknowledged.", .count64 = SERVICE(sent_bytes) },
	{ "weir_received_bytes", WRITER_COUNTER, "bytes", "Bytes received.", .count64 = SERVICE(received_bytes) },
	{ "weir_decisions", WRITER_COUNTER, "", "What was decided about each connection attempt, and why.", .service = decisions },

	{ "weir_breaker_state", WRITER_GAUGE, "", "1 for the state the breaker is in; with scope endpoint the worst of the endpoints.", WITH_BREAKER, .service = breaker_state },
	{ "weir_breaker_transitions", WRITER_COUNTER, "", "Changes of state, of the service and its endpoints.", WITH_BREAKER, .service = transitions },
	{ "weir_breaker_window_calls", WRITER_GAUGE, "", "Calls in the sliding window.", .agent = window_calls },
	{ "weir_breaker_failure_ratio", WRITER_GAUGE, "ratio", "Failed calls in the sliding window, of all; 0 when there are none.", .agent = failure_ratio },
	{ "weir_breaker_slow_ratio", WRITER_GAUGE, "ratio", "Slow calls in the sliding window, of all; 0 when there are none.", .agent = slow_ratio },
	{ "weir_breaker_open_until_timestamp_seconds", WRITER_GAUGE, "seconds", "When the next probe is due; absent unless open.", .agent = open_until },
	{ "weir_breaker_probes", WRITER_COUNTER, "", "Half-open probes that ended.", WITH_BREAKER, .service = probes },
	{ "weir_connections_reset", WRITER_COUNTER, "", "Established connections that were reset: by an open breaker, or for want of room.", WITH_POLICY, .service = resets },
	{ "weir_connections_would_reset", WRITER_COUNTER, "", "Observe mode: established connections that would have been reset.", WITH_BREAKER, .service = would_reset },
	{ "weir_endpoints", WRITER_GAUGE, "", "Endpoints by the state of their breakers.", WITH_BREAKER, .service = endpoints },
	{ "weir_endpoint_ejected", WRITER_GAUGE, "", "1 while an endpoint is taken out, for listed endpoints and those that are not closed.", .agent = ejected },
	{ "weir_ejections_suppressed", WRITER_COUNTER, "", "Trips that the ejection guard did not enforce.", WITH_BREAKER, .count64 = SERVICE(suppressed_total) },
	{ "weir_panic", WRITER_GAUGE, "", "1 while enforcement pauses because too few endpoints are healthy.", WITH_BREAKER, .service = panic },

	{ "weir_bulkhead_limit", WRITER_GAUGE, "", "The cap as the policy has it.", WITH_BULKHEAD, .service = limits },
	{ "weir_bulkhead_in_use", WRITER_GAUGE, "", "What is held under the cap.", WITH_BULKHEAD, .service = in_use },
	{ "weir_bulkhead_queue_length", WRITER_GAUGE, "", "Connects that wait for a slot.", WITH_QUEUE, .count32 = SERVICE(subject.waiting) },
	{ "weir_bulkhead_queue_wait_seconds", WRITER_HISTOGRAM, "seconds", "How long those waited that got a slot.", WITH_QUEUE, .service = queue_seconds },
	{ "weir_bulkhead_queue_abandoned", WRITER_COUNTER, "", "Waits without a slot: maxWait was over, or the application left before.", WITH_QUEUE, .service = queue_ended },
	{ "weir_bulkhead_drift", WRITER_COUNTER, "", "Reservations that the audit had to correct; anything but 0 is a bug.", WITH_POLICY, .count64 = SERVICE(drift_total) },

	{ "weir_policy_generation", WRITER_GAUGE, "", "Number of the set of policies in force.", .agent = generation },
	{ "weir_policies_loaded", WRITER_GAUGE, "", "Policies in force, by mode.", .agent = policies_loaded },
	{ "weir_policy_last_reload_successful", WRITER_GAUGE, "", "1 when the latest change of policies was taken over.", .agent = reload_ok },
	{ "weir_policy_last_reload_timestamp_seconds", WRITER_GAUGE, "seconds", "When the latest change of policies was tried.", .agent = reload_time },
	{ "weir_policy_value", WRITER_GAUGE, "", "Thresholds in force: durations in seconds, rates in percent, as in the policy.", WITH_BREAKER, .service = knobs_write },

	{ "weir_heartbeat_age_seconds", WRITER_GAUGE, "seconds", "Age of the agent's sign of life to the kernel.", .agent = heartbeat },
	{ "weir_heartbeat_lease_seconds", WRITER_GAUGE, "seconds", "Age at which the kernel stops to refuse on the agent's behalf.", .agent = lease },
	{ "weir_fail_open", WRITER_COUNTER, "", "Times Weir could not do its work and let traffic flow, by why.", .agent = fail_open },
	{ "weir_events_lost", WRITER_COUNTER, "", "Kernel events lost to a full ring; decisions are not affected.", .agent = events_lost },
	{ "weir_wakes_missed", WRITER_COUNTER, "", "Connects that were given a slot and could not be woken: they waited for all of maxWait.", .agent = wakes_missed },
	{ "weir_hints", WRITER_COUNTER, "", "Times the kernel woke the agent for a sample that might trip a breaker.", .agent = hints },
	{ "weir_local_fault", WRITER_GAUGE, "", "1 while so many services fail at once that the fault is probably local.", .agent = local_fault },
	{ "weir_metrics_folded", WRITER_GAUGE, "", "Services summed into _other and endpoints left out, because of a limit.", .agent = folded },
	{ "weir_bpf_map_entries", WRITER_GAUGE, "", "Entries in use in a BPF map.", .agent = map_entries },
	{ "weir_bpf_map_max_entries", WRITER_GAUGE, "", "Entries a BPF map has room for.", .agent = map_max },
	{ "weir_bpf_program_run_seconds", WRITER_COUNTER, "seconds", "Time spent in a BPF program; 0 unless kernel.bpf_stats_enabled.", .agent = program_seconds },
	{ "weir_bpf_program_runs", WRITER_COUNTER, "", "Runs of a BPF program; 0 unless kernel.bpf_stats_enabled.", .agent = program_runs },
	{ "weir_bpf_program_recursion_misses", WRITER_COUNTER, "", "Runs the kernel skipped because the program was running already.", .agent = program_misses },

	{ "process_cpu_seconds", WRITER_COUNTER, "seconds", "Total user and system CPU time.", .agent = cpu_seconds },
	{ "process_resident_memory_bytes", WRITER_GAUGE, "bytes", "Resident memory size.", .agent = resident_bytes },
	{ "process_virtual_memory_bytes", WRITER_GAUGE, "bytes", "Virtual memory size.", .agent = virtual_bytes },
	{ "process_open_fds", WRITER_GAUGE, "", "Open file descriptors.", .agent = open_fds },
	{ "process_max_fds", WRITER_GAUGE, "", "Limit of open file descriptors.", .agent = max_fds },
	{ "process_start_time_seconds", WRITER_GAUGE, "seconds", "Start of the process, seconds since the epoch.", .agent = start_time },
};
/* clang-format on */

static bool has(const struct snapshot_service *s, enum whose whose)
{
	switch (whose) {
	case WITH_POLICY:
		return !s->observed;
	case WITH_BREAKER:
		return s->breaker.set || s->subject.has_breaker;
	case WITH_BULKHEAD:
		return s->bulkhead.set;
	case WITH_QUEUE:
		return s->bulkhead.queue_set;
	case EVERY_SERVICE:
	default:
		return true;
	}
}

static void write_service(struct writer *w, const struct family *family,
			  const struct snapshot_service *s)
{
	const char *base = (const char *)s;

	if (!has(s, family->whose))
		return;
	name_service(w, s);
	if (family->count64)
		writer_count(w, *(const uint64_t *)(base + family->count64),
			     NULL);
	else if (family->count32)
		writer_count(w, *(const uint32_t *)(base + family->count32),
			     NULL);
	else
		family->service(w, s);
}

static void write_family(struct writer *w, const struct family *family,
			 const struct sources *from)
{
	const struct selection *selection = from->selection;

	writer_head(w, family->name, family->kind, family->unit, family->help);
	if (family->agent) {
		family->agent(w, from);
		return;
	}
	for (size_t i = 0; i < selection->service_count; i++)
		write_service(w, family, selection->services[i]);
	if (selection->other)
		write_service(w, family, selection->other);
}

char *metrics_render(const struct snapshot *s, enum metrics_format format,
		     size_t *bytes)
{
	scoped(selection) struct selection selection = {0};
	struct writer w = {.format = format};
	const struct sources from = {s, &selection};

	if (selection_make(&selection, s))
		return NULL;
	for (size_t i = 0; i < COUNT_OF(families); i++)
		write_family(&w, &families[i], &from);
	writer_end(&w);
	return text_take(&w.text, bytes);
}
