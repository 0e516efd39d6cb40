/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * inet_diag.c - one connection is reset, and no other socket ever: in network
 * namespaces of the test's own, with connections over their loopback.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/inet_diag.h"
#include "agent/resetter.h"
#include "common/scoped.h"

#define PATIENCE_MS 5000

/* Namespaces cannot be had here: each test is skipped, and says so. */
static bool refused;

struct pair {
	int listener, client, server;
	struct weir_victim victim; /* the client's end */
};

static void raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	scoped(fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
}

/* From here on this process is in a namespace that nobody else sees. */
static int move_away(void **state)
{
	int flags = geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET;

	(void)state;
	refused = unshare(flags) < 0;
	if (!refused)
		raise_loopback();
	return 0;
}

static void need_namespace(void)
{
	if (refused) {
		print_message("no network namespace may be made here\n");
		skip();
	}
}

static uint32_t own_netns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	return (uint32_t)st.st_ino;
}

/* ---- connections ----------------------------------------------------------------- */

static void fill_address(uint32_t out[4], uint16_t *port,
			 const struct sockaddr_storage *from)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;

	if (from->ss_family == AF_INET) {
		out[2] = htonl(0xffff);
		out[3] = v4->sin_addr.s_addr;
		*port = ntohs(v4->sin_port);
		return;
	}
	memcpy(out, &v6->sin6_addr, sizeof(v6->sin6_addr));
	*port = ntohs(v6->sin6_port);
}

/* As the walk over the connections describes a socket. */
static struct weir_victim describe(int fd)
{
	struct weir_victim v = {.netns = own_netns(), .subject = 7};
	struct sockaddr_storage here = {0}, there = {0};
	socklen_t here_bytes = sizeof(here), there_bytes = sizeof(there);
	socklen_t cookie_bytes = sizeof(v.cookie);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &here_bytes),
			 0);
	getpeername(fd, (struct sockaddr *)&there, &there_bytes);
	assert_int_equal(
		getsockopt(fd, SOL_SOCKET, SO_COOKIE, &v.cookie, &cookie_bytes),
		0);
	v.family = here.ss_family;
	fill_address(v.source, &v.source_port, &here);
	if (there.ss_family)
		fill_address(v.peer, &v.peer_port, &there);
	return v;
}

static struct pair connected(const char *address)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	struct sockaddr *to =
		is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t bytes = is_v4 ? sizeof(v4) : sizeof(v6);
	int family = is_v4 ? AF_INET : AF_INET6, any = 0;
	struct pair p;

	if (!is_v4)
		assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr),
				 1);
	p.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	p.client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!is_v4)
		setsockopt(p.listener, IPPROTO_IPV6, IPV6_V6ONLY, &any,
			   sizeof(any));
	assert_int_equal(bind(p.listener, to, bytes), 0);
	assert_int_equal(getsockname(p.listener, to, &bytes), 0);
	assert_int_equal(listen(p.listener, 8), 0);
	assert_int_equal(connect(p.client, to, bytes), 0);
	p.server = accept4(p.listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(p.server >= 0);
	p.victim = describe(p.client);
	return p;
}

static void hang_up(const struct pair *p)
{
	close(p->client);
	close(p->server);
	close(p->listener);
}

/* 0, or the errno with which reading ends. */
static int read_error(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char byte;

	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	return recv(fd, &byte, 1, 0) < 0 ? errno : 0;
}

static void assert_alive(const struct pair *p)
{
	char byte = 'x';

	assert_int_equal(send(p->client, &byte, 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(p->server, &byte, 1, 0), 1);
	assert_int_equal(send(p->server, &byte, 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(p->client, &byte, 1, 0), 1);
}

/* ---- one order ----------------------------------------------------------------------- */

DEFINE_SCOPED(diag, struct mnl_socket *, inet_diag_close(*it))

static int destroy(const struct weir_victim *victim)
{
	scoped(diag) struct mnl_socket *nl = NULL;

	assert_int_equal(inet_diag_open(&nl), 0);
	return inet_diag_destroy(nl, victim);
}

static void it_says_whether_it_can(void **state)
{
	scoped(diag) struct mnl_socket *nl = NULL;

	(void)state;
	need_namespace();
	assert_int_equal(inet_diag_open(&nl), 0);
	assert_int_equal(inet_diag_probe(nl), 0);
}

static void a_connection_is_reset_in_every_family(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "::1",
						"::ffff:127.0.0.1"};

	(void)state;
	need_namespace();
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct pair p = connected(addresses[i]);

		assert_alive(&p);
		assert_int_equal(destroy(&p.victim), 0);
		assert_int_equal(read_error(p.client), ECONNABORTED);
		assert_int_equal(read_error(p.server), ECONNRESET);
		hang_up(&p);
	}
}

static void a_second_order_finds_nobody(void **state)
{
	struct pair p;

	(void)state;
	need_namespace();
	p = connected("127.0.0.1");
	assert_int_equal(destroy(&p.victim), 0);
	assert_true(destroy(&p.victim) < 0);
	hang_up(&p);
}

static void a_listener_is_never_destroyed(void **state)
{
	struct weir_victim listener;
	struct pair p;
	int other;

	(void)state;
	need_namespace();
	p = connected("127.0.0.1");
	listener = describe(p.listener);
	assert_true(destroy(&listener) < 0);
	/* Nor what a connection's addresses lead to when it is gone. */
	listener.peer[2] = htonl(0xffff);
	listener.peer[3] = htonl(INADDR_LOOPBACK);
	listener.peer_port = p.victim.source_port;
	assert_true(destroy(&listener) < 0);
	assert_alive(&p);
	other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to;
	socklen_t bytes = sizeof(to);

	getsockname(p.listener, (struct sockaddr *)&to, &bytes);
	assert_int_equal(connect(other, (struct sockaddr *)&to, bytes), 0);
	close(other);
	hang_up(&p);
}

/* The same addresses and ports: a connection that came after the one meant. */
static void another_cookie_is_another_connection(void **state)
{
	struct pair p;

	(void)state;
	need_namespace();
	p = connected("127.0.0.1");
	p.victim.cookie++;
	assert_int_equal(destroy(&p.victim), -ENOENT);
	p.victim.cookie ^= 1ull << 40;
	assert_int_equal(destroy(&p.victim), -ENOENT);
	assert_alive(&p);
	hang_up(&p);
}

static void who_has_closed_is_left_to_his_goodbye(void **state)
{
	struct pair p;

	(void)state;
	need_namespace();
	p = connected("127.0.0.1");
	assert_int_equal(shutdown(p.client, SHUT_WR), 0);
	assert_int_equal(destroy(&p.victim), -EINVAL);
	assert_int_equal(read_error(p.server), 0);
	hang_up(&p);
}

static void another_namespaces_connection_is_not_seen(void **state)
{
	scoped(fd) int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct pair p;

	(void)state;
	need_namespace();
	p = connected("127.0.0.1");
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(destroy(&p.victim), -ENOENT);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	assert_alive(&p);
	assert_int_equal(destroy(&p.victim), 0);
	hang_up(&p);
}

/* ---- the process that carries orders out ------------------------------------------------ */

static size_t await_results(struct resetter *resetter,
			    struct reset_result out[RESETTER_BATCH_MAX])
{
	struct pollfd wait = {.fd = resetter->fd, .events = POLLIN};

	assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
	return resetter_results(resetter, out);
}

static void start(struct resetter *resetter)
{
	assert_int_equal(resetter_start(resetter, "/nonexistent", NULL, 0), 0);
	assert_true(resetter->fd >= 0 && resetter->pid > 0);
}

static void each_order_of_a_batch_has_its_result(void **state)
{
	struct reset_result results[RESETTER_BATCH_MAX];
	struct weir_victim orders[3];
	struct resetter resetter;
	struct pair a, b;

	(void)state;
	need_namespace();
	a = connected("127.0.0.1");
	b = connected("::1");
	start(&resetter);
	orders[0] = a.victim;
	orders[1] = b.victim;
	orders[1].cookie++;
	orders[1].subject = 8;
	orders[2] = b.victim;
	orders[2].netns++; /* where nobody is */
	orders[2].subject = 9;
	assert_int_equal(resetter_order(&resetter, orders, 3), 0);
	assert_int_equal(await_results(&resetter, results), 3);
	assert_int_equal(results[0].subject, 7);
	assert_int_equal(results[0].error, 0);
	assert_int_equal(results[1].subject, 8);
	assert_int_equal(results[1].error, -ENOENT);
	assert_int_equal(results[2].subject, 9);
	assert_int_equal(results[2].error, -ENOENT);
	assert_int_equal(read_error(a.client), ECONNABORTED);
	assert_alive(&b);
	resetter_stop(&resetter);
	hang_up(&a);
	hang_up(&b);
}

static void nothing_to_report_is_no_wait(void **state)
{
	struct reset_result results[RESETTER_BATCH_MAX];
	struct resetter resetter;

	(void)state;
	need_namespace();
	start(&resetter);
	assert_int_equal(resetter_results(&resetter, results), 0);
	resetter_stop(&resetter);
	assert_int_equal(resetter_results(&resetter, results), 0);
	assert_int_equal(resetter_order(&resetter, NULL, 0), -EPIPE);
	resetter_stop(&resetter);
}

static void one_that_was_killed_is_noticed(void **state)
{
	struct reset_result results[RESETTER_BATCH_MAX];
	struct pollfd gone = {.events = POLLIN};
	struct resetter resetter;
	struct pair p;

	(void)state;
	need_namespace();
	p = connected("127.0.0.1");
	start(&resetter);
	assert_int_equal(kill(resetter.pid, SIGKILL), 0);
	gone.fd = resetter.fd;
	assert_int_equal(poll(&gone, 1, PATIENCE_MS), 1);
	assert_int_equal(resetter_order(&resetter, &p.victim, 1), -EPIPE);
	assert_int_equal(resetter_results(&resetter, results), 0);
	assert_alive(&p);
	resetter_stop(&resetter);
	hang_up(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_whether_it_can),
		cmocka_unit_test(a_connection_is_reset_in_every_family),
		cmocka_unit_test(a_second_order_finds_nobody),
		cmocka_unit_test(a_listener_is_never_destroyed),
		cmocka_unit_test(another_cookie_is_another_connection),
		cmocka_unit_test(who_has_closed_is_left_to_his_goodbye),
		cmocka_unit_test(another_namespaces_connection_is_not_seen),
		cmocka_unit_test(each_order_of_a_batch_has_its_result),
		cmocka_unit_test(nothing_to_report_is_no_wait),
		cmocka_unit_test(one_that_was_killed_is_noticed),
	};

	return cmocka_run_group_tests(tests, move_away, NULL);
}
