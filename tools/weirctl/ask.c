/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ask.c - see ask.h.
 */
#include "tools/weirctl/ask.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/count_of.h"
#include "tools/weirctl/look.h"

DEFINE_SCOPED(escaped, char *, curl_free(*it))
DEFINE_SCOPED(headers, struct curl_slist *, curl_slist_free_all(*it))

struct ask {
	CURL *curl; /* kept: a second question uses the same connection */
	char error[CURL_ERROR_SIZE];
};

/* An answer as it comes in. */
struct answer {
	struct text text;
	bool too_large;
};

void ask_argument(struct text *path, const char *name, const char *opt_value)
{
	scoped(escaped) char *escaped = NULL;

	if (!opt_value)
		return;
	escaped = curl_easy_escape(NULL, opt_value, 0);
	if (!escaped)
		path->failed = true;
	else
		text_add(path, "%c%s=%s",
			 path->data && strchr(path->data, '?') ? '&' : '?',
			 name, escaped);
}

void ask_close(struct ask *ask)
{
	if (!ask)
		return;
	curl_easy_cleanup(ask->curl);
	curl_global_cleanup();
	free(ask);
}

static int open_once(struct cli *cli)
{
	struct ask *made;

	if (cli->ask)
		return 0;
	made = calloc(1, sizeof(*made));
	if (made && !curl_global_init(CURL_GLOBAL_NOTHING))
		made->curl = curl_easy_init();
	if (!made || !made->curl) {
		free(made);
		return -ENOMEM;
	}
	cli->ask = made;
	return 0;
}

/* ---- one exchange ---------------------------------------------------------------- */

static size_t collect(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *answer = ctx;
	size_t bytes = size * count;

	if (answer->text.bytes + bytes > ASK_ANSWER_BYTES_MAX) {
		answer->too_large = true;
		return 0;
	}
	text_add_bytes(&answer->text, data, bytes);
	return answer->text.failed ? 0 : bytes;
}

/* `weirctl events -f | head` must not wait for the next event to notice. */
static int watch_reader(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c,
			curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return cli_broken(ctx);
}

static void set_up(struct cli *cli, const struct ask_request *request,
		   const char *url, const char *body, struct answer *answer)
{
	CURL *curl = cli->ask->curl;
	unsigned timeout_ms =
		request->timeout_ms ? request->timeout_ms : ASK_TIMEOUT_MS;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, cli->ask->error);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->arguments.socket);
	/* The environment's proxy is not meant for a socket on this host. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_reader);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, cli);
	if (request->method)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
				 (long)strlen(body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
}

/* "Expect: 100-continue" would cost a second where the other end is local. */
static CURLcode perform(struct cli *cli, const struct ask_request *request,
			const char *body, struct answer *answer)
{
	scoped(headers) struct curl_slist *headers =
		curl_slist_append(NULL, "Expect:");
	scoped(text) char *url = NULL;

	if (asprintf(&url, "http://weir%s", request->path) < 0) {
		url = NULL;
		return CURLE_OUT_OF_MEMORY;
	}
	set_up(cli, request, url, body, answer);
	curl_easy_setopt(cli->ask->curl, CURLOPT_HTTPHEADER, headers);
	return curl_easy_perform(cli->ask->curl);
}

/* ---- what went wrong --------------------------------------------------------------- */

/* "force orders open": what the person asked for. */
static char *name_act(const struct cli *cli)
{
	struct text text = {0};

	text_add(&text, "%s",
		 cli->arguments.command ? cli->arguments.command->name : "");
	for (size_t i = 0; i < cli->arguments.word_count; i++)
		text_add(&text, " %s", cli->arguments.words[i]);
	return text_take(&text, NULL);
}

__attribute__((format(printf, 4, 5))) static int
report(struct cli *cli, const struct ask_request *request, enum cli_exit code,
       const char *format, ...)
{
	bool changes =
		cli->arguments.command && cli->arguments.command->changes;
	scoped(text) char *act = name_act(cli);
	scoped(text) char *why = NULL;
	const char *now = "";
	va_list values;

	if (request->quiet)
		return code;
	va_start(values, format);
	if (vasprintf(&why, format, values) < 0)
		why = NULL;
	va_end(values);
	if (changes && code == CLI_TIMED_OUT)
		now = "; whether it was done is not known: look before you "
		      "try again";
	else if (changes)
		now = "; nothing was changed";
	else if (code == CLI_NOT_FOUND && request->opt_hint)
		now = request->opt_hint;
	return cli_fail(cli, code, "%s: %s%s", act ? act : "",
			why ? why : "failed", now);
}

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) || S_ISSOCK(st.st_mode);
}

static int report_connect(struct cli *cli, const struct ask_request *request)
{
	const char *socket = cli->arguments.socket;
	long error = 0;

	if (!is_socket(socket))
		return report(cli, request, CLI_UNREACHABLE,
			      "%s is not a socket", socket);

	curl_easy_getinfo(cli->ask->curl, CURLINFO_OS_ERRNO, &error);
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return report(cli, request, CLI_UNREACHABLE,
			      "%s does not exist: is weir-agent running?",
			      socket);
	case ECONNREFUSED:
		return report(cli, request, CLI_UNREACHABLE,
			      "nobody listens on %s: is weir-agent running?",
			      socket);
	case EACCES:
	case EPERM:
		return report(cli, request, CLI_FORBIDDEN,
			      "permission denied on %s: are you root or a "
			      "member of group weir?",
			      socket);
	case EAGAIN:
		return report(cli, request, CLI_UNREACHABLE,
			      "the agent takes no more connections on %s: is "
			      "it stopped?",
			      socket);
	default:
		return report(cli, request, CLI_UNREACHABLE,
			      "connecting to %s: %s", socket,
			      error ? strerror((int)error) : cli->ask->error);
	}
}

static int report_failure(struct cli *cli, const struct ask_request *request,
			  CURLcode result, const struct answer *answer)
{
	unsigned timeout_ms =
		request->timeout_ms ? request->timeout_ms : ASK_TIMEOUT_MS;
	bool changes =
		cli->arguments.command && cli->arguments.command->changes;

	if (answer->too_large)
		return report(cli, request, CLI_BUG,
			      "the answer is larger than %u MiB",
			      ASK_ANSWER_BYTES_MAX >> 20);
	switch (result) {
	case CURLE_ABORTED_BY_CALLBACK:
		return CLI_READER_GONE;
	case CURLE_COULDNT_CONNECT:
		return report_connect(cli, request);
	case CURLE_OPERATION_TIMEDOUT:
		return report(cli, request,
			      changes ? CLI_TIMED_OUT : CLI_UNREACHABLE,
			      "the agent on %s did not answer within %u s: is "
			      "it stopped or overloaded?",
			      cli->arguments.socket, timeout_ms / 1000);
	case CURLE_OUT_OF_MEMORY:
		return cli_out_of_memory(cli);
	default:
		return report(cli, request, CLI_UNREACHABLE,
			      "talking to %s: %s", cli->arguments.socket,
			      cli->ask->error[0] ? cli->ask->error
						 : curl_easy_strerror(result));
	}
}

/* The exit code of an HTTP status. */
static const struct {
	long status;
	enum cli_exit code;
} codes[] = {
	{403, CLI_FORBIDDEN}, {404, CLI_NOT_FOUND}, {409, CLI_CONFLICT},
	{413, CLI_REJECTED},  {422, CLI_REJECTED},  {503, CLI_UNREACHABLE},
	{504, CLI_TIMED_OUT},
};

static enum cli_exit code_of(long status)
{
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return CLI_BUG;
}

/* The line names the object already. */
static const char *without_name(const struct cli *cli, const char *message)
{
	const char *name = cli_operand(cli, 0);
	size_t bytes = name ? strlen(name) : 0;

	return bytes && !strncmp(message, name, bytes) &&
			       !strncmp(message + bytes, ": ", 2)
		       ? message + bytes + 2
		       : message;
}

static int report_error(struct cli *cli, const struct ask_request *request,
			long status, const json_t *body)
{
	const char *message = look_text(body, "message");
	char name[32];

	if (request->opt_error && look_size(body, "diagnostics")) {
		*request->opt_error = json_deep_copy(body);
		return code_of(status);
	}
	snprintf(name, sizeof(name), "HTTP status %ld", status);
	message = message ? without_name(cli, message) : name;
	return report(cli, request, code_of(status), "%s%s", message,
		      status == 403 ? ": only root and the admin group may "
				      "change, only they and group weir read"
				    : "");
}

/* ---- the question ------------------------------------------------------------------- */

static int judge(struct cli *cli, const struct ask_request *request,
		 struct answer *answer, json_t **out)
{
	scoped(text) char *text = NULL;
	scoped(json) json_t *body = NULL;
	json_error_t at;
	size_t bytes = 0;
	long status = 0;

	curl_easy_getinfo(cli->ask->curl, CURLINFO_RESPONSE_CODE, &status);
	text = text_take(&answer->text, &bytes);
	if (!text)
		return cli_out_of_memory(cli);
	body = json_loadb(text, bytes, 0, &at);
	if (status != 200)
		return report_error(cli, request, status, body);
	if (!body)
		return report(cli, request, CLI_BUG,
			      "the answer from %s is not JSON (%s): is that "
			      "weir-agent?",
			      cli->arguments.socket, at.text);
	*out = TAKE_PTR(body);
	return CLI_OK;
}

int ask(struct cli *cli, const struct ask_request *request, json_t **out)
{
	struct answer answer = {0};
	scoped(text) char *body = NULL;
	CURLcode result;
	int code;

	if (open_once(cli))
		return cli_out_of_memory(cli);
	if (request->body && !(body = json_dumps(request->body, JSON_COMPACT)))
		return cli_out_of_memory(cli);
	if (body && strlen(body) > ASK_BODY_BYTES_MAX)
		return report(cli, request, CLI_REJECTED,
			      "%zu bytes are more than the %u MiB that the "
			      "agent takes at once",
			      strlen(body), ASK_BODY_BYTES_MAX >> 20);
	cli->ask->error[0] = '\0';
	result = perform(cli, request, body, &answer);
	code = result ? report_failure(cli, request, result, &answer)
		      : judge(cli, request, &answer, out);
	text_clear(&answer.text);
	return code;
}

int ask_get(struct cli *cli, const char *path, json_t **out)
{
	const struct ask_request request = {.path = path};

	return ask(cli, &request, out);
}
