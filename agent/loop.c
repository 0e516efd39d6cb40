/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop.c - see loop.h.
 *
 * Hints from the kernel are decided on as they come. The tick only does what
 * depends on time, and makes up for hints that a full ring has lost.
 */
#include "agent/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "agent/apply.h"
#include "agent/audit.h"
#include "agent/callers.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/report.h"
#include "weir/words.h"

#define TICK_US		  100000ull
#define TICKS_AUDIT	  20u /* 2 s: drift */
#define TICKS_AUDIT_EAGER 2u  /* 200 ms: a probe or overdue calls wait for it */
#define TICKS_HEARTBEAT	  2u  /* 200 ms, promised: 250 */
#define TICKS_SECOND	  10u
#define TICKS_SCAN	  50u /* 5 s */

void loop_block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- the kernel's events ------------------------------------------------------------ */

/* access.allow refused somebody: who it was is half of the message. */
static void name_denied(struct agent *agent, const struct weir_event *event)
{
	const struct subject *subject =
		agent->registry.subjects[event->subject];
	const struct service *service = subject ? subject->service : NULL;
	char who[256], where[64];

	if (!service || !service->policy)
		return;
	callers_name(event, NULL, who, sizeof(who));
	registry_name(&event->key, where);
	events_say(agent->events, SNAPSHOT_EVENT_POLICY, service->name,
		   "%s: %s %s a connection to %s: it is not on access.allow",
		   service->name, who,
		   service->policy->mode == WEIR_MODE_ENFORCE
			   ? "was refused"
			   : "would be refused",
		   where);
}

/* A slot was handed to a connect that waits: its SYN can go at once. */
static void wake(struct agent *agent, const struct weir_event *event)
{
	const struct weir_waiter *w =
		event->waiter < WEIR_WAITERS_MAX
			? &agent->plane->waiters[event->waiter]
			: NULL;
	uint64_t word = w ? __atomic_load_n(&w->word, __ATOMIC_ACQUIRE) : 0;
	struct weir_victim socket;

	if (pair_high(word) != event->ticket ||
	    pair_low(word) < WEIR_WAITER_GRANTED)
		return; /* it has gone already */
	socket = w->socket;
	/* Its SYN has not come to the egress hook yet: it will not be held. */
	if (!socket.seq)
		return;
	if (resetter_order(&agent->resetter, &socket, 1))
		agent->wakes_missed++;
}

void loop_take_event(struct agent *agent, const void *data, size_t bytes,
		     uint64_t now_ns)
{
	const struct weir_event *event = data;
	struct subject *subject;

	if (bytes < sizeof(*event) ||
	    event->subject >= dataplane_subjects_max(agent->plane))
		return;
	if (event->type == WEIR_EVENT_ENDPOINT) {
		registry_endpoint(&agent->registry, &event->key, event->subject,
				  now_ns);
		return;
	}
	if (event->type == WEIR_EVENT_DENIED) {
		name_denied(agent, event);
		return;
	}
	if (event->type == WEIR_EVENT_GRANTED) {
		wake(agent, event);
		return;
	}
	if (event->type == WEIR_EVENT_FULL) {
		full_take(agent, event, now_ns);
		return;
	}
	agent->hints_total++;
	subject = agent->registry.subjects[event->subject];
	if (subject)
		decide_step(&agent->decide, subject, now_ns);
}

static int take_event(void *ctx, void *data, size_t bytes)
{
	loop_take_event(ctx, data, bytes, clock_monotonic_ns());
	return 0;
}

void loop_catch_up(struct agent *agent)
{
	/* Not there yet, or no more: before and after the loop. */
	if (agent->ring)
		ring_buffer__consume(agent->ring);
}

static int on_ring(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct agent *agent = ctx;

	(void)source, (void)fd, (void)revents;
	pthread_mutex_lock(&agent->lock);
	loop_catch_up(agent);
	pthread_mutex_unlock(&agent->lock);
	return 0;
}

/* ---- time ------------------------------------------------------------------------------ */

static void beat(struct agent *agent, uint64_t now_ns)
{
	__atomic_store_n(&agent->plane->control->heartbeat_ns, now_ns,
			 __ATOMIC_RELEASE);
}

/* Events were lost: what they would have said is in the maps. */
static void catch_up(struct agent *agent, uint64_t now_ns)
{
	uint64_t faults[WEIR_FAULT_COUNT];

	dataplane_faults(agent->plane, faults);
	faults_say(&agent->faults, faults, now_ns);
	if (faults[WEIR_FAULT_RING_FULL] == agent->ring_full_seen &&
	    agent->tick % TICKS_SCAN)
		return;
	agent->ring_full_seen = faults[WEIR_FAULT_RING_FULL];
	registry_scan(&agent->registry, now_ns);
}

static bool audit_is_due(const struct agent *agent)
{
	if (agent->tick % TICKS_AUDIT == 0)
		return true;
	if (agent->tick % TICKS_AUDIT_EAGER)
		return false;
	return !agent->plane->send_hook || decide_wants_audit(&agent->decide);
}

static void audit(struct agent *agent)
{
	int err = audit_run(&agent->registry, agent->events);

	if (err)
		log_warning("audit of connections: %s", strerror(-err));
}

static void every_second(struct agent *agent, uint64_t now_ns)
{
	catch_up(agent, now_ns);
	report_tick(agent, now_ns);
	registry_sweep(&agent->registry, now_ns);
	apply_refresh_clients(agent);
	overrides_restore(&agent->overrides, &agent->decide, now_ns);
	sd_notify(0, "WATCHDOG=1");
}

static void tick(struct agent *agent)
{
	uint64_t now_ns = clock_monotonic_ns();

	agent->tick++;
	if (agent->tick % TICKS_HEARTBEAT == 0)
		beat(agent, now_ns);
	loop_catch_up(agent);
	if (audit_is_due(agent))
		audit(agent);
	decide_tick(&agent->decide, now_ns);
	reset_tick(&agent->resets, now_ns);
	if (agent->tick % TICKS_SECOND == 0)
		every_second(agent, now_ns);
	agent->ticked_ns = now_ns;
}

static int on_tick(sd_event_source *source, uint64_t due_us, void *ctx)
{
	struct agent *agent = ctx;
	uint64_t now_us = clock_monotonic_ns() / NS_PER_US;

	pthread_mutex_lock(&agent->lock);
	tick(agent);
	pthread_mutex_unlock(&agent->lock);
	/* After a stall the lost ticks are not made up for. */
	sd_event_source_set_time(source, due_us + TICK_US > now_us
						 ? due_us + TICK_US
						 : now_us + TICK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- signals ----------------------------------------------------------------------------- */

static int on_reload(sd_event_source *source,
		     const struct signalfd_siginfo *info, void *ctx)
{
	struct agent *agent = ctx;
	const struct apply_request request = {.by = "SIGHUP"};
	struct weir_errors errors = {0};
	int err;

	(void)source, (void)info;
	pthread_mutex_lock(&agent->lock);
	err = apply_run(agent, &request, NULL, &errors);
	if (err)
		log_error("reload by SIGHUP: refused; generation %u stays in "
			  "force",
			  agent->plane->control->generation);
	pthread_mutex_unlock(&agent->lock);
	log_mistakes(&errors);
	errors_clear(&errors);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info,
		   void *ctx)
{
	struct agent *agent = ctx;

	(void)source, (void)info;
	sd_notify(0, "STOPPING=1");
	return sd_event_exit(agent->loop, 0);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static int add_sources(struct agent *agent)
{
	uint64_t now_us = clock_monotonic_ns() / NS_PER_US;
	sd_event *loop = agent->loop;
	int err =
		sd_event_add_io(loop, NULL, ring_buffer__epoll_fd(agent->ring),
				EPOLLIN, on_ring, agent);

	if (err >= 0)
		err = sd_event_add_time(loop, NULL, CLOCK_MONOTONIC,
					now_us + TICK_US, 1000, on_tick, agent);
	if (err >= 0)
		err = sd_event_add_signal(loop, NULL, SIGTERM, on_stop, agent);
	if (err >= 0)
		err = sd_event_add_signal(loop, NULL, SIGINT, on_stop, agent);
	if (err >= 0)
		err = sd_event_add_signal(loop, NULL, SIGHUP, on_reload, agent);
	return err;
}

int loop_open(struct agent *agent)
{
	int err = sd_event_new(&agent->loop);

	if (err >= 0) {
		agent->ring = ring_buffer__new(agent->plane->event_fd,
					       take_event, agent, NULL);
		err = agent->ring ? add_sources(agent) : -errno;
	}
	if (err >= 0)
		return 0;
	log_error("event loop: %s; nothing was changed on this host",
		  strerror(-err));
	return err;
}

int loop_run(struct agent *agent)
{
	int err;

	agent->ticked_ns = clock_monotonic_ns();
	sd_notify(0, "READY=1");
	err = sd_event_loop(agent->loop);
	if (err < 0)
		log_error("event loop: %s", strerror(-err));
	return err < 0 ? err : 0;
}

void loop_close(struct agent *agent)
{
	ring_buffer__free(agent->ring);
	agent->ring = NULL;
	sd_event_unref(agent->loop);
	agent->loop = NULL;
}
