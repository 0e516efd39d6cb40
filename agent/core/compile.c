/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compile.c - see compile.h.
 */
#include "agent/core/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/scoped.h"

#define SLICE_SHIFT_MIN	 10u /* 1.024 ms */
#define NS_PER_SECOND	 1000000000ull
#define SLICE_SHIFT_IDLE 17u /* 131 ms, when nothing is called slow */

#define ROWS_MAX ((size_t)WEIR_RULES_MAX * WEIR_RULES_PER_KEY)

/* A rule on its way: its key, and where it was written. */
struct row {
	struct weir_rule_key key;
	struct weir_rule rule;
	const struct weir_policy *policy;
	const struct policy_destination *destination;
};

struct work {
	struct compiled *out;
	struct weir_errors *errors;
	struct row *rows;
	size_t row_count, row_capacity;
	uint32_t *sets_of; /* client set of each policy in `out` */
	uint32_t sets;
	uint32_t queue_places;
};

DEFINE_SCOPED(compiled, struct compiled *, compiled_free(*it))

/* ---- one policy -------------------------------------------------------------------- */

/* A slice is a power of two of microseconds, at most an eighth of slow_us. */
static uint32_t slice_shift(uint64_t slow_us)
{
	uint32_t shift = SLICE_SHIFT_MIN;

	if (!slow_us)
		return SLICE_SHIFT_IDLE;
	while (shift < 40 && (2ull << shift) <= slow_us / 8)
		shift++;
	return shift;
}

static void fill_breaker(struct weir_service *out,
			 const struct policy_breaker *breaker)
{
	out->refuse_errno = ECONNREFUSED;
	out->slice_shift = SLICE_SHIFT_IDLE;
	if (!breaker->set)
		return;
	out->scope = breaker->scope;
	out->has_breaker = 1;
	out->consecutive_max = breaker->consecutive;
	out->slow_us = breaker->slow_ns / 1000;
	out->silence_us = breaker->window_ns / 1000;
	out->slice_shift = slice_shift(out->slow_us);
	out->drop = breaker->drop;
	if (breaker->refuse_errno)
		out->refuse_errno = (uint32_t)breaker->refuse_errno;
}

/* What is masked of a client's address: IPv4's bits, and IPv6's. */
static void fill_prefix(uint8_t out[2], int by, uint32_t v4, uint32_t v6)
{
	bool whole = by != WEIR_BY_PREFIX;

	out[0] = (uint8_t)(96 + (whole ? 32 : v4));
	out[1] = (uint8_t)(whole ? 128 : v6);
}

static void fill_bulkhead(struct weir_service *out,
			  const struct policy_bulkhead *bulkhead)
{
	out->connections_max = bulkhead->connections_max;
	out->endpoint_connections_max = bulkhead->endpoint_connections_max;
	out->connecting_max = bulkhead->connecting_max;
	out->calls_max = bulkhead->calls_max;
	out->client_by = (uint32_t)bulkhead->client_by;
	out->client_max = bulkhead->client_connections_max;
	fill_prefix(out->client_prefix, bulkhead->client_by,
		    bulkhead->client_v4, bulkhead->client_v6);
	if (!bulkhead->queue_set)
		return;
	out->queue_max = bulkhead->queue_length;
	out->queue_wait_us = bulkhead->queue_wait_ns / 1000;
}

uint32_t compile_ring(uint32_t queue_max)
{
	uint32_t places = 2;

	while (places < WEIR_RING_PLACES * queue_max)
		places *= 2;
	return places;
}

static void fill_rate(struct weir_service *out, const struct policy_rate *rate)
{
	if (rate->per_second) {
		out->rate_ns = NS_PER_SECOND / rate->per_second;
		out->rate_burst_ns = (rate->burst - 1) * out->rate_ns;
	}
	out->client_rate_by = (uint32_t)rate->client_by;
	if (!rate->client_by)
		return;
	fill_prefix(out->client_rate_prefix, rate->client_by, rate->client_v4,
		    rate->client_v6);
	out->client_rate_ns = NS_PER_SECOND / rate->client_per_second;
	out->client_rate_burst_ns =
		(rate->client_burst - 1) * out->client_rate_ns;
}

struct weir_service compile_service(const struct weir_policy *policy)
{
	struct weir_service out = {
		.mode = policy->mode,
		.scope = WEIR_SCOPE_SERVICE,
		.connections_max = WEIR_NONE,
		.endpoint_connections_max = WEIR_NONE,
	};

	fill_breaker(&out, &policy->breaker);
	if (policy->bulkhead.set)
		fill_bulkhead(&out, &policy->bulkhead);
	if (policy->rate.set)
		fill_rate(&out, &policy->rate);
	out.direction = policy_direction(policy);
	out.on_full = policy->bulkhead.on_full;
	strncpy(out.name, policy->name, sizeof(out.name) - 1);
	return out;
}

static struct weir_place place_of(const struct weir_policy *policy,
				  const struct policy_destination *opt_at)
{
	struct weir_place place = {
		.file = policy->file,
		.text = policy->text,
		.text_bytes = policy->text ? strlen(policy->text) : 0,
		.text_line = policy->line,
		.line = opt_at && opt_at->line ? opt_at->line : policy->line,
		.column = opt_at && opt_at->column ? opt_at->column : 1,
		.length = 1,
	};

	return place;
}

/* ---- client sets --------------------------------------------------------------------- */

static int add_clients(struct work *w, const struct policy_client *clients,
		       size_t count, uint32_t set)
{
	struct compiled *out = w->out;
	struct compiled_client *grown = realloc(
		out->clients, (out->client_count + count) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	out->clients = grown;
	for (size_t i = 0; i < count; i++)
		grown[out->client_count++] = (struct compiled_client){
			.set = set,
			.client = &clients[i],
		};
	return 0;
}

/* 0: everyone. Equal lists share a set, so equal policies stay comparable. */
static int client_set(struct work *w, const struct weir_policy *policy,
		      uint32_t *set)
{
	int err;

	*set = 0;
	if (!policy->client_count)
		return 0;
	for (size_t i = 0; i < w->out->service_count; i++) {
		const struct weir_policy *other = w->out->policies[i];

		if (policy_clients_equal(other->clients, other->client_count,
					 policy->clients,
					 policy->client_count)) {
			*set = w->sets_of[i];
			return 0;
		}
	}
	err = add_clients(w, policy->clients, policy->client_count,
			  w->sets + 1);
	if (!err)
		*set = ++w->sets;
	return err;
}

static int access_set(struct work *w, const struct weir_policy *policy,
		      uint32_t *set)
{
	int err;

	*set = 0;
	if (!policy->allowed_count)
		return 0;
	err = add_clients(w, policy->allowed, policy->allowed_count,
			  w->sets + 1);
	if (!err)
		*set = ++w->sets;
	return err;
}

/* ---- rows ---------------------------------------------------------------------------- */

static int add_row(struct work *w, const struct row *row)
{
	struct weir_place place = place_of(row->policy, row->destination);

	if (w->row_count == ROWS_MAX)
		return errors_add(w->errors, &place, NULL,
				  "policy %s: more than %zu destinations and "
				  "port ranges in all policies together",
				  row->policy->name, ROWS_MAX);
	if (w->row_count == w->row_capacity) {
		size_t capacity = w->row_capacity * 2 + 64;
		struct row *grown = realloc(w->rows, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		w->rows = grown;
		w->row_capacity = capacity;
	}
	w->rows[w->row_count++] = *row;
	return 0;
}

static void mask_address(uint8_t out[16], const uint8_t address[16],
			 uint8_t prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = prefix > i * 8 ? prefix - i * 8 : 0;

		out[i] = bits >= 8 ? address[i]
				   : (uint8_t)(address[i] & 0xff00 >> bits);
	}
}

/* `rank_prefix` is the destination's, also where the key's is another one. */
static int add_place(struct work *w, const struct row *about,
		     const uint8_t address[16], uint8_t rank_prefix,
		     uint8_t clients)
{
	const struct policy_destination *at = about->destination;

	for (size_t i = 0; i < at->port_count; i++) {
		const struct policy_ports *ports = &at->ports[i];
		struct row row = *about;
		int err;

		row.key.port = ports->min == ports->max ? ports->min : 0;
		row.rule.port_min = ports->min;
		row.rule.port_max = ports->max;
		row.rule.rank = policy_rank(ports->min, ports->max, rank_prefix,
					    clients);
		mask_address((uint8_t *)row.key.addr, address, row.key.prefix);
		err = add_row(w, &row);
		if (err)
			return err;
	}
	return 0;
}

static int add_destination(struct work *w, const struct weir_policy *policy,
			   const struct policy_destination *destination,
			   uint32_t slot, uint32_t set)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff};
	bool ingress = policy_direction(policy) == WEIR_INGRESS;
	uint8_t clients = policy_clients_rank(policy);
	struct row about = {
		.key.generation = ingress ? WEIR_RULE_INGRESS : 0,
		.key.prefix = destination->prefix,
		.rule = {.clients = set, .slot = slot},
		.policy = policy,
		.destination = destination,
	};
	int err = add_place(w, &about, destination->address,
			    destination->prefix, clients);

	if (err || !ingress || destination->prefix)
		return err;
	/* Who listens on :: is reached over IPv4, too; 0.0.0.0 still wins. */
	about.key.prefix = 96;
	return add_place(w, &about, v4, 0, clients);
}

static int add_policy(struct work *w, const struct weir_policy *policy,
		      uint32_t slot)
{
	struct compiled *out = w->out;
	uint32_t set, access = 0;
	size_t places;
	const struct policy_destination *at = policy_places(policy, &places);
	int err = client_set(w, policy, &set);

	if (!err)
		err = access_set(w, policy, &access);

	if (err)
		return err;
	w->sets_of[out->service_count] = set;
	out->services[out->service_count] = compile_service(policy);
	out->services[out->service_count].access = access;
	out->slots[out->service_count] = slot;
	out->policies[out->service_count++] = policy;
	for (size_t i = 0; i < places && !err; i++)
		err = add_destination(w, policy, &at[i], slot, set);
	return err;
}

/* ---- keys and classes ------------------------------------------------------------------ */

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = memcmp(&left->key, &right->key, sizeof(left->key));

	if (order)
		return order;
	if (left->rule.rank != right->rule.rank)
		return left->rule.rank > right->rule.rank ? -1 : 1;
	order = strcmp(left->policy->name, right->policy->name);
	return order ? order
		     : (int)left->rule.port_min - (int)right->rule.port_min;
}

static bool same_key(const struct row *a, const struct row *b)
{
	return !memcmp(&a->key, &b->key, sizeof(a->key));
}

static int too_many_of_a_key(struct work *w, const struct row *row)
{
	struct weir_place place = place_of(row->policy, row->destination);

	return errors_add(w->errors, &place,
			  "merge port ranges, or use fewer policies for the "
			  "same address",
			  "policy %s: more than %u port ranges and client "
			  "lists for one destination",
			  row->policy->name, WEIR_RULES_PER_KEY);
}

static int too_many_keys(struct work *w, const struct row *row)
{
	struct weir_place place = place_of(row->policy, row->destination);

	return errors_add(w->errors, &place, "write networks instead of hosts",
			  "policy %s: more than %u destinations in all "
			  "policies together",
			  row->policy->name, WEIR_RULES_MAX);
}

/* The same destination written twice in one policy is one rule. */
static bool is_repeated(const struct weir_rule_set *set,
			const struct weir_rule *rule)
{
	return set->count &&
	       !memcmp(&set->rules[set->count - 1], rule, sizeof(*rule));
}

static int fold_rows(struct work *w)
{
	struct compiled *out = w->out;
	struct compiled_rule *rule = NULL;

	out->rules = calloc(w->row_count + 1, sizeof(*out->rules));
	if (!out->rules)
		return -ENOMEM;
	for (size_t i = 0; i < w->row_count; i++) {
		const struct row *row = &w->rows[i];

		if (!i || !same_key(row, &w->rows[i - 1])) {
			if (out->rule_count == WEIR_RULES_MAX)
				return too_many_keys(w, row);
			rule = &out->rules[out->rule_count++];
			rule->key = row->key;
		}
		if (is_repeated(&rule->set, &row->rule))
			continue;
		if (rule->set.count == WEIR_RULES_PER_KEY)
			return too_many_of_a_key(w, row);
		rule->set.rules[rule->set.count++] = row->rule;
	}
	return 0;
}

/* The exact key is looked up in any case, it needs no class. */
static bool needs_class(const struct weir_rule_key *key)
{
	return key->prefix != 128 || !key->port;
}

static bool has_class(const struct compiled *out, enum weir_direction direction,
		      const struct weir_class *class)
{
	for (uint32_t i = 0; i < out->class_count[direction]; i++)
		if (!memcmp(&out->classes[direction][i], class, sizeof(*class)))
			return true;
	return false;
}

static int add_classes(struct work *w)
{
	for (size_t i = 0; i < w->row_count; i++) {
		const struct row *row = &w->rows[i];
		struct weir_class class = {
			.prefix = row->key.prefix,
			.exact_port = row->key.port != 0,
		};
		struct weir_place place =
			place_of(row->policy, row->destination);
		enum weir_direction direction = policy_direction(row->policy);
		uint32_t *count = &w->out->class_count[direction];

		if (!needs_class(&row->key) ||
		    has_class(w->out, direction, &class))
			continue;
		if (*count == WEIR_CLASSES_MAX)
			return errors_add(
				w->errors, &place,
				"use the prefix lengths other policies use",
				"policy %s: more than %u different prefix "
				"lengths (counted apart for single ports and "
				"for port ranges)",
				row->policy->name, WEIR_CLASSES_MAX);
		w->out->classes[direction][(*count)++] = class;
	}
	return 0;
}

/* ---- all of them ------------------------------------------------------------------------- */

static int allocate(struct compiled *out, size_t count)
{
	out->services = calloc(count + 1, sizeof(*out->services));
	out->slots = calloc(count + 1, sizeof(*out->slots));
	out->policies = calloc(count + 1, sizeof(*out->policies));
	return out->services && out->slots && out->policies ? 0 : -ENOMEM;
}

/* Each queue has places of its own. */
static int add_queue(struct work *w, const struct weir_policy *policy)
{
	struct weir_place place = place_of(policy, NULL);

	if (!policy->bulkhead.queue_set)
		return 0;
	w->queue_places += compile_ring(policy->bulkhead.queue_length);
	if (w->queue_places <= WEIR_WAITERS_MAX)
		return 0;
	return errors_add(w->errors, &place,
			  "a queue takes up four times its maxLength, as a "
			  "power of two",
			  "policy %s: more than %u places in all queues "
			  "together",
			  policy->name, WEIR_WAITERS_MAX);
}

static int add_policies(struct work *w, const struct weir_policies *policies,
			uint32_t (*slot_of)(void *ctx, const char *name),
			void *ctx)
{
	for (size_t i = 0; i < policies->count; i++) {
		const struct weir_policy *policy = policies->items[i];
		struct weir_place place = place_of(policy, NULL);
		uint32_t slot;
		int err;

		if (policy->mode == WEIR_MODE_DISABLED)
			continue;
		slot = slot_of(ctx, policy->name);
		if (slot == WEIR_NONE)
			return errors_add(w->errors, &place,
					  "raise limits.services in weir.yaml",
					  "policy %s: no room for one more "
					  "service",
					  policy->name);
		err = add_policy(w, policy, slot);
		if (!err)
			err = add_queue(w, policy);
		if (err)
			return err;
	}
	return 0;
}

int compile_policies(struct compiled **out, struct weir_errors *errors,
		     const struct weir_policies *policies,
		     uint32_t (*slot_of)(void *ctx, const char *name),
		     void *ctx)
{
	scoped(compiled) struct compiled *compiled =
		calloc(1, sizeof(*compiled));
	struct work w = {.out = compiled, .errors = errors};
	int err = compiled ? allocate(compiled, policies->count) : -ENOMEM;

	w.sets_of = calloc(policies->count + 1, sizeof(*w.sets_of));
	if (!w.sets_of)
		err = -ENOMEM;
	if (!err)
		err = add_policies(&w, policies, slot_of, ctx);
	if (!err && w.row_count)
		qsort(w.rows, w.row_count, sizeof(*w.rows), compare_rows);
	if (!err)
		err = add_classes(&w);
	if (!err)
		err = fold_rows(&w);
	free(w.rows);
	free(w.sets_of);
	if (!err)
		*out = TAKE_PTR(compiled);
	return err;
}

void compiled_free(struct compiled *compiled)
{
	if (!compiled)
		return;
	free(compiled->rules);
	free(compiled->clients);
	free(compiled->services);
	free(compiled->slots);
	free(compiled->policies);
	free(compiled);
}
