/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * listener.c - listens and never accepts.
 *
 *   listener ADDRESS PORT COUNT
 *
 * COUNT sockets listen there as one SO_REUSEPORT group until a signal ends it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_once(const char *address, uint16_t port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons(port)};
	struct sockaddr_in a4 = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	int v6 = inet_pton(AF_INET6, address, &a6.sin6_addr) == 1;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (!v6)
		inet_pton(AF_INET, address, &a4.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	return (v6 ? bind(fd, (struct sockaddr *)&a6, sizeof(a6))
		   : bind(fd, (struct sockaddr *)&a4, sizeof(a4))) ||
	       listen(fd, 256);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: listener ADDRESS PORT COUNT\n");
		return 2;
	}
	for (long i = strtol(argv[3], NULL, 10); i > 0; i--)
		if (listen_once(argv[1],
				(uint16_t)strtoul(argv[2], NULL, 10))) {
			perror("listener");
			return 1;
		}
	pause();
	return 0;
}
