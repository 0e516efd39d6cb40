/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names.h - the words of abi.h's rows, as arrays by number.
 */
#pragma once

#include "agent/view/snapshot.h"
#include "weir/abi.h"

extern const char *const names_verdict[WEIR_VERDICT_COUNT];
extern const char *const names_reason[WEIR_REASON_COUNT];
extern const char *const names_phase[WEIR_PHASE_COUNT];
extern const char *const names_result[WEIR_RESULT_COUNT];
extern const char *const names_failure[WEIR_FAILURE_COUNT];
extern const char *const names_close[WEIR_CLOSE_COUNT];
extern const char *const names_state[WEIR_STATE_COUNT];
extern const char *const names_trip[WEIR_TRIP_COUNT];
extern const char *const names_trip_help[WEIR_TRIP_COUNT];
extern const char *const names_fault[WEIR_FAULT_COUNT];
extern const char *const names_fault_help[WEIR_FAULT_COUNT];
extern const char *const names_mode[3];
extern const char *const names_scope[2];
extern const char *const names_direction[2];
extern const char *const names_event_type[SNAPSHOT_EVENT_TYPES];

/* Why a connection was reset, by enum weir_established. */
extern const char *const names_reset[];
