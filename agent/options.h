/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * options.h - how the agent was asked to run: command line, then weir.yaml.
 *
 * What is on the command line wins over the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define OPTIONS_DIRS_MAX  16
#define OPTIONS_NETNS_MAX 64

#define OPTIONS_LEASE_DEFAULT_NS 3000000000ull
#define OPTIONS_LEASE_MIN_NS	 500000000ull /* two heartbeats */
#define OPTIONS_LEASE_MAX_NS	 60000000000ull

#define OPTIONS_XDP_MAX		16 /* interfaces */
#define OPTIONS_INTERFACE_BYTES 16 /* the kernel's IFNAMSIZ */

enum options_xdp_mode {
	OPTIONS_XDP_AUTO, /* the driver's own, else generic */
	OPTIONS_XDP_DRIVER,
	OPTIONS_XDP_GENERIC,
};

/* Where `onFull: shed` works, and how. */
struct options_xdp {
	char interfaces[OPTIONS_XDP_MAX][OPTIONS_INTERFACE_BYTES];
	size_t interface_count;
	bool answer; /* with RST; else the SYN is dropped */
	enum options_xdp_mode mode;
};

struct options {
	const char *config; /* NULL: none */
	const char *policy_dirs[OPTIONS_DIRS_MAX];
	size_t policy_dir_count;
	const char *state_dir;
	const char *pin_dir;
	const char *cgroup; /* NULL: the root, by mountinfo */
	const char *netns[OPTIONS_NETNS_MAX];
	size_t netns_count;
	const char *socket;
	const char *metrics; /* NULL: off */
	bool metrics_given;  /* on the command line, which wins */
	bool json_log;
	bool check;
	/* weir.yaml */
	bool observe_all;
	uint64_t lease_ns;
	uint32_t services_max; /* 0: by memory */
	uint32_t endpoints_max;
	char *read_group;
	char *admin_group;
	struct options_xdp xdp;
	char *metrics_text; /* owns `metrics` when it is from the file */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

/* Parses argv; prints help and version, or a usage error on stderr. */
enum options_result options_parse(struct options *out, int argc, char **argv);

/* Reads options->config. -EINVAL with errors; -errno with the error added. */
int options_read_file(struct options *options, struct weir_errors *errors);

void options_clear(struct options *options);
