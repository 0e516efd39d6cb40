/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exchange.c - the traffic that is measured: one byte out, one byte back.
 *
 *   exchange serve PORT             answers every byte, until killed
 *   exchange mute PORT              accepts, reads, never answers
 *   exchange connect PORT COUNT     connect, one exchange, close: ns for one
 *   exchange persist PORT COUNT     exchanges on one connection: ns for one
 *   exchange fail PORT COUNT        connects that fail: ns for one
 *   exchange trip PORT FAILURES     ns from the FAILURES-th failing connect
 *                                   to the first one that Weir refused
 *   exchange hang PORT CALLS        CALLS requests that hang, HANG_MS allowed:
 *                                   ns from there to the first refused connect
 *   exchange idle PORT COUNT        holds COUNT connections, until killed
 *
 * Prints one number, but for those that run until killed. On loopback, where no
 * network hides anything, unless EXCHANGE_ADDRESS says where.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TRIP_ERRNO \
	EHOSTUNREACH /* what the policy of the benchmark refuses with */
#define TRIES_MAX 1000000

/* slowCallDurationThreshold of the benchmark, and how often is looked. */
#define HANG_MS	       200
#define LOOK_US	       1000
#define HANG_CALLS_MAX 100
#define LOOKS_MAX      900

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "exchange: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static struct sockaddr_in address(const char *port)
{
	const char *elsewhere = getenv("EXCHANGE_ADDRESS");
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (elsewhere && inet_pton(AF_INET, elsewhere, &a.sin_addr) != 1)
		die(elsewhere);
	return a;
}

static bool mute;

static void *answer(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char byte;

	while (read(fd, &byte, 1) == 1)
		if (!mute && write(fd, &byte, 1) != 1)
			break;
	close(fd);
	return NULL;
}

static int serve(const char *port)
{
	struct sockaddr_in a = address(port);
	int one = 1, fd = open_socket();

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1024))
		die("listen");
	for (;;) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (peer < 0)
			continue;
		setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (pthread_create(&thread, NULL, answer,
				   (void *)(intptr_t)peer))
			close(peer);
		else
			pthread_detach(thread);
	}
	return 0;
}

static int dial(const struct sockaddr_in *a)
{
	int fd = open_socket();

	if (!connect(fd, (const struct sockaddr *)a, sizeof(*a)))
		return fd;
	close(fd);
	return -1;
}

static void exchange(int fd)
{
	char byte = 'x';

	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		die("exchange");
}

static int measure_connect(const struct sockaddr_in *a, unsigned long count)
{
	/* A reset instead of TIME_WAIT, or ports run out. */
	const struct linger reset = {.l_onoff = 1};
	uint64_t start = now_ns();

	for (unsigned long i = 0; i < count; i++) {
		int fd = dial(a);

		if (fd < 0)
			die("connect");
		exchange(fd);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	printf("%.1f\n", (double)(now_ns() - start) / (double)count);
	return 0;
}

static int measure_persist(const struct sockaddr_in *a, unsigned long count)
{
	int fd = dial(a);
	uint64_t start;

	if (fd < 0)
		die("connect");
	exchange(fd);
	start = now_ns();
	for (unsigned long i = 0; i < count; i++)
		exchange(fd);
	printf("%.1f\n", (double)(now_ns() - start) / (double)count);
	close(fd);
	return 0;
}

static int measure_fail(const struct sockaddr_in *a, unsigned long count)
{
	uint64_t start = now_ns();

	for (unsigned long i = 0; i < count; i++)
		if (dial(a) >= 0)
			die("the connection was expected to fail");
	printf("%.1f\n", (double)(now_ns() - start) / (double)count);
	return 0;
}

static int print_since(uint64_t start)
{
	printf("%lld\n", (long long)(now_ns() - start));
	return 0;
}

static int never_opened(void)
{
	fprintf(stderr, "exchange: the breaker never opened\n");
	return 1;
}

static int measure_trip(const struct sockaddr_in *a, unsigned long failures)
{
	uint64_t reached = 0;

	for (unsigned long i = 1; i < TRIES_MAX; i++) {
		if (dial(a) >= 0)
			die("the connection was expected to fail");
		if (i == failures)
			reached = now_ns();
		if (errno != TRIP_ERRNO)
			continue;
		if (!reached)
			die("refused before the last failure");
		return print_since(reached);
	}
	return never_opened();
}

static void sleep_us(uint64_t us)
{
	const struct timespec t = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000 * 1000),
	};

	nanosleep(&t, NULL);
}

/* Each look is a connection that is held: closed, it would be a success. */
static int measure_hang(const struct sockaddr_in *a, unsigned long calls)
{
	int fds[HANG_CALLS_MAX];
	uint64_t due;

	if (calls > HANG_CALLS_MAX)
		return 2;
	for (unsigned long i = 0; i < calls; i++)
		if ((fds[i] = dial(a)) < 0)
			die("connect");
	for (unsigned long i = 0; i < calls; i++)
		if (write(fds[i], "x", 1) != 1)
			die("write");
	due = now_ns() + HANG_MS * 1000000ull;
	sleep_us(HANG_MS * 1000ull);
	for (int i = 0; i < LOOKS_MAX; i++) {
		if (dial(a) < 0 && errno == TRIP_ERRNO)
			return print_since(due);
		sleep_us(LOOK_US);
	}
	return never_opened();
}

static int hold(const struct sockaddr_in *a, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++)
		if (dial(a) < 0)
			die("connect");
	printf("%lu\n", count);
	fflush(stdout);
	for (;;)
		pause();
	return 0;
}

static const struct measurement {
	const char *name;
	int (*run)(const struct sockaddr_in *a, unsigned long count);
} measurements[] = {
	{"connect", measure_connect}, {"persist", measure_persist},
	{"fail", measure_fail},	      {"trip", measure_trip},
	{"hang", measure_hang},	      {"idle", hold},
};

int main(int argc, char **argv)
{
	struct sockaddr_in a;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "mute")) {
		mute = true;
		return serve(argv[2]);
	}
	if (argc != 4) {
		fprintf(stderr, "usage: exchange serve|mute PORT | "
				"connect|persist|fail|trip|hang|idle "
				"PORT COUNT\n");
		return 2;
	}
	a = address(argv[2]);
	for (size_t i = 0; i < sizeof(measurements) / sizeof(*measurements);
	     i++)
		if (!strcmp(argv[1], measurements[i].name))
			return measurements[i].run(&a,
						   strtoul(argv[3], NULL, 10));
	fprintf(stderr, "exchange: unknown measurement %s\n", argv[1]);
	return 2;
}
