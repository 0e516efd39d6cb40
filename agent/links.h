/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * links.h - exactly one program on each hook, whatever was there before.
 *
 * A cgroup link left by an earlier agent gets the new program by update, in
 * one step. Tracing links cannot be updated: the new one is attached before
 * the old one is dropped; the turn gate makes the overlap harmless.
 */
#pragma once

#include <bpf/libbpf.h>
#include <sys/types.h>

#include "agent/pins.h"
#include "agent/resetter.h"

/* 0 or -errno. Pins the link under the program's name. */
int links_attach_cgroup(struct bpf_link **out, struct bpf_program *program,
			int cgroup_fd, const struct pins *pins);
/* The same through the process that may still do it: cgroup_skb. */
int links_attach_packets(struct bpf_link **out, struct bpf_program *program,
			 int cgroup_fd, const struct pins *pins,
			 struct resetter *resetter);
int links_attach_tracing(struct bpf_link **out, struct bpf_program *program,
			 const struct pins *pins);

/*
 * XDP on an interface, by its index; `flags` say in which mode. The pin is
 * under the index, because one program may be on several interfaces.
 */
int links_attach_xdp(struct bpf_link **out, struct bpf_program *program,
		     unsigned index, unsigned flags, const struct pins *pins);
/* Our program into a link that an earlier agent left. -ENOENT: there is none. */
int links_take_over_xdp(struct bpf_link **out, struct bpf_program *program,
			unsigned index, const struct pins *pins);
void links_detach_xdp(struct bpf_link *link, unsigned index,
		      const struct pins *pins);
/* Drops the pins of XDP links that `keep` does not name. */
void links_sweep_xdp(const struct pins *pins,
		     bool (*keep)(const void *context, unsigned index),
		     const void *context);

/* Detaches and unpins. */
void links_detach(struct bpf_link *link, const struct bpf_program *program,
		  const struct pins *pins);

/* Does a link of it outlive the agent? */
bool links_pinned(const struct bpf_program *program, const struct pins *pins);

/* Drops the pin of a program that this agent does not use. */
void links_forget(const struct bpf_program *program, const struct pins *pins);

/*
 * One link for each network namespace, known by the inode of it; held by its
 * pin alone. The program is in it when this returns 0.
 */
int links_attach_netns(struct bpf_program *program, int netns_fd, ino_t inode,
		       const struct pins *pins);

/* Detaches it in all namespaces but these. */
void links_keep_netns(const struct bpf_program *program,
		      const struct pins *pins, const ino_t *inodes,
		      size_t count);
