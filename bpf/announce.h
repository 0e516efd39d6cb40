/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * announce.h - tells the agent who is calling, when that is worth a sentence.
 */
#pragma once

#include "bpf/conn.h"

#define ANNOUNCE_US 1000000ull /* one a second, of each kind and subject */

/*
 * `type` is WEIR_EVENT_DENIED or WEIR_EVENT_FULL. Two CPUs may both name one:
 * that is one line too many.
 */
verified_once int announce_caller(__u32 type, __u32 subject,
				  struct weir_endpoint_key *key)
{
	struct weir_subject *s = subject_find(subject);
	bool full = type == WEIR_EVENT_FULL;
	__u64 now = now_us(), told;
	struct weir_event *event;

	if (!s || !key)
		return 0;
	told = full ? s->full_us : s->denied_us;
	if (now - told < ANNOUNCE_US)
		return 0;
	if (full)
		s->full_us = now;
	else
		s->denied_us = now;
	event = event_begin(type, subject);
	if (!event)
		return 0;
	event->key = *key;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(event->command, sizeof(event->command));
	/* Who holds a full cap is looked at now, before it has changed. */
	bpf_ringbuf_submit(event,
			   full ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 0;
}
