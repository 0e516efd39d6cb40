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
#define SLICE_SHIFT_IDLE 17u /* 131 ms, when nothing is called slow */

/* A rule on its way: its key, and whose it is. */
struct row {
	struct weir_rule_key key;
	struct weir_rule rule;
	const struct weir_policy *policy;
};

struct work {
	struct compiled *out;
	struct weir_errors *errors;
	struct row *rows;
	size_t row_count, row_capacity;
	uint32_t sets;
	int err;
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
	if (breaker->refuse_errno)
		out->refuse_errno = (uint32_t)breaker->refuse_errno;
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
	if (policy->bulkhead.set) {
		out.connections_max = policy->bulkhead.connections_max;
		out.endpoint_connections_max =
			policy->bulkhead.endpoint_connections_max;
	}
	strncpy(out.name, policy->name, sizeof(out.name) - 1);
	return out;
}

static struct weir_place place_of(const struct weir_policy *policy,
				  unsigned line, unsigned column)
{
	struct weir_place place = {
		.file = policy->file,
		.line = line ? line : policy->line,
		.column = column ? column : 1,
		.length = 1,
	};

	return place;
}

/* ---- client sets --------------------------------------------------------------------- */

static bool same_clients(const struct weir_policy *a,
			 const struct weir_policy *b)
{
	if (a->client_count != b->client_count)
		return false;
	for (size_t i = 0; i < a->client_count; i++)
		if (a->clients[i].kind != b->clients[i].kind ||
		    strcmp(a->clients[i].pattern, b->clients[i].pattern))
			return false;
	return true;
}

static int add_clients(struct work *w, const struct weir_policy *policy,
		       uint32_t set)
{
	struct compiled *out = w->out;
	struct compiled_client *grown = realloc(
		out->clients,
		(out->client_count + policy->client_count) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	out->clients = grown;
	for (size_t i = 0; i < policy->client_count; i++)
		grown[out->client_count++] = (struct compiled_client){
			.set = set,
			.client = &policy->clients[i],
		};
	return 0;
}

/* 0: everyone. Equal lists share a set, so equal policies stay comparable. */
static uint32_t client_set(struct work *w, const struct weir_policy *policy)
{
	if (!policy->client_count)
		return 0;
	for (size_t i = 0; i < w->row_count; i++)
		if (w->rows[i].rule.clients &&
		    same_clients(w->rows[i].policy, policy))
			return w->rows[i].rule.clients;
	w->err = add_clients(w, policy, ++w->sets);
	return w->sets;
}

/* ---- rows ---------------------------------------------------------------------------- */

static int add_row(struct work *w, const struct row *row)
{
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
		};
		int err;

		memcpy(row.key.addr, destination->address,
		       sizeof(row.key.addr));
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
	uint32_t set = client_set(w, policy);
	int err = w->err;

	out->services[out->service_count] = compile_service(policy);
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
	struct weir_place place = place_of(row->policy, 0, 0);

	return errors_add(w->errors, &place,
			  "merge port ranges, or use fewer policies for the "
			  "same address",
			  "policy %s: more than %u port ranges and client "
			  "lists for one destination",
			  row->policy->name, WEIR_RULES_PER_KEY);
}

static int fold_rows(struct work *w)
{
	struct compiled *out = w->out;
	struct compiled_rule *rule = NULL;

	if (w->row_count > WEIR_RULES_MAX) {
		const struct weir_place nowhere = {0};

		return errors_add(w->errors, &nowhere, NULL,
				  "%zu destinations, more than %u",
				  w->row_count, WEIR_RULES_MAX);
	}
	out->rules = calloc(w->row_count + 1, sizeof(*out->rules));
	if (!out->rules)
		return -ENOMEM;
	for (size_t i = 0; i < w->row_count; i++) {
		const struct row *row = &w->rows[i];

		if (!i || !same_key(row, &w->rows[i - 1])) {
			rule = &out->rules[out->rule_count++];
			rule->key = row->key;
		}
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
		struct weir_place place = place_of(row->policy, 0, 0);

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

static int add_policies(struct work *w, const struct weir_policies *policies,
			uint32_t (*slot_of)(void *ctx, const char *name),
			void *ctx)
{
	for (size_t i = 0; i < policies->count; i++) {
		const struct weir_policy *policy = policies->items[i];
		struct weir_place place = place_of(policy, 0, 0);
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

	if (!err)
		err = add_policies(&w, policies, slot_of, ctx);
	if (!err && w.row_count)
		qsort(w.rows, w.row_count, sizeof(*w.rows), compare_rows);
	if (!err)
		err = add_classes(&w);
	if (!err)
		err = fold_rows(&w);
	free(w.rows);
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

static void mask_address(uint8_t out[16], const uint8_t address[16],
			 uint8_t prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = prefix > i * 8 ? prefix - i * 8 : 0;

		out[i] = bits >= 8 ? address[i]
				   : (uint8_t)(address[i] & 0xff00 >> bits);
	}
}

static const struct compiled_rule *find_rule(const struct compiled *compiled,
					     const struct weir_rule_key *key)
{
	for (size_t i = 0; i < compiled->rule_count; i++)
		if (!memcmp(&compiled->rules[i].key, key, sizeof(*key)))
			return &compiled->rules[i];
	return NULL;
}

uint32_t compiled_match(const struct compiled *compiled,
			const uint8_t address[16], uint16_t port,
			bool (*in_set)(void *ctx, uint32_t set), void *ctx)
{
	uint32_t slot = WEIR_NONE, rank = 0;

	for (uint32_t i = 0; i <= compiled->class_count; i++) {
		struct weir_class class = {.prefix = 128, .exact_port = 1};
		struct weir_rule_key key = {0};
		const struct compiled_rule *found;

		if (i)
			class = compiled->classes[i - 1];
		key.prefix = class.prefix;
		key.port = class.exact_port ? port : 0;
		mask_address((uint8_t *)key.addr, address, class.prefix);
		found = find_rule(compiled, &key);
		for (uint32_t j = 0; found && j < found->set.count; j++) {
			const struct weir_rule *rule = &found->set.rules[j];

			if (port < rule->port_min || port > rule->port_max ||
			    (slot != WEIR_NONE && rule->rank <= rank) ||
			    (rule->clients && !in_set(ctx, rule->clients)))
				continue;
			slot = rule->slot;
			rank = rule->rank;
		}
	}
	return slot;
}
