/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * options.c - see options.h. The option table is parser and help in one.
 */
#include "agent/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/count_of.h"

#define CONFIG_DEFAULT "/etc/weir/weir.yaml"

static const char *const policy_dirs_default[] = {
	"/usr/lib/weir/policies.d",
	"/etc/weir/policies.d",
	"/run/weir/policies.d",
};

enum option_id {
	OPTION_CONFIG = 256,
	OPTION_POLICY_DIR,
	OPTION_STATE_DIR,
	OPTION_PIN_DIR,
	OPTION_CGROUP,
	OPTION_NETNS,
	OPTION_SOCKET,
	OPTION_METRICS,
	OPTION_LOG_FORMAT,
	OPTION_CHECK,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct {
	const char *name;
	const char *argument; /* NULL: none */
	enum option_id id;
	const char *help;
} rows[] = {
	{"config", "FILE", OPTION_CONFIG,
	 "configuration (default " CONFIG_DEFAULT ", if it exists)"},
	{"policy-dir", "DIR", OPTION_POLICY_DIR,
	 "directory of policies; repeat it, later ones win "
	 "(default /usr/lib/weir, /etc/weir, /run/weir: policies.d)"},
	{"state-dir", "DIR", OPTION_STATE_DIR,
	 "what weirctl applied is kept here (default /var/lib/weir)"},
	{"pin-dir", "DIR", OPTION_PIN_DIR,
	 "bpf file system for maps and links (default /sys/fs/bpf/weir)"},
	{"cgroup", "PATH", OPTION_CGROUP,
	 "limit everything to this cgroup and below (default: all)"},
	{"netns", "PATH", OPTION_NETNS,
	 "adopt connections of this network namespace too; repeat it"},
	{"socket", "PATH", OPTION_SOCKET,
	 "control socket (default /run/weir/weir.sock)"},
	{"metrics", "ADDR:PORT", OPTION_METRICS,
	 "metrics address, or off (default 127.0.0.1:19347)"},
	{"log-format", "FORMAT", OPTION_LOG_FORMAT, "text or json"},
	{"check", NULL, OPTION_CHECK,
	 "say whether this host can run Weir, change nothing"},
	{"version", NULL, OPTION_VERSION, "print the version"},
	{"help", NULL, OPTION_HELP, "print this"},
};

static void print_help(void)
{
	puts("usage: weir-agent [OPTION]...\n\n"
	     "The Weir agent: watches connections, trips circuit breakers, "
	     "keeps bulkheads.\nRuns in the foreground; SIGTERM stops it and "
	     "removes everything, SIGHUP reloads\nthe policies.\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
			 rows[i].argument ? " " : "",
			 rows[i].argument ? rows[i].argument : "");
		printf("  %-22s %s\n", left, rows[i].help);
	}
	puts("\nSee weir-agent(8), weir-policy(5), weirctl(1).");
}

static void set_defaults(struct options *o)
{
	memset(o, 0, sizeof(*o));
	o->state_dir = "/var/lib/weir";
	o->pin_dir = "/sys/fs/bpf/weir";
	o->socket = "/run/weir/weir.sock";
	o->metrics = "127.0.0.1:19347";
	o->observe_all = true;
	o->lease_ns = OPTIONS_LEASE_DEFAULT_NS;
}

static enum options_result usage(const char *format, const char *what)
{
	fprintf(stderr, "weir-agent: ");
	fprintf(stderr, format, what);
	fprintf(stderr, "; weir-agent --help lists the options\n");
	return OPTIONS_USAGE;
}

static enum options_result add(const char **list, size_t *count, size_t max,
			       const char *value, const char *name)
{
	if (*count == max)
		return usage("--%s was given too often", name);
	list[(*count)++] = value;
	return OPTIONS_RUN;
}

static enum options_result set_log_format(struct options *o, const char *value)
{
	if (strcmp(value, "text") && strcmp(value, "json"))
		return usage("--log-format: %s is neither text nor json",
			     value);
	o->json_log = !strcmp(value, "json");
	return OPTIONS_RUN;
}

static enum options_result take(struct options *o, int id, const char *value,
				const char *given)
{
	switch (id) {
	case OPTION_CONFIG:
		o->config = value;
		return OPTIONS_RUN;
	case OPTION_POLICY_DIR:
		return add(o->policy_dirs, &o->policy_dir_count,
			   OPTIONS_DIRS_MAX, value, "policy-dir");
	case OPTION_STATE_DIR:
		o->state_dir = value;
		return OPTIONS_RUN;
	case OPTION_PIN_DIR:
		o->pin_dir = value;
		return OPTIONS_RUN;
	case OPTION_CGROUP:
		o->cgroup = value;
		return OPTIONS_RUN;
	case OPTION_NETNS:
		return add(o->netns, &o->netns_count, OPTIONS_NETNS_MAX, value,
			   "netns");
	case OPTION_SOCKET:
		o->socket = value;
		return OPTIONS_RUN;
	case OPTION_METRICS:
		o->metrics = strcmp(value, "off") ? value : NULL;
		o->metrics_given = true;
		return OPTIONS_RUN;
	case OPTION_LOG_FORMAT:
		return set_log_format(o, value);
	case OPTION_CHECK:
		o->check = true;
		return OPTIONS_RUN;
	case OPTION_VERSION:
		puts("weir-agent " WEIR_VERSION);
		return OPTIONS_DONE;
	case OPTION_HELP:
		print_help();
		return OPTIONS_DONE;
	case ':':
		return usage("%s needs a value", given);
	default:
		return usage("there is no option %s, or it takes no value",
			     given);
	}
}

/* The standard directories: those of them that exist. */
static void add_default_dirs(struct options *o)
{
	for (size_t i = 0; i < COUNT_OF(policy_dirs_default); i++)
		if (!access(policy_dirs_default[i], F_OK))
			o->policy_dirs[o->policy_dir_count++] =
				policy_dirs_default[i];
}

enum options_result options_parse(struct options *out, int argc, char **argv)
{
	struct option table[COUNT_OF(rows) + 1] = {0};
	enum options_result result = OPTIONS_RUN;
	int id;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		table[i].name = rows[i].name;
		table[i].has_arg =
			rows[i].argument ? required_argument : no_argument;
		table[i].val = rows[i].id;
	}
	set_defaults(out);
	/* Its own messages would not say what to do. */
	opterr = 0;
	while (result == OPTIONS_RUN &&
	       (id = getopt_long(argc, argv, ":", table, NULL)) != -1)
		result = take(out, id, optarg, argv[optind - 1]);
	if (result != OPTIONS_RUN)
		return result;
	if (optind < argc)
		return usage("unexpected argument %s", argv[optind]);
	if (!out->policy_dir_count)
		add_default_dirs(out);
	if (!out->config && !access(CONFIG_DEFAULT, F_OK))
		out->config = CONFIG_DEFAULT;
	return OPTIONS_RUN;
}

void options_clear(struct options *options)
{
	free(options->read_group);
	free(options->admin_group);
	free(options->metrics_text);
}
