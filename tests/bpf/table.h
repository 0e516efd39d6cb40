/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * table.h - what the arithmetic promises, row by row. Userspace only.
 */
#pragma once

#include "tests/bpf/cases.h"

struct case_row {
	const char *promise;
	enum case_op op;
	__u64 in[CASE_IN];
	__u64 out[CASE_OUT];
};

/* As pair_word(), for initialisers. */
#define PAIR(high, low) ((__u64)(high) << 32 | (__u32)(low))
#define TAKEN(epoch, taken, ok, bad) \
	PAIR(epoch, (taken) << 20 | (ok) << 10 | (bad))
#define VERDICT(epoch, gate) ((__u64)(epoch) << 32 | (__u64)(gate) << 8)

/* clang-format off */
static const struct case_row case_rows[] = {
	/* histogram */
	{ "hist_zero_is_in_the_first_bucket", CASE_HIST, { 0 }, { 0 } },
	{ "hist_an_edge_belongs_to_its_bucket", CASE_HIST, { 10 }, { 0 } },
	{ "hist_above_the_first_edge", CASE_HIST, { 11 }, { 1 } },
	{ "hist_one_decade_is_28_buckets", CASE_HIST, { 100 }, { 28 } },
	{ "hist_prometheus_edge_500us", CASE_HIST, { 500 }, { 1 + 28 + 19 } },
	{ "hist_prometheus_edge_500us_and_more", CASE_HIST, { 501 }, { 1 + 28 + 20 } },
	{ "hist_prometheus_edge_1ms", CASE_HIST, { 1000 }, { 56 } },
	{ "hist_prometheus_edge_2500us", CASE_HIST, { 2500 }, { 56 + 12 } },
	{ "hist_2500us_and_more", CASE_HIST, { 2501 }, { 56 + 13 } },
	{ "hist_the_last_edge_is_100s", CASE_HIST, { 100000000 }, { 196 } },
	{ "hist_above_100s_is_overflow", CASE_HIST, { 100000001 }, { 197 } },
	{ "hist_no_wrap_at_the_far_end", CASE_HIST, { ~0ull }, { 197 } },
	{ "edge_of_the_first", CASE_EDGE, { 0 }, { 160 } },
	{ "edge_step_is_an_eighth", CASE_EDGE, { 1 }, { 180 } },
	{ "edge_at_2_5", CASE_EDGE, { 12 }, { 400 } },
	{ "edge_at_5", CASE_EDGE, { 20 }, { 800 } },
	{ "edge_at_10", CASE_EDGE, { 28 }, { 1600 } },
	{ "edge_of_overflow_is_endless", CASE_EDGE, { 197 }, { ~0ull } },
	/* cap */
	{ "cap_takes_the_last_place", CASE_CAP_TAKE, { 4, 5 }, { CAP_TAKEN, 5 } },
	{ "cap_refuses_at_the_cap", CASE_CAP_TAKE, { 5, 5 }, { CAP_FULL, 5 } },
	{ "cap_refuses_above_a_lowered_cap", CASE_CAP_TAKE, { 9, 5 }, { CAP_FULL, 9 } },
	{ "cap_zero_admits_nobody", CASE_CAP_TAKE, { 0, 0 }, { CAP_FULL, 0 } },
	{ "cap_give_one_back", CASE_CAP_GIVE, { 5 }, { 4 } },
	{ "rate_admits_after_a_pause", CASE_RATE, { 0, 10, 0, 1000 }, { RATE_TAKEN, 1010 } },
	{ "rate_refuses_what_comes_too_early", CASE_RATE, { 1010, 10, 0, 1009 }, { RATE_NONE_LEFT, 1010 } },
	{ "rate_admits_when_it_is_due", CASE_RATE, { 1010, 10, 0, 1010 }, { RATE_TAKEN, 1020 } },
	{ "rate_a_pause_saves_nothing_without_a_burst", CASE_RATE, { 10, 10, 0, 999999 }, { RATE_TAKEN, 1000009 } },
	{ "rate_takes_the_last_of_the_burst", CASE_RATE, { 1040, 10, 40, 1000 }, { RATE_TAKEN, 1050 } },
	{ "rate_refuses_beyond_the_burst", CASE_RATE, { 1041, 10, 40, 1000 }, { RATE_NONE_LEFT, 1041 } },
	{ "rate_a_refusal_moves_nothing", CASE_RATE, { 9999, 10, 40, 1000 }, { RATE_NONE_LEFT, 9999 } },
	{ "cap_never_below_zero", CASE_CAP_GIVE, { 0 }, { 0 } },
	{ "shadow_holds_no_slot", CASE_CAP_SHADOW, { 7, 3, 5 }, { 0 } },
	{ "shadow_full_at_the_cap", CASE_CAP_SHADOW, { 8, 3, 5 }, { 1 } },
	{ "shadow_more_than_in_use_is_not_full", CASE_CAP_SHADOW, { 1, 3, 0 }, { 0 } },
	/* probes */
	{ "probe_first_of_an_epoch", CASE_PROBE_TAKE, { TAKEN(6, 3, 3, 0), 7, 2 }, { PROBE_TAKEN, TAKEN(7, 1, 0, 0) } },
	{ "probe_last_token", CASE_PROBE_TAKE, { TAKEN(7, 1, 0, 0), 7, 2 }, { PROBE_TAKEN, TAKEN(7, 2, 0, 0) } },
	{ "probe_none_left", CASE_PROBE_TAKE, { TAKEN(7, 2, 1, 0), 7, 2 }, { PROBE_NONE_LEFT, TAKEN(7, 2, 1, 0) } },
	{ "probe_none_permitted", CASE_PROBE_TAKE, { TAKEN(6, 9, 9, 0), 7, 0 }, { PROBE_NONE_LEFT, TAKEN(6, 9, 9, 0) } },
	{ "probe_thousand_tokens_fit", CASE_PROBE_TAKE, { TAKEN(7, 999, 0, 0), 7, 1000 }, { PROBE_TAKEN, TAKEN(7, 1000, 0, 0) } },
	{ "probe_success_counts", CASE_PROBE_SETTLE, { TAKEN(7, 2, 0, 0), 7, PROBE_ONE_OK }, { TAKEN(7, 2, 1, 0) } },
	{ "probe_failure_counts", CASE_PROBE_SETTLE, { TAKEN(7, 2, 1, 0), 7, PROBE_ONE_BAD }, { TAKEN(7, 2, 1, 1) } },
	{ "probe_of_an_older_epoch_decides_nothing", CASE_PROBE_SETTLE, { TAKEN(8, 2, 0, 0), 7, PROBE_ONE_OK }, { TAKEN(8, 2, 0, 0) } },
	{ "probe_neutral_gives_back", CASE_PROBE_GIVE, { TAKEN(7, 2, 1, 0), 7 }, { TAKEN(7, 1, 1, 0) } },
	{ "probe_nothing_to_give_back", CASE_PROBE_GIVE, { TAKEN(7, 0, 0, 0), 7 }, { TAKEN(7, 0, 0, 0) } },
	{ "probe_gives_back_to_its_epoch_only", CASE_PROBE_GIVE, { TAKEN(8, 2, 0, 0), 7 }, { TAKEN(8, 2, 0, 0) } },
	/* slices */
	{ "slice_first_call", CASE_SLICE_START, { 0, 40 }, { PAIR(40, 1), 0 } },
	{ "slice_one_more_call", CASE_SLICE_START, { PAIR(40, 3), 40 }, { PAIR(40, 4), 0 } },
	{ "slice_displaces_the_old_ones", CASE_SLICE_START, { PAIR(8, 3), 40 }, { PAIR(40, 1), 3 } },
	{ "slice_late_start_is_older", CASE_SLICE_START, { PAIR(72, 3), 40 }, { PAIR(72, 3), 1 } },
	{ "slice_empty_entry_is_free_whatever_its_tag", CASE_SLICE_START, { PAIR(0x90000000u, 0), 40 }, { PAIR(40, 1), 0 } },
	{ "slice_end_leaves_its_slice", CASE_SLICE_END, { PAIR(40, 3), 40 }, { PAIR(40, 2), 0 } },
	{ "slice_end_of_a_displaced_call", CASE_SLICE_END, { PAIR(72, 3), 40 }, { PAIR(72, 3), (__u64)-1 } },
	{ "slice_end_never_wraps_the_count", CASE_SLICE_END, { PAIR(40, 0), 40 }, { PAIR(40, 0), (__u64)-1 } },
	/* failures in a row */
	{ "row_grows", CASE_ROW_ADD, { PAIR(3, 4), 3, 0 }, { 5, PAIR(3, 5) } },
	{ "row_starts_anew_in_a_new_epoch", CASE_ROW_ADD, { PAIR(2, 4), 3, 0 }, { 1, PAIR(3, 1) } },
	{ "row_is_forgotten_after_silence", CASE_ROW_ADD, { PAIR(3, 4), 3, 1 }, { 1, PAIR(3, 1) } },
	{ "row_ends_with_a_success", CASE_ROW_RESET, { PAIR(3, 4), 3 }, { PAIR(3, 0) } },
	{ "row_hints_at_its_limit", CASE_ROW_HINT, { 5, 5 }, { 1 } },
	{ "row_hints_not_below", CASE_ROW_HINT, { 4, 5 }, { 0 } },
	{ "row_hints_not_at_each_more", CASE_ROW_HINT, { 6, 5 }, { 0 } },
	{ "row_hints_again_if_one_was_lost", CASE_ROW_HINT, { 10, 5 }, { 1 } },
	{ "row_limit_zero_is_off", CASE_ROW_HINT, { 5, 0 }, { 0 } },
	/* whose epoch */
	{ "closed_counts_calls_of_this_epoch", CASE_COUNTS, { VERDICT(4, WEIR_GATE_ADMIT), 1000, 1000, 0, 4 }, { 1 } },
	{ "closed_ignores_calls_from_before", CASE_COUNTS, { VERDICT(4, WEIR_GATE_ADMIT), 1000, 999, 0, 4 }, { 0 } },
	{ "closed_counts_pooled_connections", CASE_COUNTS, { VERDICT(4, WEIR_GATE_ADMIT), 1000, 2000, 0, 1 }, { 1 } },
	{ "open_decides_nothing", CASE_COUNTS, { VERDICT(4, WEIR_GATE_REFUSE), 1000, 2000, 0, 4 }, { 0 } },
	{ "forced_decides_nothing", CASE_COUNTS, { VERDICT(4, WEIR_GATE_FORCED), 1000, 2000, 0, 4 }, { 0 } },
	{ "half_open_counts_its_probes", CASE_COUNTS, { VERDICT(4, WEIR_GATE_PROBE), 1000, 2000, 1, 4 }, { 1 } },
	{ "half_open_ignores_others", CASE_COUNTS, { VERDICT(4, WEIR_GATE_PROBE), 1000, 2000, 0, 4 }, { 0 } },
	{ "half_open_ignores_probes_of_before", CASE_COUNTS, { VERDICT(4, WEIR_GATE_PROBE), 1000, 2000, 1, 3 }, { 0 } },
	/* words for errors */
	{ "no_error_is_local", CASE_FAILURE, { 0 }, { WEIR_FAILURE_LOCAL, 0 } },
	{ "refused", CASE_FAILURE, { 111 }, { WEIR_FAILURE_REFUSED, 1 } },
	{ "timed_out", CASE_FAILURE, { 110 }, { WEIR_FAILURE_TIMEOUT, 1 } },
	{ "host_unreachable", CASE_FAILURE, { 113 }, { WEIR_FAILURE_UNREACHABLE, 1 } },
	{ "network_unreachable", CASE_FAILURE, { 101 }, { WEIR_FAILURE_UNREACHABLE, 1 } },
	{ "reset", CASE_FAILURE, { 104 }, { WEIR_FAILURE_RESET, 1 } },
	{ "reset_after_the_peers_fin", CASE_FAILURE, { 32 }, { WEIR_FAILURE_RESET, 1 } },
	{ "an_abort_is_not_the_backends", CASE_FAILURE, { 103 }, { WEIR_FAILURE_OTHER, 0 } },
	{ "goodbye_is_no_failure", CASE_PEER_FIN, { 1, 5 }, { WEIR_FAILURE_LOCAL } },
	{ "goodbye_of_tls_is_no_failure", CASE_PEER_FIN, { 1, 31 }, { WEIR_FAILURE_LOCAL } },
	{ "request_without_answer_is_a_failure", CASE_PEER_FIN, { 1, 33 }, { WEIR_FAILURE_CLOSED } },
	{ "first_request_without_answer_is_a_failure", CASE_PEER_FIN, { 0, 5 }, { WEIR_FAILURE_CLOSED } },
	{ "close_in_order", CASE_CLOSE, { 0, 1, 1 }, { WEIR_CLOSE_FIN } },
	{ "close_by_a_local_reset", CASE_CLOSE, { 0, 1, 0 }, { WEIR_CLOSE_RST_LOCAL } },
	{ "close_by_a_remote_reset", CASE_CLOSE, { 104, 1, 0 }, { WEIR_CLOSE_RST_REMOTE } },
	{ "close_by_timeout", CASE_CLOSE, { 110, 1, 0 }, { WEIR_CLOSE_TIMEOUT } },
	{ "close_never_established", CASE_CLOSE, { 111, 0, 1 }, { WEIR_CLOSE_FAILED } },
	{ "slow_is_strictly_more", CASE_RESULT, { 0, 0, 1000, 1000 }, { WEIR_RESULT_SUCCESS } },
	{ "slow_by_one_microsecond", CASE_RESULT, { 0, 0, 1001, 1000 }, { WEIR_RESULT_SLOW } },
	{ "slow_is_not_judged_without_threshold", CASE_RESULT, { 0, 0, 1ull << 40, 0 }, { WEIR_RESULT_SUCCESS } },
	{ "a_quick_failure_is_a_failure", CASE_RESULT, { 1, 0, 10, 1000 }, { WEIR_RESULT_FAILURE } },
	{ "an_overdue_failure_was_counted_as_slow", CASE_RESULT, { 1, 0, 1001, 1000 }, { WEIR_RESULT_SLOW } },
	{ "giving_up_early_is_neutral", CASE_RESULT, { 0, 1, 10, 1000 }, { WEIR_RESULT_NEUTRAL } },
	{ "giving_up_late_is_slow", CASE_RESULT, { 0, 1, 1001, 1000 }, { WEIR_RESULT_SLOW } },
	/* matching */
	{ "mask_all", CASE_MASK, { 128, 3 }, { 0xffffffff } },
	{ "mask_none", CASE_MASK, { 0, 0 }, { 0 } },
	{ "mask_v4_24", CASE_MASK, { 120, 3 }, { 0xffffff00 } },
	{ "mask_v4_keeps_its_prefix_words", CASE_MASK, { 120, 2 }, { 0xffffffff } },
	{ "mask_in_the_first_word", CASE_MASK, { 7, 0 }, { 0xfe000000 } },
	{ "mask_ends_at_a_word", CASE_MASK, { 64, 2 }, { 0 } },
	{ "all_of_v6_is_not_v4", CASE_FAMILY, { 0, 0, 0, 0xffff }, { MATCH_NOTHING } },
	{ "all_of_v6_is_v6", CASE_FAMILY, { 0, 0xfd770000, 0, 0xffff }, { 0 } },
	{ "all_of_v6_is_the_loopback", CASE_FAMILY, { 0, 0, 0, 0 }, { 0 } },
	{ "all_of_v4_is_v4", CASE_FAMILY, { 96, 0, 0, 0xffff }, { 96 } },
	{ "a_host_of_v4_is_v4", CASE_FAMILY, { 128, 0, 0, 0xffff }, { 128 } },
	{ "ffff_elsewhere_is_v6", CASE_FAMILY, { 64, 0, 1, 0xffff }, { 64 } },
	{ "rule_first_found", CASE_BEATS, { 80, 80, 80, 0, 0, 0 }, { 1 } },
	{ "rule_outside_its_ports", CASE_BEATS, { 81, 80, 80, 9, 0, 0 }, { 0 } },
	{ "rule_higher_rank_wins", CASE_BEATS, { 80, 1, 99, 9, 8, 1 }, { 1 } },
	{ "rule_equal_rank_keeps_the_first", CASE_BEATS, { 80, 1, 99, 8, 8, 1 }, { 0 } },
	/* turns or not */
	{ "no_strike_at_first", CASE_STRIKES, { 0, WEIR_CONN_OVERLAP }, { 0 } },
	{ "strikes_are_two_bits", CASE_STRIKES, { 3 * WEIR_CONN_OVERLAP, WEIR_CONN_OVERLAP }, { 3 } },
	{ "strikes_of_a_kind_are_its_own", CASE_STRIKES, { 3 * WEIR_CONN_OVERLAP | WEIR_CONN_LONE, WEIR_CONN_LONE }, { 1 } },
	{ "strikes_of_pushes_are_their_own", CASE_STRIKES, { 3 * WEIR_CONN_LONE | 2 * WEIR_CONN_PUSH, WEIR_CONN_PUSH }, { 2 } },
	{ "strikes_leave_other_flags_alone", CASE_STRIKES, { WEIR_CONN_ESTABLISHED | WEIR_CONN_ANSWERED | MANNER_CLEAN_BITS, WEIR_CONN_PUSH }, { 0 } },
	{ "fourteen_turns_forgive_nothing", CASE_FORGIVES, { 14 * WEIR_CONN_CLEAN }, { 0 } },
	{ "fifteen_turns_forgive", CASE_FORGIVES, { 15 * WEIR_CONN_CLEAN | WEIR_CONN_LONE }, { 1 } },
	{ "what_is_above_is_no_turn", CASE_FORGIVES, { 14 * WEIR_CONN_CLEAN | 3 * WEIR_CONN_HELD }, { 0 } },
	{ "one_that_takes_none_is_no_habit", CASE_FOUND, { 0 }, { 5 } },
	{ "the_score_ends_at_its_maximum", CASE_FOUND, { 12 }, { WEIR_MANNER_MAX } },
	{ "the_maximum_stays", CASE_FOUND, { WEIR_MANNER_MAX }, { WEIR_MANNER_MAX } },
	{ "one_that_takes_turns_counts_one", CASE_KEPT, { WEIR_MANNER_MAX }, { WEIR_MANNER_MAX - 1 } },
	{ "turns_are_never_below_zero", CASE_KEPT, { 0 }, { 0 } },
	{ "below_known_all_are_judged", CASE_KNOWN, { WEIR_MANNER_KNOWN - 1, 1 }, { 0 } },
	{ "known_ones_are_left_alone", CASE_KNOWN, { WEIR_MANNER_KNOWN, 1 }, { 1 } },
	{ "one_in_sixteen_is_judged_anew", CASE_KNOWN, { WEIR_MANNER_MAX, 16 }, { 0 } },
	{ "settings_are_acknowledged_in_9_bytes", CASE_ACKNOWLEDGES, { 9 }, { 1 } },
	{ "in_tls_1_3_in_31", CASE_ACKNOWLEDGES, { 31 }, { 1 } },
	{ "in_tls_1_2_in_38", CASE_ACKNOWLEDGES, { 38 }, { 1 } },
	{ "or_30_with_chacha", CASE_ACKNOWLEDGES, { 30 }, { 1 } },
	{ "a_request_has_another_size", CASE_ACKNOWLEDGES, { 37 }, { 0 } },
	{ "nothing_acknowledges_nothing", CASE_ACKNOWLEDGES, { 0 }, { 0 } },
	{ "the_next_is_not", CASE_KNOWN, { WEIR_MANNER_MAX, 17 }, { 1 } },
};
/* clang-format on */

#define CASE_ROWS (sizeof(case_rows) / sizeof(case_rows[0]))
