/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weirctl_agent.c - weirctl against the real server with fake operations, and
 * against sockets where nobody is.
 */
#include "tests/unit/peer.h"
#include "tests/unit/weirctl.h"

#include <pthread.h>

static void a_missing_socket_is_not_a_silent_one(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run missing =
		RUN("--socket", "/nonexistent/s", "status");
	scoped(run) struct run other = RUN("--socket", "/dev/null", "status");
	scoped(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[sizeof(at.sun_path)];

	assert_int_equal(missing.code, CLI_UNREACHABLE);
	assert_string_equal(missing.err,
			    "weirctl: status: /nonexistent/s does not exist: "
			    "is weir-agent running?\n");
	assert_int_equal(other.code, CLI_UNREACHABLE);
	assert_has(other.err, "/dev/null is not a socket");
	snprintf(path, sizeof(path), "%s/dead", f->directory);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	scoped(run) struct run dead = RUN("--socket", path, "status");
	unlink(path);
	assert_int_equal(dead.code, CLI_UNREACHABLE);
	assert_has(dead.err, "nobody listens on");
}

static void what_is_wrong_comes_first(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run run = RUN("--socket", f->path, "status");
	scoped(run) struct run strict =
		RUN("--socket", f->path, "status", "--exit-code");
	scoped(run) struct run json =
		RUN("--socket", f->path, "status", "-o", "json");
	scoped(json) json_t *status = read_json(json.out);

	assert_int_equal(run.code, CLI_OK);
	assert_int_equal(strncmp(run.out, "1 error, ", 9), 0);
	assert_has(run.out, "error    orders-db  1 of 3 endpoints open");
	assert_has(run.out, "generation  42, last reload ok");
	assert_has(run.out, "1 open");
	assert_int_equal(strict.code, CLI_NEGATIVE);
	assert_string_equal(look_text(status, "kind"), "Status");
}

static void lists_show_state_and_limits(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run services =
		RUN("--socket", f->path, "get", "services");
	scoped(run) struct run one = RUN("--socket", f->path, "get", "service",
					 "search", "--no-headers");
	scoped(run) struct run names =
		RUN("--socket", f->path, "get", "services", "-o", "name");
	scoped(run) struct run none =
		RUN("--socket", f->path, "get", "services", "nobody");

	assert_has(services.out, "orders-db    OPEN       enforce ");
	assert_has(services.out, " 41/100 ");
	assert_has(services.out, "search       HALF-OPEN  observe ");
	assert_has(services.out, "10.0.0.9:80  -          -  ");
	assert_has(one.out, "search   HALF-OPEN  observe ");
	assert_has_not(one.out, "STATE");
	assert_string_equal(names.out, "service/orders-db\nservice/search\n"
				       "service/10.0.0.9:80\n");
	assert_int_equal(none.code, CLI_NOT_FOUND);
	assert_string_equal(none.err,
			    "weirctl: get service nobody: there is no such "
			    "service; weirctl get services lists them\n");
}

static void endpoints_are_found_by_their_service_too(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run run =
		RUN("--socket", f->path, "get", "endpoints", "orders-db", "-o",
		    "name");

	assert_string_equal(run.out, "endpoint/10.0.7.3:5432\n"
				     "endpoint/10.0.7.4:5432\n"
				     "endpoint/10.0.7.5:5432\n");
}

static void clients_are_asked_for_by_service(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run table =
		RUN("--socket", f->path, "get", "clients", "orders-db");
	scoped(run) struct run wide =
		RUN("--socket", f->path, "get", "clients", "-o", "wide");
	scoped(run) struct run names = RUN("--socket", f->path, "get", "client",
					   "orders-db", "-o", "name");
	scoped(run) struct run none =
		RUN("--socket", f->path, "get", "clients", "nobody");

	assert_has(table.out,
		   "orders.service/java[4711]  orders-db      90           0   "
		   "     0    40          12        3h   3h12m\n");
	assert_has(table.out, " -  3h12m+\n");
	assert_has(wide.out, "DETACHED  OVER  UID");
	assert_string_equal(names.out, "client/orders.service/java[4711]\n"
				       "client/batch/php[7]\n"
				       "client/unknown[uid 33]\n");
	assert_int_equal(none.code, CLI_NOT_FOUND);
	assert_has(none.err, "weirctl get services, or get endpoints, lists");
}

static void describe_says_where_each_value_was_written(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run run =
		RUN("--socket", f->path, "describe", "policy", "orders-db");
	scoped(run) struct run service =
		RUN("--socket", f->path, "describe", "service", "orders-db");

	assert_has(run.out, "failureRateThreshold                   50  ");
	assert_has(run.out, ":14:29\n");
	assert_has(run.out, "spec.bulkhead.warnAt ");
	assert_has(service.out, "refusals      breaker 1340\n");
	assert_has(service.out, "10.0.7.4:5432");
}

static void top_puts_trouble_first(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run run = RUN("--socket", f->path, "top");
	scoped(run) struct run by_name =
		RUN("--socket", f->path, "top", "-n", "1", "--sort", "name");
	const char *orders = strstr(run.out, "\norders-db ");
	const char *endpoint = strstr(run.out, "\n  10.0.7.3:5432 ");
	const char *search = strstr(run.out, "\nsearch ");

	assert_non_null(orders);
	assert_non_null(endpoint);
	assert_non_null(search);
	assert_true(orders < endpoint && endpoint < search);
	/* Half-open comes before busy. */
	assert_true(search < strstr(run.out, "\n10.0.0.9:80"));
	assert_true(strstr(by_name.out, "\n10.0.0.9:80") <
		    strstr(by_name.out, "\norders-db"));
}

static void events_are_lines_and_can_be_chosen(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run all = RUN("--socket", f->path, "events");
	scoped(run) struct run last =
		RUN("--socket", f->path, "events", "--last", "1", "--service",
		    "search", "-o", "jsonl");
	scoped(run) struct run recent = RUN("--socket", f->path, "events",
					    "--since", "2026-11-24T06:00:00Z");
	scoped(json) json_t *event = read_json(last.out);

	assert_has(all.out, "BREAKER   orders-db: closed -> open\n");
	assert_string_equal(look_text(event, "service"), "search");
	/* All of them are 20 s older than that. */
	assert_string_equal(recent.out, "");
}

static void a_rejection_is_shown_in_the_persons_own_file(void **state)
{
	struct fixture *f = *state;
	char path[96], place[128];
	FILE *file;

	f->result = -EINVAL;
	snprintf(path, sizeof(path), "%s/x.yaml", f->directory);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs("a: b\n", file);
	fclose(file);
	scoped(run) struct run run =
		RUN("--socket", f->path, "apply", "-f", path);
	unlink(path);
	snprintf(place, sizeof(place), " --> %s:1:4\n", path);
	assert_int_equal(run.code, CLI_REJECTED);
	assert_string_equal(run.out, "");
	assert_has(run.err, place);
	assert_has(run.err, "1 | a: b\n  |    ^\nhint: try c\n");
	assert_has(run.err, "weirctl: apply: 1 mistake; generation 42 stays in "
			    "force\n");
}

static void apply_sends_what_it_was_given(void **state)
{
	struct fixture *f = *state;
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/y.yaml", f->directory);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs("text", file);
	fclose(file);
	scoped(run) struct run run = RUN("--socket", f->path, "apply", "-f",
					 f->directory, "--dry-run");
	unlink(path);
	assert_int_equal(run.code, CLI_OK);
	assert_has(f->seen, " 1 y.yaml:text:4 1 0");
	assert_has(run.out, "policy orders-db created\n");
	assert_has(run.out, "dry run: nothing was changed");
}

static void changes_say_what_came_of_them(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run reload = RUN("--socket", f->path, "reload");
	scoped(run) struct run forced =
		RUN("--socket", f->path, "force", "search", "open", "--ttl",
		    "90s", "--reason", "a drill");
	scoped(text) char *seen = strdup(f->seen);
	scoped(run) struct run reset =
		RUN("--socket", f->path, "reset", "search");

	assert_string_equal(reload.out, "generation 44 is in force\n");
	assert_string_equal(seen, "force search open 90 a drill");
	assert_int_equal(forced.code, CLI_OK);
	assert_has(forced.out, "search: force open; it is HALF-OPEN");
	assert_has(reset.out, "search: reset; it is ");
}

static const struct {
	int result;
	int code;
} refusals[] = {
	{-ENOENT, CLI_NOT_FOUND}, {-EPERM, CLI_FORBIDDEN},
	{-EBUSY, CLI_CONFLICT},	  {-ETIMEDOUT, CLI_TIMED_OUT},
	{-ENOSPC, CLI_REJECTED},  {-EIO, CLI_BUG},
};

static void every_refusal_has_its_exit_code(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		f->result = refusals[i].result;
		scoped(run) struct run run =
			RUN("--socket", f->path, "delete", "orders-db");

		assert_int_equal(run.code, refusals[i].code);
		assert_int_equal(
			strncmp(run.err, "weirctl: delete orders-db: ", 27), 0);
		assert_ptr_equal(strchr(run.err, '\n'),
				 run.err + run.err_bytes - 1);
	}
}

static void why_tells_or_says_where_to_look(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run run = RUN("--socket", f->path, "why", "search");
	scoped(run) struct run none = RUN("--socket", f->path, "why", "nobody");

	assert_int_equal(run.code, CLI_OK);
	assert_has(run.out, "state ");
	assert_has(run.out, "HALF-OPEN");
	assert_int_equal(none.code, CLI_NOT_FOUND);
	assert_has(none.err, "weirctl get services");
}

static void names_are_completed(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run run =
		RUN("__complete", "--socket", f->path, "why", "");

	assert_has(run.out, "orders-db\tservice\n");
	assert_has(run.out, "10.0.7.3:5432\tendpoint\n");
}

static void check_takes_the_agents_word(void **state)
{
	struct fixture *f = *state;
	scoped(run) struct run run = RUN("--socket", f->path, "check");
	scoped(run) struct run alone = RUN("check", "-o", "json");
	scoped(json) json_t *list = read_json(alone.out);

	assert_int_equal(run.code, CLI_OK);
	assert_has(run.out, "BTF");
	assert_string_equal(run.err, "");
	assert_has(alone.err, "no agent answers");
	assert_true(look_size(list, "items") > 2);
}

/* ---- a server that says what it was told to ---------------------------------------- */

struct script {
	int fd;
	const char *const *bodies; /* one for each question; then it goes away */
};

static void *recite(void *ctx)
{
	const struct script *script = ctx;
	scoped(fd) int fd = accept4(script->fd, NULL, NULL, SOCK_CLOEXEC);
	char question[4096];

	for (size_t i = 0; script->bodies[i]; i++) {
		char head[128];

		if (fd < 0 || recv(fd, question, sizeof(question), 0) <= 0)
			break;
		snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			 strlen(script->bodies[i]));
		send_text(fd, head, strlen(head));
		send_text(fd, script->bodies[i], strlen(script->bodies[i]));
	}
	close(script->fd);
	return NULL;
}

#define EVENT(seq)                                                        \
	"{\"seq\": " #seq ", \"time\": \"2026-11-24T06:00:00.123Z\", "    \
	"\"type\": \"agent\", \"service\": \"\", \"text\": \"event " #seq \
	"\"}"

static const char *const telling[] = {
	"{\"items\": [" EVENT(5) "], \"next\": 5, \"lost\": 0}",
	"{\"items\": [" EVENT(20) "], \"next\": 20, \"lost\": 14}",
	"{\"items\": [], \"next\": 20, \"lost\": 0}",
	"{\"items\": [" EVENT(1) "], \"next\": 1, \"lost\": 0}",
	NULL,
};

static struct run listen_to(struct fixture *f, const char *const *bodies,
			    const char *const *words)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct script script = {.bodies = bodies};
	struct run run;
	pthread_t thread;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", f->path);
	unlink(f->path);
	script.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(script.fd, (struct sockaddr *)&at, sizeof(at)),
			 0);
	assert_int_equal(listen(script.fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, recite, &script), 0);
	run = run_weirctl(words);
	pthread_join(thread, NULL);
	return run;
}

static void following_shows_gaps_and_new_agents(void **state)
{
	struct fixture *f = *state;
	const char *const words[] = {"--socket", f->path, "events", "-f", NULL};
	scoped(run) struct run run = listen_to(f, telling, words);

	assert_int_equal(run.code, CLI_UNREACHABLE);
	assert_string_equal(
		run.out,
		"2026-11-24T06:00:00.123Z  AGENT     event 5\n"
		"--- a gap: 14 events had left the agent's buffer before they "
		"were read ---\n"
		"2026-11-24T06:00:00.123Z  AGENT     event 20\n"
		"2026-11-24T06:00:00.123Z  AGENT     event 1\n");
	assert_has(run.err, "the agent was started anew");
}

static void gaps_are_objects_among_lines(void **state)
{
	struct fixture *f = *state;
	const char *const words[] = {"--socket", f->path, "events", "-f",
				     "-o",	 "jsonl", NULL};
	scoped(run) struct run run = listen_to(f, telling, words);

	assert_has(run.out, "{\"apiVersion\":\"weir/v1\",\"kind\":\"EventGap\","
			    "\"lost\":14}\n");
}

#define BUSY(name, calls)                                          \
	"{\"name\": \"" name "\", \"observed\": true, \"rates\": " \
	"{\"calls_per_second\": " calls "}}"

static void top_sorts_by_what_was_asked_for(void **state)
{
	static const char *const lists[] = {
		"{\"items\": [" BUSY("a", "1.0") ", " BUSY("b", "5.0") "]}",
		"{\"items\": []}",
		NULL,
	};
	struct fixture *f = *state;
	const char *const words[] = {"--socket", f->path, "top",
				     "--sort",	 "calls", NULL};
	scoped(run) struct run run = listen_to(f, lists, words);

	assert_non_null(strstr(run.out, "\na "));
	assert_true(strstr(run.out, "\nb ") < strstr(run.out, "\na "));
}

/* No agent of ours says so; whoever does has us write where nothing is ours. */
static void services_of_one_name_show_each_endpoint_once(void **state)
{
#define OF_A "{\"name\": \"10.0.0.1:80\", \"service\": \"a\"}"
	static const char *const lists[] = {
		"{\"items\": [{\"name\": \"a\"}, {\"name\": \"a\"}, "
		"{\"name\": \"a\"}, {\"name\": \"b\"}]}",
		"{\"items\": [" OF_A ", " OF_A ", " OF_A ", " OF_A "]}",
		NULL,
	};
	struct fixture *f = *state;
	const char *const words[] = {"--socket", f->path, "top", "--no-headers",
				     NULL};
	scoped(run) struct run run = listen_to(f, lists, words);
	size_t lines = 0;

	for (const char *at = run.out; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(run.code, CLI_OK);
	assert_int_equal(lines, 8);
	assert_non_null(strstr(run.out, "\nb "));
}

static void an_answer_that_is_not_json_is_said_to_be(void **state)
{
	static const char *const page[] = {"<html>", NULL};
	struct fixture *f = *state;
	const char *const words[] = {"--socket", f->path, "status", NULL};
	scoped(run) struct run run = listen_to(f, page, words);

	assert_int_equal(run.code, CLI_BUG);
	assert_has(run.err, "is not JSON");
}

/* An agent of another version leaves members out or has others. */
static void an_empty_answer_is_no_reason_to_fall(void **state)
{
	static const char *const empty[] = {"{}", "{}", "{}", NULL};
	static const char *const commands[] = {"status", "top", "events",
					       "reload", "check"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *const words[] = {"--socket", f->path, commands[i],
					     NULL};
		scoped(run) struct run run = listen_to(f, empty, words);

		assert_int_equal(run.code, CLI_OK);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_server, destroy)
	const struct CMUnitTest tests[] = {
		T(a_missing_socket_is_not_a_silent_one),
		T(what_is_wrong_comes_first),
		T(lists_show_state_and_limits),
		T(endpoints_are_found_by_their_service_too),
		T(clients_are_asked_for_by_service),
		T(describe_says_where_each_value_was_written),
		T(top_puts_trouble_first),
		T(events_are_lines_and_can_be_chosen),
		T(a_rejection_is_shown_in_the_persons_own_file),
		T(apply_sends_what_it_was_given),
		T(changes_say_what_came_of_them),
		T(every_refusal_has_its_exit_code),
		T(why_tells_or_says_where_to_look),
		T(names_are_completed),
		T(check_takes_the_agents_word),
#define ALONE(name) \
	cmocka_unit_test_setup_teardown(name, make_directory, destroy)
		ALONE(following_shows_gaps_and_new_agents),
		ALONE(gaps_are_objects_among_lines),
		ALONE(top_sorts_by_what_was_asked_for),
		ALONE(services_of_one_name_show_each_endpoint_once),
		ALONE(an_answer_that_is_not_json_is_said_to_be),
		ALONE(an_empty_answer_is_no_reason_to_fall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
