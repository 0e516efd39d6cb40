/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clients.c - see clients.h.
 */
#include "agent/view/clients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/view/parts.h"
#include "common/count_of.h"
#include "common/text.h"

#define IDLE_SECONDS 1.0

/* TCP's states as the kernel and /proc/net/tcp number them. */
enum { ESTABLISHED = 1, SYN_SENT = 2, CLOSED = 7, CLOSE_WAIT = 8 };

/* ---- grouping ------------------------------------------------------------------ */

static uint32_t subject_of(const struct weir_holder *h)
{
	return h->slot == WEIR_SLOT_OBSERVED && h->endpoint != WEIR_NONE
		       ? h->endpoint
		       : h->slot;
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Of processes that are not known at least those of one cgroup are together. */
static int by_process(const void *left, const void *right)
{
	const struct weir_holder *a = left, *b = right;
	int way = order(subject_of(a), subject_of(b));

	if (!way)
		way = order(a->pid, b->pid);
	if (!way && !a->pid)
		way = order(a->cgroup, b->cgroup);
	return way;
}

static int by_connections(const void *left, const void *right)
{
	const struct snapshot_client *a = left, *b = right;
	int way = order(b->connections, a->connections);

	return way ? way : order(a->pid, b->pid);
}

static void take_silence(struct snapshot_client *c, double seconds)
{
	if (!(seconds <= c->idle_seconds))
		c->idle_seconds = seconds;
}

/* Either side has begun to close, other than by leaving it to the process. */
static bool is_closing(const struct weir_holder *h)
{
	return h->flags & WEIR_HOLDER_CLOSING ||
	       (h->state != ESTABLISHED && h->state != SYN_SENT &&
		h->state != CLOSED && h->state != CLOSE_WAIT);
}

static void count_state(struct snapshot_client *c, const struct weir_holder *h,
			double silent_seconds)
{
	if (is_closing(h)) {
		c->closing++;
	} else if (h->state == SYN_SENT || h->state == CLOSED) {
		c->connecting++;
	} else if (h->state == CLOSE_WAIT) {
		c->close_wait++;
		take_silence(c, silent_seconds);
	} else if (h->flags & WEIR_HOLDER_WAITING) {
		c->waiting++;
	} else if (silent_seconds >= IDLE_SECONDS) {
		c->idle++;
		take_silence(c, silent_seconds);
	}
}

static void add(struct snapshot_client *c, const struct weir_holder *h,
		double jiffy_seconds)
{
	double silent = h->silent_jiffies * jiffy_seconds;
	double age = (double)h->age_us / 1e6;
	bool adopted = h->flags & WEIR_HOLDER_ADOPTED;

	/* Its silence began before we knew it. */
	if (adopted && silent > age)
		age = silent;
	if (!c->connections++) {
		c->subject = subject_of(h);
		c->pid = h->pid;
		c->uid = h->uid;
		c->cgroup_id = h->cgroup;
	}
	count_state(c, h, silent);
	c->over += !!(h->flags & WEIR_HOLDER_OVER);
	c->detached += !(h->flags & (WEIR_HOLDER_OPEN | WEIR_HOLDER_CLOSING));
	if (age > c->oldest_seconds) {
		c->oldest_seconds = age;
		c->older = adopted;
	}
}

struct snapshot_clients *clients_group(struct weir_holder *records,
				       size_t count, double jiffy_seconds)
{
	struct snapshot_clients *out;
	size_t groups = 0;

	qsort(records, count, sizeof(*records), by_process);
	for (size_t i = 0; i < count; i++)
		groups += !i || by_process(&records[i - 1], &records[i]);
	out = calloc(1, sizeof(*out) + groups * sizeof(out->items[0]));
	if (!out)
		return NULL;
	out->connections = (uint32_t)count;
	out->processes = groups;
	for (size_t i = 0; i < count; i++) {
		if (!i || by_process(&records[i - 1], &records[i]))
			out->count++;
		add(&out->items[out->count - 1], &records[i], jiffy_seconds);
	}
	qsort(out->items, out->count, sizeof(out->items[0]), by_connections);
	while (out->count > CLIENTS_MAX)
		out->unlisted += out->items[--out->count].connections;
	return out;
}

/* ---- in words ------------------------------------------------------------------- */

static void add_detail(struct text *text, uint32_t count, const char *what)
{
	if (count)
		text_add(text, "%s%u %s", text->bytes ? ", " : "", count, what);
}

static void tell_one(struct text *out, const struct snapshot_client *c)
{
	struct text details = {0};
	char span[TEXT_SPAN_BYTES];

	add_detail(&details, c->close_wait, "in CLOSE_WAIT");
	add_detail(&details, c->idle, "idle");
	add_detail(&details, c->waiting, "waiting for an answer");
	add_detail(&details, c->connecting, "connecting");
	add_detail(&details, c->closing, "closing");
	add_detail(&details, c->detached, "open in no process");
	if (c->close_wait + c->idle && isfinite(c->idle_seconds)) {
		text_span(c->idle_seconds, span);
		text_add(&details, ", longest for %s", span);
	}
	text_add(out, "%s %u", c->name, c->connections);
	if (details.bytes)
		text_add(out, " (%s)", details.data);
	text_clear(&details);
}

void clients_phrase(const struct snapshot_clients *clients, char *out,
		    size_t bytes)
{
	size_t told = 0, used = 0, room = bytes > 40 ? bytes - 40 : 0;

	out[0] = '\0';
	for (; told < clients->count && told < CLIENTS_TOLD_MAX; told++) {
		struct text one = {0};

		tell_one(&one, &clients->items[told]);
		if (!one.data || used + one.bytes + 2 > room) {
			text_clear(&one);
			break;
		}
		used += (size_t)snprintf(out + used, bytes - used, "%s%s",
					 told ? ", " : "", one.data);
		text_clear(&one);
	}
	if (!clients->processes)
		snprintf(out, bytes, "nobody any more");
	else if (told < clients->processes)
		snprintf(out + used, bytes - used, "%s%zu %s",
			 told ? " and " : "", clients->processes - told,
			 told ? "more" : "processes");
}

/* ---- JSON ------------------------------------------------------------------------ */

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? parts_text(text) : json_null();
}

static json_t *client_object(const struct snapshot_client *c)
{
	const struct {
		const char *key;
		uint32_t value;
	} counts[] = {
		{"connections", c->connections}, {"connecting", c->connecting},
		{"waiting", c->waiting},	 {"idle", c->idle},
		{"close_wait", c->close_wait},	 {"closing", c->closing},
		{"detached", c->detached},	 {"over", c->over},
	};
	bool silent = c->idle + c->close_wait;
	json_t *object = parts_object("Client");

	json_object_set_new(object, "name", parts_text(c->name));
	json_object_set_new(object, "service", parts_text(c->service));
	json_object_set_new(object, "pid",
			    c->pid ? integer(c->pid) : json_null());
	json_object_set_new(object, "process", text_or_null(c->process));
	json_object_set_new(object, "unit", text_or_null(c->unit));
	json_object_set_new(object, "cgroup", text_or_null(c->cgroup));
	json_object_set_new(object, "cgroup_id", integer(c->cgroup_id));
	json_object_set_new(object, "uid", integer(c->uid));
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		json_object_set_new(object, counts[i].key,
				    integer(counts[i].value));
	json_object_set_new(object, "oldest_seconds",
			    parts_number(c->oldest_seconds));
	json_object_set_new(object, "older", json_boolean(c->older));
	json_object_set_new(object, "idle_seconds",
			    silent ? parts_number(c->idle_seconds)
				   : json_null());
	return object;
}

static json_t *items_of(const struct snapshot_clients *clients)
{
	json_t *items = json_array();

	for (size_t i = 0; i < clients->count; i++)
		json_array_append_new(items, client_object(&clients->items[i]));
	return items;
}

json_t *clients_list(const struct snapshot_clients *clients)
{
	json_t *list = parts_list("ClientList", items_of(clients));

	json_object_set_new(list, "time", parts_time(clients->realtime_ns));
	json_object_set_new(list, "connections", integer(clients->connections));
	json_object_set_new(list, "unlisted", integer(clients->unlisted));
	return list;
}

json_t *clients_moment(const struct snapshot_clients *opt_clients)
{
	const struct snapshot_clients *c = opt_clients;

	if (!c)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "time",
			 parts_time(c->realtime_ns), "connections",
			 integer(c->connections), "unlisted",
			 integer(c->unlisted), "processes",
			 integer(c->processes), "holders", items_of(c));
}

json_t *clients_full(const struct snapshot_full *opt_full)
{
	json_t *object;

	if (!opt_full)
		return json_null();
	object = clients_moment(opt_full->holders);
	if (!json_is_object(object))
		return object;
	json_object_set_new(object, "time", parts_time(opt_full->realtime_ns));
	json_object_set_new(object, "subject", parts_text(opt_full->subject));
	json_object_set_new(object, "limit", integer(opt_full->limit));
	json_object_set_new(object, "enforced",
			    json_boolean(opt_full->enforced));
	json_object_set_new(object, "refused", parts_text(opt_full->refused));
	return object;
}
