/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy_check.c - what can only be said about a set of policies together.
 *
 * Every destination with each of its port ranges becomes one row; sorted, the
 * rows that could govern the same connection with the same rank stand side by
 * side.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy.h"
#include "common/scan.h"
#include "common/scoped.h"

#define ROWS_MAX ((size_t)WEIR_RULES_MAX * WEIR_RULES_PER_KEY)

struct row {
	const struct weir_policy *policy;
	const struct policy_destination *at;
	struct policy_ports ports;
};

struct rows {
	struct row *items;
	size_t count;
};

DEFINE_SCOPED(rows, struct rows, free(it->items))

static struct weir_place place_of(const struct weir_policy *policy,
				  unsigned line, unsigned column)
{
	return (struct weir_place){
		.file = policy->file,
		.text = policy->text,
		.text_bytes = policy->text ? strlen(policy->text) : 0,
		.text_line = policy->line,
		.line = line ? line : policy->line,
		.column = column ? column : 1,
		.length = 1,
	};
}

static struct weir_place place_of_row(const struct row *row)
{
	return place_of(row->policy, row->at->line, row->at->column);
}

/* ---- names ------------------------------------------------------------------------ */

static int by_name(const void *left, const void *right)
{
	const struct weir_policy *a = *(struct weir_policy *const *)left;
	const struct weir_policy *b = *(struct weir_policy *const *)right;
	int order = strcmp(a->name, b->name);

	if (!order)
		order = strcmp(a->file, b->file);
	return order ? order : (int)a->line - (int)b->line;
}

static void report_name(struct weir_errors *errors,
			const struct weir_policy *first,
			const struct weir_policy *second)
{
	const struct policy_position *name =
		policy_position(second, "metadata.name");
	struct weir_place place = place_of(second, name ? name->line : 0,
					   name ? name->column : 0);

	if (name)
		place.length = (unsigned)strlen(second->name);
	errors_add(errors, &place, "give each policy a name of its own",
		   "metadata.name: %s is also the name of the policy at %s:%u",
		   second->name, first->file, first->line);
}

static int check_names(const struct weir_policies *policies,
		       struct weir_errors *errors)
{
	scoped(memory) void *memory =
		calloc(policies->count + 1, sizeof(struct weir_policy *));
	struct weir_policy **sorted = memory;
	int err = 0;

	if (!sorted)
		return -ENOMEM;
	if (policies->count)
		memcpy(sorted, policies->items,
		       policies->count * sizeof(*sorted));
	qsort(sorted, policies->count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < policies->count; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name))
			continue;
		report_name(errors, sorted[i - 1], sorted[i]);
		err = -EINVAL;
	}
	return err;
}

/* ---- rows ------------------------------------------------------------------------- */

static size_t rows_of(const struct weir_policy *policy)
{
	size_t places, count = 0;
	const struct policy_destination *at = policy_places(policy, &places);

	if (policy->mode == WEIR_MODE_DISABLED)
		return 0;
	for (size_t i = 0; i < places; i++)
		count += at[i].port_count;
	return count;
}

static void add_rows(struct rows *rows, const struct weir_policy *policy)
{
	size_t places;
	const struct policy_destination *at = policy_places(policy, &places);

	if (policy->mode == WEIR_MODE_DISABLED)
		return;
	for (; places > 0; places--, at++) {
		for (size_t k = 0; k < at->port_count; k++)
			rows->items[rows->count++] = (struct row){
				.policy = policy,
				.at = at,
				.ports = at->ports[k],
			};
	}
}

static unsigned width(const struct row *row)
{
	return (unsigned)row->ports.max - row->ports.min;
}

/* Both directions have keys of their own. */
static int by_address(const struct row *a, const struct row *b)
{
	enum weir_direction left = policy_direction(a->policy);
	enum weir_direction right = policy_direction(b->policy);

	if (left != right)
		return left < right ? -1 : 1;
	if (a->at->prefix != b->at->prefix)
		return (int)a->at->prefix - (int)b->at->prefix;
	return memcmp(a->at->address, b->at->address, sizeof(a->at->address));
}

/* The same width is the same rank: what can tie stands together. */
static int by_rank(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = by_address(a, b);

	if (order)
		return order;
	if (width(a) != width(b))
		return width(a) < width(b) ? -1 : 1;
	if (a->ports.min != b->ports.min)
		return (int)a->ports.min - (int)b->ports.min;
	order = strcmp(a->policy->name, b->policy->name);
	return order ? order : (int)a->at->line - (int)b->at->line;
}

/* The same ports of the same address, written twice in one policy. */
static bool is_repeated(const struct row *row, const struct row *before)
{
	return row->policy == before->policy && !by_address(row, before) &&
	       row->ports.min == before->ports.min &&
	       row->ports.max == before->ports.max;
}

static void sort_rows(struct rows *rows)
{
	size_t kept = 0;

	qsort(rows->items, rows->count, sizeof(*rows->items), by_rank);
	for (size_t i = 0; i < rows->count; i++)
		if (!i || !is_repeated(&rows->items[i], &rows->items[kept - 1]))
			rows->items[kept++] = rows->items[i];
	rows->count = kept;
}

static int collect(struct rows *rows, const struct weir_policies *policies,
		   struct weir_errors *errors)
{
	size_t count = 0;

	for (size_t i = 0; i < policies->count; i++) {
		struct weir_place place = place_of(policies->items[i], 0, 0);

		count += rows_of(policies->items[i]);
		if (count > ROWS_MAX)
			return errors_add(errors, &place,
					  "write networks instead of hosts",
					  "more than %zu destinations and port "
					  "ranges in all policies together",
					  ROWS_MAX);
	}
	rows->items = calloc(count + 1, sizeof(*rows->items));
	if (!rows->items)
		return -ENOMEM;
	for (size_t i = 0; i < policies->count; i++)
		add_rows(rows, policies->items[i]);
	sort_rows(rows);
	return 0;
}

/* ---- ties ------------------------------------------------------------------------- */

static bool same_client(const struct policy_client *a,
			const struct policy_client *b)
{
	uint8_t narrow[16];

	if (a->kind != b->kind)
		return false;
	/* One network within the other shares its clients with it. */
	if (a->kind == POLICY_CLIENT_ADDRESS) {
		const struct policy_client *wide =
			a->prefix < b->prefix ? a : b;

		memcpy(narrow, wide == a ? b->address : a->address,
		       sizeof(narrow));
		scan_mask(narrow, wide->prefix);
		return !memcmp(narrow, wide->address, sizeof(narrow));
	}
	return a->kind == POLICY_CLIENT_USER ? a->uid == b->uid
					     : !strcmp(a->pattern, b->pattern);
}

/* Everyone and everyone, or somebody who is named by both. */
static bool share_clients(const struct weir_policy *a,
			  const struct weir_policy *b)
{
	if (!a->client_count || !b->client_count)
		return a->client_count == b->client_count;
	/* The narrower networks govern. */
	if (policy_clients_rank(a) != policy_clients_rank(b))
		return false;
	for (size_t i = 0; i < a->client_count; i++)
		for (size_t k = 0; k < b->client_count; k++)
			if (same_client(&a->clients[i], &b->clients[k]))
				return true;
	return false;
}

static void report_tie(struct weir_errors *errors, const struct row *first,
		       const struct row *second)
{
	struct weir_place place = place_of_row(second);
	char address[SCAN_ADDRESS_BYTES];

	scan_address_text(second->at->address, second->at->prefix, address,
			  sizeof(address));
	errors_add(errors, &place,
		   "a connection has one policy: narrow the ports, the prefix "
		   "or the clients of one of them",
		   "policy %s ties with policy %s at %s:%u: both govern %s "
		   "port %u",
		   second->policy->name, first->policy->name,
		   first->policy->file, first->at->line, address,
		   second->ports.min);
}

/* Pairs of policies that were reported: however much they share, once. */
struct pairs {
	const struct weir_policy *items[WEIR_ERRORS_MAX][2];
	size_t count;
};

/* False: it was there already, or as many are there as can be shown. */
static bool add_pair(struct pairs *pairs, const struct row *a,
		     const struct row *b)
{
	if (pairs->count == WEIR_ERRORS_MAX)
		return false;
	for (size_t i = 0; i < pairs->count; i++)
		if ((pairs->items[i][0] == a->policy &&
		     pairs->items[i][1] == b->policy) ||
		    (pairs->items[i][0] == b->policy &&
		     pairs->items[i][1] == a->policy))
			return false;
	pairs->items[pairs->count][0] = a->policy;
	pairs->items[pairs->count++][1] = b->policy;
	return true;
}

static bool overlap(const struct row *a, const struct row *b)
{
	return !by_address(a, b) && width(a) == width(b) &&
	       b->ports.min <= a->ports.max;
}

/*
 * More than WEIR_RULES_PER_KEY rows of one key are refused anyway: no row is
 * compared with more than that, so a crowd costs no comparison of all pairs.
 */
static int check_ties(const struct rows *rows, struct weir_errors *errors)
{
	struct pairs pairs = {0};

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *a = &rows->items[i];

		for (size_t k = i + 1;
		     k <= i + WEIR_RULES_PER_KEY && k < rows->count &&
		     overlap(a, &rows->items[k]);
		     k++) {
			const struct row *b = &rows->items[k];

			if (a->policy != b->policy &&
			    share_clients(a->policy, b->policy) &&
			    add_pair(&pairs, a, b))
				report_tie(errors, a, b);
		}
	}
	return pairs.count ? -EINVAL : 0;
}

/* ---- limits ----------------------------------------------------------------------- */

/* The kernel finds rows of one key with one lookup. */
static bool same_key(const struct row *a, const struct row *b)
{
	if (by_address(a, b) || !width(a) != !width(b))
		return false;
	return width(a) || a->ports.min == b->ports.min;
}

static int check_keys(const struct rows *rows, struct weir_errors *errors)
{
	size_t keys = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		struct weir_place place = place_of_row(row);

		keys += !i || !same_key(row, row - 1);
		if (keys > WEIR_RULES_MAX)
			return errors_add(errors, &place,
					  "write networks instead of hosts",
					  "policy %s: more than %u "
					  "destinations in all policies "
					  "together",
					  row->policy->name, WEIR_RULES_MAX);
	}
	return 0;
}

/* Port ranges and client lists that share a key. */
static int check_places(const struct rows *rows, struct weir_errors *errors)
{
	unsigned used = 1;

	for (size_t i = 1; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		struct weir_place place = place_of_row(row);

		used = same_key(row, row - 1) ? used + 1 : 1;
		if (used <= WEIR_RULES_PER_KEY)
			continue;
		return errors_add(errors, &place,
				  "merge port ranges, or use fewer policies "
				  "for the same address",
				  "policy %s: more than %u port ranges and "
				  "client lists for one destination",
				  row->policy->name, WEIR_RULES_PER_KEY);
	}
	return 0;
}

/* A whole address with one port needs no mask class. */
static int check_classes(const struct rows *rows, struct weir_errors *errors)
{
	bool seen[2][129][2] = {0};
	unsigned classes[2] = {0};

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		enum weir_direction direction = policy_direction(row->policy);
		bool *class = &seen[direction][row->at->prefix][!width(row)];
		struct weir_place place = place_of_row(row);

		if (*class || (row->at->prefix == 128 && !width(row)))
			continue;
		*class = true;
		/* :: is every address, so IPv4's too. */
		if (direction == WEIR_INGRESS && !row->at->prefix &&
		    !seen[direction][96][!width(row)]) {
			seen[direction][96][!width(row)] = true;
			classes[direction]++;
		}
		if (++classes[direction] <= WEIR_CLASSES_MAX)
			continue;
		return errors_add(errors, &place,
				  "use the prefix lengths other policies use",
				  "policy %s: more than %u different prefix "
				  "lengths (counted apart for single ports and "
				  "for port ranges)",
				  row->policy->name, WEIR_CLASSES_MAX);
	}
	return 0;
}

static int check_count(const struct weir_policies *policies,
		       struct weir_errors *errors)
{
	struct weir_place place;

	if (policies->count <= POLICIES_MAX)
		return 0;
	place = place_of(policies->items[POLICIES_MAX], 0, 0);
	return errors_add(
		errors, &place, "one policy can have many destinations",
		"%zu policies: more than %u", policies->count, POLICIES_MAX);
}

int policies_check(const struct weir_policies *policies,
		   struct weir_errors *errors)
{
	scoped(rows) struct rows rows = {0};
	int err = check_count(policies, errors), failed;

	if (!err)
		err = collect(&rows, policies, errors);
	if (err)
		return err;
	err = check_names(policies, errors);
	failed = check_ties(&rows, errors);
	err = err ? err : failed;
	failed = check_keys(&rows, errors);
	err = err ? err : failed;
	failed = check_places(&rows, errors);
	err = err ? err : failed;
	failed = check_classes(&rows, errors);
	return err ? err : failed;
}
