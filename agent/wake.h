/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wake.h - tells a socket whose SYN was held to send it now.
 *
 * There is no call for that, but TCP has a reflex: a socket in SYN_SENT that
 * receives an acknowledgement of something it never sent takes it for a sign
 * that its SYN was lost, and sends it again after two jiffies (Linux 5.6, in
 * tcp_rcv_synsent_state_process()). With the RST flag set it answers nothing.
 * So a packet of forty bytes, from the host to itself, brings the timer of that
 * one socket forward; the SYN is then the kernel's own, with the route, the
 * marks and the time stamps that it would have had in any case.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "weir/abi.h"

#define WAKE_PACKET_MAX 60u /* IPv6 and TCP headers */

/* Raw sockets of the calling thread's network namespace; -1: not open. */
struct waker {
	int v4, v6;
};

/* -errno, and both closed. Needs CAP_NET_RAW. */
int wake_open(struct waker *waker);
void wake_close(struct waker *waker);

/* The packet for `socket`, whose addresses say whether it is IPv4's. */
size_t wake_packet(const struct weir_victim *socket,
		   uint8_t out[WAKE_PACKET_MAX]);

/* 0 or -errno. That no such socket is there any more is no error. */
int wake_send(const struct waker *waker, const struct weir_victim *socket);
