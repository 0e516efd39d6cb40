/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent.h - the daemon: one loop thread, one lock, and what they hold.
 *
 * The loop takes `lock` for each of its turns; so does the HTTP thread for a
 * snapshot or a change. Nothing that can block for long is done under it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <systemd/sd-event.h>

#include "agent/clients.h"
#include "agent/core/compile.h"
#include "agent/dataplane.h"
#include "agent/decide.h"
#include "agent/events.h"
#include "agent/faults.h"
#include "agent/full.h"
#include "agent/holders.h"
#include "agent/http.h"
#include "agent/options.h"
#include "agent/overrides.h"
#include "agent/registry.h"
#include "agent/reset.h"
#include "agent/store.h"
#include "common/preflight.h"

struct agent {
	struct options options;
	/* As the host was found at the start, before privileges were dropped. */
	struct preflight_check checks[PREFLIGHT_CHECKS_MAX];
	size_t check_count;
	pthread_mutex_t lock;
	char cgroup[256];      /* the subtree we are responsible for */
	char cgroup_root[256]; /* the cgroup2 mount */
	int cgroup_fd;	       /* locked: one agent a cgroup */
	int pins_fd;	       /* locked: one agent a pin directory */
	struct store store;
	struct overrides overrides;
	struct dataplane *plane;
	struct registry registry;
	struct decide decide;
	struct resetter resetter;
	struct resets resets;
	struct holders holders; /* has a lock of its own */
	struct full full;
	struct events *events;
	struct http *http;
	/* What is in force. */
	struct policy_set *set;
	struct compiled *compiled;
	struct clients clients;
	struct snapshot_generation generations[SNAPSHOT_GENERATIONS_MAX];
	size_t generation_count;
	bool reload_ok;
	int64_t reload_realtime_ns;
	char reload_error[256];
	/* The loop. */
	sd_event *loop;
	struct ring_buffer *ring;
	uint64_t hints_total;
	uint64_t wakes_missed; /* connects that waited for longer than needed */
	uint64_t ring_full_seen;
	struct faults faults;
	int64_t started_realtime_ns;
	uint64_t started_ns;
	_Atomic uint64_t ticked_ns; /* read by /healthz */
	_Atomic bool ready;
	unsigned tick; /* counts 100 ms */
};

/* Runs until told to stop. Returns the process' exit code. */
int agent_run(int argc, char **argv);
