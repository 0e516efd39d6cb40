/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.c - see control.h. Each takes the lock, does one thing, lets go.
 *
 * Every change is logged with who asked for it.
 */
#include "agent/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/apply.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/loop.h"
#include "agent/report.h"
#include "common/count_of.h"

#define STALLED_NS (2 * NS_PER_S) /* the loop ticks ten times a second */

static struct snapshot *take_snapshot(void *ctx)
{
	struct agent *agent = ctx;
	struct snapshot *snapshot;

	pthread_mutex_lock(&agent->lock);
	/* Else what was connected to just now would not be there yet. */
	loop_catch_up(agent);
	snapshot = report_snapshot(agent);
	pthread_mutex_unlock(&agent->lock);
	return snapshot;
}

/* Only what the registry knows is asked for under the lock. */
static int find_clients(struct agent *agent, const char *opt_name,
			uint32_t *subject)
{
	const struct subject *found = NULL;

	*subject = WEIR_NONE;
	if (!opt_name)
		return 0;
	pthread_mutex_lock(&agent->lock);
	loop_catch_up(agent);
	found = registry_find(&agent->registry, opt_name);
	if (found)
		*subject = found->id;
	pthread_mutex_unlock(&agent->lock);
	return found ? 0 : -ENOENT;
}

static void name_services(struct agent *agent, struct snapshot_clients *clients)
{
	pthread_mutex_lock(&agent->lock);
	for (size_t i = 0; i < clients->count; i++) {
		struct snapshot_client *client = &clients->items[i];
		const struct subject *subject =
			agent->registry.subjects[client->subject];

		if (subject)
			memcpy(client->service, subject->name,
			       sizeof(client->service));
	}
	pthread_mutex_unlock(&agent->lock);
}

static int list_clients(void *ctx, const char *opt_name,
			struct snapshot_clients **out)
{
	struct agent *agent = ctx;
	uint32_t subject;
	int err = find_clients(agent, opt_name, &subject);

	if (!err)
		err = holders_list(&agent->holders, subject, out);
	if (!err)
		name_services(agent, *out);
	return err;
}

static void wait_event(void *ctx, uint64_t seq, unsigned timeout_ms)
{
	struct agent *agent = ctx;

	events_wait(agent->events, seq, timeout_ms);
}

static void name_caller(const struct http_caller *who, char *out, size_t bytes)
{
	snprintf(out, bytes, "uid %u", who->uid);
}

static int run_apply(struct agent *agent, const struct http_caller *who,
		     const char *what, const struct store_change *change,
		     bool dry_run, struct http_result *result,
		     struct weir_errors *errors)
{
	struct apply_request request = {.change = change, .dry_run = dry_run};
	char by[64];
	int err;

	name_caller(who, by, sizeof(by));
	request.by = by;
	pthread_mutex_lock(&agent->lock);
	err = apply_run(agent, &request, result, errors);
	pthread_mutex_unlock(&agent->lock);
	log_info("%s%s asked for by uid %u, pid %d: %s", what,
		 dry_run ? " (dry run)" : "", who->uid, who->pid,
		 err ? strerror(-err) : "done");
	if (!dry_run)
		log_mistakes(errors);
	return err;
}

static int apply(void *ctx, const struct http_caller *who,
		 const struct http_file *files, size_t file_count, bool dry_run,
		 bool prune, struct http_result *result,
		 struct weir_errors *errors)
{
	const struct store_change change = {
		.files = files,
		.file_count = file_count,
		.prune = prune,
	};

	return run_apply(ctx, who, "apply", &change, dry_run, result, errors);
}

static int remove_policy(void *ctx, const struct http_caller *who,
			 const char *name, struct http_result *result,
			 struct weir_errors *errors)
{
	const struct store_change change = {.remove = name};

	return run_apply(ctx, who, "delete", &change, false, result, errors);
}

static int reload(void *ctx, const struct http_caller *who,
		  struct http_result *result, struct weir_errors *errors)
{
	return run_apply(ctx, who, "reload", NULL, false, result, errors);
}

static int reject(struct weir_errors *errors, const char *message)
{
	const struct weir_place nowhere = {0};

	return errors_add(errors, &nowhere, NULL, "%s", message);
}

static const struct {
	const char *word;
	enum weir_state state;
} forces[] = {
	{"open", WEIR_STATE_FORCED_OPEN},
	{"closed", WEIR_STATE_FORCED_CLOSED},
	{"auto", WEIR_STATE_CLOSED},
};

static int find_force(const char *word, enum weir_state *out)
{
	for (size_t i = 0; i < COUNT_OF(forces); i++)
		if (!strcmp(forces[i].word, word)) {
			*out = forces[i].state;
			return 0;
		}
	return -EINVAL;
}

/* A destination no policy names has no breaker to force. */
static int find_subject(struct agent *agent, const char *name,
			struct weir_errors *errors, struct subject **out)
{
	struct subject *subject = registry_find(&agent->registry, name);

	if (!subject)
		return -ENOENT;
	if (!subject->service->policy)
		return reject(errors, "no policy names this destination: "
				      "nothing would enforce it");
	*out = subject;
	return 0;
}

/* So that the next agent holds what this one was told to hold. */
static void keep_overrides(struct agent *agent)
{
	int err = overrides_save(&agent->overrides, &agent->store,
				 &agent->registry, clock_monotonic_ns());

	if (err)
		log_warning("%s: %s; what is forced now is in force, but would "
			    "not outlive this agent",
			    agent->store.overrides, strerror(-err));
}

static int force(void *ctx, const struct http_caller *who, const char *name,
		 const char *state, double ttl_seconds, const char *reason,
		 struct weir_errors *errors)
{
	struct agent *agent = ctx;
	struct subject *subject = NULL;
	enum weir_state to;
	char by[64];
	int err;

	if (find_force(state, &to))
		return reject(errors, "state must be open, closed or auto");
	if (!(ttl_seconds >= 0) ||
	    ttl_seconds * 1e9 > (double)OVERRIDES_TTL_MAX_NS)
		return reject(errors, "ttl must be between 0 and a year");
	name_caller(who, by, sizeof(by));
	pthread_mutex_lock(&agent->lock);
	err = find_subject(agent, name, errors, &subject);
	if (!err) {
		decide_force(&agent->decide, subject, to,
			     (uint64_t)(ttl_seconds * 1e9), by,
			     reason ? reason : "", clock_monotonic_ns());
		keep_overrides(agent);
	}
	pthread_mutex_unlock(&agent->lock);
	log_info("force %s %s for %.0f s by uid %u, pid %d, reason: %s: %s",
		 name, state, ttl_seconds, who->uid, who->pid,
		 reason ? reason : "none given", err ? strerror(-err) : "done");
	return err;
}

static int reset(void *ctx, const struct http_caller *who, const char *name,
		 struct weir_errors *errors)
{
	struct agent *agent = ctx;
	struct subject *subject = NULL;
	char by[64];
	int err;

	name_caller(who, by, sizeof(by));
	pthread_mutex_lock(&agent->lock);
	err = find_subject(agent, name, errors, &subject);
	if (!err)
		decide_reset(&agent->decide, subject, by, clock_monotonic_ns());
	pthread_mutex_unlock(&agent->lock);
	log_info("reset %s by uid %u, pid %d: %s", name, who->uid, who->pid,
		 err ? strerror(-err) : "done");
	return err;
}

/* ---- checks ---------------------------------------------------------------------- */

static const char *const status_words[] = {
	[PREFLIGHT_OK] = "ok",
	[PREFLIGHT_WARNING] = "warning",
	[PREFLIGHT_FAILED] = "failed",
};

static void copy_check(struct http_check *out,
		       const struct preflight_check *check)
{
	snprintf(out->group, sizeof(out->group), "%s", check->group);
	snprintf(out->name, sizeof(out->name), "%s", check->name);
	snprintf(out->status, sizeof(out->status), "%s",
		 status_words[check->status]);
	snprintf(out->text, sizeof(out->text), "%s", check->text);
	snprintf(out->hint, sizeof(out->hint), "%s", check->hint);
}

static size_t add_features(struct agent *agent, struct http_check *out,
			   size_t max)
{
	struct snapshot_feature features[SNAPSHOT_FEATURES_MAX];
	size_t count = dataplane_features(agent->plane, features,
					  SNAPSHOT_FEATURES_MAX);

	for (size_t i = 0; i < count && i < max; i++) {
		snprintf(out[i].group, sizeof(out[i].group), "feature");
		snprintf(out[i].name, sizeof(out[i].name), "%.31s",
			 features[i].name);
		snprintf(out[i].status, sizeof(out[i].status), "%s",
			 features[i].supported ? "ok" : "warning");
		snprintf(out[i].text, sizeof(out[i].text), "%s",
			 features[i].supported ? "supported by this kernel"
					       : "not in this kernel");
		snprintf(out[i].hint, sizeof(out[i].hint), "%.127s",
			 features[i].effect);
	}
	return count < max ? count : max;
}

/* Interfaces of weir.yaml, and in which mode SYNs are shed there. */
static size_t add_interfaces(struct agent *agent, struct http_check *out,
			     size_t max)
{
	struct snapshot_interface list[SNAPSHOT_INTERFACES_MAX];
	size_t count = shed_show(
		&agent->plane->shed, list,
		max < SNAPSHOT_INTERFACES_MAX ? max : SNAPSHOT_INTERFACES_MAX);

	for (size_t i = 0; i < count; i++) {
		snprintf(out[i].group, sizeof(out[i].group), "xdp");
		snprintf(out[i].name, sizeof(out[i].name), "%s", list[i].name);
		snprintf(out[i].status, sizeof(out[i].status), "%s",
			 list[i].trouble[0] ? "warning" : "ok");
		if (list[i].mode != SNAPSHOT_XDP_OFF)
			snprintf(out[i].text, sizeof(out[i].text),
				 "%s mode, SYNs over a cap are %s",
				 snapshot_xdp_word(list[i].mode),
				 list[i].answers ? "answered with RST"
						 : "dropped");
		else
			snprintf(out[i].text, sizeof(out[i].text),
				 "not attached%s",
				 list[i].wanted ? "" : ": no policy says shed");
		snprintf(out[i].hint, sizeof(out[i].hint), "%s",
			 list[i].trouble);
	}
	return count;
}

#define X(id, name, help) {name, help},
static const struct {
	const char *name;
	const char *help;
} fault_rows[] = {WEIR_FAULTS(X)};
#undef X

/* Faults that have happened: the traffic went on, something was not done. */
static size_t add_faults(struct agent *agent, struct http_check *out,
			 size_t max)
{
	uint64_t faults[WEIR_FAULT_COUNT];
	size_t count = 0;

	dataplane_faults(agent->plane, faults);
	for (size_t id = 0; id < WEIR_FAULT_COUNT && count < max; id++) {
		if (!faults[id] || id == WEIR_FAULT_UNMATCHED)
			continue;
		snprintf(out[count].group, sizeof(out->group), "faults");
		snprintf(out[count].name, sizeof(out->name), "%s",
			 fault_rows[id].name);
		snprintf(out[count].status, sizeof(out->status), "warning");
		snprintf(out[count].text, sizeof(out->text), "%llu times: %s",
			 (unsigned long long)faults[id], fault_rows[id].help);
		out[count++].hint[0] = '\0';
	}
	return count;
}

static size_t run_checks(void *ctx, struct http_check *out, size_t max)
{
	struct agent *agent = ctx;
	size_t count = agent->check_count < max ? agent->check_count : max;

	for (size_t i = 0; i < count; i++)
		copy_check(&out[i], &agent->checks[i]);
	pthread_mutex_lock(&agent->lock);
	count += add_features(agent, out + count, max - count);
	count += add_interfaces(agent, out + count, max - count);
	count += add_faults(agent, out + count, max - count);
	pthread_mutex_unlock(&agent->lock);
	return count;
}

static bool is_ready(void *ctx)
{
	struct agent *agent = ctx;

	return agent->ready;
}

static bool is_healthy(void *ctx)
{
	struct agent *agent = ctx;

	return clock_monotonic_ns() - agent->ticked_ns < STALLED_NS;
}

struct http_ops control_ops(struct agent *agent)
{
	return (struct http_ops){
		.ctx = agent,
		.snapshot = take_snapshot,
		.clients = list_clients,
		.wait_event = wait_event,
		.apply = apply,
		.remove = remove_policy,
		.reload = reload,
		.force = force,
		.reset = reset,
		.checks = run_checks,
		.ready = is_ready,
		.healthy = is_healthy,
	};
}
