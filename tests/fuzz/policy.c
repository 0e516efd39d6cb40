/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * policy.c - whatever bytes a policy file holds: it is policies that the kernel
 * can be given, or mistakes that can be printed.
 */
#include <errno.h>
#include <string.h>

#include "agent/core/compile.h"
#include "common/error.h"
#include "common/policy.h"
#include "common/scan.h"
#include "common/scoped.h"
#include "tests/fuzz/fuzz.h"

DEFINE_SCOPED(policies, struct weir_policies, policies_clear(it))
DEFINE_SCOPED(errors, struct weir_errors, errors_clear(it))
DEFINE_SCOPED(compiled, struct compiled *, compiled_free(*it))

/* An operator's terminal gets text, and nothing that moves its cursor. */
static void check_printable(const struct weir_errors *errors)
{
	scoped(text) char *text = errors_render(errors);
	size_t bytes, at = 0;

	demand(text);
	bytes = strlen(text);
	while (at < bytes) {
		uint32_t c = 0;
		size_t step = scan_character(text + at, bytes - at, &c);

		demand(step);
		demand(c == '\n' || c == '\t' || c >= 0x20);
		demand(c < 0x7f || c >= 0xa0);
		at += step;
	}
}

static void check_mistakes(const struct weir_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct weir_error *e = &errors->items[i];

		demand(e->message && *e->message);
		demand(e->length > 0);
		demand(!e->line == !e->column);
		demand(!e->excerpt ||
		       e->column <= e->skipped + 1 + strlen(e->excerpt) ||
		       strlen(e->excerpt) > 200);
	}
	check_printable(errors);
}

/* A policy is stored as its own text and must come back as it was. */
static void check_again(const struct weir_policy *policy)
{
	scoped(policies) struct weir_policies again = {0};
	scoped(errors) struct weir_errors errors = {0};

	demand(policy->name && scan_is_label(policy->name));
	demand((policy->destination_count > 0) != (policy->listen_count > 0));
	for (size_t i = 0; i < policy->client_count; i++)
		demand(policy->clients[i].pattern);
	demand(!policies_parse(&again, &errors, "again", policy->text,
			       strlen(policy->text)));
	demand(again.count == 1);
	demand(policy_equal(policy, again.items[0]));
}

static uint32_t slot_of(void *ctx, const char *name)
{
	uint32_t *next = ctx;

	(void)name;
	return ++*next;
}

/* What lint accepts, the agent can compile. */
static void check_set(const struct weir_policies *policies)
{
	scoped(errors) struct weir_errors errors = {0};
	scoped(compiled) struct compiled *compiled = NULL;
	uint32_t slots = 0;
	int err = policies_check(policies, &errors);

	demand((err != 0) == (errors.count > 0));
	check_mistakes(&errors);
	if (!err)
		demand(!compile_policies(&compiled, &errors, policies, slot_of,
					 &slots));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	scoped(policies) struct weir_policies policies = {0};
	scoped(errors) struct weir_errors errors = {0};
	int err = policies_parse(&policies, &errors, "fuzz.yaml",
				 (const char *)data, bytes);

	demand((err != 0) == (errors.count > 0));
	demand(!err || err == -EINVAL || err == -E2BIG);
	demand(!err || !policies.count);
	check_mistakes(&errors);
	for (size_t i = 0; i < policies.count; i++)
		check_again(policies.items[i]);
	check_set(&policies);
	return 0;
}
