/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pins.c - see pins.h.
 */
#include "agent/pins.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/count_of.h"
#include "common/scoped.h"
#include "weir/abi.h"

#define MOUNT_SOURCE "weir" /* how we know our own mount again */

static const char *const kinds[] = {"maps", "links"};

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* mkdir -p: parents 0755 as usual, the last one for root alone. */
static int make_path(const char *path)
{
	char part[PIN_PATH_BYTES];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(part, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int make_kinds(const struct pins *pins)
{
	char path[PIN_PATH_BYTES];

	if (mkdir(pins->base, 0700) < 0 && errno != EEXIST)
		return -errno;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		snprintf(path, sizeof(path), "%s/%s", pins->base, kinds[i]);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int pins_open(struct pins *pins, const char *root, char *why, size_t bytes)
{
	int err;

	if (strlen(root) >= sizeof(pins->root)) {
		snprintf(why, bytes, "pin directory: the path is too long");
		return -ENAMETOOLONG;
	}
	snprintf(pins->root, sizeof(pins->root), "%s", root);
	snprintf(pins->base, sizeof(pins->base), "%s/v%d", root,
		 WEIR_ABI_VERSION);
	err = make_path(root);
	if (!err && !on_bpffs(root) &&
	    mount(MOUNT_SOURCE, root, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700") < 0)
		err = -errno;
	if (!err)
		err = make_kinds(pins);
	if (err)
		snprintf(why, bytes,
			 "pin directory %s: %s; mount a bpf file system "
			 "(mount -t bpf bpf /sys/fs/bpf) or choose another "
			 "with --pin-dir",
			 root, strerror(-err));
	return err;
}

void pins_path(const struct pins *pins, const char *kind, const char *name,
	       char out[PIN_PATH_BYTES])
{
	snprintf(out, PIN_PATH_BYTES, "%s/%s/%s", pins->base, kind, name);
}

void pins_clear(const struct pins *pins)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		char path[PIN_PATH_BYTES];

		snprintf(path, sizeof(path), "%s/%s", pins->base, kinds[i]);
		scoped(dir) DIR *dir = opendir(path);
		struct dirent *entry;

		while (dir && (entry = readdir(dir)))
			if (entry->d_name[0] != '.')
				unlinkat(dirfd(dir), entry->d_name, 0);
	}
}

/* Is there a mount of ours on the directory itself? */
static bool mounted_by_us(const char *root)
{
	scoped(file) FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[1024], point[PIN_PATH_BYTES], type[64], source[64];

	while (mounts && fgets(line, sizeof(line), mounts)) {
		const char *rest = strstr(line, " - ");

		if (!rest ||
		    sscanf(line, "%*s %*s %*s %*s %511s", point) != 1 ||
		    sscanf(rest, " - %63s %63s", type, source) != 2)
			continue;
		if (!strcmp(point, root) && !strcmp(type, "bpf") &&
		    !strcmp(source, MOUNT_SOURCE))
			return true;
	}
	return false;
}

void pins_leave(const struct pins *pins)
{
	char path[PIN_PATH_BYTES];

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		snprintf(path, sizeof(path), "%s/%s", pins->base, kinds[i]);
		rmdir(path);
	}
	if (rmdir(pins->base) < 0 && errno != ENOENT)
		return;
	if (mounted_by_us(pins->root))
		umount2(pins->root, MNT_DETACH);
	/* Fails when somebody else's mount is on it: then it stays. */
	rmdir(pins->root);
}

void pins_remove(const struct pins *pins)
{
	pins_clear(pins);
	pins_leave(pins);
}
