/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * queue.h - who waits for a slot, and who is next.
 *
 * A connect that finds the bulkhead full takes a ticket and a place in its
 * service's ring; its SYN is not sent. Whoever gives something back hands it to
 * the first who can use it: takes the places for them, and only then says so in
 * their word. So no slot lies about, and who goes away leaves nothing behind.
 *
 *         [join]              [serve]              [pick]
 *   GONE --> RESERVED --> WAITING -----> GRANTED(_SYN) ---> GONE, it holds them
 *                            '--------------------------------> GONE, nobody does
 *                                       [leave]
 *
 * Each arrow is one compare-and-swap of the word, but for RESERVED to WAITING,
 * which only its owner makes. Who waits for a full endpoint lets those behind
 * pass that want another one.
 */
#pragma once

#include "bpf/lookup.h"
#include "bpf/mechanisms/cap.h"

/* What one connection takes of its service. */
struct places {
	__u32 slot;
	__u32 endpoint; /* WEIR_NONE: the table was full */
	__u32 syn;	/* wanted: among those connecting; then: taken */
};

enum places_result {
	PLACES_TAKEN, /* all of them; else none */
	PLACES_ENDPOINT_FULL,
	PLACES_SERVICE_FULL,
};

verified_once int weir_places_give(struct places *p)
{
	struct weir_subject *s, *endpoint;

	if (!p)
		return 0;
	s = subject_find(p->slot);
	endpoint = subject_find(p->endpoint);
	if (s) {
		cap_give(&s->in_use);
		if (p->syn)
			cap_give(&s->syns);
	}
	if (endpoint)
		cap_give(&endpoint->in_use);
	return 0;
}

static __always_inline bool place_take(struct weir_subject *s, __u32 cap)
{
	enum cap_result result = cap_take(&s->in_use, cap);

	if (result == CAP_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
	return result == CAP_TAKEN;
}

static __always_inline int syn_take(struct weir_subject *s, __u32 max)
{
	enum cap_result result = cap_take(&s->syns, max);

	if (result == CAP_LOST)
		fault_count(WEIR_FAULT_CAS_LOST);
	return result == CAP_TAKEN;
}

/* All that one more connection needs, or nothing (W5). enum places_result. */
verified_once int weir_places_take(struct weir_service *service,
				   struct places *p)
{
	struct weir_subject *s, *endpoint;

	if (!service || !p)
		return PLACES_SERVICE_FULL;
	s = subject_find(p->slot);
	endpoint = subject_find(p->endpoint);
	if (!s)
		return PLACES_SERVICE_FULL;
	/* Looked at before anything is taken: others may be looking, too. */
	if (endpoint && endpoint->in_use >= service->endpoint_connections_max)
		return PLACES_ENDPOINT_FULL;
	if (service->calls_max && s->calls_active >= service->calls_max)
		return PLACES_SERVICE_FULL;
	if (!place_take(s, service->connections_max))
		return PLACES_SERVICE_FULL;
	if (endpoint &&
	    !place_take(endpoint, service->endpoint_connections_max)) {
		cap_give(&s->in_use);
		return PLACES_ENDPOINT_FULL;
	}
	p->syn = p->syn && service->connecting_max;
	if (p->syn && !syn_take(s, service->connecting_max)) {
		p->syn = 0;
		weir_places_give(p);
		return PLACES_SERVICE_FULL;
	}
	return PLACES_TAKEN;
}

/* Observed: would one more be over the cap? It is counted in any case. */
static __always_inline bool place_look(struct weir_subject *s, __u32 cap)
{
	/* At once: of two that come together the second one sees the first. */
	__u32 before = __sync_fetch_and_add(&s->in_use, 1);

	return cap != WEIR_NONE && cap_would_be_full(before, s->shadow, cap);
}

/*
 * The same when observing: everything is taken. 1: enforced, it would not have
 * been there; it then has no place among those connecting.
 */
verified_once int weir_places_look(struct weir_service *service,
				   struct places *p)
{
	struct weir_subject *s, *endpoint;
	bool over;

	if (!service || !p)
		return 0;
	s = subject_find(p->slot);
	endpoint = subject_find(p->endpoint);
	if (!s)
		return 0;
	over = service->calls_max && s->calls_active >= service->calls_max;
	over |= place_look(s, service->connections_max);
	if (endpoint)
		over |= place_look(endpoint, service->endpoint_connections_max);
	p->syn = p->syn && service->connecting_max && !over;
	if (p->syn && !syn_take(s, service->connecting_max)) {
		p->syn = 0;
		over = true;
	}
	return over;
}

/* ---- the ring ---------------------------------------------------------------------- */

static __always_inline struct weir_waiter *waiter_at(__u32 index)
{
	return bpf_map_lookup_elem(&weir_waiter, &index);
}

static __always_inline bool waiter_move(struct weir_waiter *w, __u32 ticket,
					__u32 from, __u32 to)
{
	__u64 word = pair_word(ticket, from);

	return __sync_val_compare_and_swap(&w->word, word,
					   pair_word(ticket, to)) == word;
}

/* A place among those who may wait. */
verified_once int weir_queue_room(__u32 id, __u32 max)
{
	struct weir_subject *subject = subject_find(id);

	return subject && cap_take(&subject->waiting, max) == CAP_TAKEN;
}

/* Who asks for a place, and then the ticket and the place that it got. */
struct seat {
	__u32 slot;
	__u32 endpoint;
	__u32 breaker;
	__u32 probe;
	__u64 since_us;
	__u32 ticket;
	__u32 index;
};

/* Will whoever serves come to this ticket? */
static __always_inline bool ticket_in_sight(const struct weir_service *service,
					    const struct weir_subject *s,
					    __u32 ticket)
{
	__u32 head = *(volatile const __u32 *)&s->queue_head;
	__u32 tail = *(volatile const __u32 *)&s->queue_tail;

	return (__s32)(ticket - head) > 0 &&
	       (__s32)(tail - ticket) <= (__s32)service->queue_mask;
}

/*
 * The next ticket whose place is free, and that place, reserved. First the place
 * and then the count of tickets: of who is interrupted between the two another
 * CPU moves the count on, and a place that somebody sits in for more than a lap
 * is passed over. 0: there is none.
 */
verified_once int weir_place_reserve(struct weir_service *service,
				     struct seat *seat)
{
	struct weir_subject *s = seat ? subject_find(seat->slot) : NULL;

	if (!service || !s)
		return 0;
	for (int i = 0; i < WEIR_CAS_TRIES; i++) {
		__u32 tail = *(volatile __u32 *)&s->queue_tail;
		__u32 ticket = tail + 1;
		struct weir_waiter *w;
		__u64 word;
		bool mine;

		seat->ticket = ticket;
		seat->index =
			service->queue_base + (ticket & service->queue_mask);
		w = waiter_at(seat->index);
		if (!w)
			return 0;
		word = *(volatile __u64 *)&w->word;
		mine = pair_low(word) == WEIR_WAITER_GONE &&
		       __sync_val_compare_and_swap(
			       &w->word, word,
			       pair_word(ticket, WEIR_WAITER_RESERVED)) == word;
		__sync_val_compare_and_swap(&s->queue_tail, tail, ticket);
		if (mine)
			return 1;
	}
	fault_count(WEIR_FAULT_CAS_LOST);
	return 0;
}

/* Takes a place and waits in it; 0: there is none, -1: others have gone past. */
verified_once int weir_queue_sit(struct weir_service *service,
				 struct seat *seat)
{
	struct weir_subject *s = seat ? subject_find(seat->slot) : NULL;
	struct weir_waiter *w;

	if (!service || !s || !weir_place_reserve(service, seat))
		return 0;
	w = waiter_at(seat->index);
	if (!w)
		return 0;
	w->since_us = seat->since_us;
	w->slot = seat->slot;
	w->endpoint = seat->endpoint;
	w->breaker = seat->breaker;
	w->probe = seat->probe;
	w->socket.seq = 0;
	/* From here on it can be granted. */
	__sync_lock_test_and_set(&w->word,
				 pair_word(seat->ticket, WEIR_WAITER_WAITING));
	if (ticket_in_sight(service, s, seat->ticket) ||
	    !waiter_move(w, seat->ticket, WEIR_WAITER_WAITING,
			 WEIR_WAITER_GONE))
		return 1;
	return -1;
}

/* The same, and again if it took so long; 0: it must be refused. */
verified_once int weir_queue_join(struct weir_service *service,
				  struct seat *seat)
{
	int sits = weir_queue_sit(service, seat);

	if (sits < 0)
		sits = weir_queue_sit(service, seat);
	if (sits < 0)
		sits = weir_queue_sit(service, seat);
	if (sits < 0)
		sits = weir_queue_sit(service, seat);
	return sits > 0;
}

/* ---- serving ---------------------------------------------------------------------- */

struct serving {
	__u32 slot;
	__u32 generation;
	__u32 head;  /* tickets after this one are looked at */
	__u32 again; /* something was given back again meanwhile */
};

static __always_inline struct weir_service *serving_service(__u32 slot,
							    __u32 generation)
{
	__u32 index = slot * 2 + (generation & 1);

	return bpf_map_lookup_elem(&weir_service, &index);
}

/* The breaker may have opened while it waited. */
static __always_inline bool waiter_may_go(const struct weir_waiter *w)
{
	struct weir_verdict *verdict = verdict_find(w->breaker);
	enum weir_gate gate =
		verdict ? verdict_gate(verdict->word) : WEIR_GATE_ADMIT;

	return gate == WEIR_GATE_ADMIT || (gate == WEIR_GATE_PROBE && w->probe);
}

static __always_inline void granted_send(__u32 slot, __u32 waiter, __u32 ticket)
{
	struct weir_event *event = event_begin(WEIR_EVENT_GRANTED, slot);

	/* Not woken, it goes when its wait would have been over. */
	if (!event)
		return;
	event->waiter = waiter;
	event->ticket = ticket;
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void granted_count(__u32 subject)
{
	struct weir_subject *s = subject_find(subject);

	if (!s)
		return;
	atomic_add(&s->opened, 1);
	atomic_add(&s->acquired, 1);
}

static __always_inline void grant_all_it_asks(struct weir_subject *s,
					      const struct places *p)
{
	struct weir_subject *endpoint = subject_find(p->endpoint);

	atomic_add(&s->in_use, 1);
	if (endpoint)
		atomic_add(&endpoint->in_use, 1);
}

/* One ticket; 1 ends the walk. */
static long serve_one(__u32 i, struct serving *v)
{
	struct weir_service *service = serving_service(v->slot, v->generation);
	struct weir_subject *s = subject_find(v->slot);
	struct places p = {.slot = v->slot, .syn = 1};
	__u32 ticket = v->head + 1 + i, at;
	struct weir_waiter *w;
	int result;

	if (!service || !s)
		return 1;
	at = service->queue_base + (ticket & service->queue_mask);
	w = waiter_at(at);
	if (!w || *(volatile __u64 *)&w->word !=
			  pair_word(ticket, WEIR_WAITER_WAITING))
		return 0;
	p.endpoint = w->endpoint;
	if (service->mode != WEIR_MODE_ENFORCE) {
		/* Its policy is gone, or only observes by now. */
		p.syn = 0;
		grant_all_it_asks(s, &p);
	} else {
		if (!waiter_may_go(w))
			return 0;
		result = weir_places_take(service, &p);
		if (result != PLACES_TAKEN)
			return result == PLACES_SERVICE_FULL;
	}
	if (!waiter_move(w, ticket, WEIR_WAITER_WAITING,
			 p.syn ? WEIR_WAITER_GRANTED_SYN
			       : WEIR_WAITER_GRANTED)) {
		/* Gone, or another CPU was first. */
		weir_places_give(&p);
		v->again = 1;
		return 0;
	}
	granted_count(v->slot);
	granted_count(p.endpoint);
	cap_give(&s->waiting);
	granted_send(v->slot, at, ticket);
	return 0;
}

/* The head follows those that wait no more. */
verified_once int weir_queue_advance(struct weir_service *service, __u32 slot)
{
	struct weir_subject *s = subject_find(slot);

	if (!service || !s)
		return 0;
	for (int i = 0; i < 64; i++) {
		__u32 head = *(volatile __u32 *)&s->queue_head;
		__u32 next = head + 1;
		struct weir_waiter *w;
		__u64 word;

		if (head == *(volatile __u32 *)&s->queue_tail)
			break;
		w = waiter_at(service->queue_base +
			      (next & service->queue_mask));
		if (!w)
			break;
		word = *(volatile __u64 *)&w->word;
		if (pair_high(word) == next &&
		    (pair_low(word) == WEIR_WAITER_RESERVED ||
		     pair_low(word) == WEIR_WAITER_WAITING))
			break;
		__sync_val_compare_and_swap(&s->queue_head, head, next);
	}
	return 0;
}

/* Looks at all that wait; 1: what was free meanwhile may have been missed. */
verified_once int weir_queue_round(__u32 slot)
{
	const struct weir_control *control = control_active();
	struct weir_subject *s = subject_find(slot);
	struct weir_service *service;
	struct serving v = {.slot = slot};
	__u32 tail, count;

	if (!control || !s)
		return 0;
	v.generation = control->generation;
	service = serving_service(slot, v.generation);
	if (!service || !service->queue_mask)
		return 0;
	tail = *(volatile __u32 *)&s->queue_tail;
	weir_queue_advance(service, slot);
	v.head = *(volatile __u32 *)&s->queue_head;
	/* Somebody may sit at the head since a lap, not waiting yet. */
	if ((__s32)(tail - v.head) > (__s32)service->queue_mask + 1)
		v.head = tail - service->queue_mask - 1;
	count = tail - v.head;
	if (!*(volatile __u32 *)&s->waiting || (__s32)count <= 0)
		return 0;
	bpf_loop(count, serve_one, &v, 0);
	weir_queue_advance(service, slot);
	/* Who came meanwhile may have found full what is free now. */
	return v.again || *(volatile __u32 *)&s->queue_tail != tail;
}

/*
 * Hands out what is free. Called whenever something was given back. Not a loop:
 * 6.1 takes none whose head follows a call.
 */
static __always_inline void queue_serve(__u32 slot)
{
	if (weir_queue_round(slot) && weir_queue_round(slot))
		weir_queue_round(slot);
}

/* One that all others have gone past: found by the audit, if ever. */
verified_once int weir_queue_serve_late(__u32 slot, __u32 ticket)
{
	const struct weir_control *control = control_active();
	struct weir_subject *s = subject_find(slot);
	struct serving v = {.slot = slot, .head = ticket - 1};
	struct weir_service *service;

	if (!control || !s)
		return 0;
	v.generation = control->generation;
	service = serving_service(slot, v.generation);
	if (service && !ticket_in_sight(service, s, ticket))
		serve_one(0, &v);
	return 0;
}

/* Something of this service was given back. */
static __always_inline void queue_poke(__u32 slot)
{
	struct weir_subject *s = subject_find(slot);

	if (s && *(volatile __u32 *)&s->waiting)
		queue_serve(slot);
}
