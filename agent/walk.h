/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * walk.h - runs an iterator program over all that it goes over.
 */
#pragma once

#include <bpf/libbpf.h>
#include <stddef.h>

/*
 * What the program writes goes to out[bytes], behind *written bytes that are
 * there already; what does not fit is dropped. 0 or -errno.
 */
int walk_run(struct bpf_program *program,
	     const struct bpf_iter_attach_opts *opt_options, void *out,
	     size_t bytes, size_t *written);

/* The same over the sockets of a map of socket storage. */
int walk_storage(struct bpf_program *program, int map_fd, void *out,
		 size_t bytes, size_t *written);
