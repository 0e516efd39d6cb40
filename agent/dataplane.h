/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dataplane.h - the BPF programs and maps, as the agent holds them.
 *
 * prepare -> load -> attach; the programs then sit inert until publish writes
 * weir_control.active. What an earlier agent left pinned is taken over: maps
 * as they are, links by replacing the program in them, so there is never a
 * moment without hooks and never a second program on one hook.
 */
#pragma once

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/pins.h"
#include "agent/shed.h"
#include "agent/view/snapshot.h"
#include "weir/abi.h"
#include "weir/holders.h"

struct dataplane_options {
	uint32_t services_max; /* slots, slot 0 included */
	uint32_t endpoints_max;
	int cgroup_fd;
	const struct pins *pins;
	struct resetter *resetter;
	const struct options_xdp *xdp; /* borrowed */
};

enum dataplane_turns {
	DATAPLANE_TURNS_NONE,	   /* connect-level signals only */
	DATAPLANE_TURNS_TCP_PROBE, /* before 6.3 */
	DATAPLANE_TURNS_DATA_READY,
};

/* Hooks that cost every packet or exchange something: only when needed. */
enum dataplane_extra {
	DATAPLANE_SEND,	   /* sock_send_length: calls in flight */
	DATAPLANE_EGRESS,  /* cgroup_skb/egress: SYNs lost or held */
	DATAPLANE_INGRESS, /* cgroup_skb/ingress: SYNs to listeners lost */
	DATAPLANE_SHED,	   /* XDP: SYNs shed before the stack sees them */
	DATAPLANE_EXTRAS,
};

struct dataplane {
	struct weir_bpf *skeleton;
	struct bpf_object *object; /* the skeleton's */
	struct pins pins;
	struct resetter *resetter;
	int cgroup_fd;
	uint64_t cgroup_id;
	uint32_t services_max;
	uint32_t endpoints_max;
	bool adopted; /* maps of an earlier agent are in use */
	bool claimed; /* what is pinned is ours alone */
	/* What probing found. */
	enum dataplane_turns turns;
	bool send_hook; /* sock_send_length exists */
	bool attached[DATAPLANE_EXTRAS];
	bool reset_works; /* see reset.h */
	bool wake_works;  /* see wake.h */
	struct shed shed;
	/* Mapped maps. */
	struct weir_control *control;
	struct weir_verdict *verdicts;	  /* [subjects_max] */
	struct weir_subject *subjects;	  /* [subjects_max] */
	struct weir_endpoint_hist *hists; /* [endpoints_max] */
	struct weir_recount *recounts;	  /* [subjects_max] */
	struct weir_select *select;
	struct weir_waiter *waiters; /* [WEIR_WAITERS_MAX] */
	struct weir_look *look;	     /* holders.c alone */
	/* The others, by fd; owned by the skeleton. */
	int rule_fd, client_fd, network_fd, service_fd, stat_fd, endpoint_fd,
		free_fd, event_fd, fault_fd, listen_fd, conn_fd;
};

/*
 * Loads and attaches. On failure nothing of ours is left attached that was not
 * before, and `why` names the step and the reason in one line.
 */
int dataplane_open(struct dataplane **out,
		   const struct dataplane_options *options, char *why,
		   size_t bytes);

/* Attaches or detaches one. A kernel without it is no error. */
int dataplane_need(struct dataplane *plane, enum dataplane_extra extra,
		   bool needed);

/* One pass over all tracked connections; recounts are cleared first. */
int dataplane_audit(struct dataplane *plane);

/*
 * One pass that lists up to ask->max connections to reset in out[ask->max], and
 * marks them as Weir's doing.
 */
int dataplane_select(struct dataplane *plane, const struct weir_select *ask,
		     struct weir_victim *out, size_t *count);

/*
 * Lists the connections that plane->look asks for in out[look->max]; writes
 * down who has each open. Only holders.c calls these, one at a time, from any
 * thread.
 */
int dataplane_holders(struct dataplane *plane, struct weir_holder *out,
		      size_t *count);
int dataplane_find_owners(struct dataplane *plane);

/* Maps that carry state to the next agent; NULL after the last. */
const char *dataplane_kept_map(size_t index);

/* One pass over the sockets of the calling thread's network namespace. */
int dataplane_adopt(struct dataplane *plane);

/* Sums of a per-CPU record. */
int dataplane_stat(struct dataplane *plane, uint32_t slot,
		   struct weir_stat *out);
void dataplane_faults(struct dataplane *plane, uint64_t out[WEIR_FAULT_COUNT]);

/* For `status` and /metrics. */
size_t dataplane_programs(struct dataplane *plane, struct snapshot_program *out,
			  size_t max);
size_t dataplane_maps(struct dataplane *plane, struct snapshot_map *out,
		      size_t max);
size_t dataplane_features(struct dataplane *plane, struct snapshot_feature *out,
			  size_t max);

static inline uint32_t dataplane_subjects_max(const struct dataplane *plane)
{
	return plane->services_max + plane->endpoints_max;
}

/*
 * Lets go of everything. `remove`: detach, unpin and leave the host as it was
 * (clean stop). Otherwise pins stay for the next agent. NULL is fine.
 */
void dataplane_close(struct dataplane *plane, bool remove);
