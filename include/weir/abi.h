/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weir/abi.h - every byte that crosses the kernel boundary.
 *
 * The BPF programs, the agent, weirctl and the tests all compile this file, so
 * it holds plain data only: fixed-width fields, no pointers, no hidden padding.
 * Every size is pinned at the end: an accidental change of layout fails the
 * build instead of the fleet.
 *
 * Times ending in _us are CLOCK_MONOTONIC microseconds (the clock of the
 * kernel's TCP stack), times ending in _ns CLOCK_MONOTONIC nanoseconds.
 * Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d; ports and
 * everything else are in host order.
 *
 * A *subject* is what is counted and may carry a breaker: a service or one of
 * its endpoints. Both live in the same arrays: services at [0, services_max),
 * endpoints at [services_max, services_max + endpoints_max).
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include "weir/rows.h"

#define WEIR_ABI_VERSION 3

/* Limits (W7). Reaching one is counted in weir_fault and reported. */
#define WEIR_SERVICES_MAX      4097u  /* 4096 policies and slot 0 */
#define WEIR_ENDPOINTS_MAX     65536u /* upper bound of limits.endpoints */
#define WEIR_ENDPOINTS_DEFAULT 4096u
#define WEIR_RULES_MAX	       65536u /* destination keys, one generation */
#define WEIR_RULES_PER_KEY     8u     /* port ranges and client sets of a key */
#define WEIR_CLASSES_MAX       8u     /* mask classes of one generation */
#define WEIR_CLIENTS_MAX       32768u /* client selectors, one generation */
#define WEIR_CALLER_SETS       4096u  /* x 16: clients counted one by one */
#define WEIR_CALLERS_PER_SET   16u
#define WEIR_WAITERS_MAX       16384u /* places in all queues together */
#define WEIR_QUEUE_MAX	       1024u  /* maxLength of one queue */
#define WEIR_RING_PLACES       4u     /* of its ring, for each of these */
#define WEIR_CGROUP_DEPTH_MAX  16u    /* ancestors looked at for `clients` */
#define WEIR_LISTEN_PORTS_MAX  8192u  /* remembered while adopting */
#define WEIR_LOCAL_MAX	       4096u  /* addresses of this host, for XDP */
#define WEIR_RING_BYTES	       (256u * 1024u)
#define WEIR_SLICES	       32u   /* start slices of calls in flight */
#define WEIR_PROBES_MAX	       1000u /* permittedNumberOfCallsInHalfOpenState */
#define WEIR_CAS_TRIES	       16    /* then the caller takes the safe side */
#define WEIR_NAME_BYTES	       64u   /* RFC 1123 label and the NUL */
#define WEIR_NONE	       0xffffffffu /* no such slot, endpoint or subject */

/* Slot 0 holds what no policy names; each destination is its own endpoint. */
#define WEIR_SLOT_OBSERVED 0u

enum weir_mode { WEIR_MODE_OBSERVE, WEIR_MODE_ENFORCE, WEIR_MODE_DISABLED };
enum weir_scope { WEIR_SCOPE_ENDPOINT, WEIR_SCOPE_SERVICE };
enum weir_direction { WEIR_EGRESS, WEIR_INGRESS };

/* What becomes of a SYN that finds no room. */
enum weir_on_full {
	WEIR_FULL_REFUSE, /* answered with a RST */
	WEIR_FULL_DROP,	  /* lost: the client tries again */
	WEIR_FULL_SHED,	  /* as one of these, before the stack sees it */
};

/* Who a client is, for the limits of each client. */
enum weir_caller_by {
	WEIR_BY_NONE, /* clients are not limited */
	WEIR_BY_CGROUP,
	WEIR_BY_USER,
	WEIR_BY_PROCESS,
	WEIR_BY_ADDRESS, /* of who connects to a listener */
	WEIR_BY_PREFIX,
};

/* What the kernel does with a new connection; the agent writes it. */
enum weir_gate {
	WEIR_GATE_ADMIT,  /* closed */
	WEIR_GATE_REFUSE, /* open */
	WEIR_GATE_PROBE,  /* half-open: `permitted` tokens */
	WEIR_GATE_FORCED, /* refused because an operator said so */
};

/* ---- written by the agent, read by the kernel ---------------------------- */

/* A mask class: one lookup in weir_rule for each connection. */
struct weir_class {
	__u8 prefix;	 /* 0..128; IPv4 prefixes have 96 added */
	__u8 exact_port; /* 1: the key holds the port, 0: ranges */
	__u8 reserved[2];
};

/* weir_control, one element, mapped by the agent. */
struct weir_control {
	__u32 abi;
	__u32 active;	    /* 0: every program returns at once (W2) */
	__u32 generation;   /* its lowest bit picks rules and services (W4) */
	__u32 observe_all;  /* 0: connections no policy names are ignored */
	__u64 heartbeat_ns; /* written every 250 ms */
	__u64 lease_ns;	    /* older heartbeat: dynamic verdicts are ignored */
	__u32 class_count[4]; /* as weir_rule_key.generation */
	struct weir_class classes[4][WEIR_CLASSES_MAX];
	__u32 owner_pid; /* for people: who wrote this */
	__u32 seed; /* of weir_caller's hash; for as long as the maps live */
};

/*
 * weir_rule: destination, or local address of a listener, to services. The
 * exact key is {gen, 128, port, addr}.
 */
#define WEIR_RULE_INGRESS 2u

struct weir_rule_key {
	__u8 generation; /* 0 or 1, with WEIR_RULE_INGRESS 2 or 3 */
	__u8 prefix;
	__u16 port;    /* 0: the value's ranges decide */
	__u32 addr[4]; /* network order, masked to prefix */
};

struct weir_rule {
	__u16 port_min;
	__u16 port_max;
	__u32 rank;    /* higher wins; see policy_rank() */
	__u32 clients; /* client set, 0 = everyone */
	__u32 slot;
};

struct weir_rule_set {
	__u32 count;
	__u32 reserved;
	struct weir_rule rules[WEIR_RULES_PER_KEY];
};

enum weir_client_kind { WEIR_CLIENT_UID, WEIR_CLIENT_CGROUP };

/* weir_client: present = the uid or cgroup belongs to the client set. */
struct weir_client_key {
	__u32 generation; /* 0 or 1 */
	__u32 set;
	__u32 kind; /* enum weir_client_kind */
	__u32 reserved;
	__u64 id; /* uid, or cgroup id: descendants match too */
};

/*
 * weir_network, longest prefix: present = who connects from there belongs to
 * the client set. Generation and set are compared in full.
 */
#define WEIR_NETWORK_BITS 64u /* before the address */

struct weir_network_key {
	__u32 bits; /* WEIR_NETWORK_BITS and the prefix */
	__u32 generation;
	__u32 set;
	__u32 addr[4];
};

/* weir_service, element slot * 2 + (generation & 1). */
struct weir_service {
	__u32 mode;  /* enum weir_mode */
	__u32 scope; /* enum weir_scope: who carries the breaker */
	__u32 has_breaker;
	__u32 refuse_errno;    /* positive errno of a refused connect() */
	__u32 connections_max; /* WEIR_NONE: no limit */
	__u32 endpoint_connections_max;
	__u32 consecutive_max; /* 0: off */
	__u32 slice_shift;     /* a start slice is 1 << slice_shift us long */
	__u64 slow_us;	       /* 0: slow calls are not judged */
	__u64 silence_us;      /* consecutive failures are forgotten after it */
	__u32 drop;   /* an open breaker loses the SYN, refuses nothing */
	__u32 access; /* client set that may connect at all; 0: everyone */
	__u32 connecting_max; /* 0: no limit */
	__u32 calls_max;      /* in flight; 0: no limit */
	__u64 rate_ns;	      /* a connection each so many ns; 0: no limit */
	__u64 rate_burst_ns;  /* how far ahead of that: (burst - 1) * rate_ns */
	__u32 client_by;      /* enum weir_caller_by of client_max */
	__u32 client_max;     /* connections of one client */
	__u32 client_rate_by; /* enum weir_caller_by of client_rate_ns */
	__u8 client_prefix[2];	    /* of IPv4, with 96 added, and of IPv6 */
	__u8 client_rate_prefix[2]; /* likewise */
	__u32 queue_max;  /* connects that may wait at once; 0: none */
	__u32 queue_base; /* its places in weir_waiter */
	__u32 queue_mask; /* how many they are, less one */
	__u32 reserved;
	__u64 queue_wait_us;  /* the longest wait */
	__u64 client_rate_ns; /* as rate_ns, for each client */
	__u64 client_rate_burst_ns;
	__u32 direction;	    /* enum weir_direction */
	__u32 on_full;		    /* enum weir_on_full */
	char name[WEIR_NAME_BYTES]; /* how a restarted agent finds its slots */
};

/* weir_verdict, element subject; mapped, `word` is stored last and at once. */
struct weir_verdict {
	__u64 word;	/* see verdict_word() */
	__u64 epoch_us; /* start of the epoch: older calls are neutral */
	__u64 hint_at;	/* wake the agent when `bad` reaches this */
	/* The agent's own memory, for the agent that comes after it. */
	__u64 until_ns;
	__u64 since_ns;
	__u32 level;
	__u32 state; /* enum weir_state */
	__u32 trip;  /* enum weir_trip */
	__u32 reserved;
};

/* ---- written by the kernel, read by the agent ---------------------------- */

/*
 * Log-linear histogram: 28 buckets a decade, each at most 12.5 % wide, from
 * 10 us to 100 s; the first takes all below, the last all above. 1, 2.5 and 5
 * of every decade are edges, so the Prometheus edges fold exactly.
 */
#define WEIR_HIST_BUCKETS 198u

struct weir_histogram {
	__u64 bucket[WEIR_HIST_BUCKETS];
	__u64 sum_us;
};

/* weir_stat, per CPU, element slot. */
struct weir_stat {
	__u64 decisions[WEIR_VERDICT_COUNT][WEIR_REASON_COUNT];
	__u64 calls[WEIR_PHASE_COUNT][WEIR_RESULT_COUNT];
	__u64 failures[WEIR_FAILURE_COUNT];
	__u64 closed[WEIR_CLOSE_COUNT];
	__u64 opened; /* admitted connect() calls */
	__u64 established;
	__u64 adopted;
	__u64 sent_bytes;
	__u64 received_bytes;
	__u64 retransmits;
	__u64 queue_expired; /* waits that ended without a slot */
	__u64 queue_left;    /* closed by the application before */
	struct weir_histogram connect;
	struct weir_histogram response;
	struct weir_histogram queued; /* waits that ended with a slot */
};

/*
 * weir_subject, element subject; mapped read-only. The first line is what
 * connect() fights for, so nothing else shares it.
 */
struct weir_subject {
	__u32 in_use;	/* held from connect() to the final close */
	__u32 shadow;	/* of these: enforced, they would not be there */
	__u64 probe;	/* see probe_take() */
	__u64 acquired; /* both only grow: the audit's churn */
	__u64 released;
	__u32 syns;	  /* of them still in SYN_SENT, where that is limited */
	__u32 waiting;	  /* in its queue */
	__u32 queue_head; /* the last ticket that waits no more; see queue.h */
	__u32 queue_tail; /* the last ticket that was given */
	__u64 pad0[2];

	__u64 consecutive; /* epoch << 32 | failures in a row */
	__u64 last_sample_us;
	__u64 bad;    /* failures and ended slow calls of this epoch */
	__u64 hinted; /* the hint_at that was already signalled */
	__u64 opened;
	__u64 refused;	    /* and would-be refused */
	__u64 last_failure; /* enum weir_failure of the latest failure */
	__u32 connecting;
	__u32 calls_active;

	__u64 calls[WEIR_PHASE_COUNT][WEIR_RESULT_COUNT];
	/*
	 * What the breaker counts. A connect that succeeds and goes on to a
	 * request is one call with it; see outcome_record().
	 */
	__u64 judged[WEIR_RESULT_COUNT];
	__u64 failures[WEIR_FAILURE_COUNT];
	/* Of the judged failures and slow calls: with retransmissions. */
	__u64 resent[WEIR_PHASE_COUNT];
	__u64 manner; /* 0 takes turns .. WEIR_MANNER_MAX does not */
	__s64 older;  /* calls in flight that fell off the ring */
	__u64 slices[WEIR_SLICES]; /* see slice_start() */
	__u64 rate_at_ns;	   /* see rate.h */
	__u64 denied_us;	   /* when a refused client was named last */
	__u64 full_us;		   /* the same, of those a full cap refused */
	__u64 pad1[1];
};

#define WEIR_MANNER_MAX	  15u /* see manner.h */
#define WEIR_MANNER_KNOWN 10u /* from here on: does not take turns */

/* weir_hist, element endpoint: recent-quantile source, may wrap. */
struct weir_endpoint_hist {
	__u32 connect[WEIR_HIST_BUCKETS];
	__u32 response[WEIR_HIST_BUCKETS];
};

/* weir_endpoint: which subject a destination of a service is. */
struct weir_endpoint_key {
	__u32 slot;
	__u32 port;
	__u32 addr[4];
};

/* weir_conn, socket storage. */
enum weir_held { WEIR_HELD_FREE, WEIR_HELD_RESERVED, WEIR_HELD_COUNTED };
enum weir_call {
	WEIR_CALL_NONE,
	WEIR_CALL_CONNECT,
	WEIR_CALL_TURN,
	WEIR_CALL_STARTING, /* one CPU is entering it into its slice */
};

#define WEIR_CONN_PROBE	      (1u << 0) /* took a half-open token */
#define WEIR_CONN_SHADOW      (1u << 1) /* would have been refused: neutral */
#define WEIR_CONN_ESTABLISHED (1u << 2)
#define WEIR_CONN_ADOPTED     (1u << 3) /* existed before the agent */
#define WEIR_CONN_STATE_SEEN  (1u << 4) /* the STATE callback works on it */
#define WEIR_CONN_DUPLEX      (1u << 5) /* no turns: both sides speak at will */
#define WEIR_CONN_ANSWERED    (1u << 6) /* at least one turn ended */
#define WEIR_CONN_RELEASED    (1u << 7) /* the application has closed it */
#define WEIR_CONN_OWED	      (1u << 8) /* a connect not judged yet: it succeeded */
#define WEIR_CONN_DROPPED     (1u << 10) /* its SYN is not sent */
#define WEIR_CONN_RESET	      (1u << 11) /* Weir resets it */
#define WEIR_CONN_SPARED      (1u << 12) /* observe mode: would have been reset */
#define WEIR_CONN_UNSETTLED   (1u << 13) /* closed; was an answer awaited? */
#define WEIR_CONN_PROVEN      (1u << 14) /* a success of it has been judged */
#define WEIR_CONN_SYN	      (1u << 15) /* holds a place among those connecting */
#define WEIR_CONN_WAITING     (1u << 29) /* in its service's queue */
#define WEIR_CONN_EXPIRED     (1u << 30) /* waited in vain: no SYN of it leaves */
#define WEIR_CONN_TERSE	      (1u << 28) /* see manner_acknowledges() */
#define WEIR_CONN_INGRESS     (1u << 31) /* accepted here: counted, not judged */
#define WEIR_CONN_DOOMED \
	WEIR_CONN_RESET /* of these: no room for it, holds nothing */
#define WEIR_CONN_ADVISORY (1u << 9) /* a shadow that is let in if enforced */
/* Two bits each: how often the two sides did not wait for each other. */
#define WEIR_CONN_OVERLAP (1u << 16) /* an answer before the request was out */
#define WEIR_CONN_LONE	  (1u << 18) /* a pause, and more written, unanswered */
#define WEIR_CONN_PUSH	  (1u << 20) /* a pause, and data that answers nothing */
#define WEIR_CONN_CLEAN	  (1u << 22) /* four bits: turns without any of them */
#define WEIR_CONN_HELD	  (1u << 26) /* two bits: successes held back */

struct weir_conn {
	__u32 slot;
	__u32 endpoint; /* WEIR_NONE: the table was full */
	__u32 breaker;	/* subject whose breaker admitted it */
	__u32 epoch;	/* in which it was admitted */
	__u32 held;	/* enum weir_held */
	__u32 flags;
	__u32 call;	   /* enum weir_call: what is in flight */
	__u32 slice;	   /* start slice of that call */
	__u64 call_us;	   /* when it started */
	__u64 admitted_us; /* connect() */
	__u64 established_us;
	__u64 received_bytes; /* at the last turn's end */
	__u64 heard_us;	      /* when data arrived last */
	__u64 wrote_us;	      /* when more of a request was written last */
	__u32 turn_seq;	      /* write_seq at the last answer */
	__u32 retransmits;    /* total_retrans at the last answer */
	__u32 caller;	      /* place in weir_caller that it holds; 0: none */
	__u32 waiter;	      /* place in weir_waiter, while it waits */
	__u32 ticket;	      /* and its number there */
	__u32 syn_count;      /* TCP_SYNCNT as it was; 0: left alone */
	__u32 user_timeout; /* TCP_USER_TIMEOUT (ms) as it was, when expired */
	__u32 pid;  /* who has it open; see holders.bpf.c. 0: not known */
	__u32 seen; /* the pass of weir_owner that found it open */
	__u32 reserved;
};

/* What weir_waiter's word says of a ticket. */
enum weir_waiter_state {
	WEIR_WAITER_GONE,
	WEIR_WAITER_RESERVED, /* somebody is about to wait here */
	WEIR_WAITER_WAITING,
	WEIR_WAITER_GRANTED,	 /* its places are taken, it may go */
	WEIR_WAITER_GRANTED_SYN, /* also one among those connecting */
};

/* One client of one service: what it holds, and its rate. See caller.h. */
struct weir_caller_key {
	__u32 slot;
	__u32 by;    /* enum weir_caller_by; 0: this place is free */
	__u64 id[2]; /* cgroup id, uid or pid, and 0; or a masked address */
};

struct weir_caller {
	struct weir_caller_key key;
	__u32 in_use;
	__u32 refused;	  /* since it came */
	__u64 rate_at_ns; /* see rate.h */
};

/* weir_caller, element hash % WEIR_CALLER_SETS. */
struct weir_caller_set {
	struct bpf_spin_lock lock; /* who comes; who goes needs none */
	__u32 reserved;
	struct weir_caller callers[WEIR_CALLERS_PER_SET];
};

/* weir_event, ring buffer. A hint is never a decision. */
enum weir_event_type {
	WEIR_EVENT_HINT = 1,
	WEIR_EVENT_ENDPOINT,
	WEIR_EVENT_PROBE,
	WEIR_EVENT_DENIED,  /* access: who was, or would have been, refused */
	WEIR_EVENT_GRANTED, /* `waiter` may go: wake it */
	WEIR_EVENT_FULL,    /* the same of a cap; subject: whose cap is full */
	WEIR_EVENT_DOOMED,  /* a struct weir_doomed: to be reset at once */
};

struct weir_event {
	__u32 type; /* enum weir_event_type */
	__u32 subject;
	__u64 at_ns;
	struct weir_endpoint_key key; /* WEIR_EVENT_ENDPOINT */
	/* WEIR_EVENT_DENIED, WEIR_EVENT_FULL: the caller */
	__u32 pid;
	__u32 uid;
	__u64 cgroup;
	char command[16];
	__u32 waiter; /* WEIR_EVENT_GRANTED */
	__u32 ticket;
};

/* weir_recount, element subject: what the audit found held. */
struct weir_recount {
	__u32 held;
	__u32 overdue; /* unanswered turns older than slow_us */
	__u32 unsent;  /* of these: the peer has not got all of it */
	__u32 doomed;  /* hold nothing, and nobody has reset them yet */
};

/* What an open breaker does to established connections. */
enum weir_established {
	WEIR_ESTABLISHED_KEEP,
	WEIR_ESTABLISHED_RESET_STUCK, /* an answer is overdue */
	WEIR_ESTABLISHED_RESET_IDLE,  /* nothing is awaited */
	WEIR_ESTABLISHED_RESET_ALL,
	WEIR_ESTABLISHED_DOOMED, /* no policy's word: those left over */
};

/* weir_select, one element: which connections the next walk is to list. */
struct weir_select {
	__u32 subject;
	__u32 which;	/* enum weir_established */
	__u32 max;	/* at most that many */
	__u32 found;	/* by the walk */
	__u64 stuck_us; /* what "overdue" is */
	__u32 mark;	/* WEIR_CONN_RESET or WEIR_CONN_SPARED */
	__u32 reserved;
};

/* What is to be done to a socket, and enough to find it and no other. */
struct weir_victim {
	__u64 cookie;	 /* of a reset */
	__u32 source[4]; /* this side; addresses as everywhere */
	__u32 peer[4];
	__u16 source_port;
	__u16 peer_port;
	__u32 netns;  /* inode of its network namespace */
	__u32 family; /* AF_INET or AF_INET6, as the socket has it */
	__u32 subject;
	__u32 wake;   /* not reset: it is to send its SYN */
	__u32 seq;    /* of that SYN, so that nothing acknowledges it */
	__u32 doomed; /* also while it is closing: it must not be served */
	__u32 reserved;
};

/* weir_event, ring buffer: begins as struct weir_event does. */
struct weir_doomed {
	__u32 type; /* WEIR_EVENT_DOOMED */
	__u32 subject;
	__u64 at_ns;
	struct weir_victim victim;
};

/* weir_waiter: one place of a queue. */
struct weir_waiter {
	__u64 word; /* ticket << 32 | enum weir_waiter_state */
	__u64 since_us;
	__u32 slot;
	__u32 endpoint;
	__u32 breaker;
	__u32 probe;		   /* it has a half-open token */
	struct weir_victim socket; /* seq 0: not known yet */
};

#define WEIR_PIN_SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), "ABI: struct " #type)

WEIR_PIN_SIZE(weir_class, 4);
WEIR_PIN_SIZE(weir_control, 184);
WEIR_PIN_SIZE(weir_rule_key, 20);
WEIR_PIN_SIZE(weir_rule, 16);
WEIR_PIN_SIZE(weir_rule_set, 136);
WEIR_PIN_SIZE(weir_client_key, 24);
WEIR_PIN_SIZE(weir_network_key, 28);
WEIR_PIN_SIZE(weir_service, 208);
WEIR_PIN_SIZE(weir_verdict, 56);
WEIR_PIN_SIZE(weir_histogram, 1592);
WEIR_PIN_SIZE(weir_stat, 5624);
WEIR_PIN_SIZE(weir_subject, 640);
WEIR_PIN_SIZE(weir_endpoint_hist, 1584);
WEIR_PIN_SIZE(weir_endpoint_key, 24);
WEIR_PIN_SIZE(weir_conn, 120);
WEIR_PIN_SIZE(weir_caller_key, 24);
WEIR_PIN_SIZE(weir_caller, 40);
WEIR_PIN_SIZE(weir_caller_set, 648);
WEIR_PIN_SIZE(weir_event, 80);
WEIR_PIN_SIZE(weir_recount, 16);
WEIR_PIN_SIZE(weir_select, 32);
WEIR_PIN_SIZE(weir_victim, 72);
WEIR_PIN_SIZE(weir_doomed, 88);
WEIR_PIN_SIZE(weir_waiter, 104);
