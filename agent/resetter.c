/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * resetter.c - see resetter.h.
 */
#include "agent/resetter.h"

#include <bpf/bpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/inet_diag.h"
#include "agent/namespaces.h"
#include "agent/passing.h"
#include "agent/wake.h"
#include "common/count_of.h"
#include "common/scoped.h"

#define CHILD_FD 3

/* ---- the process ---------------------------------------------------------------- */

struct worker {
	const char *cgroup;
	const char *const *netns;
	size_t netns_count;
	struct namespaces namespaces;
	/* By namespace, opened when first needed. */
	struct mnl_socket *sockets[NAMESPACES_MAX];
	struct waker wakers[NAMESPACES_MAX];
	bool waker_open[NAMESPACES_MAX];
	int home; /* the namespace it was started in */
};

static void keep_capabilities(void)
{
	static const unsigned kept[] = {
		CAP_NET_ADMIN,
		CAP_NET_RAW,
		/* For namespaces of others: to find them and to enter them. */
		CAP_SYS_ADMIN,
		CAP_SYS_PTRACE,
	};
	int held[COUNT_OF(kept)];

	capng_get_caps_process();
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		held[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (held[i])
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				     kept[i]);
	capng_apply(CAPNG_SELECT_CAPS);
}

static void forget_namespaces(struct worker *w)
{
	for (size_t i = 0; i < w->namespaces.count; i++) {
		inet_diag_close(w->sockets[i]);
		if (w->waker_open[i])
			wake_close(&w->wakers[i]);
	}
	memset(w->sockets, 0, sizeof(w->sockets));
	memset(w->waker_open, 0, sizeof(w->waker_open));
	namespaces_close(&w->namespaces);
}

static int find_namespace(const struct worker *w, uint32_t inode)
{
	for (size_t i = 0; i < w->namespaces.count; i++)
		if (w->namespaces.inodes[i] == inode)
			return (int)i;
	return -ENOENT;
}

static int open_diag(struct worker *w, size_t i)
{
	return w->sockets[i] ? 0 : inet_diag_open(&w->sockets[i]);
}

static int open_waker(struct worker *w, size_t i)
{
	int err = w->waker_open[i] ? 0 : wake_open(&w->wakers[i]);

	if (!err)
		w->waker_open[i] = true;
	return err;
}

/* A socket keeps the namespace in which it was opened. */
static int open_inside(struct worker *w, size_t i,
		       int (*open_it)(struct worker *w, size_t i))
{
	int err;

	if (i > 0 && setns(w->namespaces.fds[i], CLONE_NEWNET) < 0)
		return -errno;
	err = open_it(w, i);
	if (i > 0 && setns(w->home, CLONE_NEWNET) < 0)
		_exit(1);
	return err;
}

static int wake(struct worker *w, size_t i, const struct weir_victim *waiter)
{
	int err = w->waker_open[i] ? 0 : open_inside(w, i, open_waker);

	return err ? err : wake_send(&w->wakers[i], waiter);
}

static int carry_out(struct worker *w, const struct weir_victim *victim)
{
	int i = find_namespace(w, victim->netns), err;

	if (i < 0) {
		/* A new container, perhaps. */
		forget_namespaces(w);
		namespaces_list(&w->namespaces, w->cgroup, w->netns,
				w->netns_count);
		i = find_namespace(w, victim->netns);
	}
	if (i < 0)
		return i;
	if (victim->wake)
		return wake(w, (size_t)i, victim);
	err = w->sockets[i] ? 0 : open_inside(w, (size_t)i, open_diag);
	return err ? err : inet_diag_destroy(w->sockets[i], victim);
}

/* The first word to the agent: what can be done on this host. */
struct greeting {
	int32_t resets, wakes; /* 0, or why not */
};

static void probe(struct worker *w, struct greeting *out)
{
	namespaces_list(&w->namespaces, w->cgroup, w->netns, w->netns_count);
	if (!w->namespaces.count)
		return;
	out->resets = open_inside(w, 0, open_diag);
	if (!out->resets)
		out->resets = inet_diag_probe(w->sockets[0]);
	out->wakes = open_inside(w, 0, open_waker);
}

static int carry_out_all(struct worker *w, int fd,
			 const struct weir_victim *victims, size_t count)
{
	struct reset_result results[RESETTER_BATCH_MAX];
	size_t resets = 0;

	for (size_t i = 0; i < count; i++) {
		int err = carry_out(w, &victims[i]);

		if (!victims[i].wake)
			results[resets++] = (struct reset_result){
				.subject = victims[i].subject,
				.error = err,
			};
	}
	return resets ? passing_send(fd, results, resets * sizeof(results[0]),
				     NULL, 0)
		      : 0;
}

/* The order to attach is its files: what to attach, where, and whom to tell. */
enum attach_fd { ATTACH_PROGRAM, ATTACH_CGROUP, ATTACH_ANSWER, ATTACH_FDS };

static void attach(const int fds[ATTACH_FDS])
{
	int link = bpf_link_create(fds[ATTACH_PROGRAM], fds[ATTACH_CGROUP],
				   BPF_CGROUP_INET_EGRESS, NULL);
	int32_t err = link < 0 ? link : 0;

	passing_send(fds[ATTACH_ANSWER], &err, sizeof(err), &link, !err);
	if (!err)
		close(link);
}

/* Until the agent closes its end, or dies. */
static void work(struct worker *w, int fd)
{
	struct weir_victim victims[RESETTER_BATCH_MAX];
	int fds[PASSING_FDS_MAX], err = 0;
	size_t count;
	ssize_t bytes;

	while (!err && (bytes = passing_receive(fd, victims, sizeof(victims),
						fds, &count)) > 0) {
		if (count == ATTACH_FDS)
			attach(fds);
		else
			err = carry_out_all(w, fd, victims,
					    (size_t)bytes / sizeof(victims[0]));
		while (count > 0)
			close(fds[--count]);
	}
}

static void run(struct worker *w, int fd)
{
	struct greeting first = {.resets = -ENOENT, .wakes = -ENOENT};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "weir-resetter");
	/* Locks and listeners of the agent must not outlive it in here. */
	if (dup3(fd, CHILD_FD, O_CLOEXEC) < 0 && fd != CHILD_FD)
		_exit(1);
	close_range(CHILD_FD + 1, ~0u, 0);
	keep_capabilities();
	w->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (w->home >= 0)
		probe(w, &first);
	if (send(CHILD_FD, &first, sizeof(first), MSG_NOSIGNAL) > 0)
		work(w, CHILD_FD);
	_exit(0);
}

/* ---- the agent's end ------------------------------------------------------------ */

static int greet(struct resetter *resetter)
{
	struct greeting first;
	ssize_t bytes = recv(resetter->fd, &first, sizeof(first), 0);
	int flags = fcntl(resetter->fd, F_GETFL);

	if (bytes != sizeof(first)) {
		int err = bytes < 0 ? -errno : -EPIPE;

		resetter_stop(resetter);
		return err;
	}
	fcntl(resetter->fd, F_SETFL, flags | O_NONBLOCK);
	resetter->resets = !first.resets;
	resetter->wakes = !first.wakes;
	return first.resets;
}

int resetter_start(struct resetter *resetter, const char *cgroup,
		   const char *const *netns, size_t netns_count)
{
	static struct worker worker;
	int ends[2];

	*resetter = (struct resetter){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	worker = (struct worker){
		.cgroup = cgroup,
		.netns = netns,
		.netns_count = netns_count,
	};
	resetter->pid = fork();
	if (resetter->pid == 0)
		run(&worker, ends[1]);
	close(ends[1]);
	resetter->fd = ends[0];
	if (resetter->pid < 0) {
		resetter_stop(resetter);
		return -EAGAIN;
	}
	return greet(resetter);
}

int resetter_order(struct resetter *resetter, const struct weir_victim *victims,
		   size_t count)
{
	if (resetter->fd < 0)
		return -EPIPE;
	return send(resetter->fd, victims, count * sizeof(*victims),
		    MSG_NOSIGNAL) < 0
		       ? -errno
		       : 0;
}

size_t resetter_results(struct resetter *resetter,
			struct reset_result out[RESETTER_BATCH_MAX])
{
	ssize_t bytes = resetter->fd < 0
				? -1
				: recv(resetter->fd, out,
				       RESETTER_BATCH_MAX * sizeof(*out), 0);

	return bytes > 0 ? (size_t)bytes / sizeof(*out) : 0;
}

/* Its answer, as long as one is to be expected. */
static int await_link(int fd, int *link)
{
	const struct timeval patience = {
		.tv_sec = RESETTER_PATIENCE_MS / 1000,
		.tv_usec = RESETTER_PATIENCE_MS % 1000 * 1000,
	};
	int fds[PASSING_FDS_MAX];
	size_t count = 0;
	int32_t err = 0;
	ssize_t bytes;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	bytes = passing_receive(fd, &err, sizeof(err), fds, &count);
	if (bytes != sizeof(err) || (!err && count != 1)) {
		while (count > 0)
			close(fds[--count]);
		return bytes < 0 ? (int)bytes : -EPIPE;
	}
	if (!err)
		*link = fds[0];
	return err;
}

/* `answer` goes with the order: when the other side dies, its end is closed. */
static int order_attach(struct resetter *resetter, int program, int cgroup,
			int answer)
{
	static const char order = 'a';
	scoped(fd) int there = answer;
	const int fds[ATTACH_FDS] = {
		[ATTACH_PROGRAM] = program,
		[ATTACH_CGROUP] = cgroup,
		[ATTACH_ANSWER] = there,
	};

	return passing_send(resetter->fd, &order, sizeof(order), fds,
			    ATTACH_FDS);
}

int resetter_attach(struct resetter *resetter, int program, int cgroup,
		    int *link)
{
	int ends[2], err;

	if (resetter->fd < 0)
		return -EPIPE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	scoped(fd) int here = ends[0];
	err = order_attach(resetter, program, cgroup, ends[1]);
	return err ? err : await_link(here, link);
}

void resetter_stop(struct resetter *resetter)
{
	if (resetter->fd < 0)
		return;
	close(resetter->fd);
	resetter->fd = -1;
	if (resetter->pid > 0)
		waitpid(resetter->pid, NULL, 0);
	resetter->pid = 0;
}
