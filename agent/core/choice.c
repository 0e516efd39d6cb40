/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * choice.c - the kernel's choice among compiled rules, in C; see compile.h.
 *
 * As match_all() of bpf/service.h: what is said of a set of policies without a
 * kernel is what the kernel does.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/core/compile.h"
#include "common/scan.h"

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
			enum weir_direction direction,
			const uint8_t address[16], uint16_t port,
			bool (*in_set)(void *ctx, uint32_t set), void *ctx)
{
	struct choice best = {.slot = WEIR_NONE};

	for (uint32_t i = 0; i <= compiled->class_count[direction]; i++) {
		struct weir_class class = {.prefix = 128, .exact_port = 1};
		struct weir_rule_key key = {0};
		const struct compiled_rule *found;

		if (i)
			class = compiled->classes[direction][i - 1];
		if (!same_family(class.prefix, address))
			continue;
		key.generation =
			direction == WEIR_INGRESS ? WEIR_RULE_INGRESS : 0;
		key.prefix = class.prefix;
		key.port = class.exact_port ? port : 0;
		memcpy(key.addr, address, sizeof(key.addr));
		scan_mask((uint8_t *)key.addr, class.prefix);
		found = find_rule(compiled, &key);
		if (found)
			choose(&best, &found->set, port, in_set, ctx);
	}
	return best.slot;
}
