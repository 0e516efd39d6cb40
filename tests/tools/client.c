/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * client.c - connections in every way an application may make them.
 *
 *   client WAY ADDRESS PORT COUNT [MS]
 *
 * One connection after another, COUNT times, each used and closed:
 *   blocking  nonblocking  uring  fastopen  retry  patient  early
 *   fork  dup  passed  adrift  halfclose  linger  turns
 * COUNT at the same instant, held for MS: parallel, or once answered: ask
 * COUNT one after another, held until a signal: hold  leak  handover
 * One request on a connection of its own, every MS:  request
 * On one connection, COUNT times, with MS between two (see run_many()):
 *   pipeline  stream  subscribe  greeted  talk
 *
 * Prints a line "RESULT COUNT" for each different result: ok, or the name of
 * the errno with which connect() or the exchange ended.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULTS_MAX   160 /* errno values */
#define ANSWER_MS     5000
#define STACK_BYTES   (64 * 1024)
#define PATIENT_TRIES 10000

static struct {
	struct sockaddr_storage peer;
	socklen_t peer_bytes;
	int count;
	int ms;
	int results[RESULTS_MAX];
	pthread_mutex_t lock;
	pthread_barrier_t start;
} client = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(int error)
{
	pthread_mutex_lock(&client.lock);
	client.results[error < RESULTS_MAX ? error : 0]++;
	pthread_mutex_unlock(&client.lock);
}

static void print_results(void)
{
	for (int i = 0; i < RESULTS_MAX; i++)
		if (client.results[i])
			printf("%s %d\n", i ? strerrorname_np(i) : "ok",
			       client.results[i]);
	fflush(stdout);
}

static int open_socket(int flags)
{
	int fd = socket(client.peer.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0) {
		perror("client: socket");
		exit(1);
	}
	return fd;
}

/* 0 or a positive errno. */
static int dial(int fd)
{
	return connect(fd, (struct sockaddr *)&client.peer, client.peer_bytes)
		       ? errno
		       : 0;
}

static int await(int fd, short events, int ms)
{
	struct pollfd wait = {.fd = fd, .events = events};

	return poll(&wait, 1, ms) > 0 ? 0 : ETIMEDOUT;
}

static int exchange(int fd, int ms)
{
	char byte = 'x';
	int err;

	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return errno;
	err = await(fd, POLLIN, ms);
	if (err)
		return err;
	switch (recv(fd, &byte, 1, 0)) {
	case 1:
		return 0;
	case 0:
		return ENODATA;
	default:
		return errno;
	}
}

static int dial_and_exchange(int fd)
{
	int err = dial(fd);

	return err ? err : exchange(fd, ANSWER_MS);
}

/* ---- the ways -------------------------------------------------------------------- */

static int way_blocking(void)
{
	int fd = open_socket(0);
	int err = dial_and_exchange(fd);

	close(fd);
	return err;
}

static int way_nonblocking(void)
{
	int fd = open_socket(SOCK_NONBLOCK), err = dial(fd);
	socklen_t bytes = sizeof(err);

	if (err == EINPROGRESS) {
		err = await(fd, POLLOUT, ANSWER_MS);
		if (!err)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &bytes);
	}
	if (!err)
		err = exchange(fd, ANSWER_MS);
	close(fd);
	return err;
}

static int way_uring(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int fd = open_socket(0), err;

	err = -io_uring_queue_init(4, &ring, 0);
	if (err) {
		close(fd);
		return err;
	}
	io_uring_prep_connect(io_uring_get_sqe(&ring), fd,
			      (struct sockaddr *)&client.peer,
			      client.peer_bytes);
	io_uring_submit(&ring);
	err = -io_uring_wait_cqe(&ring, &cqe);
	if (!err) {
		err = -cqe->res;
		io_uring_cqe_seen(&ring, cqe);
	}
	if (!err)
		err = exchange(fd, ANSWER_MS);
	io_uring_queue_exit(&ring);
	close(fd);
	return err;
}

/* A child holds the socket after its parent has closed it. */
static int way_fork(void)
{
	int fd = open_socket(0), err = dial(fd), status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(err ? 0 : exchange(fd, ANSWER_MS));
	close(fd);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return err ? err : WEXITSTATUS(status);
}

static int way_dup(void)
{
	int fd = open_socket(0), err = dial(fd), other = dup(fd);

	close(fd);
	if (!err)
		err = exchange(other, ANSWER_MS);
	close(other);
	return err;
}

/* connect() again on the socket whose connect() failed or was undone. */
static int way_retry(void)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	int fd = open_socket(0), err = dial(fd);

	if (!err)
		connect(fd, &nowhere, sizeof(nowhere));
	err = dial_and_exchange(fd);
	close(fd);
	return err;
}

/* One socket, until it is let through: what refused it left nothing on it. */
static int way_patient(void)
{
	int fd = open_socket(0), err = dial_and_exchange(fd);

	for (int tries = 0; err && tries < PATIENT_TRIES; tries++) {
		usleep(1000);
		err = dial_and_exchange(fd);
	}
	close(fd);
	return err;
}

/* connect() and the first byte in one call. */
static int way_fastopen(void)
{
	int fd = open_socket(0), err = 0;

	if (sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
		   (struct sockaddr *)&client.peer, client.peer_bytes) != 1)
		err = errno;
	if (!err)
		err = await(fd, POLLIN, ANSWER_MS);
	close(fd);
	return err;
}

/* Closed before anybody answered. */
static int way_early(void)
{
	int fd = open_socket(SOCK_NONBLOCK), err = dial(fd);

	close(fd);
	return err == EINPROGRESS ? 0 : err;
}

/* ---- descriptors that travel ------------------------------------------------------- */

static int send_descriptor(int channel, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec byte = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	return sendmsg(channel, &message, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

static int receive_descriptor(int channel)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *rights;
	int fd = -1;

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	rights = CMSG_FIRSTHDR(&message);
	if (rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
	return fd;
}

/* What the process does that gets the connection from a stranger. */
static int use_received(int channel)
{
	int fd = receive_descriptor(channel);
	int err = fd < 0 ? EBADF : exchange(fd, ANSWER_MS);

	close(fd);
	return err;
}

/* Connected here, used and closed in another process. */
static int way_passed(void)
{
	int fd, pair[2], err, status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return errno;
	/* Before there is a connection it could inherit. */
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(use_received(pair[1]));
	}
	close(pair[1]);
	fd = open_socket(0);
	err = dial(fd);
	if (!err)
		err = send_descriptor(pair[0], fd);
	close(fd);
	close(pair[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return err ? err : WEXITSTATUS(status);
}

/* Sent, and nobody takes it in: the kernel closes it with the channel. */
static int way_adrift(void)
{
	int fd, pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return errno;
	fd = open_socket(0);
	err = dial_and_exchange(fd);
	if (!err)
		err = send_descriptor(pair[0], fd);
	close(fd);
	close(pair[0]);
	close(pair[1]);
	return err;
}

/* ---- ends ----------------------------------------------------------------------------- */

/* Our side says it has finished, and waits for the other to say so. */
static int way_halfclose(void)
{
	int fd = open_socket(0), err = dial_and_exchange(fd);
	char byte;

	if (!err && shutdown(fd, SHUT_WR))
		err = errno;
	if (!err)
		err = await(fd, POLLIN, ANSWER_MS);
	if (!err && recv(fd, &byte, 1, 0) != 0)
		err = EPROTO;
	close(fd);
	return err;
}

static int way_linger(void)
{
	struct linger now = {.l_onoff = 1};
	int fd = open_socket(0), err = dial_and_exchange(fd);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	return err;
}

static const struct {
	const char *name;
	int (*once)(void);
} ways[] = {
	{"blocking", way_blocking},
	{"nonblocking", way_nonblocking},
	{"uring", way_uring},
	{"fork", way_fork},
	{"dup", way_dup},
	{"retry", way_retry},
	{"early", way_early},
	{"linger", way_linger},
	{"patient", way_patient},
	{"fastopen", way_fastopen},
	{"passed", way_passed},
	{"adrift", way_adrift},
	{"halfclose", way_halfclose},
};

static int run_way(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, name))
			continue;
		for (int n = 0; n < client.count; n++)
			note(ways[i].once());
		return 1;
	}
	return 0;
}

/* ---- many at once, and over time --------------------------------------------------- */

/*
 * In order: the server has closed before we do. After a plain close() the
 * kernel forgets the socket as soon as the FIN is acknowledged, and a server
 * that has not read it yet still counts the connection.
 */
static void leave(int fd)
{
	char rest[64];

	shutdown(fd, SHUT_WR);
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
}

/* `ask`: only who is answered is in. */
static void *dial_at_once(void *ask)
{
	int fd = open_socket(0), err;

	pthread_barrier_wait(&client.start);
	err = dial(fd);
	if (!err && ask)
		err = exchange(fd, ANSWER_MS);
	note(err);
	if (!err) {
		usleep((useconds_t)client.ms * 1000);
		leave(fd);
	}
	close(fd);
	return NULL;
}

static void run_at_once(void *ask)
{
	pthread_t *threads = calloc((size_t)client.count, sizeof(*threads));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_barrier_init(&client.start, NULL, (unsigned)client.count);
	for (int i = 0; i < client.count; i++)
		if (pthread_create(&threads[i], &attributes, dial_at_once,
				   ask)) {
			perror("client: thread");
			exit(1);
		}
	for (int i = 0; i < client.count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void run_parallel(void)
{
	run_at_once(NULL);
}

static void run_ask(void)
{
	run_at_once(&client);
}

static void run_hold(void)
{
	for (int i = 0; i < client.count; i++)
		note(dial(open_socket(0)));
	print_results();
	memset(client.results, 0, sizeof(client.results));
	/* Until a signal ends it: the kernel closes what is open. */
	pause();
}

/* A request that ends the connection, and nobody reads that it has ended. */
static void run_leak(void)
{
	for (int i = 0; i < client.count; i++) {
		int fd = open_socket(0), err = dial(fd);

		if (!err && send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			err = errno;
		if (!err)
			err = await(fd, POLLRDHUP, ANSWER_MS);
		note(err);
	}
	print_results();
	memset(client.results, 0, sizeof(client.results));
	pause();
}

/* They go to a child that does not inherit them; it ends when we do. */
static void run_handover(void)
{
	int pair[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		exit(1);
	if (fork() == 0) {
		close(pair[0]);
		for (int i = 0; i < client.count; i++)
			receive_descriptor(pair[1]);
		while (read(pair[1], &byte, 1) > 0)
			;
		_exit(0);
	}
	close(pair[1]);
	for (int i = 0; i < client.count; i++) {
		int fd = open_socket(0), err = dial(fd);

		if (!err)
			err = send_descriptor(pair[0], fd);
		note(err);
		close(fd);
	}
	print_results();
	memset(client.results, 0, sizeof(client.results));
	pause();
}

static void run_request(void)
{
	for (int i = 0; i < client.count; i++) {
		int fd = open_socket(0), err = dial(fd);

		if (!err)
			err = exchange(fd, client.ms > 200 ? client.ms : 200);
		note(err);
		close(fd);
		usleep((useconds_t)client.ms * 1000);
	}
}

static void run_turns(void)
{
	int fd = open_socket(0), err = dial(fd);

	for (int i = 0; i < client.count && !err; i++) {
		err = exchange(fd, ANSWER_MS);
		note(err);
		usleep((useconds_t)client.ms * 1000);
	}
	if (err)
		note(err);
	close(fd);
}

/* ---- on one connection, and not in turns ------------------------------------------- */

#define PIPELINED     100
#define REQUEST_BYTES 1024

static int send_byte(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

static int send_request(int fd)
{
	static const char request[REQUEST_BYTES];

	return send(fd, request, sizeof(request), MSG_NOSIGNAL) ==
			       (ssize_t)sizeof(request)
		       ? 0
		       : errno;
}

static int receive_bytes(int fd, size_t wanted)
{
	char bytes[64];

	while (wanted) {
		int err = await(fd, POLLIN, ANSWER_MS);
		ssize_t got;

		if (err)
			return err;
		got = recv(fd, bytes,
			   wanted < sizeof(bytes) ? wanted : sizeof(bytes), 0);
		if (got <= 0)
			return got ? errno : ENODATA;
		wanted -= (size_t)got;
	}
	return 0;
}

static int pipeline_once(int fd)
{
	int err = 0;

	for (int i = 0; i < PIPELINED && !err; i++)
		err = send_request(fd);
	return err ? err : receive_bytes(fd, PIPELINED);
}

static int receive_one(int fd)
{
	return receive_bytes(fd, 1);
}

static int exchange_once(int fd)
{
	return exchange(fd, ANSWER_MS);
}

static int take_greeting(int fd)
{
	return receive_bytes(fd, 6);
}

static int nothing(int fd)
{
	(void)fd;
	return 0;
}

/*
 * pipeline: a hundred requests of 1 KiB in a row, then their answers; stream: a
 * byte that is not answered; subscribe: one request, and COUNT answers to it;
 * greeted: a request and its answer, after the other side spoke first; talk: the
 * same without that.
 */
static void run_many(int (*first)(int fd), int (*then)(int fd))
{
	int fd = open_socket(0), err = dial(fd), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!err)
		err = first(fd);
	for (int i = 0; i < client.count && !err; i++) {
		err = then(fd);
		note(err);
		usleep((useconds_t)client.ms * 1000);
	}
	if (err)
		note(err);
	close(fd);
}

static void run_pipeline(void)
{
	run_many(nothing, pipeline_once);
}

static void run_talk(void)
{
	run_many(nothing, exchange_once);
}

static void run_stream(void)
{
	run_many(nothing, send_byte);
}

static void run_subscribe(void)
{
	run_many(send_byte, receive_one);
}

static void run_greeted(void)
{
	run_many(take_greeting, exchange_once);
}

static const struct {
	const char *name;
	void (*run)(void);
} runs[] = {
	{"parallel", run_parallel}, {"hold", run_hold},
	{"leak", run_leak},	    {"handover", run_handover},
	{"request", run_request},   {"turns", run_turns},
	{"pipeline", run_pipeline}, {"stream", run_stream},
	{"talk", run_talk},	    {"subscribe", run_subscribe},
	{"greeted", run_greeted},   {"ask", run_ask},
};

static int run_other(const char *name)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		if (!strcmp(runs[i].name, name)) {
			runs[i].run();
			return 1;
		}
	return 0;
}

static int set_peer(const char *address, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&client.peer;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&client.peer;
	uint16_t number = htons((uint16_t)strtoul(port, NULL, 10));

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = number;
		client.peer_bytes = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
		return -1;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = number;
	client.peer_bytes = sizeof(*v6);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 5 || argc > 6 || set_peer(argv[2], argv[3])) {
		fprintf(stderr, "usage: client WAY ADDRESS PORT COUNT [MS]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	client.count = (int)strtol(argv[4], NULL, 10);
	client.ms = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 0;
	if (!run_way(argv[1]) && !run_other(argv[1])) {
		fprintf(stderr, "client: unknown way %s\n", argv[1]);
		return 2;
	}
	print_results();
	return 0;
}
