/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy.h - a policy as the agent and the tools see it.
 *
 * One struct weir_policy is one YAML document, bound and checked. Durations
 * are nanoseconds, rates percent, counts plain numbers. A field that was not
 * written has the default of design/2-policy.md; `set` tells whether a block
 * was there at all, because an absent block is off.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "weir/abi.h"

#define POLICY_FILE_BYTES_MAX	 (1024u * 1024u)
#define POLICY_DEPTH_MAX	 32u
#define POLICIES_MAX		 4096u
#define POLICY_DESTINATIONS_MAX	 256u /* of one policy */
#define POLICY_PORTS_MAX	 64u  /* ranges of one destination */
#define POLICY_CLIENTS_MAX	 64u
#define POLICY_LABELS_MAX	 32u
#define POLICY_DURATION_MIN_NS	 1000000ull /* 1 ms */
#define POLICY_QUEUE_WAIT_MAX_NS (60ull * 1000000000)
#define POLICY_DURATION_MAX_NS	 (24ull * 3600 * 1000000000) /* 24 h */

struct policy_ports {
	uint16_t min; /* 1..65535 */
	uint16_t max;
};

struct policy_destination {
	uint8_t address[16]; /* network order, v4 as ::ffff:a.b.c.d, masked */
	uint8_t prefix;	     /* 0..128; IPv4 prefixes have 96 added */
	struct policy_ports ports[POLICY_PORTS_MAX];
	size_t port_count; /* at least 1 */
	unsigned line, column;
};

enum policy_client_kind {
	POLICY_CLIENT_SYSTEMD_UNIT, /* "orders.service" */
	POLICY_CLIENT_CGROUP,	    /* glob below the cgroup2 mount */
	POLICY_CLIENT_USER,	    /* resolved to a uid */
};

struct policy_client {
	enum policy_client_kind kind;
	char *pattern; /* unit name, cgroup glob or user as written */
	uint32_t uid;  /* POLICY_CLIENT_USER */
	unsigned line, column;
};

struct policy_breaker {
	bool set;
	enum weir_scope scope;
	uint64_t window_ns;
	uint32_t window_buckets; /* 1..60 */
	uint32_t calls_min;	 /* minimumNumberOfCalls */
	uint32_t failures_min;	 /* minimumNumberOfFailures */
	uint32_t failure_rate;	 /* percent, 1..100 */
	uint32_t consecutive;	 /* 0: off */
	uint64_t slow_ns;	 /* 0: slow calls are not judged */
	uint32_t slow_rate;	 /* percent, 1..100 */
	uint64_t wait_initial_ns;
	double wait_multiplier; /* 1..100 */
	uint64_t wait_max_ns;
	double wait_jitter; /* 0..1: added, never taken away */
	uint32_t probes;    /* 1..WEIR_PROBES_MAX */
	uint64_t half_open_timeout_ns;
	uint32_t ejection_max;	  /* maxEjectionPercent, 1..100 */
	uint32_t panic_threshold; /* percent, 0 = off */
	int refuse_errno;	  /* positive */
	int drop;		  /* newConnections: drop */
	enum weir_established established;
	uint32_t reset_rate; /* connections a second */
};

struct policy_bulkhead {
	bool set;
	uint32_t connections_max;	   /* WEIR_NONE: no limit */
	uint32_t endpoint_connections_max; /* WEIR_NONE: no limit */
	uint32_t connecting_max;	   /* 0: no limit */
	uint32_t calls_max;		   /* in flight; 0: no limit */
	uint32_t warn_at;		   /* percent */
	int client_by;			   /* enum weir_caller_by */
	uint32_t client_connections_max;   /* 0: no limit */
	bool queue_set;
	uint64_t queue_wait_ns;
	uint32_t queue_length; /* 1..WEIR_QUEUE_MAX */
};

struct policy_rate {
	bool set;
	uint32_t per_second; /* connections; 0: no limit */
	uint32_t burst;	     /* 1 or more */
	int client_by;	     /* enum weir_caller_by */
	uint32_t client_per_second;
	uint32_t client_burst;
};

/* Where an effective value was written; for `describe` and `why`. */
struct policy_position {
	const char *path;      /* "spec.circuitBreaker.failureRateThreshold" */
	unsigned line, column; /* 0: a default */
};
#define POLICY_POSITIONS_MAX 96

struct weir_policy {
	char *name;
	char *file;    /* as loaded; "<api>" when applied by API */
	unsigned line; /* first line of the document */
	char *text;    /* the document as written */
	char *labels[POLICY_LABELS_MAX]; /* "key=value" */
	size_t label_count;
	enum weir_mode mode;
	struct policy_destination *destinations;
	size_t destination_count;
	struct policy_client *clients;
	size_t client_count;	       /* 0: everyone */
	struct policy_client *allowed; /* spec.access */
	size_t allowed_count;	       /* 0: everyone */
	struct policy_breaker breaker;
	struct policy_bulkhead bulkhead;
	struct policy_rate rate;
	struct policy_position positions[POLICY_POSITIONS_MAX];
	size_t position_count;
};

struct weir_policies {
	struct weir_policy **items; /* owned */
	size_t count;
};

void policy_free(struct weir_policy *policy);
void policies_clear(struct weir_policies *policies);

/* Takes the policy over on success only. -ENOMEM. */
int policies_append(struct weir_policies *policies, struct weir_policy *policy);

/* Takes all of `from` over, or on -ENOMEM none. */
int policies_move(struct weir_policies *out, struct weir_policies *from);

/*
 * Reads every document of `text` and appends the policies to `out`. `file`
 * names the text in errors. All mistakes of all documents are reported; with
 * one or more of them nothing is appended and -EINVAL is returned. -ENOMEM,
 * -E2BIG (also reported as an error) for a text over POLICY_FILE_BYTES_MAX.
 */
int policies_parse(struct weir_policies *out, struct weir_errors *errors,
		   const char *file, const char *text, size_t bytes);

/*
 * Reads a file or every *.yaml / *.yml of a directory (lexical order).
 * /dev/null holds no policies. Refuses what else is not a regular file, is
 * larger than POLICY_FILE_BYTES_MAX, or can be written by everyone. 0, -EINVAL
 * with errors, or -errno with the error added (missing, unreadable).
 */
int policies_load(struct weir_policies *out, struct weir_errors *errors,
		  const char *path);

/*
 * -EINVAL with an error for a directory in which everyone may write, also with
 * the sticky bit: everyone could add a policy. -errno when it is not there.
 */
int policies_check_directory(struct weir_errors *errors, const char *path);

/*
 * Reads a text to its end, at most one byte more than POLICY_FILE_BYTES_MAX: the
 * parser then says that it is too much. NUL-terminated; the caller frees it.
 * -ENOMEM or -errno.
 */
int policies_read(int fd, char **out, size_t *out_bytes);

/* Is it a name that a policy directory is read for? */
bool policies_is_file_name(const char *name);

/*
 * Checks a whole set: unique names, no two policies that tie (both places are
 * named), limits of the set (policies, destinations, mask classes, rules per
 * destination). Disabled policies only have to have a name of their own.
 * -EINVAL with errors, -ENOMEM.
 */
int policies_check(const struct weir_policies *policies,
		   struct weir_errors *errors);

/* Precedence of a rule: port before prefix before clients. Higher wins. */
static inline uint32_t policy_rank(uint16_t port_min, uint16_t port_max,
				   uint8_t prefix, bool clients)
{
	uint32_t narrow = 65535u - (uint32_t)(port_max - port_min);

	return narrow << 16 | (uint32_t)prefix << 1 | (clients ? 1u : 0u);
}

/* The position of a path in the policy's text, or NULL (a default). */
const struct policy_position *policy_position(const struct weir_policy *policy,
					      const char *path);

/* The same clients in the same order. */
bool policy_clients_equal(const struct policy_client *a, size_t a_count,
			  const struct policy_client *b, size_t b_count);

/* True when both would compile to the same rules and thresholds. */
bool policy_equal(const struct weir_policy *a, const struct weir_policy *b);
