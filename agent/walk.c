/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * walk.c - see walk.h.
 */
#include "agent/walk.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "common/scoped.h"

int walk_run(struct bpf_program *program,
	     const struct bpf_iter_attach_opts *opt_options, void *out,
	     size_t bytes, size_t *written)
{
	struct bpf_link *link = bpf_program__attach_iter(program, opt_options);
	char nothing[64], *to = out;
	ssize_t got;

	if (!link)
		return -errno;
	scoped(fd) int fd = bpf_iter_create(bpf_link__fd(link));
	do {
		bool room = bytes > *written;

		got = fd < 0 ? -1
		      : room ? read(fd, to + *written, bytes - *written)
			     : read(fd, nothing, sizeof(nothing));
		if (got > 0 && room)
			*written += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EAGAIN));
	got = got < 0 ? -errno : 0;
	bpf_link__destroy(link);
	return (int)got;
}

int walk_storage(struct bpf_program *program, int map_fd, void *out,
		 size_t bytes, size_t *written)
{
	union bpf_iter_link_info info = {.map.map_fd = (__u32)map_fd};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));

	return walk_run(program, &options, out, bytes, written);
}
