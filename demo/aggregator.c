/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * aggregator.c - the application of the demo: it knows nothing of Weir.
 *
 * For each request it asks its backends one after another, each over a new
 * connection, and answers with the parts it got: `whole` or `partial`. It is
 * written as many such services are: a fixed pool of threads, blocking calls,
 * and one generous timeout. A backend that refuses costs it nothing; a backend
 * that is silent costs it a thread.
 *
 * `aggregator ADDRESS:PORT STATS_ADDRESS:PORT THREADS NAME=ADDRESS:PORT...`
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "demo/net.h"

#define THREADS_MAX	 512u
#define BACKENDS_MAX	 8u
#define QUEUE_MAX	 4096u
#define LINE_BYTES	 256
#define PATIENCE_SECONDS 10u
#define STUCK_NS	 NS_PER_SECOND /* a thread this long in one request is stuck */

struct backend {
	const char *name;
	struct sockaddr_in address;
};

static struct {
	struct backend backends[BACKENDS_MAX];
	size_t backend_count;
	unsigned thread_count;
	_Atomic uint64_t busy_since_ns[THREADS_MAX]; /* 0: idle */
} service;

/* Accepted and waiting for a thread. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	int fds[QUEUE_MAX];
	size_t head;
	size_t count;
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
};

static bool enqueue(int fd)
{
	bool room;

	pthread_mutex_lock(&queue.lock);
	room = queue.count < QUEUE_MAX;
	if (room) {
		queue.fds[(queue.head + queue.count++) % QUEUE_MAX] = fd;
		pthread_cond_signal(&queue.filled);
	}
	pthread_mutex_unlock(&queue.lock);
	return room;
}

static int dequeue(void)
{
	int fd;

	pthread_mutex_lock(&queue.lock);
	while (!queue.count)
		pthread_cond_wait(&queue.filled, &queue.lock);
	fd = queue.fds[queue.head];
	queue.head = (queue.head + 1) % QUEUE_MAX;
	queue.count--;
	pthread_mutex_unlock(&queue.lock);
	return fd;
}

static int ask(const struct backend *backend)
{
	scoped(fd) int fd = -1;
	char line[LINE_BYTES];
	int err;

	err = connect_to(&backend->address, PATIENCE_SECONDS, &fd);
	if (err)
		return err;
	err = send_text(fd, "get\n");
	if (err)
		return err;
	return receive_line(fd, line, sizeof(line));
}

static void answer(int client)
{
	char line[LINE_BYTES];
	char parts[LINE_BYTES] = "";
	size_t got = 0;

	if (set_patience(client, PATIENCE_SECONDS) ||
	    receive_line(client, line, sizeof(line)))
		return;
	for (size_t i = 0; i < service.backend_count; i++) {
		const char *name = service.backends[i].name;
		size_t used = strlen(parts);

		if (ask(&service.backends[i]))
			continue;
		snprintf(parts + used, sizeof(parts) - used, " %s", name);
		got++;
	}
	snprintf(line, sizeof(line), "%s%.200s\n",
		 got == service.backend_count ? "whole" : "partial", parts);
	send_text(client, line);
}

static void *work(void *argument)
{
	_Atomic uint64_t *busy_since_ns = argument;

	for (;;) {
		scoped(fd) int client = dequeue();

		atomic_store(busy_since_ns, now_ns());
		answer(client);
		atomic_store(busy_since_ns, 0);
	}
	return NULL;
}

static void describe(char *out, size_t bytes)
{
	uint64_t now = now_ns();
	unsigned busy = 0, stuck = 0;
	size_t waiting;

	for (unsigned i = 0; i < service.thread_count; i++) {
		uint64_t since_ns = atomic_load(&service.busy_since_ns[i]);

		busy += since_ns != 0;
		stuck += since_ns && now > since_ns + STUCK_NS;
	}
	pthread_mutex_lock(&queue.lock);
	waiting = queue.count;
	pthread_mutex_unlock(&queue.lock);
	snprintf(out, bytes, "stuck %u busy %u waiting %zu\n", stuck, busy,
		 waiting);
}

/* Its own thread: it answers also when every worker is stuck. */
static void *report(void *argument)
{
	int listener = (int)(intptr_t)argument;

	for (;;) {
		scoped(fd) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char line[LINE_BYTES];

		if (fd < 0)
			continue;
		describe(line, sizeof(line));
		send_text(fd, line);
	}
	return NULL;
}

static int start_threads(int stats_listener)
{
	pthread_t thread;
	int err;

	err = -pthread_create(&thread, NULL, report,
			      (void *)(intptr_t)stats_listener);
	for (unsigned i = 0; i < service.thread_count && !err; i++)
		err = -pthread_create(&thread, NULL, work,
				      (void *)&service.busy_since_ns[i]);
	return err;
}

static void accept_for_ever(int listener)
{
	for (;;) {
		scoped(fd) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (enqueue(fd))
			(void)TAKE_FD(fd);
		else
			fprintf(stderr,
				"aggregator: %u requests wait already\n",
				QUEUE_MAX);
	}
}

/* "users=10.78.0.11:8080"; cuts the text at the `=`. */
static int add_backend(char *text)
{
	struct backend *backend = &service.backends[service.backend_count];
	char *equals = strchr(text, '=');

	if (!equals || service.backend_count == BACKENDS_MAX ||
	    read_address(equals + 1, &backend->address))
		return -EINVAL;
	*equals = '\0';
	backend->name = text;
	service.backend_count++;
	return 0;
}

static int read_arguments(int argc, char **argv, struct sockaddr_in *address,
			  struct sockaddr_in *stats)
{
	if (argc < 5 || read_address(argv[1], address) ||
	    read_address(argv[2], stats) ||
	    read_number(argv[3], THREADS_MAX, &service.thread_count))
		return -EINVAL;
	for (int i = 4; i < argc; i++)
		if (add_backend(argv[i]))
			return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address, stats;
	int listener = -1, stats_listener = -1;
	int err;

	if (read_arguments(argc, argv, &address, &stats)) {
		fprintf(stderr, "usage: aggregator ADDRESS:PORT STATS:PORT "
				"THREADS NAME=ADDRESS:PORT...\n");
		return 2;
	}
	err = listen_on(&address, &listener);
	if (!err)
		err = listen_on(&stats, &stats_listener);
	if (!err)
		err = start_threads(stats_listener);
	if (err) {
		fprintf(stderr, "aggregator: cannot start on %s: %s\n", argv[1],
			strerror(-err));
		return 1;
	}
	accept_for_ever(listener);
}
