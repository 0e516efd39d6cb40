/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cases.h - the arithmetic of the hooks as a table, run twice.
 *
 * tests/unit/mechanisms.c runs it compiled by gcc under sanitizers, and
 * tests/bpf/run.c inside the kernel, compiled by clang for BPF. Hooks cannot
 * be run by BPF_PROG_TEST_RUN; what they decide with can.
 */
#pragma once

#include "bpf/mechanisms/cap.h"
#include "bpf/mechanisms/classify.h"
#include "bpf/mechanisms/manner.h"
#include "bpf/mechanisms/match.h"
#include "bpf/mechanisms/probe.h"
#include "bpf/mechanisms/rate.h"
#include "bpf/mechanisms/sample.h"
#include "bpf/mechanisms/slices.h"
#include "weir/histogram.h"

enum case_op {
	CASE_HIST,	   /* us -> bucket */
	CASE_EDGE,	   /* bucket -> upper edge, sixteenths */
	CASE_CAP_TAKE,	   /* in_use, cap -> result, in_use */
	CASE_CAP_GIVE,	   /* in_use -> in_use */
	CASE_CAP_SHADOW,   /* in_use, shadow, cap -> full? */
	CASE_PROBE_TAKE,   /* word, epoch, permitted -> result, word */
	CASE_PROBE_SETTLE, /* word, epoch, change -> word */
	CASE_PROBE_GIVE,   /* word, epoch -> word */
	CASE_SLICE_START,  /* entry, slice -> entry, older */
	CASE_SLICE_END,	   /* entry, slice -> entry, older */
	CASE_ROW_ADD,	   /* word, epoch, silent -> row, word */
	CASE_ROW_RESET,	   /* word, epoch -> word */
	CASE_ROW_HINT,	   /* row, max -> hint? */
	CASE_COUNTS,	   /* verdict, epoch_us, call_us, probe, epoch */
	CASE_FAILURE,	   /* errno -> failure, is it the backend's? */
	CASE_PEER_FIN,	   /* answered, bytes unanswered -> failure */
	CASE_CLOSE,	   /* errno, established, in order -> close */
	CASE_RESULT,	   /* failed, neutral, elapsed, slow -> result */
	CASE_MASK,	   /* prefix, word -> mask, host order */
	CASE_FAMILY,	   /* prefix, words 0 to 2 of the address -> prefix */
	CASE_BEATS,	   /* port, min, max, rank, best, found -> ? */
	CASE_STRIKES,	   /* flags, which -> strikes */
	CASE_FORGIVES,	   /* flags -> ? */
	CASE_FOUND,	   /* score -> score */
	CASE_KEPT,	   /* score -> score */
	CASE_KNOWN,	   /* score, nth connection -> ? */
	CASE_RATE,	   /* word, interval, burst, now -> result, word */
	CASE_ACKNOWLEDGES, /* bytes -> ? */
};

#define CASE_IN	 6
#define CASE_OUT 2

struct case_io {
	__u64 in[CASE_IN];
	__u64 out[CASE_OUT];
	__u32 op;
	__u32 reserved;
	/* Where the atomics work. */
	__u64 word;
	__u64 ring[WEIR_SLICES];
	__s64 older;
	__u32 count;
	__u32 pad;
};

static __always_inline void case_run_caps(struct case_io *io)
{
	io->count = io->in[0];
	switch (io->op) {
	case CASE_CAP_TAKE:
		io->out[0] = cap_take(&io->count, io->in[1]);
		io->out[1] = io->count;
		break;
	case CASE_CAP_GIVE:
		cap_give(&io->count);
		io->out[0] = io->count;
		break;
	case CASE_CAP_SHADOW:
		io->out[0] = cap_would_be_full(io->in[0], io->in[1], io->in[2]);
		break;
	}
}

static __always_inline void case_run_words(struct case_io *io)
{
	io->word = io->in[0];
	switch (io->op) {
	case CASE_RATE:
		io->word = io->in[0];
		io->out[0] =
			rate_take(&io->word, io->in[1], io->in[2], io->in[3]);
		io->out[1] = io->word;
		break;
	case CASE_PROBE_TAKE:
		io->out[0] = probe_take(&io->word, io->in[1], io->in[2]);
		io->out[1] = io->word;
		break;
	case CASE_PROBE_SETTLE:
		probe_settle(&io->word, io->in[1], io->in[2]);
		io->out[0] = io->word;
		break;
	case CASE_PROBE_GIVE:
		probe_give(&io->word, io->in[1]);
		io->out[0] = io->word;
		break;
	case CASE_ROW_ADD:
		io->out[0] = consecutive_add(&io->word, io->in[1], io->in[2]);
		io->out[1] = io->word;
		break;
	case CASE_ROW_RESET:
		consecutive_reset(&io->word, io->in[1]);
		io->out[0] = io->word;
		break;
	}
}

static __always_inline void case_run_slices(struct case_io *io)
{
	__u32 slice = io->in[1];
	__u32 at = slice % WEIR_SLICES;

	io->ring[at] = io->in[0];
	io->older = 0;
	if (io->op == CASE_SLICE_START)
		slice_start(io->ring, &io->older, slice);
	else
		slice_end(io->ring, &io->older, slice);
	io->out[0] = io->ring[at];
	io->out[1] = io->older;
}

static __always_inline void case_run_plain(struct case_io *io)
{
	struct weir_rule rule = {
		.port_min = io->in[1],
		.port_max = io->in[2],
		.rank = io->in[3],
	};

	switch (io->op) {
	case CASE_HIST:
		io->out[0] = hist_bucket(io->in[0]);
		break;
	case CASE_EDGE:
		io->out[0] = hist_upper_sixteenths(io->in[0]);
		break;
	case CASE_ROW_HINT:
		io->out[0] = consecutive_hints(io->in[0], io->in[1]);
		break;
	case CASE_COUNTS:
		io->out[0] = sample_counts(io->in[0], io->in[1], io->in[2],
					   io->in[3], io->in[4]);
		break;
	case CASE_FAILURE:
		io->out[0] = classify_failure(io->in[0]);
		io->out[1] = classify_is_failure(io->out[0]);
		break;
	case CASE_PEER_FIN:
		io->out[0] = classify_peer_fin(io->in[0], io->in[1]);
		break;
	case CASE_CLOSE:
		io->out[0] = classify_close(io->in[0], io->in[1], io->in[2]);
		break;
	case CASE_RESULT:
		io->out[0] = classify_result(io->in[0], io->in[1], io->in[2],
					     io->in[3]);
		break;
	case CASE_MASK:
		io->out[0] = match_htonl(match_mask(io->in[0], io->in[1]));
		break;
	case CASE_FAMILY: {
		__u32 addr[4] = {match_htonl(io->in[1]), match_htonl(io->in[2]),
				 match_htonl(io->in[3])};

		io->out[0] = match_prefix(io->in[0], addr);
		break;
	}
	case CASE_BEATS:
		io->out[0] =
			match_beats(&rule, io->in[0], io->in[4], io->in[5]);
		break;
	}
}

static __always_inline void case_run_manner(struct case_io *io)
{
	switch (io->op) {
	case CASE_STRIKES:
		io->out[0] = manner_strikes(io->in[0], io->in[1]);
		break;
	case CASE_FORGIVES:
		io->out[0] = manner_forgives(io->in[0]);
		break;
	case CASE_FOUND:
		io->out[0] = manner_found(io->in[0]);
		break;
	case CASE_KEPT:
		io->out[0] = manner_kept(io->in[0]);
		break;
	case CASE_KNOWN:
		io->out[0] = manner_known(io->in[0], io->in[1]);
		break;
	case CASE_ACKNOWLEDGES:
		io->out[0] = manner_acknowledges(io->in[0]);
		break;
	}
}

static __always_inline void case_run(struct case_io *io)
{
	io->out[0] = io->out[1] = 0;
	switch (io->op) {
	case CASE_CAP_TAKE:
	case CASE_CAP_GIVE:
	case CASE_CAP_SHADOW:
		case_run_caps(io);
		break;
	case CASE_PROBE_TAKE:
	case CASE_PROBE_SETTLE:
	case CASE_PROBE_GIVE:
	case CASE_ROW_ADD:
	case CASE_ROW_RESET:
	case CASE_RATE:
		case_run_words(io);
		break;
	case CASE_SLICE_START:
	case CASE_SLICE_END:
		case_run_slices(io);
		break;
	case CASE_STRIKES:
	case CASE_FORGIVES:
	case CASE_FOUND:
	case CASE_KEPT:
	case CASE_KNOWN:
	case CASE_ACKNOWLEDGES:
		case_run_manner(io);
		break;
	default:
		case_run_plain(io);
	}
}
