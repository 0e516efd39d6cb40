/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rate.c - connects as fast as THREADS can for SECONDS, and says how many were
 * let in, and by how many that is too many in the worst interval of all.
 *
 *   rate ADDRESS PORT THREADS SECONDS RATE BURST
 *   admitted N refused N failed N seconds S excess E
 *
 * The kernel decides at some instant of each connect(). So at least those that
 * began after `a` and ended before `b` were let in between the two, and over no
 * interval may they be more than BURST + RATE * (b - a): E is not above 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADMITTED_MAX 1000000
#define THREADS_MAX  256

static struct {
	struct sockaddr_in peer;
	double until;
	double begun[ADMITTED_MAX], ended[ADMITTED_MAX];
	size_t admitted;
	unsigned long refused, failed;
	pthread_mutex_t lock;
} rate = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note(int err, double begun, double ended)
{
	pthread_mutex_lock(&rate.lock);
	if (err == ECONNREFUSED) {
		rate.refused++;
	} else if (err || rate.admitted == ADMITTED_MAX) {
		rate.failed++;
	} else {
		rate.begun[rate.admitted] = begun;
		rate.ended[rate.admitted++] = ended;
	}
	pthread_mutex_unlock(&rate.lock);
}

static void *work(void *argument)
{
	/* No socket is left behind that keeps its port for a minute. */
	const struct linger reset = {.l_onoff = 1};

	(void)argument;
	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		double begun = now();
		int err;

		if (begun >= rate.until) {
			close(fd);
			return NULL;
		}
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		err = connect(fd, (struct sockaddr *)&rate.peer,
			      sizeof(rate.peer))
			      ? errno
			      : 0;
		note(err, begun, now());
		close(fd);
	}
}

static int by_time(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

/*
 * Of those that ended by ended[j], i at most began before begun[i]. For a given
 * end the worst beginning is the one with the largest RATE * begun[i] - i.
 */
static double excess(double per_second, double burst)
{
	double start = -HUGE_VAL, worst = -HUGE_VAL;
	size_t i = 0;

	for (size_t j = 0; j < rate.admitted; j++) {
		double end = (double)(j + 1) - per_second * rate.ended[j];

		for (; i < rate.admitted && rate.begun[i] <= rate.ended[j]; i++)
			start = fmax(start,
				     per_second * rate.begun[i] - (double)i);
		worst = fmax(worst, end + start - burst);
	}
	return worst;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	double begun;
	int count;

	if (argc != 7 ||
	    inet_pton(AF_INET, argv[1], &rate.peer.sin_addr) != 1) {
		fprintf(stderr, "usage: rate ADDRESS PORT THREADS SECONDS RATE "
				"BURST\n");
		return 2;
	}
	rate.peer.sin_family = AF_INET;
	rate.peer.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	count = (int)strtol(argv[3], NULL, 10);
	if (count < 1 || count > THREADS_MAX)
		return 2;
	begun = now();
	rate.until = begun + strtod(argv[4], NULL);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	qsort(rate.begun, rate.admitted, sizeof(double), by_time);
	qsort(rate.ended, rate.admitted, sizeof(double), by_time);
	printf("admitted %zu refused %lu failed %lu seconds %.3f excess %.2f\n",
	       rate.admitted, rate.refused, rate.failed, now() - begun,
	       excess(strtod(argv[5], NULL), strtod(argv[6], NULL)));
	return 0;
}
