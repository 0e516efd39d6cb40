/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * snapshot.h - the agent's state at one instant, as plain data.
 *
 * The agent's loop fills it under its lock; the HTTP thread renders it without
 * the lock. So rendering can be slow, is pure, and is tested without a kernel:
 * metrics.c, json.c and why.c in this folder are functions from this struct to
 * text. Counters are totals since the kernel maps were made, durations seconds,
 * times CLOCK_REALTIME nanoseconds (0: never).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core/breaker.h"
#include "weir/abi.h"

/* A quantile is NAN when there was no sample. */
struct snapshot_quantiles {
	uint64_t count;
	double p50_seconds;
	double p99_seconds;
};

/* What service and endpoint have in common. */
struct snapshot_subject {
	/* breaker; has_breaker false: state is CLOSED and means nothing */
	bool has_breaker;
	bool enforced; /* false: observe, suppressed or panic */
	enum weir_state state;
	uint32_t epoch;
	uint32_t level;
	int64_t since_realtime_ns;
	int64_t until_realtime_ns;   /* OPEN: probes at; FORCED: TTL ends */
	double since_seconds;	     /* ago */
	double until_seconds;	     /* from now; 0: no end */
	struct breaker_change last;  /* the change that led here */
	struct window_counts window; /* now */
	uint32_t probes_taken, probes_ok, probes_bad;
	char override_by[64]; /* "uid 0" of a forced state, or "" */
	char override_reason[128];
	/* traffic */
	uint32_t in_use, connecting, shadow;
	uint32_t waiting; /* in the queue; of services */
	uint32_t calls_active, calls_overdue;
	uint64_t opened, refused;
	uint64_t calls[WEIR_PHASE_COUNT][WEIR_RESULT_COUNT];
	uint64_t failures[WEIR_FAILURE_COUNT];
	uint64_t resent[WEIR_PHASE_COUNT]; /* bad calls with retransmissions */
	/* at the latest audit: hanging calls, and those not acknowledged */
	uint32_t overdue_seen, overdue_unsent;
	bool takes_turns; /* calls are seen; false: see manner.h */
	/* over the last seconds (see rate_seconds of the snapshot) */
	double calls_per_second, failed_ratio, slow_ratio, refused_per_second;
	struct snapshot_quantiles connect, response;
};

/* What one process holds of one service's connections. */
struct snapshot_client {
	uint32_t subject; /* the service's slot; of slot 0 the endpoint */
	char service[WEIR_NAME_BYTES];
	char name[160]; /* "orders.service/java[4711]", for people */
	char process[32];
	char unit[80]; /* of systemd, or "" */
	char cgroup[192];
	uint64_t cgroup_id; /* of its sockets */
	uint32_t pid;	    /* 0: not known */
	uint32_t uid;
	uint32_t connections; /* the sum of the next five, and those busy now */
	uint32_t connecting;
	uint32_t waiting;    /* for an answer */
	uint32_t idle;	     /* nothing awaited, nothing moved for a second */
	uint32_t close_wait; /* the peer has closed, this side forgot to */
	uint32_t closing;    /* this side has closed, the kernel is at it */
	uint32_t detached;   /* of all: no process has it open */
	uint32_t over;	     /* of all: enforced, it would not be there */
	bool older;	     /* than oldest_seconds: it was adopted */
	double oldest_seconds;
	double idle_seconds; /* longest silence of an idle or close_wait one */
};

struct snapshot_clients {
	int64_t realtime_ns;
	uint32_t connections; /* of all processes */
	uint32_t unlisted;    /* more than can be listed; in no item */
	size_t processes;     /* more than `count` where there is a limit */
	size_t count;
	struct snapshot_client items[]; /* most connections first */
};

/* The latest connection that a full cap refused, or would have refused. */
struct snapshot_full {
	int64_t realtime_ns;
	char subject[64]; /* whose cap: the service's or endpoint's name */
	uint32_t limit;
	bool enforced;
	char refused[256];		  /* who it was */
	struct snapshot_clients *holders; /* owned; the first few */
};

struct snapshot_service {
	char name[WEIR_NAME_BYTES]; /* policy name, or "10.0.0.7:5432" */
	bool observed;		    /* no policy names it: a destination seen */
	struct snapshot_subject subject;
	/* the policy, when there is one */
	enum weir_mode mode;
	enum weir_scope scope;
	enum weir_direction direction;
	char file[256];
	uint32_t line;
	struct policy_breaker breaker;
	struct policy_bulkhead bulkhead;
	struct policy_rate rate;
	struct policy_position positions[POLICY_POSITIONS_MAX];
	size_t position_count;
	/* totals */
	uint64_t decisions[WEIR_VERDICT_COUNT][WEIR_REASON_COUNT];
	uint64_t closed[WEIR_CLOSE_COUNT];
	uint64_t established, adopted;
	uint64_t sent_bytes, received_bytes, retransmits;
	struct weir_histogram connect, response, queued;
	struct snapshot_quantiles queue_wait; /* of `queued` */
	uint64_t queue_expired, queue_left;   /* waits without a slot */
	/* transitions[from][to][trip], of the service and all its endpoints */
	uint64_t transitions[WEIR_STATE_COUNT][WEIR_STATE_COUNT]
			    [WEIR_TRIP_COUNT];
	uint64_t probes_ok_total, probes_bad_total;
	uint64_t suppressed_total; /* trips the ejection guard forbade */
	uint64_t drift_total;
	uint64_t resets_total, resets_missed, would_reset_total;
	struct snapshot_full *full; /* owned; NULL: no cap was full yet */
	bool panic;
	uint32_t endpoints_by_state[WEIR_STATE_COUNT];
	size_t endpoint_first, endpoint_count; /* in snapshot.endpoints */
};

struct snapshot_endpoint {
	size_t service; /* index in snapshot.services */
	char name[64];	/* "10.0.0.7:5432", "[fd00::7]:5432" */
	bool listed;	/* named by address in the policy */
	struct snapshot_subject subject;
};

#define SNAPSHOT_EVENT_TEXT 512
enum snapshot_event_type {
	SNAPSHOT_EVENT_BREAKER,
	SNAPSHOT_EVENT_BULKHEAD,
	SNAPSHOT_EVENT_ENDPOINT,
	SNAPSHOT_EVENT_POLICY,
	SNAPSHOT_EVENT_AGENT,
	SNAPSHOT_EVENT_TYPES,
};

struct snapshot_event {
	uint64_t seq; /* from 1, no holes; a reader sees gaps by it */
	int64_t realtime_ns;
	enum snapshot_event_type type;
	char service[WEIR_NAME_BYTES]; /* "" when it concerns none */
	char endpoint[64];
	enum weir_state from, to; /* BREAKER */
	enum weir_trip trip;
	uint32_t value, threshold;
	uint64_t calls;
	bool enforced;
	char text[SNAPSHOT_EVENT_TEXT]; /* the sentence for people */
};

struct snapshot_policy {
	char name[WEIR_NAME_BYTES];
	char file[256];
	uint32_t line;
	enum weir_mode mode;
	char overridden_by[256]; /* "" or the file that masks this one */
	char labels[256];	 /* "team=payments,tier=1" */
};

struct snapshot_generation {
	uint32_t number;
	int64_t realtime_ns;
	uint32_t policies;
	char by[64]; /* "start", "reload", "uid 0" */
};

struct snapshot_program {
	char name[16];
	uint64_t run_count, run_ns; /* 0 unless kernel.bpf_stats_enabled */
	uint64_t recursion_misses;
};

struct snapshot_map {
	char name[16];
	uint64_t entries, max_entries;
};

struct snapshot_feature {
	char name[32]; /* "sock_send_length", "sk_data_ready", … */
	bool supported;
	char effect[128]; /* what its absence means, for people */
};

enum snapshot_xdp {
	SNAPSHOT_XDP_OFF,
	SNAPSHOT_XDP_GENERIC,
	SNAPSHOT_XDP_DRIVER
};

/* An interface that weir.yaml names for `onFull: shed`. */
struct snapshot_interface {
	char name[16];
	enum snapshot_xdp mode;
	bool wanted;	   /* a policy says shed */
	bool answers;	   /* with RST; else SYNs are dropped */
	char trouble[128]; /* what is not as asked, for people; "" */
};

/* The agent's own use of the host; filled by process_read(). */
struct snapshot_process {
	bool known; /* /proc could be read */
	double cpu_seconds;
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
};

#define SNAPSHOT_MAPS_MAX	 24
#define SNAPSHOT_PROGRAMS_MAX	 24
#define SNAPSHOT_FEATURES_MAX	 16
#define SNAPSHOT_GENERATIONS_MAX 10
#define SNAPSHOT_INTERFACES_MAX	 16

struct snapshot {
	/* agent */
	char version[64];
	uint32_t pid;
	int64_t started_realtime_ns, now_realtime_ns;
	double uptime_seconds;
	char kernel[96]; /* uname release */
	char cgroup[256];
	double heartbeat_age_seconds, lease_seconds;
	double rate_seconds; /* the span of the *_per_second figures */
	uint32_t generation;
	bool reload_ok;
	int64_t reload_realtime_ns;
	char reload_error[256];
	uint64_t events_lost_total, hints_total, drift_total;
	uint64_t wakes_missed_total;
	uint64_t faults[WEIR_FAULT_COUNT];
	uint64_t series_dropped_total;
	bool local_fault;
	struct snapshot_process process;
	/* lists; owned by the snapshot */
	struct snapshot_service *services; /* sorted by name, policies first */
	size_t service_count;
	struct snapshot_endpoint *endpoints; /* grouped by service */
	size_t endpoint_count;
	struct snapshot_policy *policies;
	size_t policy_count;
	struct snapshot_event *events; /* oldest first */
	size_t event_count;
	/* Of the one service a `why` is about, where it has a cap. */
	struct snapshot_clients *clients;
	struct snapshot_generation generations[SNAPSHOT_GENERATIONS_MAX];
	size_t generation_count;
	struct snapshot_map maps[SNAPSHOT_MAPS_MAX];
	size_t map_count;
	struct snapshot_program programs[SNAPSHOT_PROGRAMS_MAX];
	size_t program_count;
	struct snapshot_feature features[SNAPSHOT_FEATURES_MAX];
	size_t feature_count;
	struct snapshot_interface interfaces[SNAPSHOT_INTERFACES_MAX];
	size_t interface_count;
};

/* "off", "generic" or "driver". */
const char *snapshot_xdp_word(enum snapshot_xdp mode);

/* How bad a state is; CLOSED is 0. */
unsigned snapshot_severity(enum weir_state state);

/* The service's breaker, or with scope endpoint the worst of its endpoints. */
enum weir_state snapshot_state(const struct snapshot_service *service);

/*
 * The breaker whose state that is: the service's own, or an endpoint's (the
 * first that came into it; of closed ones the last). NULL: there is none.
 */
const struct snapshot_subject *
snapshot_speaker(const struct snapshot *s,
		 const struct snapshot_service *service);

/* The service's window, or with scope endpoint the sum of its endpoints'. */
struct window_counts snapshot_window(const struct snapshot *s,
				     const struct snapshot_service *service);

/* The earliest end of a wait in OPEN, of it or its endpoints; 0: none is. */
int64_t snapshot_open_until_ns(const struct snapshot *s,
			       const struct snapshot_service *service);

/* By name; NULL: none. Of two endpoints of one name the one that is worse. */
const struct snapshot_service *snapshot_find_service(const struct snapshot *s,
						     const char *name);
const struct snapshot_endpoint *snapshot_find_endpoint(const struct snapshot *s,
						       const char *name);

/* A copy of the first `max` processes; NULL: out of memory. */
struct snapshot_clients *snapshot_copy_clients(const struct snapshot_clients *c,
					       size_t max);
struct snapshot_full *snapshot_copy_full(const struct snapshot_full *full);
void snapshot_free_full(struct snapshot_full *full);

/* Frees the lists and the snapshot itself. NULL is fine. */
void snapshot_free(struct snapshot *snapshot);
