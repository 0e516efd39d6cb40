/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * apply.c - see apply.h.
 */
#include "agent/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/audit.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/publish.h"
#include "agent/queues.h"
#include "common/scoped.h"

/* Everything a generation consists of, before it is in force. */
struct candidate {
	struct policy_set *set;
	char *applied_text;
	struct compiled *compiled;
	struct clients clients;
};

static void candidate_clear(struct candidate *c)
{
	compiled_free(c->compiled);
	policy_set_free(c->set);
	clients_clear(&c->clients);
	free(c->applied_text);
}

DEFINE_SCOPED(candidate, struct candidate, candidate_clear(it))

/* ---- what is different ------------------------------------------------------------ */

static const struct weir_policy *find(const struct policy_set *set,
				      const char *name)
{
	for (size_t i = 0; set && i < set->policies.count; i++)
		if (!strcmp(set->policies.items[i]->name, name))
			return set->policies.items[i];
	return NULL;
}

static void note(char **list, size_t *count, const char *name)
{
	if (*count < HTTP_NAMES_MAX && (list[*count] = strdup(name)))
		++*count;
}

static void describe(const struct policy_set *before,
		     const struct policy_set *after, struct http_result *r)
{
	for (size_t i = 0; i < after->policies.count; i++) {
		const struct weir_policy *policy = after->policies.items[i];
		const struct weir_policy *old = find(before, policy->name);

		if (!old)
			note(r->created, &r->created_count, policy->name);
		else if (policy_equal(old, policy))
			note(r->unchanged, &r->unchanged_count, policy->name);
		else
			note(r->updated, &r->updated_count, policy->name);
	}
	for (size_t i = 0; before && i < before->policies.count; i++)
		if (!find(after, before->policies.items[i]->name))
			note(r->deleted, &r->deleted_count,
			     before->policies.items[i]->name);
}

/* ---- the way to a generation -------------------------------------------------------- */

static bool needs(const struct compiled *compiled, enum dataplane_extra extra)
{
	for (size_t i = 0; i < compiled->service_count; i++) {
		const struct weir_service *service = &compiled->services[i];

		if (extra == DATAPLANE_SEND &&
		    (service->slow_us || service->calls_max))
			return true;
		if (service->mode != WEIR_MODE_ENFORCE)
			continue;
		if (extra == DATAPLANE_EGRESS &&
		    service->direction == WEIR_EGRESS &&
		    (service->drop || service->queue_max ||
		     service->on_full == WEIR_FULL_DROP))
			return true;
		if (extra == DATAPLANE_INGRESS &&
		    service->direction == WEIR_INGRESS &&
		    service->on_full == WEIR_FULL_DROP)
			return true;
		if (extra == DATAPLANE_SHED &&
		    service->direction == WEIR_INGRESS &&
		    service->on_full == WEIR_FULL_SHED)
			return true;
	}
	return false;
}

static bool needs_lookups(const struct compiled *compiled)
{
	for (size_t i = 0; i < compiled->service_count; i++) {
		const struct weir_service *service = &compiled->services[i];

		if (service->direction == WEIR_INGRESS &&
		    service->mode == WEIR_MODE_ENFORCE &&
		    service->on_full != WEIR_FULL_DROP)
			return true;
	}
	return false;
}

static void set_lookups(struct agent *agent, bool wanted)
{
	lookups_set(&agent->lookups, agent->plane, wanted, agent->cgroup,
		    agent->options.netns, agent->options.netns_count);
}

void apply_refresh_lookups(struct agent *agent)
{
	lookups_refresh(&agent->lookups, agent->plane, agent->cgroup,
			agent->options.netns, agent->options.netns_count);
}

/* Before the flip what the new generation needs; after it only that. */
static int attach_needed(struct dataplane *plane,
			 const struct compiled *compiled, bool detach)
{
	for (int i = 0; i < DATAPLANE_EXTRAS; i++) {
		bool needed = needs(compiled, (enum dataplane_extra)i);
		int err;

		if (!needed && !detach)
			continue;
		err = dataplane_need(plane, (enum dataplane_extra)i, needed);
		if (err)
			return err;
	}
	return 0;
}

static int report_inability(struct weir_errors *errors,
			    const struct weir_policy *policy, const char *path,
			    const char *what, const char *hint)
{
	const struct policy_position *at = policy_position(policy, path);
	struct weir_place place = {
		.file = policy->file,
		.line = at ? at->line : policy->line,
		.column = at ? at->column : 1,
		.length = 1,
	};

	return errors_add(errors, &place, hint,
			  "policy %s: this host cannot %s", policy->name, what);
}

/* To enforce what this host cannot do is an error, never less than asked. */
static int check_abilities(const struct dataplane *plane,
			   const struct weir_policies *policies,
			   struct weir_errors *errors)
{
	int err = 0;

	for (size_t i = 0; i < policies->count; i++) {
		const struct weir_policy *policy = policies->items[i];

		if (policy->mode != WEIR_MODE_ENFORCE)
			continue;
		if (reset_is_wanted(policy) && !plane->reset_works)
			err = report_inability(
				errors, policy,
				"spec.circuitBreaker.onOpen."
				"establishedConnections",
				"reset established connections",
				"write keep, or a kernel with "
				"CONFIG_INET_DIAG_DESTROY and CAP_NET_ADMIN");
		if (policy_direction(policy) == WEIR_INGRESS &&
		    !plane->reset_works)
			err = report_inability(
				errors, policy, "spec.service.listen",
				"reset connections that find no room",
				"leave it in observe mode, or use a kernel with "
				"CONFIG_INET_DIAG_DESTROY and CAP_NET_ADMIN");
		if (policy->bulkhead.on_full == WEIR_FULL_SHED &&
		    !plane->shed.count)
			err = report_inability(
				errors, policy, "spec.bulkhead.onFull",
				"shed: weir.yaml names no interface",
				"write xdp: {interfaces: [eth0]} there and "
				"restart the agent, or onFull: refuse");
		if (policy->bulkhead.queue_set && !plane->wake_works)
			err = report_inability(
				errors, policy, "spec.bulkhead.queue",
				"wake a connect that waits",
				"leave the queue out, or give the agent "
				"CAP_NET_RAW and CAP_NET_ADMIN");
		if (policy->bulkhead.calls_max && !plane->send_hook)
			err = report_inability(
				errors, policy,
				"spec.bulkhead.maxConcurrentCalls",
				"count calls in flight",
				"limit connections instead, or use a kernel "
				"that has sock_send_length (6.3)");
	}
	return err;
}

static int prepare(struct agent *agent, struct candidate *c,
		   struct weir_errors *errors)
{
	struct registry_moment now = {&agent->registry, clock_monotonic_ns()};
	int err = check_abilities(agent->plane, &c->set->policies, errors);

	if (!err)
		err = compile_policies(&c->compiled, errors, &c->set->policies,
				       registry_slot, &now);
	if (err)
		return err;
	err = clients_resolve(&c->clients, c->compiled, agent->cgroup_root);
	if (!err && c->clients.dropped)
		log_warning("clients: %zu selectors' cgroups beyond the limit "
			    "of %u are ignored",
			    c->clients.dropped, WEIR_CLIENTS_MAX);
	return err;
}

/* What cannot be filled in is reported as a limit, with what stays. */
static int fill(struct agent *agent, struct candidate *c,
		struct weir_errors *errors)
{
	const struct weir_place nowhere = {0};
	int err = queues_assign(&agent->registry, c->compiled,
				clock_monotonic_ns());

	if (!err)
		err = publish_fill(&agent->registry, c->compiled, &c->clients);
	if (!err)
		err = attach_needed(agent->plane, c->compiled, false);
	if (err)
		errors_add(errors, &nowhere, NULL,
			   "writing the policies into the kernel: %s; "
			   "generation %u stays in force",
			   strerror(-err), agent->plane->control->generation);
	return err;
}

static int save(struct agent *agent, const struct candidate *c,
		struct weir_errors *errors)
{
	const struct weir_place place = {.file = agent->store.applied};
	int err = c->applied_text
			  ? store_write_applied(&agent->store, c->applied_text)
			  : 0;

	if (err)
		errors_add(errors, &place, NULL,
			   "writing: %s; generation %u stays in force",
			   strerror(-err), agent->plane->control->generation);
	return err;
}

static void remember_generation(struct agent *agent, const char *by)
{
	struct snapshot_generation *list = agent->generations;

	if (agent->generation_count == SNAPSHOT_GENERATIONS_MAX) {
		memmove(list, list + 1,
			sizeof(*list) * (SNAPSHOT_GENERATIONS_MAX - 1));
		agent->generation_count--;
	}
	list[agent->generation_count] = (struct snapshot_generation){
		.number = agent->plane->control->generation,
		.realtime_ns = clock_realtime_ns(),
		.policies = (uint32_t)agent->set->policies.count,
	};
	snprintf(list[agent->generation_count].by,
		 sizeof(list[agent->generation_count].by), "%s", by);
	agent->generation_count++;
}

/* Breakers of services that were bound anew speak through new verdicts. */
static void publish_verdicts(struct agent *agent, uint64_t now_ns)
{
	uint32_t subjects_max = dataplane_subjects_max(agent->plane);

	for (uint32_t id = 0; id < subjects_max; id++)
		if (agent->registry.subjects[id])
			decide_publish(&agent->decide,
				       agent->registry.subjects[id], now_ns);
}

static void take_force(struct agent *agent, struct candidate *c, const char *by)
{
	uint64_t now_ns = clock_monotonic_ns();

	publish_flip(agent->plane, c->compiled);
	registry_bind(&agent->registry, &c->set->policies, now_ns);
	publish_verdicts(agent, now_ns);
	policy_set_free(agent->set);
	compiled_free(agent->compiled);
	clients_clear(&agent->clients);
	agent->set = TAKE_PTR(c->set);
	agent->compiled = TAKE_PTR(c->compiled);
	agent->clients = c->clients;
	memset(&c->clients, 0, sizeof(c->clients));
	attach_needed(agent->plane, agent->compiled, true);
	set_lookups(agent, needs_lookups(agent->compiled));
	remember_generation(agent, by);
	if (store_write_accepted(&agent->store, agent->set))
		log_warning("%s: the accepted policies could not be kept; a "
			    "restart over broken files would have none",
			    agent->store.accepted);
}

/* Connections that another policy governs now move over to it. */
static void adopt(struct agent *agent)
{
	int walked =
		audit_adopt(agent->plane, agent->cgroup, agent->options.netns,
			    agent->options.netns_count);

	if (walked < 0)
		log_warning("adopting existing connections: %s",
			    strerror(-walked));
}

static int put_in_force(struct agent *agent, struct candidate *c,
			const char *by, struct weir_errors *errors)
{
	int err = fill(agent, c, errors);

	if (!err)
		err = save(agent, c, errors);
	if (err)
		return err;
	take_force(agent, c, by);
	events_say(agent->events, SNAPSHOT_EVENT_POLICY, "",
		   "generation %u is in force: %zu policies (%s)",
		   agent->plane->control->generation,
		   agent->set->policies.count, by);
	adopt(agent);
	return 0;
}

static void remember_outcome(struct agent *agent, int err,
			     const struct weir_errors *errors)
{
	agent->reload_ok = !err;
	agent->reload_realtime_ns = clock_realtime_ns();
	agent->reload_error[0] = '\0';
	if (err)
		snprintf(agent->reload_error, sizeof(agent->reload_error), "%s",
			 errors->count ? errors->items[0].message
				       : strerror(-err));
}

int apply_run(struct agent *agent, const struct apply_request *request,
	      struct http_result *result, struct weir_errors *errors)
{
	scoped(candidate) struct candidate c = {0};
	int err = store_load(&c.set, &c.applied_text, errors, &agent->store,
			     request->change);

	if (!err)
		err = prepare(agent, &c, errors);
	if (!err && result)
		describe(agent->set, c.set, result);
	if (!err && !request->dry_run)
		err = put_in_force(agent, &c, request->by, errors);
	if (!request->dry_run && (!request->change || !err))
		remember_outcome(agent, err, errors);
	if (result)
		result->generation = agent->plane->control->generation;
	return err;
}

/* The set this agent or an earlier one last accepted; else an empty one. */
static int fall_back(struct agent *agent)
{
	scoped(candidate) struct candidate c = {0};
	struct weir_errors errors = {0};
	int err = store_load_accepted(&c.set, &errors, &agent->store);

	if (err) {
		c.set = calloc(1, sizeof(*c.set));
		log_warning(
			"no earlier policies to go on with: observing only");
	}
	err = c.set ? prepare(agent, &c, &errors) : -ENOMEM;
	if (!err)
		err = put_in_force(agent, &c, "start, last good policies",
				   &errors);
	log_mistakes(&errors);
	errors_clear(&errors);
	return err;
}

int apply_start(struct agent *agent)
{
	const struct apply_request request = {.by = "start"};
	struct weir_errors errors = {0};
	int err = apply_run(agent, &request, NULL, &errors);

	log_mistakes(&errors);
	errors_clear(&errors);
	return err ? fall_back(agent) : 0;
}

void apply_refresh_clients(struct agent *agent)
{
	struct clients now = {0};
	uint32_t parity = agent->plane->control->generation & 1;

	if (!agent->compiled || !agent->compiled->client_count ||
	    clients_resolve(&now, agent->compiled, agent->cgroup_root))
		return;
	if (clients_update(&agent->clients, &now, agent->plane->client_fd,
			   parity))
		log_warning("clients: the kernel's table is full");
	clients_clear(&agent->clients);
	agent->clients = now;
}
