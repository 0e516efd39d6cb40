/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * links.c - see links.h.
 */
#include "agent/links.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "common/scoped.h"

static void link_path(const struct pins *pins,
		      const struct bpf_program *program,
		      char out[PIN_PATH_BYTES])
{
	pins_path(pins, "links", bpf_program__name(program), out);
}

/* The earlier agent's link with our program in it, or NULL. */
static struct bpf_link *take_over(struct bpf_program *program, const char *path)
{
	struct bpf_link *link;

	if (access(path, F_OK) < 0)
		return NULL;
	link = bpf_link__open(path);
	if (link && !bpf_link__update_program(link, program))
		return link;
	/* Defunct (its cgroup is gone), or not ours to update: it stays until
	 * ours is on. */
	bpf_link__destroy(link);
	return NULL;
}

/* Ours is attached: its pin takes the place of the earlier one, if any. */
static int replace_pin(struct bpf_link *link, const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return bpf_link__pin(link, path);
}

/* A link without libbpf: from here on the pin holds it, and libbpf opens that. */
static int pin_made(struct bpf_link **out, int made, const char *path)
{
	scoped(fd) int fd = made;

	if ((unlink(path) < 0 && errno != ENOENT) || bpf_obj_pin(fd, path))
		return -errno;
	*out = bpf_link__open(path);
	return *out ? 0 : -errno;
}

bool links_pinned(const struct bpf_program *program, const struct pins *pins)
{
	char path[PIN_PATH_BYTES];

	link_path(pins, program, path);
	return !access(path, F_OK);
}

int links_attach_cgroup(struct bpf_link **out, struct bpf_program *program,
			int cgroup_fd, const struct pins *pins)
{
	char path[PIN_PATH_BYTES];
	struct bpf_link *link;
	int err;

	link_path(pins, program, path);
	link = take_over(program, path);
	if (link) {
		*out = link;
		return 0;
	}
	link = bpf_program__attach_cgroup(program, cgroup_fd);
	if (!link)
		return -errno;
	err = replace_pin(link, path);
	if (err) {
		bpf_link__destroy(link);
		return err;
	}
	*out = link;
	return 0;
}

int links_attach_packets(struct bpf_link **out, struct bpf_program *program,
			 int cgroup_fd, const struct pins *pins,
			 struct resetter *resetter)
{
	int err = links_attach_cgroup(out, program, cgroup_fd, pins), made = -1;
	char path[PIN_PATH_BYTES];

	if (err != -EPERM)
		return err;
	err = resetter_attach(resetter, bpf_program__fd(program), cgroup_fd,
			      bpf_program__expected_attach_type(program),
			      &made);
	if (err) {
		log_error("attaching %s: %s%s", bpf_program__name(program),
			  strerror(-err),
			  err == -EPIPE ? ": the process that has the right to "
					  "is gone; restart the agent"
					: "");
		return err;
	}
	link_path(pins, program, path);
	return pin_made(out, made, path);
}

int links_attach_tracing(struct bpf_link **out, struct bpf_program *program,
			 const struct pins *pins)
{
	struct bpf_link *link = bpf_program__attach(program);
	char path[PIN_PATH_BYTES];
	int err;

	if (!link)
		return -errno;
	link_path(pins, program, path);
	err = replace_pin(link, path);
	if (err) {
		bpf_link__destroy(link);
		return err;
	}
	*out = link;
	return 0;
}

void links_detach(struct bpf_link *link, const struct bpf_program *program,
		  const struct pins *pins)
{
	if (!link)
		return;
	links_forget(program, pins);
	bpf_link__destroy(link);
}

void links_forget(const struct bpf_program *program, const struct pins *pins)
{
	char path[PIN_PATH_BYTES];

	link_path(pins, program, path);
	unlink(path);
}

/* ---- interfaces ------------------------------------------------------------------ */

#define XDP_PREFIX "xdp_"

static void xdp_path(const struct pins *pins, unsigned index,
		     char out[PIN_PATH_BYTES])
{
	char name[32];

	snprintf(name, sizeof(name), XDP_PREFIX "%u", index);
	pins_path(pins, "links", name, out);
}

int links_attach_xdp(struct bpf_link **out, struct bpf_program *program,
		     unsigned index, unsigned flags, const struct pins *pins)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int made = bpf_link_create(bpf_program__fd(program), (int)index,
				   BPF_XDP, &options);
	char path[PIN_PATH_BYTES];

	if (made < 0)
		return made;
	xdp_path(pins, index, path);
	return pin_made(out, made, path);
}

int links_take_over_xdp(struct bpf_link **out, struct bpf_program *program,
			unsigned index, const struct pins *pins)
{
	char path[PIN_PATH_BYTES];

	xdp_path(pins, index, path);
	*out = take_over(program, path);
	return *out ? 0 : -ENOENT;
}

void links_detach_xdp(struct bpf_link *link, unsigned index,
		      const struct pins *pins)
{
	char path[PIN_PATH_BYTES];

	xdp_path(pins, index, path);
	unlink(path);
	bpf_link__destroy(link);
}

void links_sweep_xdp(const struct pins *pins,
		     bool (*keep)(const void *context, unsigned index),
		     const void *context)
{
	char path[PIN_PATH_BYTES];
	struct dirent *entry;
	unsigned index;

	pins_path(pins, "links", "", path);
	scoped(dir) DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, XDP_PREFIX "%u", &index) == 1 &&
		    !keep(context, index))
			unlinkat(dirfd(dir), entry->d_name, 0);
}

/* ---- network namespaces ---------------------------------------------------------- */

static void netns_path(const struct pins *pins,
		       const struct bpf_program *program, ino_t inode,
		       char out[PIN_PATH_BYTES])
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%lu", bpf_program__name(program),
		 (unsigned long)inode);
	pins_path(pins, "links", name, out);
}

int links_attach_netns(struct bpf_program *program, int netns_fd, ino_t inode,
		       const struct pins *pins)
{
	char path[PIN_PATH_BYTES];
	struct bpf_link *link;
	int err = 0;

	netns_path(pins, program, inode, path);
	link = take_over(program, path);
	if (!link) {
		link = bpf_program__attach_netns(program, netns_fd);
		if (!link)
			return -errno;
		err = replace_pin(link, path);
	}
	/* The pin holds it from here on. */
	bpf_link__destroy(link);
	return err;
}

void links_keep_netns(const struct bpf_program *program,
		      const struct pins *pins, const ino_t *inodes,
		      size_t count)
{
	const char *name = bpf_program__name(program);
	size_t length = strlen(name);
	char path[PIN_PATH_BYTES];
	struct dirent *entry;

	pins_path(pins, "links", ".", path);
	scoped(dir) DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		unsigned long inode;
		bool kept = false;

		if (strncmp(entry->d_name, name, length) ||
		    sscanf(entry->d_name + length, "-%lu", &inode) != 1)
			continue;
		for (size_t i = 0; i < count; i++)
			kept |= inodes[i] == inode;
		if (!kept)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
}
