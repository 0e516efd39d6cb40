/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy.c - what becomes of policies once they are read: looked at, compared,
 * freed. The table of fields decides what "equal" means, so a new key cannot
 * be forgotten there.
 */
#include "common/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fields.h"

static void free_clients(struct policy_client *clients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(clients[i].pattern);
	free(clients);
}

void policy_free(struct weir_policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->label_count; i++)
		free(policy->labels[i]);
	free_clients(policy->clients, policy->client_count);
	free_clients(policy->allowed, policy->allowed_count);
	free(policy->destinations);
	free(policy->listen);
	free(policy->name);
	free(policy->file);
	free(policy->text);
	free(policy);
}

void policies_clear(struct weir_policies *policies)
{
	for (size_t i = 0; i < policies->count; i++)
		policy_free(policies->items[i]);
	free(policies->items);
	*policies = (struct weir_policies){0};
}

int policies_append(struct weir_policies *policies, struct weir_policy *policy)
{
	size_t count = policies->count;
	struct weir_policy **items = policies->items;

	/* Grown whenever the count reaches a power of two. */
	if (!(count & (count - 1))) {
		items = reallocarray(items, count ? count * 2 : 1,
				     sizeof(*items));
		if (!items)
			return -ENOMEM;
		policies->items = items;
	}
	items[policies->count++] = policy;
	return 0;
}

int policies_move(struct weir_policies *out, struct weir_policies *from)
{
	size_t start = out->count;

	for (size_t i = 0; i < from->count; i++) {
		int err = policies_append(out, from->items[i]);

		if (err) {
			out->count = start;
			return err;
		}
	}
	from->count = 0;
	return 0;
}

const struct policy_position *policy_position(const struct weir_policy *policy,
					      const char *path)
{
	for (size_t i = 0; i < policy->position_count; i++) {
		if (!strcmp(policy->positions[i].path, path))
			return &policy->positions[i];
	}
	return NULL;
}

static bool equal_ports(const struct policy_destination *a,
			const struct policy_destination *b)
{
	if (a->port_count != b->port_count)
		return false;
	for (size_t i = 0; i < a->port_count; i++) {
		if (a->ports[i].min != b->ports[i].min ||
		    a->ports[i].max != b->ports[i].max)
			return false;
	}
	return true;
}

static bool equal_places(const struct weir_policy *a,
			 const struct weir_policy *b)
{
	size_t a_count, b_count;
	const struct policy_destination *x = policy_places(a, &a_count);
	const struct policy_destination *y = policy_places(b, &b_count);

	if (a_count != b_count || policy_direction(a) != policy_direction(b))
		return false;
	for (; a_count > 0; a_count--, x++, y++) {
		if (x->prefix != y->prefix || !equal_ports(x, y) ||
		    memcmp(x->address, y->address, sizeof(x->address)) != 0)
			return false;
	}
	return true;
}

uint8_t policy_clients_rank(const struct weir_policy *policy)
{
	uint8_t widest = 128;

	if (!policy->client_count)
		return 0;
	for (size_t i = 0; i < policy->client_count; i++)
		if (policy->clients[i].prefix < widest)
			widest = policy->clients[i].prefix;
	return widest + 1;
}

bool policy_clients_equal(const struct policy_client *a, size_t a_count,
			  const struct policy_client *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (a[i].kind != b[i].kind || a[i].uid != b[i].uid ||
		    strcmp(a[i].pattern, b[i].pattern) != 0)
			return false;
	return true;
}

static bool equal_fields(const struct weir_policy *a,
			 const struct weir_policy *b)
{
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		size_t bytes = fields_bytes(f);

		if (bytes && memcmp((const char *)a + f->offset,
				    (const char *)b + f->offset, bytes) != 0)
			return false;
	}
	return true;
}

bool policy_equal(const struct weir_policy *a, const struct weir_policy *b)
{
	return !strcmp(a->name, b->name) && equal_fields(a, b) &&
	       equal_places(a, b) &&
	       policy_clients_equal(a->clients, a->client_count, b->clients,
				    b->client_count) &&
	       policy_clients_equal(a->allowed, a->allowed_count, b->allowed,
				    b->allowed_count);
}
