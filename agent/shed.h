/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shed.h - the XDP program on the interfaces that weir.yaml names, attached
 * only while a policy says `onFull: shed`.
 *
 * No failure here stops anything: where it cannot be attached the stack
 * refuses what would have been shed, and it is tried again. As with the other
 * hooks a killed agent's link stays, and the next agent updates the program in
 * it.
 */
#pragma once

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/addresses.h"
#include "agent/options.h"
#include "agent/pins.h"
#include "agent/view/snapshot.h"

struct shed_interface {
	const char *name;
	unsigned index;	       /* while attached */
	struct bpf_link *link; /* NULL: not attached */
	bool driver;	       /* in the driver; else generic */
	bool answers;	       /* with RST; else the SYN is dropped */
	char trouble[128];     /* what is not as asked; "" */
};

struct shed {
	const struct options_xdp *options;
	const struct pins *pins;
	struct bpf_program *drop, *reset;
	struct addresses addresses;
	struct shed_interface interfaces[OPTIONS_XDP_MAX];
	size_t count;
	bool wanted;
	unsigned seconds; /* since it was tried last */
};

/* Prepares; options and pins are borrowed for as long as it is used. */
void shed_open(struct shed *shed, const struct options_xdp *options,
	       const struct pins *pins);

/* Puts our program into links of an earlier agent; attaches nothing anew. */
void shed_take_over(struct shed *shed);

/* Attaches to all interfaces that are there, or detaches from all. */
void shed_need(struct shed *shed, bool wanted);

/* Once a second: addresses and interfaces come and go. */
void shed_tick(struct shed *shed);

/* What each interface does, for people; how many, at most `max`. */
size_t shed_show(const struct shed *shed, struct snapshot_interface *out,
		 size_t max);
