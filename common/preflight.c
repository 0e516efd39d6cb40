/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * preflight.c - see preflight.h.
 */
#include "common/preflight.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/scoped.h"

#define KERNEL_MIN 6001u

enum capability_bit {
	BIT_NET_ADMIN = 12,
	BIT_PERFMON = 38,
	BIT_BPF = 39,
};

struct run {
	struct preflight_check *out;
	size_t count, max;
	struct preflight_paths paths;
};

static struct preflight_check *add(struct run *run, const char *group,
				   const char *name,
				   enum preflight_status status)
{
	static struct preflight_check spare;
	struct preflight_check *check =
		run->count < run->max ? &run->out[run->count++] : &spare;

	memset(check, 0, sizeof(*check));
	check->group = group;
	check->name = name;
	check->status = status;
	return check;
}

static void __attribute__((format(printf, 2, 3)))
say(struct preflight_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check->text, sizeof(check->text), format, args);
	va_end(args);
}

static void advise(struct preflight_check *check, const char *hint)
{
	snprintf(check->hint, sizeof(check->hint), "%s", hint);
}

/* One to `most` digits; false when there are none or more. */
static bool read_number(const char **text, size_t most, unsigned *out)
{
	size_t digits = strspn(*text, "0123456789");

	*out = 0;
	for (size_t i = 0; i < digits && digits <= most; i++)
		*out = *out * 10 + (unsigned)(*(*text)++ - '0');
	return digits && digits <= most;
}

unsigned preflight_kernel(const char *release)
{
	unsigned whole, part;

	if (!read_number(&release, 2, &whole) || *release++ != '.' ||
	    !read_number(&release, 3, &part))
		return 0;
	return whole * 1000 + part;
}

static void check_kernel(struct run *run)
{
	struct utsname host;
	const char *release = run->paths.release;
	bool old;
	struct preflight_check *check;

	if (!release)
		release = uname(&host) ? "" : host.release;
	old = preflight_kernel(release) < KERNEL_MIN;
	check = add(run, "kernel", "version",
		    old ? PREFLIGHT_FAILED : PREFLIGHT_OK);
	say(check, "Linux %s", release);
	if (old)
		advise(check, "Weir needs Linux 6.1 or later: before that a "
			      "connect cannot be refused with a chosen error");
}

static void check_btf(struct run *run)
{
	struct stat st = {0};
	bool readable =
		!access(run->paths.btf, R_OK) && !stat(run->paths.btf, &st);
	bool there = readable && st.st_size > 0;
	const char *what = readable ? "is empty" : strerror(errno);
	struct preflight_check *check = add(
		run, "kernel", "BTF", there ? PREFLIGHT_OK : PREFLIGHT_FAILED);

	if (there) {
		say(check, "%s", run->paths.btf);
		return;
	}
	say(check, "%s: %s", run->paths.btf, what);
	advise(check, "run a kernel built with CONFIG_DEBUG_INFO_BTF=y (every "
		      "distribution kernel of the last years is)");
}

static void check_lockdown(struct run *run)
{
	scoped(file) FILE *file = fopen(run->paths.lockdown, "re");
	char line[128] = "";
	struct preflight_check *check;
	bool confidential;

	if (!file || !fgets(line, sizeof(line), file))
		return; /* a kernel without lockdown locks nothing down */
	line[strcspn(line, "\n")] = '\0';
	confidential = strstr(line, "[confidentiality]");
	check = add(run, "kernel", "lockdown",
		    confidential ? PREFLIGHT_FAILED : PREFLIGHT_OK);
	say(check, "%s", line);
	if (confidential)
		advise(check, "boot with lockdown=integrity or none: in "
			      "confidentiality mode tracing programs may not "
			      "read kernel memory");
}

static bool is_octal(const char *text)
{
	return strspn(text, "01234567") >= 3;
}

/* The kernel writes what would end a field as a backslash and three digits. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		if (*text == '\\' && is_octal(text + 1)) {
			*out++ = (char)((text[1] - '0') << 6 |
					(text[2] - '0') << 3 | (text[3] - '0'));
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

int preflight_cgroup2(const char *opt_mountinfo, char *out, size_t bytes)
{
	scoped(file) FILE *mounts = fopen(
		opt_mountinfo ? opt_mountinfo : "/proc/self/mountinfo", "re");
	char line[4096], point[1024];

	if (!mounts)
		return -errno;
	while (fgets(line, sizeof(line), mounts)) {
		const char *rest = strstr(line, " - ");

		if (!rest || strncmp(rest, " - cgroup2 ", 11) ||
		    sscanf(line, "%*s %*s %*s %*s %1023s", point) != 1)
			continue;
		unescape(point);
		if (strlen(point) >= bytes)
			return -ENAMETOOLONG;
		memcpy(out, point, strlen(point) + 1);
		return 0;
	}
	return -ENOENT;
}

static void check_cgroup2(struct run *run)
{
	char path[200];
	int err = preflight_cgroup2(run->paths.mountinfo, path, sizeof(path));
	struct preflight_check *check =
		add(run, "cgroup", "cgroup2",
		    err ? PREFLIGHT_FAILED : PREFLIGHT_OK);

	if (!err) {
		say(check, "mounted at %s", path);
		return;
	}
	say(check, "no cgroup2 file system is mounted");
	advise(check, "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or boot with "
		      "systemd.unified_cgroup_hierarchy=1");
}

static int read_capabilities(const char *path, uint64_t *out)
{
	scoped(file) FILE *status = fopen(path, "re");
	char line[256];
	unsigned long long bits;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "CapEff: %llx", &bits) == 1) {
			*out = bits;
			return 0;
		}
	return -ENOENT;
}

static void check_capability(struct run *run, uint64_t held, unsigned bit,
			     const char *name)
{
	bool has = held >> bit & 1;
	struct preflight_check *check = add(
		run, "privilege", name, has ? PREFLIGHT_OK : PREFLIGHT_FAILED);

	say(check, has ? "held" : "missing");
	if (!has)
		advise(check, "run as root, or give the service "
			      "AmbientCapabilities=CAP_BPF CAP_PERFMON "
			      "CAP_NET_ADMIN");
}

static void check_privilege(struct run *run)
{
	uint64_t held = 0;

	if (read_capabilities(run->paths.status, &held)) {
		say(add(run, "privilege", "capabilities", PREFLIGHT_FAILED),
		    "%s cannot be read", run->paths.status);
		return;
	}
	check_capability(run, held, BIT_BPF, "CAP_BPF");
	check_capability(run, held, BIT_PERFMON, "CAP_PERFMON");
	check_capability(run, held, BIT_NET_ADMIN, "CAP_NET_ADMIN");
}

size_t preflight_run(const struct preflight_paths *opt_paths,
		     struct preflight_check *out, size_t max)
{
	struct run run = {.out = out, .max = max};

	if (opt_paths)
		run.paths = *opt_paths;
	if (!run.paths.btf)
		run.paths.btf = "/sys/kernel/btf/vmlinux";
	if (!run.paths.lockdown)
		run.paths.lockdown = "/sys/kernel/security/lockdown";
	if (!run.paths.status)
		run.paths.status = "/proc/self/status";
	check_kernel(&run);
	check_btf(&run);
	check_lockdown(&run);
	check_cgroup2(&run);
	check_privilege(&run);
	return run.count;
}
