/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weirctl_language.c - explain, schema, lint and completion: what weirctl knows
 * without an agent.
 */
#include "tests/unit/weirctl.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/fields.h"
#include "tools/weirctl/diagnostics.h"
#include "tools/weirctl/schema.h"

/* ---- explain -------------------------------------------------------------------- */

static void a_key_is_explained_from_its_row(void **state)
{
	scoped(run) struct run run =
		RUN("explain", "spec.circuitBreaker.failureRateThreshold");

	(void)state;
	assert_int_equal(run.code, CLI_OK);
	assert_has(run.out, "percent of calls");
	assert_has(run.out, "\ntype      a percentage\n");
	assert_has(run.out, "\nrange     1..100\n");
	assert_has(run.out, "\ndefault   50\n");
	assert_has(run.out, "\nexample   failureRateThreshold: 50\n");
}

static void the_end_of_a_path_is_enough(void **state)
{
	scoped(run) struct run full =
		RUN("explain", "ResiliencePolicy.spec.circuitBreaker.onOpen");
	scoped(run) struct run end = RUN("explain", "onOpen");
	scoped(run) struct run list = RUN("explain", "destinations.ports");
	scoped(run) struct run two = RUN("explain", "address");
	scoped(run) struct run none = RUN("explain", "spec.bulkhead.maxConn");

	(void)state;
	assert_string_equal(full.out, end.out);
	assert_has(end.out, "ECONNREFUSED|ETIMEDOUT");
	assert_has(list.out, "spec.service.destinations[].ports");
	assert_int_equal(two.code, CLI_NOT_FOUND);
	assert_has(two.err, "which one: spec.service.destinations[].address");
	assert_int_equal(none.code, CLI_NOT_FOUND);
	assert_has(none.err, "there is no such key");
}

/* Which keys are planned changes; that they are named as such does not. */
static void what_is_planned_is_said_to_be(void **state)
{
	(void)state;
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		scoped(run) struct run run = RUN("explain", f->path);
		bool planned = f->planned;

		for (const struct field_word *w = f->words; w && w->word; w++)
			planned = planned || w->planned;
		assert_int_equal(run.code, CLI_OK);
		if (planned)
			assert_has(run.out, "not supported yet");
		else if (f->type != FIELD_BLOCK && f->type != FIELD_LIST)
			assert_has_not(run.out, "not supported yet");
	}
}

static void recursive_shows_every_key(void **state)
{
	scoped(run) struct run run = RUN("explain", "--recursive");

	(void)state;
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		char row[160];

		snprintf(row, sizeof(row), "\n%s ", f->path);
		assert_has(run.out, row);
	}
}

static void explanations_are_json_too(void **state)
{
	scoped(run) struct run run = RUN("explain", "spec.mode", "-o", "json");
	scoped(json) json_t *value = read_json(run.out);

	(void)state;
	assert_string_equal(look_text(value, "key.path"), "spec.mode");
	assert_string_equal(look_text(value, "key.default"), "observe");
	assert_int_equal(look_size(value, "key.words"), 3);
}

/* ---- schema --------------------------------------------------------------------- */

/* The schema of a path; NULL: it is not in it. */
static json_t *schema_of(json_t *schema, const char *path)
{
	while (*path && schema) {
		size_t bytes = strcspn(path, ".[");
		char key[64];
		json_t *object =
			json_object_get(schema, "oneOf")
				? json_array_get(look_at(schema, "oneOf"), 1)
				: schema;

		snprintf(key, sizeof(key), "%.*s", (int)bytes, path);
		schema = json_object_get(json_object_get(object, "properties"),
					 key);
		path += bytes;
		if (!strncmp(path, "[]", 2)) {
			schema = json_object_get(schema, "items");
			path += 2;
		}
		path += *path == '.';
	}
	return schema;
}

static void the_schema_has_what_the_parser_takes(void **state)
{
	scoped(json) json_t *schema = schema_make();

	(void)state;
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		json_t *of = schema_of(schema, f->path);

		if (!!of == f->planned)
			fail_msg("%s is %sin the schema", f->path,
				 of ? "" : "not ");
		if (of)
			assert_string_equal(look_text(of, "description"),
					    f->help);
	}
}

static void the_schema_knows_bounds_words_and_defaults(void **state)
{
	scoped(run) struct run run = RUN("schema");
	scoped(json) json_t *schema = read_json(run.out);
	json_t *rate =
		schema_of(schema, "spec.circuitBreaker.failureRateThreshold");
	json_t *words = schema_of(schema, "spec.mode");

	(void)state;
	assert_string_equal(look_text(schema, "$schema"),
			    "https://json-schema.org/draft/2020-12/schema");
	assert_int_equal(look_count(rate, "minimum"), 1);
	assert_int_equal(look_count(rate, "maximum"), 100);
	assert_int_equal(look_count(rate, "default"), 50);
	assert_int_equal(look_size(words, "enum"), 3);
	assert_int_equal(look_size(schema, "required"), 4);
	assert_true(json_is_false(look_at(schema, "additionalProperties")));
}

/* ---- lint ----------------------------------------------------------------------- */

#define POLICY(rate)                                                         \
	"apiVersion: weir/v1\nkind: ResiliencePolicy\nmetadata: {name: a}\n" \
	"spec:\n  service: {destinations: [{address: 192.0.2.1, ports: "     \
	"[80]}]}\n  circuitBreaker:\n    failureRateThreshold: " rate "\n"

static char *write_policy(char path[64], const char *text)
{
	FILE *file;

	snprintf(path, 64, "/tmp/weir-lint.XXXXXX");
	file = fdopen(mkstemp(path), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void lint_accepts_what_is_right(void **state)
{
	char path[64];
	scoped(run) struct run run =
		RUN("lint", "-f", write_policy(path, POLICY("50")));

	(void)state;
	unlink(path);
	assert_int_equal(run.code, CLI_OK);
	assert_string_equal(run.out, "1 policy: no mistakes\n");
}

static void lint_notes_what_does_less_than_its_name(void **state)
{
	char path[64], place[128];
	scoped(run) struct run run =
		RUN("lint", "-f",
		    write_policy(path, POLICY("50") "  bulkhead:\n"
						    "    maxConcurrentCalls: "
						    "5\n"));

	(void)state;
	unlink(path);
	snprintf(place, sizeof(place),
		 "note: %s:9:25: maxConcurrentCalls: ", path);
	assert_int_equal(run.code, CLI_OK);
	assert_has(run.out, "1 policy: no mistakes\n");
	assert_has(run.out, place);
}

static void lint_points_at_what_is_wrong(void **state)
{
	char path[64], place[128];
	scoped(run) struct run run =
		RUN("lint", "-f", write_policy(path, POLICY("150")));

	(void)state;
	unlink(path);
	snprintf(place, sizeof(place), " --> %s:7:27\n", path);
	assert_int_equal(run.code, CLI_REJECTED);
	assert_has(run.out,
		   "error: failureRateThreshold: 150 is not in 1..100");
	assert_has(run.out, place);
	assert_has(run.out, "7 |     failureRateThreshold: 150\n"
			    "  |                           ^^^\n");
}

static void lint_is_json_too(void **state)
{
	char path[64];
	scoped(run) struct run run = RUN(
		"lint", "-f", write_policy(path, POLICY("150")), "-o", "json");
	scoped(json) json_t *result = read_json(run.out);
	json_t *first = json_array_get(look_at(result, "diagnostics"), 0);

	(void)state;
	unlink(path);
	assert_int_equal(run.code, CLI_REJECTED);
	assert_true(json_is_false(look_at(result, "valid")));
	assert_int_equal(look_count(first, "line"), 7);
	assert_int_equal(look_count(first, "column"), 27);
	assert_int_equal(look_count(first, "length"), 3);
}

static void lint_sees_two_files_as_one_set(void **state)
{
	char one[64], two[64];
	scoped(run) struct run run =
		RUN("lint", "-f", write_policy(one, POLICY("50")), "-f",
		    write_policy(two, POLICY("50")));

	(void)state;
	unlink(one);
	unlink(two);
	assert_int_equal(run.code, CLI_REJECTED);
	assert_has(run.out, "error:");
}

static void lint_says_what_it_cannot_read(void **state)
{
	scoped(run) struct run none = RUN("lint");
	scoped(run) struct run missing = RUN("lint", "-f", "/nonexistent/x");

	(void)state;
	assert_int_equal(none.code, CLI_USAGE);
	assert_int_equal(missing.code, CLI_REJECTED);
	assert_has(missing.out, "No such file or directory");
}

/* ---- diagnostics ------------------------------------------------------------------ */

static const char *rename_file(const void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "x.yaml") ? name : "dir/x.yaml";
}

static void diagnostics_become_quoted_lines(void **state)
{
	scoped(json) json_t *error = read_json(
		"{\"diagnostics\": [{\"file\": \"x.yaml\", \"line\": 14, "
		"\"column\": 3, \"length\": 2, \"excerpt\": \"\\tab: "
		"\\u001b[2J\", \"message\": \"ab: no\", \"hint\": null}], "
		"\"diagnostics_dropped\": 2}");
	scoped(errors) struct weir_errors errors = {0};
	scoped(text) char *text = NULL;

	(void)state;
	assert_int_equal(diagnostics_read(&errors, error, rename_file, NULL),
			 0);
	text = errors_render(&errors);
	assert_string_equal(text, "error: ab: no\n"
				  "  --> dir/x.yaml:14:3\n"
				  "   |\n"
				  "14 | \tab: ?[2J\n"
				  "   | \t ^^\n"
				  "\nerror: 2 more mistakes are not shown\n");
}

static void diagnostics_survive_nonsense(void **state)
{
	scoped(json) json_t *error = read_json(
		"{\"diagnostics\": [{}, {\"line\": -1, \"column\": 1e9, "
		"\"message\": 7}, null]}");
	scoped(errors) struct weir_errors errors = {0};
	scoped(json) json_t *back = NULL;

	(void)state;
	assert_int_equal(diagnostics_read(&errors, error, NULL, NULL), 0);
	assert_int_equal(errors.count, 3);
	assert_int_equal(errors.items[1].line, 0);
	back = diagnostics_json(&errors);
	assert_int_equal(json_array_size(back), 3);
}

/* ---- completion ------------------------------------------------------------------- */

static void completion_follows_the_tables(void **state)
{
	(void)state;
	scoped(run) struct run commands = RUN("__complete", "");
	scoped(run) struct run kinds = RUN("__complete", "get", "");
	scoped(run) struct run second =
		RUN("__complete", "-o", "json", "force", "a", "");
	scoped(run) struct run value =
		RUN("__complete", "events", "--type", "");
	scoped(run) struct run options = RUN("__complete", "force", "--");
	scoped(run) struct run file = RUN("__complete", "apply", "-f", "");
	scoped(run) struct run keys = RUN("__complete", "explain", "spec.m");

	assert_has(commands.out, "status\twhat is wrong");
	assert_has_not(commands.out, "__complete");
	assert_string_equal(kinds.out,
			    "services\nendpoints\nclients\npolicies\n"
			    "overrides\ngenerations\n");
	assert_string_equal(second.out, "open\nclosed\nauto\n");
	assert_has(value.out, "breaker\nbulkhead\n");
	assert_has(options.out, "--ttl\tfor that long");
	assert_has(options.out, "--socket\t");
	assert_string_equal(file.out, ":files\n");
	assert_has(keys.out, "spec.mode\t");
}

static void completion_without_an_agent_is_silent(void **state)
{
	scoped(run) struct run run = RUN("__complete", "why", "");

	(void)state;
	assert_int_equal(run.code, CLI_OK);
	assert_string_equal(run.out, "");
	assert_string_equal(run.err, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_explained_from_its_row),
		cmocka_unit_test(the_end_of_a_path_is_enough),
		cmocka_unit_test(what_is_planned_is_said_to_be),
		cmocka_unit_test(recursive_shows_every_key),
		cmocka_unit_test(explanations_are_json_too),
		cmocka_unit_test(the_schema_has_what_the_parser_takes),
		cmocka_unit_test(the_schema_knows_bounds_words_and_defaults),
		cmocka_unit_test(lint_accepts_what_is_right),
		cmocka_unit_test(lint_notes_what_does_less_than_its_name),
		cmocka_unit_test(lint_points_at_what_is_wrong),
		cmocka_unit_test(lint_is_json_too),
		cmocka_unit_test(lint_sees_two_files_as_one_set),
		cmocka_unit_test(lint_says_what_it_cannot_read),
		cmocka_unit_test(diagnostics_become_quoted_lines),
		cmocka_unit_test(diagnostics_survive_nonsense),
		cmocka_unit_test(completion_follows_the_tables),
		cmocka_unit_test(completion_without_an_agent_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
