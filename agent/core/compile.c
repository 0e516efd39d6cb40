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

static void fill_bulkhead(struct weir_service *out,
			  const struct policy_bulkhead *bulkhead)
{
	out->connections_max = bulkhead->connections_max;
	out->endpoint_connections_max = bulkhead->endpoint_connections_max;
	out->connecting_max = bulkhead->connecting_max;
	out->calls_max = bulkhead->calls_max;
	out->client_by = (uint32_t)bulkhead->client_by;
	out->client_max = bulkhead->client_connections_max;
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

static int add_destination(struct work *w, const struct weir_policy *policy,
			   const struct policy_destination *destination,
			   uint32_t slot, uint32_t set)
{
	for (size_t i = 0; i < destination->port_count; i++) {
		const struct policy_ports *ports = &destination->ports[i];
		bool exact = ports->min == ports->max;
		struct row row = {
			.key.prefix = destination->prefix,
			.key.port = exact ? ports->min : 0,
			.rule =
				{
					.port_min = ports->min,
					.port_max = ports->max,
					.rank = policy_rank(
						ports->min, ports->max,
						destination->prefix, set),
					.clients = set,
					.slot = slot,
				},
			.policy = policy,
			.destination = destination,
		};
		int err;

		mask_address((uint8_t *)row.key.addr, destination->address,
			     destination->prefix);
		err = add_row(w, &row);
		if (err)
			return err;
	}
	return 0;
}

static int add_policy(struct work *w, const struct weir_policy *policy,
		      uint32_t slot)
{
	struct compiled *out = w->out;
	uint32_t set, access = 0;
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
	for (size_t i = 0; i < policy->destination_count && !err; i++)
		err = add_destination(w, policy, &policy->destinations[i], slot,
				      set);
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

static bool has_class(const struct compiled *out,
		      const struct weir_class *class)
{
	for (uint32_t i = 0; i < out->class_count; i++)
		if (!memcmp(&out->classes[i], class, sizeof(*class)))
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

		if (!needs_class(&row->key) || has_class(w->out, &class))
			continue;
		if (w->out->class_count == WEIR_CLASSES_MAX)
			return errors_add(
				w->errors, &place,
				"use the prefix lengths other policies use",
				"policy %s: more than %u different prefix "
				"lengths (counted apart for single ports and "
				"for port ranges)",
				row->policy->name, WEIR_CLASSES_MAX);
		w->out->classes[w->out->class_count++] = class;
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

/* ---- the kernel's choice ------------------------------------------------------------------- */

static int compare_key(const void *key, const void *rule)
{
	return memcmp(key, &((const struct compiled_rule *)rule)->key,
		      sizeof(struct weir_rule_key));
}

/* fold_rows() left the rules in the order of their keys. */
static const struct compiled_rule *find_rule(const struct compiled *compiled,
					     const struct weir_rule_key *key)
{
	return bsearch(key, compiled->rules, compiled->rule_count,
		       sizeof(*compiled->rules), compare_key);
}

struct choice {
	uint32_t slot; /* WEIR_NONE: none yet */
	uint32_t rank;
};

/* The best of one set's rules, if it is better than what was found before. */
static void choose(struct choice *best, const struct weir_rule_set *set,
		   uint16_t port, bool (*in_set)(void *ctx, uint32_t set),
		   void *ctx)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct weir_rule *rule = &set->rules[i];

		if (port < rule->port_min || port > rule->port_max ||
		    (best->slot != WEIR_NONE && rule->rank <= best->rank) ||
		    (rule->clients && !in_set(ctx, rule->clients)))
			continue;
		best->slot = rule->slot;
		best->rank = rule->rank;
	}
}

/* As match_prefix() of bpf/mechanisms/match.h. */
static bool same_family(uint8_t prefix, const uint8_t address[16])
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};

	return prefix >= 96 || memcmp(address, v4, sizeof(v4)) != 0;
}

uint32_t compiled_match(const struct compiled *compiled,
			const uint8_t address[16], uint16_t port,
			bool (*in_set)(void *ctx, uint32_t set), void *ctx)
{
	struct choice best = {.slot = WEIR_NONE};

	for (uint32_t i = 0; i <= compiled->class_count; i++) {
		struct weir_class class = {.prefix = 128, .exact_port = 1};
		struct weir_rule_key key = {0};
		const struct compiled_rule *found;

		if (i)
			class = compiled->classes[i - 1];
		if (!same_family(class.prefix, address))
			continue;
		key.prefix = class.prefix;
		key.port = class.exact_port ? port : 0;
		mask_address((uint8_t *)key.addr, address, class.prefix);
		found = find_rule(compiled, &key);
		if (found)
			choose(&best, &found->set, port, in_set, ctx);
	}
	return best.slot;
}
