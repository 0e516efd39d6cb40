/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * overrides.c - see overrides.h.
 *
 * An end is written twice: on the monotonic clock, which nobody can set and
 * which goes on while the agent is away, and on the wall clock for the case that
 * the host was booted meanwhile.
 */
#include "agent/overrides.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/clock.h"
#include "common/scoped.h"
#include "common/text.h"

#define FILE_BYTES_MAX (1024u * 1024u)

DEFINE_SCOPED(json, json_t *, json_decref(*it))

/* "" when the kernel does not tell: then only the wall clock is believed. */
static void read_boot_id(char out[64])
{
	scoped(file) FILE *file =
		fopen("/proc/sys/kernel/random/boot_id", "re");

	out[0] = '\0';
	if (file && fgets(out, 64, file))
		out[strcspn(out, "\n")] = '\0';
}

/* ---- writing ---------------------------------------------------------------------- */

static const char *word_of(enum weir_state state)
{
	return state == WEIR_STATE_FORCED_OPEN ? "open" : "closed";
}

static void add_item(json_t *items, const struct override *o, uint64_t now_ns)
{
	int64_t end = clock_realtime_ns() + (int64_t)(o->until_ns - now_ns);

	json_array_append_new(
		items,
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "service",
			  o->service, "endpoint", o->endpoint, "state",
			  word_of(o->state), "until_monotonic_ns",
			  (json_int_t)o->until_ns, "until_realtime_ns",
			  (json_int_t)(o->until_ns ? end : 0), "by", o->by,
			  "reason", o->reason));
}

static void add_subject(json_t *items, const struct subject *subject,
			uint64_t now_ns)
{
	const struct breaker *breaker = &subject->breaker;
	struct override o = {
		.state = breaker->state,
		.until_ns = breaker->until_ns,
	};

	if (subject->retired_ns || (o.state != WEIR_STATE_FORCED_OPEN &&
				    o.state != WEIR_STATE_FORCED_CLOSED))
		return;
	snprintf(o.service, sizeof(o.service), "%s", subject->service->name);
	if (subject->is_endpoint)
		snprintf(o.endpoint, sizeof(o.endpoint), "%s", subject->name);
	memcpy(o.by, subject->override_by, sizeof(o.by));
	memcpy(o.reason, subject->override_reason, sizeof(o.reason));
	add_item(items, &o, now_ns);
}

int overrides_save(const struct overrides *overrides, const struct store *store,
		   const struct registry *registry, uint64_t now_ns)
{
	uint32_t subjects_max = dataplane_subjects_max(registry->plane);
	scoped(json) json_t *file = json_object();
	json_t *items = json_array();
	scoped(text) char *text = NULL;
	char boot[64];

	read_boot_id(boot);
	for (uint32_t id = 0; id < subjects_max; id++)
		if (registry->subjects[id])
			add_subject(items, registry->subjects[id], now_ns);
	for (size_t i = 0; i < overrides->count; i++)
		add_item(items, &overrides->items[i], now_ns);
	json_object_set_new(file, "boot_id", json_string(boot));
	json_object_set_new(file, "overrides", items);
	text = json_dumps(file, JSON_INDENT(1));
	return text ? store_write_overrides(store, text) : -ENOMEM;
}

/* ---- reading ---------------------------------------------------------------------- */

/* When it ends for this agent; false: it has ended. */
static bool find_end(const json_t *item, bool same_boot, uint64_t now_ns,
		     uint64_t *out)
{
	int64_t monotonic =
		json_integer_value(json_object_get(item, "until_monotonic_ns"));
	int64_t realtime =
		json_integer_value(json_object_get(item, "until_realtime_ns"));
	int64_t left;

	*out = 0;
	if (!monotonic)
		return true;
	/* No clock of ours was ever there. */
	if (monotonic < 0 || realtime < 0)
		return false;
	left = same_boot ? monotonic - (int64_t)now_ns
			 : realtime - clock_realtime_ns();
	/* A wall clock that was set back must not make it eternal. */
	if (left > (int64_t)OVERRIDES_TTL_MAX_NS)
		left = (int64_t)OVERRIDES_TTL_MAX_NS;
	*out = now_ns + (uint64_t)left;
	return left > 0;
}

static void copy_text(char *out, size_t bytes, const json_t *item,
		      const char *key)
{
	text_copy(out, bytes,
		  json_string_value(json_object_get(item, key)) ?: "");
}

static bool read_item(struct override *out, const json_t *item, bool same_boot,
		      uint64_t now_ns)
{
	const char *state = json_string_value(json_object_get(item, "state"));

	if (!state || (strcmp(state, "open") && strcmp(state, "closed")) ||
	    !find_end(item, same_boot, now_ns, &out->until_ns))
		return false;
	out->state = strcmp(state, "open") ? WEIR_STATE_FORCED_CLOSED
					   : WEIR_STATE_FORCED_OPEN;
	copy_text(out->service, sizeof(out->service), item, "service");
	copy_text(out->endpoint, sizeof(out->endpoint), item, "endpoint");
	copy_text(out->by, sizeof(out->by), item, "by");
	copy_text(out->reason, sizeof(out->reason), item, "reason");
	return out->service[0];
}

static json_t *read_file(const char *path)
{
	scoped(file) FILE *file = fopen(path, "re");
	scoped(text) char *text = malloc(FILE_BYTES_MAX);
	size_t bytes;

	if (!file || !text)
		return NULL;
	bytes = fread(text, 1, FILE_BYTES_MAX, file);
	return json_loadb(text, bytes, 0, NULL);
}

int overrides_load(struct overrides *out, const struct store *store,
		   uint64_t now_ns)
{
	scoped(json) json_t *file = NULL;
	const json_t *items;
	char boot[64];
	bool same_boot;
	size_t count;

	if (access(store->overrides, F_OK) < 0)
		return 0;
	file = read_file(store->overrides);
	items = json_object_get(file, "overrides");
	if (!json_is_array(items))
		return -EINVAL;
	read_boot_id(boot);
	same_boot = boot[0] &&
		    !strcmp(boot,
			    json_string_value(json_object_get(file, "boot_id"))
				    ?: "");
	count = json_array_size(items);
	if (count > OVERRIDES_MAX)
		count = OVERRIDES_MAX;
	out->items = calloc(count + 1, sizeof(*out->items));
	if (!out->items)
		return -ENOMEM;
	out->count = 0;
	for (size_t i = 0; i < count; i++)
		if (read_item(&out->items[out->count], json_array_get(items, i),
			      same_boot, now_ns))
			out->count++;
	return 0;
}

/* ---- putting back ------------------------------------------------------------------ */

static struct subject *find_subject(struct registry *registry,
				    const struct override *o)
{
	for (uint32_t id = 0; id < dataplane_subjects_max(registry->plane);
	     id++) {
		struct subject *subject = registry->subjects[id];
		const char *endpoint;

		if (!subject || subject->retired_ns ||
		    strcmp(subject->service->name, o->service))
			continue;
		endpoint = subject->is_endpoint ? subject->name : "";
		if (!strcmp(endpoint, o->endpoint))
			return subject;
	}
	return NULL;
}

static bool put_back(struct decide *decide, const struct override *o,
		     uint64_t now_ns)
{
	struct subject *subject = find_subject(decide->registry, o);

	if (!subject || !subject->service->policy)
		return false;
	decide_force(decide, subject, o->state,
		     o->until_ns ? o->until_ns - now_ns : 0, o->by, o->reason,
		     now_ns);
	return true;
}

void overrides_restore(struct overrides *overrides, struct decide *decide,
		       uint64_t now_ns)
{
	size_t left = 0;

	for (size_t i = 0; i < overrides->count; i++) {
		struct override *o = &overrides->items[i];

		if ((o->until_ns && o->until_ns <= now_ns) ||
		    put_back(decide, o, now_ns))
			continue;
		overrides->items[left++] = *o;
	}
	overrides->count = left;
}

void overrides_clear(struct overrides *overrides)
{
	free(overrides->items);
	*overrides = (struct overrides){0};
}
