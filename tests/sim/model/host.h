/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * host.h - the simulated kernel: sockets, and the hooks on their way.
 *
 * The hooks are those of bpf/hooks, compiled as they are; simulated is what
 * they are attached to: a TCP that calls them where and in the order Linux
 * does, helpers, and a clock that stands still until it is told.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "weir/abi.h"

#define HOST_RING 512u

struct host_options {
	uint32_t services_max, endpoints_max, sockets_max;
	bool old_kernel;  /* before 6.3: no send hook, tcp_probe for answers */
	bool state_early; /* from 6.12: STATE is asked for before the SYN */
};

extern uint64_t host_now_ns;
extern bool host_loses_events; /* the ring is full */
extern uint64_t host_events_lost;

void host_open(const struct host_options *options);
void host_close(void);

/* connect(): 0, or the -errno that the application gets. */
int host_connect(uint32_t socket, uint32_t address, uint16_t port);
void host_syn(uint32_t socket);
void host_established(uint32_t socket);

/* The connection ends with this sk_err. */
void host_fail(uint32_t socket, int error);

/* send(), and the tracepoint that follows it: it may be skipped, or late. */
void host_write(uint32_t socket, uint32_t bytes);
void host_sent(uint32_t socket, uint32_t bytes);

void host_answer(uint32_t socket, uint32_t bytes);
void host_peer_fin(uint32_t socket);

/* The application's last close(); `abort`: with data unread, an RST. */
void host_release(uint32_t socket, bool abort);
/* The FINs are through. */
void host_finish(uint32_t socket);
/* The socket is gone, and its storage. */
void host_forget(uint32_t socket);

void host_audit(void);

/* What the hooks remember of it; NULL: nothing. */
const struct weir_conn *host_conn(uint32_t socket);

/* The oldest event not yet taken; false: none. */
bool host_event(struct weir_event *out);
