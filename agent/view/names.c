/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names.c - see names.h.
 */
#include "agent/view/names.h"

#define X(id, name, help) name,
const char *const names_verdict[] = {WEIR_VERDICTS(X)};
const char *const names_reason[] = {WEIR_REASONS(X)};
const char *const names_phase[] = {WEIR_PHASES(X)};
const char *const names_result[] = {WEIR_RESULTS(X)};
const char *const names_failure[] = {WEIR_FAILURES(X)};
const char *const names_close[] = {WEIR_CLOSES(X)};
const char *const names_state[] = {WEIR_STATES(X)};
const char *const names_trip[] = {WEIR_TRIPS(X)};
const char *const names_fault[] = {WEIR_FAULTS(X)};
#undef X

#define X(id, name, help) help,
const char *const names_trip_help[] = {WEIR_TRIPS(X)};
const char *const names_fault_help[] = {WEIR_FAULTS(X)};
#undef X

const char *const names_mode[] = {
	[WEIR_MODE_OBSERVE] = "observe",
	[WEIR_MODE_ENFORCE] = "enforce",
	[WEIR_MODE_DISABLED] = "disabled",
};

const char *const names_scope[] = {
	[WEIR_SCOPE_ENDPOINT] = "endpoint",
	[WEIR_SCOPE_SERVICE] = "service",
};

const char *const names_direction[] = {
	[WEIR_EGRESS] = "egress",
	[WEIR_INGRESS] = "ingress",
};

const char *const names_event_type[] = {
	[SNAPSHOT_EVENT_BREAKER] = "breaker",
	[SNAPSHOT_EVENT_BULKHEAD] = "bulkhead",
	[SNAPSHOT_EVENT_ENDPOINT] = "endpoint",
	[SNAPSHOT_EVENT_POLICY] = "policy",
	[SNAPSHOT_EVENT_AGENT] = "agent",
};

const char *const names_reset[] = {
	[WEIR_ESTABLISHED_KEEP] = "keep",
	[WEIR_ESTABLISHED_RESET_STUCK] = "stuck",
	[WEIR_ESTABLISHED_RESET_IDLE] = "idle",
	[WEIR_ESTABLISHED_RESET_ALL] = "all",
	[WEIR_ESTABLISHED_DOOMED] = "full",
};
