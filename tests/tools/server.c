/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * server.c - a backend that misbehaves on command.
 *
 *   server CONTROL ADDRESS PORT...
 *
 * Listens on each port and answers every request line or byte. Commands, one
 * a connection on the UNIX socket CONTROL, change every port at once:
 *
 *   answer MS   reply after MS milliseconds (0 at the start)
 *   hang        accept, read, never reply
 *   reset       RST after the first byte of a request
 *   close       FIN after the first byte of a request, without a reply
 *   banner      speak first, then answer
 *   refuse      close the listening ports;  listen: open them again
 *   deaf        accept no more, and keep no queue of those who wait
 *   stats       "now N peak N total N": connections accepted
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PORTS_MAX   16
#define STACK_BYTES (64 * 1024)

enum mode { MODE_ANSWER, MODE_HANG, MODE_RESET, MODE_CLOSE };

static struct {
	const char *address;
	int ports[PORTS_MAX];
	_Atomic int deaf;
	_Atomic int listeners[PORTS_MAX];
	int port_count;
	_Atomic int mode;
	_Atomic int delay_ms;
	_Atomic int banner;
	_Atomic int now, peak, total;
} server;

static void die(const char *what)
{
	fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_listener(int port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in a4 = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port)};
	int v6 = inet_pton(AF_INET6, server.address, &a6.sin6_addr) == 1;
	int one = 1, err;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!v6)
		inet_pton(AF_INET, server.address, &a4.sin_addr);
	err = v6 ? bind(fd, (struct sockaddr *)&a6, sizeof(a6))
		 : bind(fd, (struct sockaddr *)&a4, sizeof(a4));
	if (err || listen(fd, 4096))
		die("listen");
	return fd;
}

static void count_in(void)
{
	int now = ++server.now, peak = server.peak;

	server.total++;
	while (now > peak &&
	       !atomic_compare_exchange_weak(&server.peak, &peak, now))
		;
}

static void reset_connection(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* False when the connection is to end. */
static int answer_one(int fd)
{
	int delay = server.delay_ms;

	switch (server.mode) {
	case MODE_HANG:
		return 1;
	case MODE_RESET:
		reset_connection(fd);
		return 0;
	case MODE_CLOSE:
		return 0;
	default:
		break;
	}
	if (delay)
		usleep((useconds_t)delay * 1000);
	return send(fd, "x", 1, MSG_NOSIGNAL) == 1;
}

static void *serve(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char request[4096];

	if (server.banner)
		send(fd, "hello\n", 6, MSG_NOSIGNAL);
	while (recv(fd, request, sizeof(request), 0) > 0)
		if (!answer_one(fd))
			break;
	server.now--;
	close(fd);
	return NULL;
}

static void start_thread(void *(*function)(void *), intptr_t argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, function, (void *)argument))
		die("thread");
	pthread_attr_destroy(&attributes);
}

static void *accept_all(void *argument)
{
	int index = (int)(intptr_t)argument;

	for (;;) {
		struct pollfd wait = {.fd = server.listeners[index],
				      .events = POLLIN};
		int fd;

		if (server.deaf) {
			usleep(50000);
			continue;
		}
		if (poll(&wait, 1, 50) <= 0 || wait.fd < 0)
			continue;
		fd = accept4(wait.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		count_in();
		start_thread(serve, fd);
	}
	return NULL;
}

static void go_deaf(void)
{
	server.deaf = 1;
	for (int i = 0; i < server.port_count; i++)
		listen(server.listeners[i], 0);
}

static void refuse(void)
{
	for (int i = 0; i < server.port_count; i++) {
		int fd = atomic_exchange(&server.listeners[i], -1);

		if (fd < 0)
			continue;
		/* A poll() in progress would keep a closed listener alive. */
		shutdown(fd, SHUT_RDWR);
		close(fd);
	}
}

static void reopen(void)
{
	for (int i = 0; i < server.port_count; i++)
		if (server.listeners[i] < 0)
			server.listeners[i] = open_listener(server.ports[i]);
}

static const struct {
	const char *word;
	int mode;
} modes[] = {
	{"answer", MODE_ANSWER},
	{"hang", MODE_HANG},
	{"reset", MODE_RESET},
	{"close", MODE_CLOSE},
};

static void obey(int fd, char *line)
{
	char word[32] = "";
	int value = 0;

	sscanf(line, "%31s %d", word, &value);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(word, modes[i].word)) {
			server.delay_ms = value;
			server.mode = modes[i].mode;
		}
	if (!strcmp(word, "banner"))
		server.banner = 1;
	if (!strcmp(word, "deaf"))
		go_deaf();
	if (!strcmp(word, "refuse"))
		refuse();
	if (!strcmp(word, "listen"))
		reopen();
	if (!strcmp(word, "clear"))
		server.peak = server.total = 0;
	dprintf(fd, "now %d peak %d total %d\n", server.now, server.peak,
		server.total);
}

static int listen_control(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 8))
		die("control socket");
	return fd;
}

int main(int argc, char **argv)
{
	int control;

	if (argc < 4 || argc > 3 + PORTS_MAX) {
		fprintf(stderr, "usage: server CONTROL ADDRESS PORT...\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	server.address = argv[2];
	for (int i = 3; i < argc; i++) {
		int index = server.port_count++;

		server.ports[index] = (int)strtoul(argv[i], NULL, 10);
		server.listeners[index] = open_listener(server.ports[index]);
		start_thread(accept_all, index);
	}
	control = listen_control(argv[1]);
	for (;;) {
		int fd = accept4(control, NULL, NULL, SOCK_CLOEXEC);
		char line[128];
		ssize_t got;

		if (fd < 0)
			continue;
		got = read(fd, line, sizeof(line) - 1);
		if (got > 0) {
			line[got] = '\0';
			obey(fd, line);
		}
		close(fd);
	}
	return 0;
}
