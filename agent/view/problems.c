/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * problems.c - what `weirctl status` says first.
 *
 * Errors take traffic away or mean that Weir is not doing its work; warnings
 * are what will become one.
 */
#include <stdarg.h>
#include <stdio.h>

#include "agent/view/names.h"
#include "agent/view/parts.h"
#include "common/text.h"

struct problems {
	json_t *errors;
	json_t *warnings;
};

__attribute__((format(printf, 5, 6))) static void
add(struct problems *to, bool is_error, const char *service, const char *hint,
    const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(is_error ? to->errors : to->warnings,
			      json_pack("{s:s, s:o, s:o, s:s}", "severity",
					is_error ? "error" : "warning",
					"service", parts_text(service), "text",
					parts_text(text), "hint", hint));
}

static const struct {
	bool is_error;
	const char *text;
} of_state[WEIR_STATE_COUNT] = {
	[WEIR_STATE_OPEN] = {true, "open: new connections are refused"},
	[WEIR_STATE_HALF_OPEN] = {false, "half-open: trying again"},
	[WEIR_STATE_OPEN_SUPPRESSED] =
		{true, "tripped, but the ejection guard lets traffic flow"},
	[WEIR_STATE_FORCED_OPEN] = {true, "held open by an operator"},
	[WEIR_STATE_FORCED_CLOSED] = {false, "held closed by an operator"},
};

static void judge_service(struct problems *to,
			  const struct snapshot_service *service)
{
	enum weir_state state = snapshot_state(service);
	bool observe = service->mode != WEIR_MODE_ENFORCE;
	char hint[96];

	snprintf(hint, sizeof(hint), "weirctl why %s", service->name);
	if (of_state[state].text && service->subject.has_breaker)
		add(to, of_state[state].is_error && !observe, service->name,
		    hint, "%s%s", of_state[state].text,
		    observe ? " (observe: nothing is enforced)" : "");
	else if (of_state[state].text)
		add(to, of_state[state].is_error && !observe, service->name,
		    hint, "%u of %zu endpoints %s%s",
		    service->endpoints_by_state[state], service->endpoint_count,
		    of_state[state].text,
		    observe ? " (observe: nothing is enforced)" : "");
	if (service->panic)
		add(to, true, service->name, hint,
		    "panic: too few endpoints are healthy, enforcement pauses");
	if (service->drift_total)
		add(to, true, service->name, "weirctl report, and tell us",
		    "the count of connections drifted %llu times: a bug",
		    (unsigned long long)service->drift_total);
	if (service->bulkhead.set &&
	    service->bulkhead.connections_max != WEIR_NONE &&
	    service->subject.in_use >= service->bulkhead.connections_max)
		add(to, !observe, service->name, hint,
		    "bulkhead is full: %u of %u connections in use",
		    service->subject.in_use, service->bulkhead.connections_max);
}

static void judge_agent(struct problems *to, const struct snapshot *s)
{
	char age[TEXT_SPAN_BYTES];

	text_span(s->heartbeat_age_seconds, age);
	if (s->lease_seconds > 0 && s->heartbeat_age_seconds > s->lease_seconds)
		add(to, true, "", "is the agent stopped or starved of CPU?",
		    "the heartbeat is %s old: the kernel ignores open breakers",
		    age);
	if (!s->reload_ok && s->reload_realtime_ns)
		add(to, true, "", "weirctl lint -f the policy directory",
		    "the last reload failed, generation %u stays in force: %s",
		    s->generation, s->reload_error);
	if (s->local_fault)
		add(to, false, "", "look at this host's own network first",
		    "most services fail at once: the fault is probably local");
	if (s->events_lost_total)
		add(to, false, "", "decisions are not affected",
		    "%llu kernel events were lost",
		    (unsigned long long)s->events_lost_total);
}

static void judge_limits(struct problems *to, const struct snapshot *s)
{
	for (size_t i = 0; i < s->feature_count; i++)
		if (!s->features[i].supported)
			add(to, false, "", "weirctl check",
			    "this kernel has no %s: %s", s->features[i].name,
			    s->features[i].effect);
	for (size_t i = 0; i < s->interface_count; i++)
		if (s->interfaces[i].trouble[0])
			add(to, false, "", "weirctl check", "xdp on %s: %s%s",
			    s->interfaces[i].name, s->interfaces[i].trouble,
			    s->interfaces[i].mode == SNAPSHOT_XDP_OFF
				    ? "; the stack refuses there instead"
				    : "");
	/* Array maps are full by construction: only the hash says something. */
	if (s->faults[WEIR_FAULT_ENDPOINT_FULL])
		add(to, false, "", "raise limits.endpoints in weir.yaml",
		    "%llu connections found the endpoint table full",
		    (unsigned long long)s->faults[WEIR_FAULT_ENDPOINT_FULL]);
	if (s->faults[WEIR_FAULT_NO_STORAGE])
		add(to, false, "", "is the host short of memory?",
		    "%llu connections could not be counted",
		    (unsigned long long)s->faults[WEIR_FAULT_NO_STORAGE]);
}

json_t *parts_problems(const struct snapshot *s)
{
	struct problems to = {
		.errors = json_array(),
		.warnings = json_array(),
	};

	judge_agent(&to, s);
	for (size_t i = 0; i < s->service_count; i++)
		judge_service(&to, &s->services[i]);
	judge_limits(&to, s);
	json_array_extend(to.errors, to.warnings);
	json_decref(to.warnings);
	return to.errors;
}
