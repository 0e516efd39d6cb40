/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * traffic.c - requests: each connects, asks a few times, and closes, or does
 * not get that far. After each thing that happens to a connection, what the
 * hooks made of it is compared with what the oracle knows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "tests/sim/model/host.h"
#include "tests/sim/model/maps.h"
#include "tests/sim/model/world.h"
#include "weir/words.h"

#define GOODBYE_BYTES 32u /* what a client may say last, unanswered */

enum step {
	STEP_CONNECTING,
	STEP_AWAITING,
	STEP_IDLE, /* established, nothing awaited */
	STEP_CLOSING,
};

struct flow {
	struct oracle_conn conn;
	struct flow *next_free;
	uint64_t hash; /* of the request: all its chance */
	uint32_t index, server, number;
	enum step at;
	uint32_t turn, turns;
	uint32_t bytes; /* of the request that is awaited */
	bool used, last_idle, answered;
};

/* What a server makes of one call. */
enum fate {
	FATE_ANSWER,
	FATE_NOTHING,
	FATE_REFUSE,
	FATE_TIMEOUT,
	FATE_UNREACHABLE,
	FATE_RESET,
	FATE_FIN,
	FATE_PARTIAL,
	FATE_LOCAL, /* connect() fails before the SYN */
};

struct outcome {
	enum fate fate;
	uint64_t after_ns;
};

/* ---- what will become of it: by request and hour alone ------------------------------------ */

static struct random chance_of(const struct flow *f, uint64_t what)
{
	return (struct random){random_mix(f->hash ^ what << 8 ^ f->turn)};
}

static const struct policy_breaker *rules_of(const struct world *w,
					     const struct flow *f)
{
	return &w->policies[w->shape->servers[f->server].service].breaker;
}

static enum mood mood_of(const struct world *w, const struct flow *f,
			 struct random *r)
{
	static const enum mood flaps[] = {MOOD_FINE,  MOOD_FINE, MOOD_REFUSE,
					  MOOD_RESET, MOOD_HANG, MOOD_SLOW};
	enum mood mood;

	if (w->healing)
		return MOOD_FINE;
	mood = shape_mood(&w->shape->servers[f->server], host_now_ns);
	return mood == MOOD_FLAP ? random_pick(r, flaps) : mood;
}

static uint64_t quick(struct random *r)
{
	return random_between(r, 100, 4000) * NS_PER_US;
}

static uint64_t fine(const struct world *w, const struct flow *f,
		     struct random *r)
{
	uint64_t slow_ns = rules_of(w, f)->slow_ns;

	/* As long as it may take, and not longer. */
	if (slow_ns && !w->healing && random_chance(r, 5))
		return slow_ns;
	return quick(r);
}

static uint64_t slow(const struct world *w, const struct flow *f,
		     struct random *r)
{
	uint64_t slow_ns = rules_of(w, f)->slow_ns;

	if (!slow_ns)
		return random_between(r, 50, 500) * MS_NS;
	if (random_chance(r, 20))
		return slow_ns + NS_PER_US;
	return slow_ns + random_between(r, 1, slow_ns / MS_NS * 2) * MS_NS;
}

static struct outcome connect_outcome(const struct world *w,
				      const struct flow *f)
{
	struct random r = chance_of(f, 1);
	struct outcome o = {FATE_ANSWER, 0};
	enum mood mood = mood_of(w, f, &r);

	o.after_ns = fine(w, f, &r);
	if (!w->healing && random_chance(&r, 2))
		o.fate = FATE_LOCAL;
	else if (mood == MOOD_REFUSE)
		o.fate = FATE_REFUSE;
	else if (mood == MOOD_UNREACHABLE)
		o.fate = FATE_UNREACHABLE;
	else if (mood == MOOD_BLACKHOLE)
		o = (struct outcome){FATE_TIMEOUT,
				     random_between(&r, 3, 20) * 100 * MS_NS};
	else if (mood == MOOD_SLOW && random_chance(&r, 30))
		o.after_ns = slow(w, f, &r);
	return o;
}

static struct outcome turn_outcome(const struct world *w, const struct flow *f)
{
	static const enum fate fates[MOOD_COUNT] = {
		[MOOD_HANG] = FATE_NOTHING,
		[MOOD_REFUSE] = FATE_RESET,
		[MOOD_BLACKHOLE] = FATE_TIMEOUT,
		[MOOD_UNREACHABLE] = FATE_TIMEOUT,
		[MOOD_RESET] = FATE_RESET,
		[MOOD_FIN] = FATE_FIN,
		[MOOD_PARTIAL] = FATE_PARTIAL,
	};
	struct random r = chance_of(f, 2);
	enum mood mood = mood_of(w, f, &r);
	struct outcome o = {fates[mood], fine(w, f, &r)};

	if (mood == MOOD_SLOW)
		o.after_ns = slow(w, f, &r);
	if (o.fate == FATE_TIMEOUT)
		o.after_ns = random_between(&r, 3, 20) * 100 * MS_NS;
	/* Sometimes the reset comes to those who have waited for long. */
	if (o.fate == FATE_RESET && random_chance(&r, 20))
		o.after_ns = slow(w, f, &r);
	return o;
}

static uint64_t patience(const struct world *w, const struct flow *f)
{
	static const uint64_t patiences_ms[] = {120, 400, 1000, 3000};
	struct random r = chance_of(f, 3);

	if (!w->healing && random_chance(&r, 5))
		return random_between(&r, 1, 30) * MS_NS;
	return random_pick(&r, patiences_ms) * MS_NS;
}

static uint64_t think(const struct world *w, const struct flow *f)
{
	struct random r = chance_of(f, 4);

	if (w->healing)
		return quick(&r);

	if (f->turn == 0)
		return random_chance(&r, 70) ? 0 : quick(&r);
	return random_chance(&r, 80) ? quick(&r)
				     : random_between(&r, 10, 1800) * MS_NS;
}

/* ---- comparing --------------------------------------------------------------------------------- */

static void check_count(struct world *w, uint32_t id)
{
	const struct weir_subject *k = maps_find(MAP_SUBJECT, &id);
	const struct oracle_subject *s = &w->oracle.subjects[id];

	if (k->in_use != s->held || k->shadow != s->ghosts)
		world_fail(w,
			   "subject %u holds %u connections (%u ghosts), "
			   "there are %u (%u)",
			   id, k->in_use, k->shadow, s->held, s->ghosts);
	if (s->state == WEIR_STATE_HALF_OPEN &&
	    probe_epoch(k->probe) == s->epoch &&
	    (probe_taken(k->probe) != s->taken || probe_ok(k->probe) != s->ok ||
	     probe_bad(k->probe) != s->bad))
		world_fail(w,
			   "subject %u: %u tokens taken, %u good, %u bad; "
			   "there are %u, %u, %u",
			   id, probe_taken(k->probe), probe_ok(k->probe),
			   probe_bad(k->probe), s->taken, s->ok, s->bad);
}

static void check_flow(struct world *w, const struct flow *f)
{
	check_count(w, f->conn.slot);
	if (f->conn.endpoint != WEIR_NONE)
		check_count(w, f->conn.endpoint);
}

/* The agent must have been woken if this outcome trips the breaker. */
static void check_wake(struct world *w, const struct flow *f)
{
	if (w->shape->hint_ns || w->deaf)
		return;
	daemon_drain(&w->daemon);
	if (!w->wrong[0] &&
	    oracle_must_wake(&w->oracle, f->conn.breaker, host_now_ns))
		world_fail(w, "subject %u: nobody woke the agent",
			   f->conn.breaker);
}

/* ---- its life ----------------------------------------------------------------------------------- */

static void schedule(struct world *w, struct flow *f, enum step at,
		     uint64_t after_ns)
{
	f->at = at;
	f->number++;
	world_schedule(w, host_now_ns + after_ns, EVENT_FLOW, f->index,
		       f->number);
}

static void wait_for(struct world *w, struct flow *f, enum step at,
		     struct outcome o)
{
	f->at = at;
	f->number++;
	if (o.fate != FATE_NOTHING)
		world_schedule(w, host_now_ns + o.after_ns, EVENT_FLOW,
			       f->index, f->number);
	world_schedule(w, host_now_ns + patience(w, f), EVENT_IMPATIENT,
		       f->index, f->number);
}

static struct flow *flow_new(struct world *w)
{
	struct flow *f = w->free_flow;

	if (!f) {
		w->overflow = true;
		return NULL;
	}
	w->free_flow = f->next_free;
	f->used = true;
	return f;
}

static void flow_free(struct world *w, struct flow *f)
{
	host_forget(f->index);
	f->used = false;
	f->number++;
	f->next_free = w->free_flow;
	w->free_flow = f;
}

static uint32_t endpoint_of(const struct world *w, const struct flow *f)
{
	const struct server *server = &w->shape->servers[f->server];
	struct weir_endpoint_key key = {
		.slot = w->slots[server->service],
		.port = WORLD_PORT,
		.addr = {0, 0, htonl(0xffff), htonl(server->address)},
	};
	const uint32_t *id = maps_find(MAP_ENDPOINT, &key);

	return id ? *id : WEIR_NONE;
}

static void begin(struct world *w, struct flow *f);

/* What was only let through to be watched must not make further traffic. */
static bool may_retry(const struct world *w, const struct flow *f)
{
	return !w->healing && !(w->shape->twin && f->conn.shadow);
}

/* The application sees the error, and closes, or tries again on the socket. */
static void ended(struct world *w, struct flow *f)
{
	struct random r = chance_of(f, 5);

	if (may_retry(w, f) && random_chance(&r, 10)) {
		f->hash = random_mix(f->hash);
		begin(w, f);
		return;
	}
	host_release(f->index, false);
	flow_free(w, f);
}

static void unsent(struct world *w, struct flow *f)
{
	struct random r = chance_of(f, 6);

	if (may_retry(w, f) && random_chance(&r, 30)) {
		/* The socket connects again: what it held goes back first. */
		oracle_probe_void(&w->oracle, &f->conn);
		oracle_leave(&w->oracle, &f->conn);
		f->hash = random_mix(f->hash);
		begin(w, f);
		return;
	}
	host_release(f->index, false);
	oracle_probe_void(&w->oracle, &f->conn);
	oracle_leave(&w->oracle, &f->conn);
	check_flow(w, f);
	flow_free(w, f);
}

static void check_ruling(struct world *w, const struct flow *f, int got,
			 struct oracle_ruling want)
{
	const struct weir_conn *conn = got ? NULL : host_conn(f->index);

	if (want.refused != (got != 0))
		world_fail(w, "connect to server %u: %s, it should be %s",
			   f->server, got ? "refused" : "let through",
			   want.refused ? "refused" : "let through");
	else if (got && got != -ECONNREFUSED)
		world_fail(w, "connect to server %u: errno %d", f->server,
			   -got);
	else if (conn && (!(conn->flags & WEIR_CONN_SHADOW) == want.shadow ||
			  !(conn->flags & WEIR_CONN_PROBE) == want.probe))
		world_fail(w,
			   "connect to server %u: shadow %d, probe %d, not "
			   "%d and %d",
			   f->server, !!(conn->flags & WEIR_CONN_SHADOW),
			   !!(conn->flags & WEIR_CONN_PROBE), want.shadow,
			   want.probe);
}

static void begin(struct world *w, struct flow *f)
{
	const struct server *server = &w->shape->servers[f->server];
	uint32_t slot = w->slots[server->service], endpoint;
	struct oracle_ruling ruling;
	struct outcome o;
	int got = host_connect(f->index, server->address, WORLD_PORT);

	f->answered = false;
	endpoint = endpoint_of(w, f);
	ruling = oracle_rule(&w->oracle, slot, endpoint, host_now_ns);
	check_ruling(w, f, got, ruling);
	oracle_use(&w->oracle, slot, endpoint);
	if (got) {
		flow_free(w, f);
		return;
	}
	oracle_admit(&w->oracle, &f->conn, slot, endpoint, ruling,
		     host_now_ns / NS_PER_US);
	check_flow(w, f);
	o = connect_outcome(w, f);
	if (o.fate == FATE_LOCAL) {
		unsent(w, f);
		return;
	}
	host_syn(f->index);
	f->conn.connecting = true;
	oracle_start(&w->oracle, &f->conn, true, host_now_ns / NS_PER_US);
	wait_for(w, f, STEP_CONNECTING, o);
}

void traffic_arrive(struct world *w, uint32_t client)
{
	const struct shape *shape = w->shape;
	uint64_t hash = random_mix(shape->seed ^ ++w->requests << 16);
	struct random r = {hash};
	uint64_t pause_ns = random_between(&r, 1, shape->pause_ns * 2);
	struct flow *f;

	if (w->healing)
		pause_ns = random_between(&r, 50, 150) * MS_NS *
			   shape->client_count / shape->server_count;
	world_schedule(w, host_now_ns + pause_ns + 1, EVENT_ARRIVE, client, 0);
	f = flow_new(w);
	if (!f)
		return;
	f->hash = hash;
	f->server = w->healing
			    ? w->next_server++ % shape->server_count
			    : (uint32_t)random_below(&r, shape->server_count);
	f->turn = 0;
	f->turns = (uint32_t)random_below(&r, 6);
	f->last_idle = random_chance(&r, 20);
	begin(w, f);
}

static void failed(struct world *w, struct flow *f, int error)
{
	host_fail(f->index, error);
	if (f->conn.calling)
		oracle_finish(&w->oracle, &f->conn, ORACLE_FAILED,
			      host_now_ns / NS_PER_US);
	else
		oracle_probe_reset(&w->oracle, &f->conn);
	oracle_leave(&w->oracle, &f->conn);
	check_flow(w, f);
	check_wake(w, f);
	ended(w, f);
}

static void let_go(struct world *w, struct flow *f)
{
	oracle_settle(&w->oracle, &f->conn, host_now_ns / NS_PER_US);
	oracle_probe_well(&w->oracle, &f->conn);
}

/* The application closes: what it awaited, it has given up. */
static void release(struct world *w, struct flow *f, bool abort)
{
	bool connected = f->conn.connected;

	host_release(f->index, abort);
	if (f->conn.calling)
		oracle_finish(&w->oracle, &f->conn, ORACLE_LOCAL,
			      host_now_ns / NS_PER_US);
	else
		let_go(w, f);
	if (connected && !abort) {
		schedule(w, f, STEP_CLOSING, 300 * NS_PER_US);
		check_flow(w, f);
		check_wake(w, f);
		return;
	}
	oracle_leave(&w->oracle, &f->conn);
	check_flow(w, f);
	check_wake(w, f);
	flow_free(w, f);
}

static void go_idle(struct world *w, struct flow *f)
{
	uint64_t idle_ns = think(w, f);

	/* Connected for longer than a probe's silence. */
	if (f->turn == f->turns && f->last_idle && !w->healing)
		idle_ns += 1800 * MS_NS;
	schedule(w, f, STEP_IDLE, idle_ns);
}

static void established(struct world *w, struct flow *f)
{
	struct random r = chance_of(f, 1);

	host_established(f->index);
	oracle_finish(&w->oracle, &f->conn, ORACLE_ANSWERED,
		      host_now_ns / NS_PER_US);
	f->conn.connecting = false;
	f->conn.connected = true;
	f->conn.connected_us = host_now_ns / NS_PER_US;
	f->conn.heard_us = f->conn.connected_us;
	check_flow(w, f);
	check_wake(w, f);
	if (mood_of(w, f, &r) == MOOD_GREET) {
		host_answer(f->index, 20);
		f->answered = f->conn.answered = true;
		oracle_probe_well(&w->oracle, &f->conn);
		check_flow(w, f);
	}
	go_idle(w, f);
}

static void connecting_done(struct world *w, struct flow *f)
{
	struct outcome o = connect_outcome(w, f);

	/* The server may have changed its mind meanwhile. */
	switch (o.fate) {
	case FATE_REFUSE:
		failed(w, f, ECONNREFUSED);
		return;
	case FATE_TIMEOUT:
		failed(w, f, ETIMEDOUT);
		return;
	case FATE_UNREACHABLE:
		failed(w, f, EHOSTUNREACH);
		return;
	default:
		established(w, f);
	}
}

static void answered(struct world *w, struct flow *f)
{
	host_answer(f->index, 100);
	f->answered = true;
	oracle_finish(&w->oracle, &f->conn, ORACLE_ANSWERED,
		      host_now_ns / NS_PER_US);
	check_flow(w, f);
	check_wake(w, f);
}

static void peer_fin(struct world *w, struct flow *f)
{
	bool goodbye = f->answered && f->bytes <= GOODBYE_BYTES;

	host_peer_fin(f->index);
	oracle_finish(&w->oracle, &f->conn,
		      goodbye ? ORACLE_LOCAL : ORACLE_FAILED,
		      host_now_ns / NS_PER_US);
	check_flow(w, f);
	check_wake(w, f);
	f->turn = f->turns;
	f->last_idle = false;
	schedule(w, f, STEP_IDLE, NS_PER_MS);
}

static void awaiting_done(struct world *w, struct flow *f)
{
	struct outcome o = turn_outcome(w, f);

	switch (o.fate) {
	case FATE_RESET:
		failed(w, f, ECONNRESET);
		return;
	case FATE_TIMEOUT:
		failed(w, f, ETIMEDOUT);
		return;
	case FATE_FIN:
		peer_fin(w, f);
		return;
	case FATE_PARTIAL:
		/* The rest never comes. */
		answered(w, f);
		f->turns = ++f->turn;
		schedule(w, f, STEP_IDLE, patience(w, f));
		return;
	default:
		answered(w, f);
		f->turn++;
		go_idle(w, f);
	}
}

/* The tracepoint after send() may be skipped, or be later than the answer. */
static void ask(struct world *w, struct flow *f)
{
	struct outcome o = turn_outcome(w, f);
	struct random r = chance_of(f, 7);
	bool traced =
		!random_chance(&r, w->shape->untraced) && !w->shape->old_kernel;
	bool early = traced && o.fate == FATE_ANSWER && random_chance(&r, 5);

	f->bytes = random_chance(&r, 20) ? 5 : 50;
	host_write(f->index, f->bytes);
	oracle_start(&w->oracle, &f->conn, traced && !early,
		     host_now_ns / NS_PER_US);
	if (early)
		answered(w, f);
	if (traced)
		host_sent(f->index, f->bytes);
	if (early) {
		f->turn++;
		go_idle(w, f);
	} else {
		wait_for(w, f, STEP_AWAITING, o);
	}
}

static void idle_done(struct world *w, struct flow *f)
{
	struct random r = chance_of(f, 8);
	enum mood mood = mood_of(w, f, &r);

	if (f->turn < f->turns) {
		ask(w, f);
		return;
	}
	if (mood == MOOD_IDLE_RESET && random_chance(&r, 60)) {
		failed(w, f, ECONNRESET);
		return;
	}
	release(w, f, random_chance(&r, 10));
}

void traffic_step(struct world *w, uint32_t index, uint32_t number,
		  bool impatient)
{
	struct flow *f = &w->flows[index];

	if (!f->used || f->number != number)
		return;
	if (impatient) {
		release(w, f, false);
		return;
	}
	switch (f->at) {
	case STEP_CONNECTING:
		connecting_done(w, f);
		return;
	case STEP_AWAITING:
		awaiting_done(w, f);
		return;
	case STEP_IDLE:
		idle_done(w, f);
		return;
	case STEP_CLOSING:
		host_finish(f->index);
		oracle_leave(&w->oracle, &f->conn);
		check_flow(w, f);
		flow_free(w, f);
	}
}

void traffic_audited(struct world *w)
{
	uint64_t now_us = host_now_ns / NS_PER_US;

	w->oracle.recounted = true;
	for (uint32_t i = 0; i < w->shape->sockets_max; i++) {
		struct oracle_conn *c = &w->flows[i].conn;

		if (w->flows[i].used && c->held && c->probe && c->connected &&
		    !c->calling && now_us - c->connected_us > 1000000)
			oracle_probe_well(&w->oracle, c);
	}
}

void traffic_rehome(struct world *w)
{
	for (uint32_t i = 0; i < w->shape->sockets_max; i++)
		if (w->flows[i].used)
			oracle_rehome(&w->oracle, &w->flows[i].conn);
}

void traffic_open(struct world *w)
{
	uint32_t max = w->shape->sockets_max;

	w->flows = calloc(max, sizeof(*w->flows));
	if (!w->flows)
		abort();
	for (uint32_t i = max; i > 0; i--) {
		struct flow *f = &w->flows[i - 1];

		f->index = i - 1;
		f->next_free = w->free_flow;
		w->free_flow = f;
	}
	for (uint32_t i = 0; i < w->shape->client_count; i++)
		world_schedule(w,
			       host_now_ns + random_below(&w->random,
							  w->shape->pause_ns),
			       EVENT_ARRIVE, i, 0);
}

void traffic_close(struct world *w)
{
	free(w->flows);
}
