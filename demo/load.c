/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * load.c - asks the aggregation service at a fixed rate and shows what it gets.
 *
 * The rate does not depend on the answers (open loop), and a request's time
 * runs from the moment it was due: a service that stalls cannot hide it by
 * slowing the load down. It goes through the phases it was given, switches the
 * products backend at the start of each, prints one row a second and writes
 * the totals for demo/run. What Weir does it reads, as anybody could, from
 * the agent's metrics.
 */
#include <fcntl.h>
#include <sys/epoll.h>

#include "demo/net.h"
#include "demo/watch.h"

#define REQUESTS_MAX 4096u  /* unanswered at one time */
#define OUTCOMES_MAX 65536u /* of one run */
#define PHASES_MAX   8u
#define RATE_MAX     500u
#define PATIENCE_NS  (15 * NS_PER_SECOND)

enum kind { KIND_WHOLE, KIND_PARTIAL, KIND_FAILED, KIND_COUNT };

struct outcome {
	double ms;
	unsigned phase; /* in which the request was due */
	enum kind kind;
};

struct phase {
	const char *name;
	const char *command; /* what the backend is told */
	unsigned seconds;
	struct timespec start; /* wall clock, to be found again in events */
};

struct request {
	int fd; /* -1: free */
	unsigned phase;
	uint64_t due_ns;
};

static struct {
	struct sockaddr_in target;
	bool colour;
	unsigned rate;
	const char *control;
	const char *result;
	struct phase phases[PHASES_MAX];
	unsigned phase_count;
} options = {.rate = 40};

static struct {
	int epoll;
	unsigned phase; /* the current one */
	struct request requests[REQUESTS_MAX];
	struct outcome outcomes[OUTCOMES_MAX];
	size_t outcome_count;
	size_t row_start; /* first outcome of the current second */
	unsigned asked;
	unsigned dropped; /* beyond REQUESTS_MAX or OUTCOMES_MAX */
} run;

static struct watch seen = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.service = "products",
	.state = "-",
};

/* ---- numbers ------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Of the outcomes from `start` on that belong to `phase` (-1: to any). */
static size_t collect(size_t start, int phase, double *out)
{
	size_t count = 0;

	for (size_t i = start; i < run.outcome_count; i++)
		if (phase < 0 || run.outcomes[i].phase == (unsigned)phase)
			out[count++] = run.outcomes[i].ms;
	qsort(out, count, sizeof(*out), compare);
	return count;
}

static double quantile(const double *sorted, size_t count, double q)
{
	size_t rank = (size_t)(q * (double)count);

	return sorted[rank < count ? rank : count - 1];
}

static void print_ms(double ms, char *out, size_t bytes)
{
	if (ms < 1000)
		snprintf(out, bytes, "%.0f ms", ms);
	else
		snprintf(out, bytes, "%.1f s", ms / 1000);
}

static void count_kinds(size_t start, unsigned kinds[KIND_COUNT])
{
	for (size_t i = start; i < run.outcome_count; i++)
		kinds[run.outcomes[i].kind]++;
}

/* ---- requests ------------------------------------------------------------ */

static void finish(struct request *request, enum kind kind, uint64_t now)
{
	close(request->fd);
	request->fd = -1;
	if (run.outcome_count == OUTCOMES_MAX) {
		run.dropped++;
		return;
	}
	run.outcomes[run.outcome_count++] = (struct outcome){
		.ms = (double)(now - request->due_ns) / NS_PER_MS,
		.phase = request->phase,
		.kind = kind,
	};
}

static struct request *find_free(void)
{
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		if (run.requests[i].fd < 0)
			return &run.requests[i];
	return NULL;
}

static void start_request(uint64_t due_ns)
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct request *request = find_free();
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = request};

	run.asked++;
	if (!request) {
		run.dropped++;
		return;
	}
	request->due_ns = due_ns;
	request->phase = run.phase;
	request->fd = socket(AF_INET, type, 0);
	if (request->fd < 0) {
		run.dropped++;
		return;
	}
	if ((connect(request->fd, (struct sockaddr *)&options.target,
		     sizeof(options.target)) &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(run.epoll, EPOLL_CTL_ADD, request->fd, &event))
		finish(request, KIND_FAILED, now_ns());
}

static void send_request(struct request *request)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = request};

	if (send_text(request->fd, "home page\n") ||
	    epoll_ctl(run.epoll, EPOLL_CTL_MOD, request->fd, &event))
		finish(request, KIND_FAILED, now_ns());
}

static void receive_answer(struct request *request)
{
	char line[256];
	ssize_t got = recv(request->fd, line, sizeof(line), 0);
	enum kind kind = KIND_FAILED;

	if (got > 0)
		kind = line[0] == 'w' ? KIND_WHOLE : KIND_PARTIAL;
	finish(request, kind, now_ns());
}

static void take_events(int timeout_ms)
{
	struct epoll_event events[64];
	int count = epoll_wait(run.epoll, events, 64, timeout_ms);

	for (int i = 0; i < count; i++) {
		struct request *request = events[i].data.ptr;

		if (events[i].events & EPOLLIN)
			receive_answer(request);
		else if (events[i].events & (EPOLLERR | EPOLLHUP))
			finish(request, KIND_FAILED, now_ns());
		else
			send_request(request);
	}
}

/* `patience_ns` 0: all of them. Returns how many are still unanswered. */
static unsigned give_up(uint64_t patience_ns)
{
	uint64_t now = now_ns();
	unsigned open = 0;

	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		struct request *request = &run.requests[i];

		if (request->fd < 0)
			continue;
		if (now >= request->due_ns + patience_ns)
			finish(request, KIND_FAILED, now);
		else
			open++;
	}
	return open;
}

/* ---- the table ----------------------------------------------------------- */

static void print_heading(void)
{
	printf("  %4s  %-9s %5s %6s %8s %7s %8s %8s %6s %8s  %s\n", "time",
	       "products", "asked", "whole", "partial", "failed", "p50", "p99",
	       "stuck", "refused", "breaker");
}

static const char *paint(const char *colour)
{
	return options.colour ? colour : "";
}

static const char *alarm_colour(bool alarm)
{
	return paint(alarm ? "\033[31m" : "\033[0m");
}

static void print_row(unsigned second)
{
	static double sorted[OUTCOMES_MAX];
	unsigned kinds[KIND_COUNT] = {0};
	char p50[16] = "-", p99[16] = "-", refused[16] = "-";
	size_t count = collect(run.row_start, -1, sorted);
	const char *end = paint("\033[0m");

	count_kinds(run.row_start, kinds);
	run.row_start = run.outcome_count;
	if (count) {
		print_ms(quantile(sorted, count, 0.5), p50, sizeof(p50));
		print_ms(quantile(sorted, count, 0.99), p99, sizeof(p99));
	}
	pthread_mutex_lock(&seen.lock);
	if (seen.metrics.sin_port)
		snprintf(refused, sizeof(refused), "%lu", seen.refused);
	printf("  %3us  %s%-9s%s %5u %6u %8u %s%7u%s %8s %8s %s%6u%s %8s  %s%s%s\n",
	       second,
	       alarm_colour(strcmp(options.phases[run.phase].command, "fast")),
	       options.phases[run.phase].name, end, run.asked,
	       kinds[KIND_WHOLE], kinds[KIND_PARTIAL],
	       alarm_colour(kinds[KIND_FAILED]), kinds[KIND_FAILED], end, p50,
	       p99, alarm_colour(seen.stuck_max), seen.stuck_max, end, refused,
	       alarm_colour(!strncmp(seen.state, "OPEN", 4)), seen.state, end);
	seen.stuck_max = seen.stuck;
	pthread_mutex_unlock(&seen.lock);
	run.asked = 0;
	fflush(stdout);
}

/* ---- the course of a run ------------------------------------------------- */

static int tell_backend(const char *command)
{
	scoped(fd) int fd = open(options.control, O_WRONLY | O_CLOEXEC);
	char line[64];
	int length;

	if (fd < 0)
		return -errno;
	length = snprintf(line, sizeof(line), "%s\n", command);
	if (write(fd, line, (size_t)length) != length)
		return errno ? -errno : -EIO;
	return 0;
}

static void run_second(uint64_t start_ns)
{
	uint64_t period_ns = NS_PER_SECOND / options.rate;
	unsigned due = 0;

	for (;;) {
		uint64_t now = now_ns();
		uint64_t next_ns;

		while (due < options.rate && start_ns + due * period_ns <= now)
			start_request(start_ns + due++ * period_ns);
		if (now >= start_ns + NS_PER_SECOND)
			break;
		next_ns = due < options.rate ? start_ns + due * period_ns
					     : start_ns + NS_PER_SECOND;
		take_events((int)((next_ns - now + NS_PER_MS) / NS_PER_MS));
	}
	give_up(PATIENCE_NS);
}

static int run_phases(void)
{
	uint64_t start_ns = now_ns();
	unsigned second = 0;

	for (run.phase = 0; run.phase < options.phase_count; run.phase++) {
		struct phase *phase = &options.phases[run.phase];
		int err = tell_backend(phase->command);

		if (err)
			return err;
		clock_gettime(CLOCK_REALTIME, &phase->start);
		for (unsigned i = 0; i < phase->seconds; i++) {
			run_second(start_ns + second * NS_PER_SECOND);
			print_row(++second);
		}
	}
	run.phase--;
	return 0;
}

/* Whoever still waits at the end has waited in vain. */
static void drain(void)
{
	uint64_t end_ns = now_ns() + NS_PER_SECOND;

	while (now_ns() < end_ns && give_up(PATIENCE_NS))
		take_events(20);
	give_up(0);
}

static void write_phase(FILE *out, int phase, const char *name)
{
	static double sorted[OUTCOMES_MAX];
	size_t count = collect(0, phase, sorted);
	char p50[16] = "-", p99[16] = "-";

	if (count) {
		print_ms(quantile(sorted, count, 0.5), p50, sizeof(p50));
		print_ms(quantile(sorted, count, 0.99), p99, sizeof(p99));
	}
	fprintf(out, "p50_%s=%s\np99_%s=%s\n", name, p50, name, p99);
}

static void write_start(FILE *out, const struct phase *phase)
{
	struct tm when;
	char text[16];

	gmtime_r(&phase->start.tv_sec, &when);
	strftime(text, sizeof(text), "%T", &when);
	fprintf(out, "start_%s=%s.%03ldZ\n", phase->name, text,
		phase->start.tv_nsec / (long)NS_PER_MS);
}

/* One NAME=TEXT a line. */

static int write_result(void)
{
	scoped(file) FILE *out = fopen(options.result, "we");
	unsigned kinds[KIND_COUNT] = {0};

	if (!out)
		return -errno;
	count_kinds(0, kinds);
	fprintf(out, "requests=%zu\nwhole=%u\npartial=%u\nfailed=%u\n",
		run.outcome_count, kinds[KIND_WHOLE], kinds[KIND_PARTIAL],
		kinds[KIND_FAILED]);
	pthread_mutex_lock(&seen.lock);
	fprintf(out, "stuck_peak=%u\nwaiting_peak=%u\nrefused=%lu\n",
		seen.stuck_peak, seen.waiting_peak, seen.refused);
	pthread_mutex_unlock(&seen.lock);
	write_phase(out, -1, "all");
	for (unsigned i = 0; i < options.phase_count; i++) {
		write_start(out, &options.phases[i]);
		write_phase(out, (int)i, options.phases[i].name);
	}
	return fflush(out) ? -errno : 0;
}

/* "slow:slow:7": name, command, seconds; cuts the text at the colons. */
static int add_phase(char *text)
{
	struct phase *phase = &options.phases[options.phase_count];

	if (options.phase_count == PHASES_MAX)
		return -ENOSPC;
	phase->name = strsep(&text, ":");
	phase->command = strsep(&text, ":");
	if (!phase->command || !text || read_number(text, 600, &phase->seconds))
		return -EINVAL;
	options.phase_count++;
	return 0;
}

static int read_text(const char *text, void *out)
{
	*(const char **)out = text;
	return 0;
}

static int read_endpoint(const char *text, void *out)
{
	return read_address(text, out);
}

static int read_rate(const char *text, void *out)
{
	return read_number(text, RATE_MAX, out);
}

static int read_switch(const char *text, void *out)
{
	*(bool *)out = !strcmp(text, "yes");
	return 0;
}

static const struct {
	const char *key;
	int (*read)(const char *text, void *out);
	void *out;
} settings[] = {
	{"target", read_endpoint, &options.target},
	{"stats", read_endpoint, &seen.stats},
	{"metrics", read_endpoint, &seen.metrics},
	{"service", read_text, &seen.service},
	{"control", read_text, &options.control},
	{"result", read_text, &options.result},
	{"rate", read_rate, &options.rate},
	{"colour", read_switch, &options.colour},
};

/* "rate=40" */
static int read_setting(const char *text)
{
	size_t length = strcspn(text, "=");

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (strlen(settings[i].key) == length && text[length] &&
		    !strncmp(settings[i].key, text, length))
			return settings[i].read(text + length + 1,
						settings[i].out);
	return -EINVAL;
}

static int read_arguments(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int err = strchr(argv[i], '=') ? read_setting(argv[i])
					       : add_phase(argv[i]);

		if (err)
			return err;
	}
	if (!options.target.sin_port || !seen.stats.sin_port ||
	    !options.control || !options.result || !options.rate ||
	    !options.phase_count)
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t watcher;
	int err;

	if (read_arguments(argc, argv)) {
		fprintf(stderr,
			"usage: load target=A:P stats=A:P control=FIFO result=FILE [metrics=A:P]\n"
			"            [service=NAME] [rate=N] [colour=yes] PHASE:COMMAND:SECONDS...\n");
		return 2;
	}
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		run.requests[i].fd = -1;
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	err = run.epoll < 0
		      ? -errno
		      : -pthread_create(&watcher, NULL, watch_for_ever, &seen);
	if (!err) {
		print_heading();
		err = run_phases();
	}
	if (!err) {
		drain();
		err = write_result();
	}
	if (run.dropped)
		fprintf(stderr,
			"load: %u requests were not sent or not kept: a limit was reached\n",
			run.dropped);
	if (err)
		fprintf(stderr, "load: stopped: %s\n", strerror(-err));
	return err ? 1 : 0;
}
