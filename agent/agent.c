/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent.c - the daemon, from its first check to its last unpin.
 *
 * agent_run() is the table of contents: nothing touches the host before the
 * host, the configuration and the claim on the cgroup have been found good,
 * and whatever fails on the way is undone.
 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "agent/apply.h"
#include "agent/audit.h"
#include "agent/clock.h"
#include "agent/control.h"
#include "agent/log.h"
#include "agent/loop.h"
#include "agent/owner.h"
#include "agent/privilege.h"
#include "common/preflight.h"
#include "common/scoped.h"

#define EXIT_USAGE	     2
#define SERVICES_DEFAULT_MAX 1024u
#define SERVICES_DEFAULT_MIN 128u
#define STATISTICS_BYTES     (64u * 1024u * 1024u) /* of per-CPU statistics */

/* ---- may we run here? -------------------------------------------------------------- */

static const char *const status_words[] = {
	[PREFLIGHT_OK] = "ok",
	[PREFLIGHT_WARNING] = "warning",
	[PREFLIGHT_FAILED] = "FAILED",
};

static int print_checks(void)
{
	struct preflight_check checks[PREFLIGHT_CHECKS_MAX];
	size_t count = preflight_run(NULL, checks, PREFLIGHT_CHECKS_MAX);
	int failed = 0;

	for (size_t i = 0; i < count; i++) {
		failed |= checks[i].status == PREFLIGHT_FAILED;
		printf("%-8s %-10s %-16s %s%s%s\n",
		       status_words[checks[i].status], checks[i].group,
		       checks[i].name, checks[i].text,
		       checks[i].hint[0] ? "; " : "", checks[i].hint);
	}
	return failed;
}

static int check_host(void)
{
	struct preflight_check checks[PREFLIGHT_CHECKS_MAX];
	size_t count = preflight_run(NULL, checks, PREFLIGHT_CHECKS_MAX);
	int err = 0;

	for (size_t i = 0; i < count; i++) {
		if (checks[i].status != PREFLIGHT_FAILED)
			continue;
		log_error("this host cannot run Weir: %s: %s%s%s",
			  checks[i].name, checks[i].text,
			  checks[i].hint[0] ? "; " : "", checks[i].hint);
		err = -ENOTSUP;
	}
	return err;
}

static int read_config(struct options *options)
{
	struct weir_errors errors = {0};
	scoped(text) char *text = NULL;
	int err;

	if (!options->config)
		return 0;
	err = options_read_file(options, &errors);
	if (err) {
		text = errors_render(&errors);
		fputs(text ? text : "weir.yaml: out of memory\n", stderr);
	}
	errors_clear(&errors);
	return err;
}

static int check_directories(const struct options *options)
{
	for (size_t i = 0; i < options->policy_dir_count; i++)
		if (access(options->policy_dirs[i], R_OK | X_OK) < 0) {
			log_error("policy directory %s: %s; nothing was "
				  "changed on this host",
				  options->policy_dirs[i], strerror(errno));
			return -errno;
		}
	return 0;
}

/* ---- preparations ------------------------------------------------------------------- */

static int find_cgroup(struct agent *agent)
{
	int err = preflight_cgroup2(NULL, agent->cgroup_root,
				    sizeof(agent->cgroup_root));

	if (err) {
		log_error("no cgroup2 file system is mounted: %s",
			  strerror(-err));
		return err;
	}
	snprintf(agent->cgroup, sizeof(agent->cgroup), "%s",
		 agent->options.cgroup ? agent->options.cgroup
				       : agent->cgroup_root);
	return 0;
}

static int claim(int *fd, const char *path, const char *what)
{
	pid_t holder = 0;
	int err = owner_claim(fd, &holder, path);

	if (err == -EBUSY)
		log_error("%s %s: already managed by weir-agent, pid %d; "
			  "nothing was changed",
			  what, path, holder);
	else if (err)
		log_error("%s %s: %s", what, path, strerror(-err));
	return err;
}

/* Per-CPU statistics are the bulk of our memory: sized by it, within bounds. */
static uint32_t default_services(void)
{
	unsigned cpus = (unsigned)get_nprocs_conf();
	unsigned services =
		STATISTICS_BYTES / (cpus * (unsigned)sizeof(struct weir_stat));

	if (services > SERVICES_DEFAULT_MAX)
		return SERVICES_DEFAULT_MAX;
	return services < SERVICES_DEFAULT_MIN ? SERVICES_DEFAULT_MIN
					       : services;
}

static int open_plane(struct agent *agent)
{
	const struct options *o = &agent->options;
	struct pins pins = {0};
	const struct dataplane_options options = {
		.services_max =
			o->services_max ? o->services_max : default_services(),
		.endpoints_max = o->endpoints_max ? o->endpoints_max
						  : WEIR_ENDPOINTS_DEFAULT,
		.cgroup_fd = agent->cgroup_fd,
		.pins = &pins,
	};
	char why[512] = "out of memory";
	int err = pins_open(&pins, o->pin_dir, why, sizeof(why));

	if (!err) {
		err = claim(&agent->pins_fd, o->pin_dir, "pin directory");
		if (err)
			return err;
		err = dataplane_open(&agent->plane, &options, why, sizeof(why));
	}
	if (err)
		log_error("%s; nothing was changed on this host", why);
	return err;
}

static int open_state(struct agent *agent)
{
	const struct options *o = &agent->options;
	int err = store_open(&agent->store, o->policy_dirs, o->policy_dir_count,
			     o->state_dir);

	if (err) {
		log_error("state directory %s: %s", o->state_dir,
			  strerror(-err));
		return err;
	}
	return events_open(&agent->events);
}

static int open_http(struct agent *agent)
{
	const struct http_options options = {
		.socket_path = agent->options.socket,
		.metrics_address = agent->options.metrics,
		.read_group = agent->options.read_group
				      ? agent->options.read_group
				      : "weir",
		.admin_group = agent->options.admin_group,
	};
	const struct http_ops ops = control_ops(agent);
	char why[512] = "out of memory";
	int err = http_start(&agent->http, &options, &ops, why, sizeof(why));

	if (err)
		log_error("%s", why);
	return err;
}

/* ---- running -------------------------------------------------------------------------- */

/* The first generation lets the programs go (W2). */
static int activate(struct agent *agent)
{
	struct weir_control *control = agent->plane->control;
	int err;

	control->abi = WEIR_ABI_VERSION;
	control->lease_ns = agent->options.lease_ns;
	control->observe_all = agent->options.observe_all;
	control->owner_pid = (uint32_t)getpid();
	control->heartbeat_ns = clock_monotonic_ns();
	pthread_mutex_lock(&agent->lock);
	err = apply_start(agent);
	pthread_mutex_unlock(&agent->lock);
	return err;
}

static int start(struct agent *agent)
{
	int err = find_cgroup(agent);

	if (!err)
		err = claim(&agent->cgroup_fd, agent->cgroup, "cgroup");
	if (!err)
		err = open_state(agent);
	/* Ports and sockets first: when one is taken, nothing is attached. */
	if (!err)
		err = open_http(agent);
	if (!err)
		err = open_plane(agent);
	if (!err)
		err = registry_open(&agent->registry, agent->plane,
				    clock_monotonic_ns());
	if (err)
		return err;
	agent->decide = (struct decide){
		.registry = &agent->registry,
		.events = agent->events,
		.seed = clock_monotonic_ns() ^ (uint64_t)getpid() << 32,
	};
	err = activate(agent);
	if (!err && privilege_drop())
		log_warning("capabilities could not be dropped");
	return err;
}

static void stop(struct agent *agent, bool remove)
{
	if (agent->events)
		events_wake(agent->events);
	http_stop(agent->http);
	loop_close(agent);
	if (agent->plane && agent->registry.services)
		registry_close(&agent->registry);
	dataplane_close(agent->plane, remove);
	compiled_free(agent->compiled);
	policy_set_free(agent->set);
	clients_clear(&agent->clients);
	events_close(agent->events);
	if (agent->cgroup_fd >= 0)
		close(agent->cgroup_fd);
	if (agent->pins_fd >= 0)
		close(agent->pins_fd);
	pthread_mutex_destroy(&agent->lock);
	options_clear(&agent->options);
}

static int serve(struct agent *agent)
{
	bool adopted;
	int err = start(agent);

	if (!err)
		err = loop_open(agent);
	if (err) {
		/* What an earlier agent left keeps its statically safe course. */
		stop(agent, !agent->plane || !agent->plane->adopted);
		return EXIT_FAILURE;
	}
	adopted = agent->plane->adopted;
	agent->ready = true;
	events_say(agent->events, SNAPSHOT_EVENT_AGENT, "",
		   "weir-agent " WEIR_VERSION " is ready: cgroup %s, %s",
		   agent->cgroup,
		   adopted ? "took over from an earlier agent"
			   : "started anew");
	err = loop_run(agent);
	log_info("stopping: detaching all programs");
	stop(agent, true);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int agent_run(int argc, char **argv)
{
	static struct agent agent = {.cgroup_fd = -1, .pins_fd = -1};

	switch (options_parse(&agent.options, argc, argv)) {
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_USAGE:
		return EXIT_USAGE;
	case OPTIONS_RUN:
		break;
	}
	log_open(agent.options.json_log);
	if (agent.options.check)
		return print_checks();
	if (read_config(&agent.options) || check_host() ||
	    check_directories(&agent.options))
		return EXIT_FAILURE;
	pthread_mutex_init(&agent.lock, NULL);
	agent.started_ns = clock_monotonic_ns();
	agent.started_realtime_ns = clock_realtime_ns();
	loop_block_signals();
	return serve(&agent);
}
