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
#include <fcntl.h>
#include <linux/magic.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
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

#define UNCHANGED	     "nothing was changed on this host"
#define EXIT_USAGE	     2
#define SERVICES_DEFAULT_MAX 1024u
#define SERVICES_DEFAULT_MIN 128u
#define LARGE_BYTES	     (128 * 1024)
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

/* One line, whatever is missing; `weir-agent --check` shows them apart. */
static int check_host(struct agent *agent)
{
	const struct preflight_check *checks = agent->checks;
	size_t count = preflight_run(NULL, agent->checks, PREFLIGHT_CHECKS_MAX);
	const char *hint = "";
	char what[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (checks[i].status != PREFLIGHT_FAILED)
			continue;
		if (used < sizeof(what))
			used += (size_t)snprintf(
				what + used, sizeof(what) - used, "%s%s: %s",
				used ? ", " : "", checks[i].name,
				checks[i].text);
		if (!*hint)
			hint = checks[i].hint;
	}
	agent->check_count = count;
	if (!used)
		return 0;
	log_error("this host cannot run Weir: %s; %s; " UNCHANGED, what, hint);
	return -ENOTSUP;
}

static int read_config(struct options *options)
{
	struct weir_errors errors = {0};
	int err = options->config ? options_read_file(options, &errors) : 0;

	if (err)
		log_mistakes(&errors);
	errors_clear(&errors);
	return err;
}

static int check_directories(const struct options *options)
{
	for (size_t i = 0; i < options->policy_dir_count; i++)
		if (access(options->policy_dirs[i], R_OK | X_OK) < 0) {
			int err = -errno;

			log_error("policy directory %s: %s; make it readable "
				  "or leave out its --policy-dir; " UNCHANGED,
				  options->policy_dirs[i], strerror(-err));
			return err;
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
		log_error("%s %s: already managed by weir-agent, pid %d; stop "
			  "that one first, or choose another; " UNCHANGED,
			  what, path, holder);
	else if (err)
		log_error("%s %s: %s; " UNCHANGED, what, path, strerror(-err));
	return err;
}

static int claim_cgroup(struct agent *agent)
{
	struct statfs fs;

	if (!statfs(agent->cgroup, &fs) && fs.f_type != CGROUP2_SUPER_MAGIC) {
		log_error("cgroup %s: not a directory of the cgroup2 file "
			  "system, which is mounted at %s; " UNCHANGED,
			  agent->cgroup, agent->cgroup_root);
		return -EINVAL;
	}
	return claim(&agent->cgroup_fd, agent->cgroup, "cgroup");
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
		.resetter = &agent->resetter,
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
		log_error("%s; " UNCHANGED, why);
	return err;
}

static int say_state_error(const struct agent *agent, int err)
{
	log_error("state directory %s: %s; it must be a directory that can be "
		  "written, choose another with --state-dir; " UNCHANGED,
		  agent->options.state_dir, strerror(-err));
	return err;
}

/* Made only when everything else is well: it would be left behind. */
static int check_state(const struct agent *agent)
{
	scoped(fd) int fd = open(agent->options.state_dir,
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, 0) < 0)
		return say_state_error(agent, -errno);
	return 0;
}

static int open_state(struct agent *agent)
{
	const struct options *o = &agent->options;
	int err = store_open(&agent->store, o->policy_dirs, o->policy_dir_count,
			     o->state_dir);

	return err ? say_state_error(agent, err) : 0;
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
	int err = http_open(&agent->http, &options, &ops, why, sizeof(why));

	if (err)
		log_error("%s; " UNCHANGED, why);
	return err;
}

/* ---- running -------------------------------------------------------------------------- */

static void restore_overrides(struct agent *agent)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (overrides_load(&agent->overrides, &agent->store, now_ns))
		log_warning("%s: not readable; what operators had forced is "
			    "not held any more",
			    agent->store.overrides);
	overrides_restore(&agent->overrides, &agent->decide, now_ns);
}

/* The first generation lets the programs go (W2). */
static int activate(struct agent *agent)
{
	struct weir_control *control = agent->plane->control;
	int err = open_state(agent);

	if (err)
		return err;
	control->abi = WEIR_ABI_VERSION;
	control->lease_ns = agent->options.lease_ns;
	control->observe_all = agent->options.observe_all;
	control->owner_pid = (uint32_t)getpid();
	/* Kept with the maps, for it says where clients are found in them. */
	while (!control->seed)
		if (getrandom(&control->seed, sizeof(control->seed), 0) < 0)
			return -errno;
	control->heartbeat_ns = clock_monotonic_ns();
	pthread_mutex_lock(&agent->lock);
	err = apply_start(agent);
	if (!err)
		restore_overrides(agent);
	pthread_mutex_unlock(&agent->lock);
	return err;
}

/* Before anything is open that it would hold, too. */
static void start_resetter(struct agent *agent)
{
	const struct options *o = &agent->options;
	int err = resetter_start(&agent->resetter, agent->cgroup, o->netns,
				 o->netns_count);

	if (err)
		log_warning("established connections cannot be reset on this "
			    "host: %s",
			    strerror(-err));
}

/* Capabilities are each thread's own: first drop them, then start threads. */
static int open_doors(struct agent *agent)
{
	int err;

	if (privilege_drop())
		log_warning("capabilities could not be dropped");
	err = full_start(agent);
	if (err)
		log_warning("who holds a full cap is not looked at: no thread "
			    "for it: %s",
			    strerror(-err));
	err = http_serve(agent->http);
	if (err)
		log_error("control socket and metrics port: no threads to "
			  "serve them: %s",
			  strerror(-err));
	return err;
}

static int start(struct agent *agent)
{
	int err = find_cgroup(agent);

	if (!err) {
		start_resetter(agent);
		err = claim_cgroup(agent);
	}
	if (!err)
		err = check_state(agent);
	if (!err)
		err = events_open(&agent->events);
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
	agent->resets = (struct resets){
		.registry = &agent->registry,
		.events = agent->events,
		.resetter = &agent->resetter,
	};
	agent->plane->reset_works = agent->resetter.resets;
	agent->plane->wake_works = agent->resetter.wakes;
	holders_open(&agent->holders, agent->plane, agent->cgroup_root);
	err = activate(agent);
	return err ? err : open_doors(agent);
}

static void stop(struct agent *agent, bool remove)
{
	if (agent->events)
		events_wake(agent->events);
	http_stop(agent->http);
	full_stop(agent);
	loop_close(agent);
	holders_close(&agent->holders);
	if (agent->plane && agent->registry.services)
		registry_close(&agent->registry);
	dataplane_close(agent->plane, remove);
	resetter_stop(&agent->resetter);
	compiled_free(agent->compiled);
	policy_set_free(agent->set);
	clients_clear(&agent->clients);
	overrides_clear(&agent->overrides);
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
	static struct agent agent = {
		.cgroup_fd = -1,
		.pins_fd = -1,
		.resetter.fd = -1,
	};

	switch (options_parse(&agent.options, argc, argv)) {
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_USAGE:
		return EXIT_USAGE;
	case OPTIONS_RUN:
		break;
	}
	log_open(agent.options.json_log);
	/* What a large request took goes back to the system when it is over. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_ARENA_MAX, 2);
	if (agent.options.check)
		return print_checks();
	if (read_config(&agent.options) || check_host(&agent) ||
	    check_directories(&agent.options))
		return EXIT_FAILURE;
	pthread_mutex_init(&agent.lock, NULL);
	agent.started_ns = clock_monotonic_ns();
	agent.started_realtime_ns = clock_realtime_ns();
	loop_block_signals();
	return serve(&agent);
}
