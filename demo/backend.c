/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backend.c - a service that answers one line to each line, as fast as told.
 *
 * `backend NAME ADDRESS:PORT FAST_MS SLOW_MS [CONTROL]`. Lines written to the
 * FIFO `CONTROL` switch it while it runs: `fast`, `slow`, or `hang` (it goes
 * on accepting and reading but answers nothing, as a process does that waits
 * for a lock). A request that hangs is answered when the hanging ends.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "demo/net.h"

#define CONNECTIONS_MAX 2048u
#define LINE_BYTES	128

enum mode { MODE_FAST, MODE_SLOW, MODE_HANG, MODE_COUNT };

static const char *const mode_names[MODE_COUNT] = {
	[MODE_FAST] = "fast",
	[MODE_SLOW] = "slow",
	[MODE_HANG] = "hang",
};

static struct {
	const char *name;
	pthread_mutex_t lock;
	pthread_cond_t switched;
	uint64_t delay_ns[MODE_COUNT];
	enum mode mode;
	unsigned connections;
} backend = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Returns when an answer to what was asked at `asked_ns` is due. */
static void await_answer(uint64_t asked_ns)
{
	pthread_mutex_lock(&backend.lock);
	for (;;) {
		uint64_t due_ns = asked_ns + backend.delay_ns[backend.mode];
		struct timespec due = {
			.tv_sec = (time_t)(due_ns / NS_PER_SECOND),
			.tv_nsec = (long)(due_ns % NS_PER_SECOND),
		};

		if (backend.mode == MODE_HANG)
			pthread_cond_wait(&backend.switched, &backend.lock);
		else if (now_ns() >= due_ns)
			break;
		else
			pthread_cond_timedwait(&backend.switched, &backend.lock,
					       &due);
	}
	pthread_mutex_unlock(&backend.lock);
}

static void leave(void)
{
	pthread_mutex_lock(&backend.lock);
	backend.connections--;
	pthread_mutex_unlock(&backend.lock);
}

static bool enter(void)
{
	bool room;

	pthread_mutex_lock(&backend.lock);
	room = backend.connections < CONNECTIONS_MAX;
	backend.connections += room;
	pthread_mutex_unlock(&backend.lock);
	return room;
}

static void *serve(void *argument)
{
	scoped(fd) int fd = (int)(intptr_t)argument;
	char line[LINE_BYTES];
	char answer[LINE_BYTES];

	snprintf(answer, sizeof(answer), "%s of somebody\n", backend.name);
	while (!receive_line(fd, line, sizeof(line))) {
		await_answer(now_ns());
		if (send_text(fd, answer))
			break;
	}
	leave();
	return NULL;
}

static void switch_to(const char *word)
{
	for (int mode = 0; mode < MODE_COUNT; mode++) {
		if (strcmp(word, mode_names[mode]))
			continue;
		pthread_mutex_lock(&backend.lock);
		backend.mode = (enum mode)mode;
		pthread_cond_broadcast(&backend.switched);
		pthread_mutex_unlock(&backend.lock);
		return;
	}
	fprintf(stderr, "backend %s: `%s` is none of fast, slow, hang\n",
		backend.name, word);
}

static void *obey(void *argument)
{
	scoped(file) FILE *control = argument;
	char line[LINE_BYTES];

	while (fgets(line, sizeof(line), control)) {
		line[strcspn(line, "\n")] = '\0';
		switch_to(line);
	}
	return NULL;
}

static int start_thread(void *(*body)(void *), void *argument)
{
	pthread_t thread;
	pthread_attr_t attributes;
	int err;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	err = -pthread_create(&thread, &attributes, body, argument);
	pthread_attr_destroy(&attributes);
	return err;
}

/* Read and write, so that it never ends when a writer closes it. */
static int open_control(const char *path)
{
	scoped(file) FILE *control = fopen(path, "r+e");
	int err;

	if (!control)
		return -errno;
	err = start_thread(obey, control);
	if (!err)
		(void)TAKE_PTR(control);
	return err;
}

static void accept_for_ever(int listener)
{
	for (;;) {
		scoped(fd) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (!enter()) {
			fprintf(stderr,
				"backend %s: more than %u connections\n",
				backend.name, CONNECTIONS_MAX);
			continue;
		}
		if (start_thread(serve, (void *)(intptr_t)fd)) {
			leave();
			continue;
		}
		(void)TAKE_FD(fd);
	}
}

static int read_arguments(char **argv, struct sockaddr_in *address)
{
	unsigned fast_ms, slow_ms;

	backend.name = argv[1];
	if (read_address(argv[2], address) ||
	    read_number(argv[3], 3600000, &fast_ms) ||
	    read_number(argv[4], 3600000, &slow_ms))
		return -EINVAL;
	backend.delay_ns[MODE_FAST] = fast_ms * NS_PER_MS;
	backend.delay_ns[MODE_SLOW] = slow_ms * NS_PER_MS;
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	pthread_condattr_t clock;
	int listener = -1;
	int err;

	if (argc < 5 || argc > 6 || read_arguments(argv, &address)) {
		fprintf(stderr, "usage: backend NAME ADDRESS:PORT FAST_MS "
				"SLOW_MS [CONTROL]\n");
		return 2;
	}
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&backend.switched, &clock);

	err = listen_on(&address, &listener);
	if (!err && argc == 6)
		err = open_control(argv[5]);
	if (err) {
		fprintf(stderr, "backend %s: cannot start on %s: %s\n",
			backend.name, argv[2], strerror(-err));
		return 1;
	}
	accept_for_ever(listener);
}
