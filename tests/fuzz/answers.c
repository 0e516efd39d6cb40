/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * answers.c - whatever the other end of weirctl's socket answers: a command
 * ends with one of its exit codes, and a terminal gets text.
 *
 * An input is a command, how it is to be shown, and answers with 0x1e between
 * them, each a byte for the status and the body; the last one is given again.
 * This file takes the place of libcurl.
 */
#include <curl/curl.h>
#include <jansson.h>
#include <stdarg.h>

#include "agent/view/render.h"
#include "common/scan.h"
#include "common/scoped.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/rich.h"
#include "tools/weirctl/cli.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define ANSWER_END 0x1e
#define WORDS_MAX  12

static struct {
	struct fuzz_input input;
	char *body; /* of the latest answer */
	size_t body_bytes;
	uint8_t status;
	bool sound; /* all that was answered was well, and JSON */
	bool terminal;
	size_t (*write)(char *, size_t, size_t, void *);
	void *write_ctx;
} peer;

/* ---- in place of libcurl ------------------------------------------------------ */

static const long statuses[] = {200, 200, 200, 200, 200, 200, 400, 403,
				404, 409, 413, 422, 500, 503, 504, 302};
static const CURLcode failures[] = {
	CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT,
	CURLE_ABORTED_BY_CALLBACK, CURLE_GOT_NOTHING};

CURL *curl_easy_init(void)
{
	return &peer;
}

void curl_easy_cleanup(CURL *curl)
{
	(void)curl;
}

void curl_easy_reset(CURL *curl)
{
	(void)curl;
}

CURLcode curl_global_init(long flags)
{
	(void)flags;
	return CURLE_OK;
}

void curl_global_cleanup(void)
{
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	va_list values;

	(void)curl;
	va_start(values, option);
	if (option == CURLOPT_WRITEFUNCTION)
		peer.write = va_arg(values,
				    size_t(*)(char *, size_t, size_t, void *));
	else if (option == CURLOPT_WRITEDATA)
		peer.write_ctx = va_arg(values, void *);
	va_end(values);
	return CURLE_OK;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	va_list values;
	long *out;

	(void)curl;
	va_start(values, info);
	out = va_arg(values, long *);
	*out = info == CURLINFO_RESPONSE_CODE ? statuses[peer.status & 15]
					      : peer.status & 127;
	va_end(values);
	return CURLE_OK;
}

static void next_answer(void)
{
	scoped(json) json_t *value = NULL;

	if (peer.input.left) {
		free(peer.body);
		peer.status = fuzz_byte(&peer.input);
		peer.body =
			fuzz_text(&peer.input, ANSWER_END, &peer.body_bytes);
	}
	value = peer.body ? json_loadb(peer.body, peer.body_bytes, 0, NULL)
			  : NULL;
	if (!value || peer.status & 128 || statuses[peer.status & 15] != 200)
		peer.sound = false;
}

/* In two pieces, for it may come in any number. */
CURLcode curl_easy_perform(CURL *curl)
{
	size_t half;

	(void)curl;
	next_answer();
	if (peer.status & 128)
		return failures[peer.status & 3];
	half = peer.body_bytes / 2;
	if (half && peer.write(peer.body, 1, half, peer.write_ctx) != half)
		return CURLE_WRITE_ERROR;
	if (peer.body_bytes > half &&
	    peer.write(peer.body + half, 1, peer.body_bytes - half,
		       peer.write_ctx) != peer.body_bytes - half)
		return CURLE_WRITE_ERROR;
	return CURLE_OK;
}

int isatty(int fd)
{
	(void)fd;
	return peer.terminal;
}

/* ---- one command --------------------------------------------------------------- */

static char policy_path[64];

#define POLICY                                                               \
	"apiVersion: weir/v1\nkind: ResiliencePolicy\nmetadata: {name: a}\n" \
	"spec:\n  service: {destinations: [{address: 10.0.0.1, ports: [80]}]}\n"

static const char *const commands[][WORDS_MAX] = {
	{"status"},
	{"status", "--exit-code"},
	{"get", "services"},
	{"get", "services", "orders"},
	{"get", "endpoints"},
	{"get", "clients"},
	{"get", "clients", "orders", "-o", "wide"},
	{"get", "policies"},
	{"get", "overrides"},
	{"get", "generations"},
	{"describe", "service", "orders"},
	{"describe", "endpoint", "10.0.8.1:5432"},
	{"describe", "policy", "orders"},
	{"why", "orders"},
	{"top", "--batch"},
	{"top", "--batch", "--sort", "p99"},
	{"events"},
	{"events", "--since", "1h"},
	{"apply", "-f", policy_path},
	{"apply", "-f", policy_path, "--dry-run"},
	{"delete", "orders"},
	{"reload"},
	{"force", "orders", "open", "--ttl", "1m", "--reason", "drill"},
	{"force", "orders", "auto"},
	{"reset", "orders"},
	{"check"},
	{"version"},
	{"__complete", "weirctl", "why", ""},
	{"__complete", "weirctl", "describe", "endpoint", ""},
};

static const char *const formats[] = {NULL,   NULL,    NULL,   "wide",
				      "json", "jsonl", "yaml", "name"};

static bool is_for_people(const char *opt_format)
{
	return !opt_format || !strcmp(opt_format, "wide") ||
	       !strcmp(opt_format, "name");
}

enum strictness {
	STRICT_FILE,	 /* nothing below a space */
	STRICT_TERMINAL, /* nothing that a terminal would obey */
	STRICT_TEXT,	 /* nor DEL, which it ignores */
};

static void check_text(const char *text, size_t bytes, enum strictness strict)
{
	for (size_t at = 0; at < bytes;) {
		uint32_t c = 0;
		size_t step = scan_character(text + at, bytes - at, &c);

		demand(step);
		demand(c >= 0x20 || c == '\n' || c == '\t');
		demand(strict < STRICT_TERMINAL || c <= 0x7f || c >= 0xa0);
		demand(strict < STRICT_TEXT || c != 0x7f);
		at += step;
	}
}

static int run(const char *const *words, const char *opt_format)
{
	char *argv[WORDS_MAX + 8] = {(char *)"weirctl"};
	char *out = NULL, *err = NULL;
	size_t out_bytes = 0, err_bytes = 0;
	struct cli cli = {
		.out = open_memstream(&out, &out_bytes),
		.err = open_memstream(&err, &err_bytes),
	};
	bool hidden = words[0][0] == '_';
	int argc = 1, code;

	for (; *words; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	if (opt_format && !hidden) {
		argv[argc++] = (char *)"-o";
		argv[argc++] = (char *)(uintptr_t)opt_format;
	}
	code = cli_execute(&cli, argc, argv);
	fclose(cli.out);
	fclose(cli.err);
	check_text(out, out_bytes,
		   is_for_people(opt_format) ? STRICT_TEXT
		   : peer.terminal	     ? STRICT_TERMINAL
					     : STRICT_FILE);
	check_text(err, err_bytes, STRICT_TEXT);
	free(out);
	free(err);
	return code;
}

static void check_code(int code)
{
	demand((code >= CLI_OK && code <= CLI_CONFLICT) || code == CLI_BUG ||
	       code == CLI_READER_GONE);
	/* It is not ours when the answer was none. */
	demand(code != CLI_BUG || !peer.sound);
}

static void prepare(void)
{
	setenv("WEIR_SOCKET", "/nonexistent/weir.sock", 1);
	setenv("NO_COLOR", "1", 1);
	fuzz_path(fuzz_file(POLICY, strlen(POLICY)), policy_path,
		  sizeof(policy_path));
}

/* ---- objects to begin with ------------------------------------------------------ */

static void write_object(const char *directory, json_t *object)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory,
		 json_string_value(json_object_get(object, "kind")));
	if (json_dump_file(object, path, JSON_COMPACT))
		abort();
	json_decref(object);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* With WEIR_SEEDS_DIR it only writes them there; see answers.seeds. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = getenv("WEIR_SEEDS_DIR");
	struct snapshot *s;
	json_t *policies;

	(void)argc, (void)argv;
	if (!directory)
		return 0;
	s = rich_snapshot();
	s->clients = rich_clients();
	policies = json_policies(s);
	json_add_values(policies, s);
	write_object(directory, policies);
	write_object(directory, json_status(s));
	write_object(directory, json_services(s, NULL));
	write_object(directory, json_endpoints(s, NULL));
	write_object(directory, json_clients(s->clients));
	write_object(directory, json_overrides(s));
	write_object(directory, json_generations(s));
	write_object(directory, json_why(s, "orders-db"));
	write_object(directory, json_events(s, 0, 100, NULL, NULL));
	snapshot_free(s);
	exit(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *const *words;
	uint8_t look;

	if (!policy_path[0])
		prepare();
	peer.input = (struct fuzz_input){data, bytes};
	words = commands[fuzz_byte(&peer.input) %
			 (sizeof(commands) / sizeof(commands[0]))];
	look = fuzz_byte(&peer.input);
	peer.terminal = look & 8;
	peer.sound = true;
	peer.status = 0;
	setenv("LC_ALL", look & 16 ? "C" : "C.UTF-8", 1);
	check_code(run(words, formats[look & 7]));
	free(peer.body);
	peer.body = NULL;
	peer.body_bytes = 0;
	return 0;
}
