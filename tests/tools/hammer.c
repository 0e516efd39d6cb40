/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hammer.c - many threads that connect in every way at once, COUNT times in all
 * or for SECONDS. What closes in a way that a server's program sees a moment
 * later than its kernel goes to the server on LATE-PORT.
 *
 *   hammer ADDRESS PORT LATE-PORT CLOSED-PORT DARK-ADDRESS THREADS COUNT [SECONDS]
 *
 * Each turn of a thread is one of the ways of the table below. With SECONDS
 * some of them end by a reset, too. Prints "WAY RESULT COUNT" for each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESULTS_MAX 160
#define STACK_BYTES (128 * 1024)
#define AT_ONCE	    4 /* connections of one thread: more than the cap allows */
#define RETRIES	    4
#define PATIENCE_MS 5000

static struct {
	struct sockaddr_in open, late, closed, dark;
	int threads;
	_Atomic long left;
	time_t until; /* 0: until the count is reached */
} hammer;

static int open_socket(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0) {
		perror("hammer: socket");
		exit(1);
	}
	return fd;
}

static int dial(int fd, const struct sockaddr_in *peer)
{
	return connect(fd, (const struct sockaddr *)peer, sizeof(*peer)) ? errno
									 : 0;
}

/* The server has closed before we do: then its own count is never behind. */
static void leave(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char rest[64];

	shutdown(fd, SHUT_WR);
	while (poll(&wait, 1, PATIENCE_MS) > 0 &&
	       recv(fd, rest, sizeof(rest), 0) > 0)
		;
	close(fd);
}

static int exchange(int fd)
{
	char byte = 'x';

	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return errno;
	return recv(fd, &byte, 1, 0) == 1 ? 0 : ECONNRESET;
}

/* ---- the ways; each returns what became of its last connect -------------------- */

static int way_orderly(void)
{
	int fds[AT_ONCE], err = 0;

	for (int i = 0; i < AT_ONCE; i++) {
		fds[i] = open_socket(0);
		err = dial(fds[i], &hammer.open);
		if (err) {
			close(fds[i]);
			fds[i] = -1;
		}
	}
	usleep(2000);
	for (int i = 0; i < AT_ONCE; i++)
		if (fds[i] >= 0)
			leave(fds[i]);
	return err;
}

static int way_exchange(void)
{
	int fd = open_socket(0), err = dial(fd, &hammer.open);

	if (err) {
		close(fd);
		return err;
	}
	err = exchange(fd);
	leave(fd);
	return err;
}

static int way_refused(void)
{
	int fd = open_socket(0), err = dial(fd, &hammer.closed);

	close(fd);
	return err;
}

/* Nobody answers: we do not wait for the kernel to give up. */
static int way_given_up(void)
{
	int fd = open_socket(SOCK_NONBLOCK), err = dial(fd, &hammer.dark);
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	if (err == EINPROGRESS)
		poll(&wait, 1, 3);
	close(fd);
	return err;
}

/* Here we do. */
static int way_timed_out(void)
{
	int fd = open_socket(0), ms = 200, err;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	err = dial(fd, &hammer.dark);
	close(fd);
	return err;
}

/* One socket: to where nobody listens, then again and again to where it is. */
static int way_again(void)
{
	int fd = open_socket(0), err = dial(fd, &hammer.closed);

	for (int i = 0; i < RETRIES && err; i++)
		err = dial(fd, &hammer.open);
	if (err)
		close(fd);
	else
		leave(fd);
	return err;
}

/* The child has it when the parent has closed it. */
static int way_forked(void)
{
	int fd = open_socket(0), err = dial(fd, &hammer.open);
	pid_t child = err ? -1 : fork();

	if (child == 0) {
		leave(fd);
		_exit(0);
	}
	close(fd);
	if (child > 0)
		waitpid(child, NULL, 0);
	return err;
}

/* Killed while it holds a connection, or while it still connects. */
static int way_killed(void)
{
	int pair[2], err = 0;
	struct pollfd wait;
	pid_t child;

	if (pipe2(pair, O_CLOEXEC))
		return errno;
	child = fork();
	if (child == 0) {
		int fd = open_socket(0), result = dial(fd, &hammer.late);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(pair[1], &result, sizeof(result)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	close(pair[1]);
	wait = (struct pollfd){.fd = pair[0], .events = POLLIN};
	if (poll(&wait, 1, 20) > 0 &&
	    read(pair[0], &err, sizeof(err)) != sizeof(err))
		err = EPIPE;
	close(pair[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return err;
}

/* ---- those that end by a reset -------------------------------------------------- */

static int way_linger(void)
{
	struct linger now = {.l_onoff = 1};
	int fd = open_socket(0), err = dial(fd, &hammer.late);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	return err;
}

static int way_undone(void)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	int fd = open_socket(0), err = dial(fd, &hammer.late);

	connect(fd, &nowhere, sizeof(nowhere));
	err = dial(fd, &hammer.late);
	if (err)
		close(fd);
	else
		leave(fd);
	return err;
}

static int way_unread(void)
{
	int fd = open_socket(0), err = dial(fd, &hammer.late);
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	if (!err && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		poll(&wait, 1, PATIENCE_MS);
	close(fd);
	return err;
}

static struct way {
	const char *name;
	int (*once)(void);
	int connects; /* of one turn, when all goes well */
	int share;    /* of a thousand turns */
	bool resets;
	_Atomic long results[RESULTS_MAX];
} ways[] = {
	{"orderly", way_orderly, AT_ONCE, 400, false, {0}},
	{"exchange", way_exchange, 1, 200, false, {0}},
	{"refused", way_refused, 1, 100, false, {0}},
	{"given-up", way_given_up, 1, 60, false, {0}},
	{"timed-out", way_timed_out, 1, 2, false, {0}},
	{"again", way_again, 2, 98, false, {0}},
	{"forked", way_forked, 1, 20, false, {0}},
	{"killed", way_killed, 1, 20, false, {0}},
	{"linger", way_linger, 1, 40, true, {0}},
	{"undone", way_undone, 2, 30, true, {0}},
	{"unread", way_unread, 1, 30, true, {0}},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static struct way *choose(unsigned *seed)
{
	int at = rand_r(seed) % 1000;

	for (size_t i = 0; i < WAYS; i++) {
		if (at < ways[i].share)
			return ways[i].resets && !hammer.until ? &ways[0]
							       : &ways[i];
		at -= ways[i].share;
	}
	return &ways[0];
}

static bool goes_on(const struct way *way)
{
	if (hammer.until)
		return time(NULL) < hammer.until;
	return atomic_fetch_sub(&hammer.left, way->connects) > 0;
}

static void *work(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument + 1;

	for (;;) {
		struct way *way = choose(&seed);
		int err;

		if (!goes_on(way))
			return NULL;
		err = way->once();
		way->results[err < RESULTS_MAX ? err : 0]++;
	}
}

static void run(void)
{
	pthread_t *threads = calloc((size_t)hammer.threads, sizeof(*threads));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 0; i < hammer.threads; i++)
		if (pthread_create(&threads[i], &attributes, work,
				   (void *)(uintptr_t)i)) {
			perror("hammer: thread");
			exit(1);
		}
	for (int i = 0; i < hammer.threads; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static struct sockaddr_in peer(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET};

	to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		fprintf(stderr, "hammer: not an address: %s\n", address);
		exit(2);
	}
	return to;
}

int main(int argc, char **argv)
{
	long seconds = argc > 8 ? strtol(argv[8], NULL, 10) : 0;

	if (argc < 8 || argc > 9) {
		fprintf(stderr, "usage: hammer ADDRESS PORT LATE-PORT "
				"CLOSED-PORT DARK-ADDRESS THREADS COUNT "
				"[SECONDS]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	hammer.open = peer(argv[1], argv[2]);
	hammer.late = peer(argv[1], argv[3]);
	hammer.closed = peer(argv[1], argv[4]);
	hammer.dark = peer(argv[5], argv[2]);
	hammer.threads = (int)strtol(argv[6], NULL, 10);
	hammer.left = strtol(argv[7], NULL, 10);
	hammer.until = seconds ? time(NULL) + seconds : 0;
	run();
	for (size_t i = 0; i < WAYS; i++)
		for (int err = 0; err < RESULTS_MAX; err++)
			if (ways[i].results[err])
				printf("%s %s %ld\n", ways[i].name,
				       err ? strerrorname_np(err) : "ok",
				       ways[i].results[err]);
	return 0;
}
