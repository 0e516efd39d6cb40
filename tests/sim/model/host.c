/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * host.c - see host.h.
 */
#include "tests/sim/model/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/helpers.h"
#include "tests/sim/model/maps.h"

struct socket {
	struct tcp_sock tcp;
	struct bpf_sock view; /* as cgroup programs are shown it */
	struct weir_conn conn;
	bool stored;
	bool state_cb;
};

static struct {
	struct host_options options;
	struct socket *sockets;
	struct weir_event ring[HOST_RING];
	uint32_t first, pending;
	int retval;
} host;

uint64_t host_now_ns;
bool host_loses_events;
uint64_t host_events_lost;

void host_open(const struct host_options *options)
{
	memset(&host, 0, sizeof(host));
	host.options = *options;
	host.sockets = calloc(options->sockets_max, sizeof(*host.sockets));
	if (!host.sockets)
		abort();
	maps_open(options->services_max, options->endpoints_max);
	host_loses_events = false;
	host_events_lost = 0;
}

void host_close(void)
{
	maps_close();
	free(host.sockets);
	host.sockets = NULL;
}

/* ---- helpers ------------------------------------------------------------------------ */

static enum map_id id_of(const void *map)
{
	static const struct {
		const void *map;
		enum map_id id;
	} ids[] = {
		{&weir_subject, MAP_SUBJECT}, {&weir_verdict, MAP_VERDICT},
		{&weir_service, MAP_SERVICE}, {&weir_control, MAP_CONTROL},
		{&weir_stat, MAP_STAT},	      {&weir_endpoint, MAP_ENDPOINT},
		{&weir_hist, MAP_HIST},	      {&weir_rule, MAP_RULE},
		{&weir_recount, MAP_RECOUNT}, {&weir_fault, MAP_FAULT},
		{&weir_free, MAP_FREE},	      {&weir_client, MAP_CLIENT},
	};

	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i].map == map)
			return ids[i].id;
	fprintf(stderr, "a hook uses a map the simulation does not have\n");
	abort();
}

void *helper_lookup(const void *map, const void *key)
{
	return maps_find(id_of(map), key);
}

long helper_update(const void *map, const void *key, const void *value,
		   __u64 flags)
{
	return maps_set(id_of(map), key, value, flags);
}

long helper_delete(const void *map, const void *key)
{
	return maps_delete(id_of(map), key);
}

long helper_push(const void *map, const void *value)
{
	return maps_push(id_of(map), value);
}

long helper_pop(const void *map, void *value)
{
	return maps_pop(id_of(map), value);
}

__u64 helper_now(void)
{
	return host_now_ns;
}

/* Every pointer that a hook is given points into its socket. */
static struct socket *socket_of(const void *sk)
{
	size_t offset = (size_t)((const char *)sk - (char *)host.sockets);

	return &host.sockets[offset / sizeof(*host.sockets)];
}

struct weir_conn *helper_storage(const void *map, void *sk, void *value,
				 __u64 flags)
{
	struct socket *s = socket_of(sk);

	(void)map, (void)value;
	if (!s->stored && flags & BPF_SK_STORAGE_GET_F_CREATE) {
		memset(&s->conn, 0, sizeof(s->conn));
		s->tcp.sk.sk_bpf_storage = (void *)&s->conn;
		s->stored = true;
	}
	return s->stored ? &s->conn : NULL;
}

struct tcp_sock *helper_tcp(void *sk)
{
	return &socket_of(sk)->tcp;
}

void *helper_reserve(const void *map, __u64 bytes, __u64 flags)
{
	(void)map, (void)bytes, (void)flags;
	if (host_loses_events || host.pending == HOST_RING) {
		host_events_lost++;
		return NULL;
	}
	return &host.ring[(host.first + host.pending++) % HOST_RING];
}

void helper_submit(void *event, __u64 flags)
{
	(void)event, (void)flags;
}

int helper_retval(int retval)
{
	host.retval = retval;
	return 0;
}

int helper_getsockopt(void)
{
	return host.options.state_early ? 0 : -1;
}

int helper_state_cb(struct bpf_sock_addr *ctx)
{
	socket_of(ctx->sk)->state_cb = true;
	return 0;
}

int helper_no_option(void *ctx)
{
	(void)ctx;
	return -1;
}

long helper_loop(__u32 count, long (*one)(__u32 i, void *ctx), void *ctx)
{
	__u32 i = 0;

	while (i < count && !one(i, ctx))
		i++;
	return i;
}

int helper_cb_flags(struct bpf_sock_ops *ctx, int flags)
{
	socket_of(ctx->sk)->state_cb = flags & BPF_SOCK_OPS_STATE_CB_FLAG;
	return 0;
}

/* ---- TCP ------------------------------------------------------------------------------ */

static uint8_t state_of(const struct socket *s)
{
	return s->tcp.sk.__sk_common.skc_state;
}

static void sockops(struct socket *s, uint32_t op, uint32_t old, uint32_t new)
{
	struct bpf_sock_ops ctx = {.op = op};

	ctx.args[0] = old;
	ctx.args[1] = new;
	ctx.sk = &s->view;
	weir_sockops(&ctx);
}

/* As tcp_set_state(): the callback first, then the state. */
static void move(struct socket *s, uint8_t state)
{
	if (s->state_cb)
		sockops(s, BPF_SOCK_OPS_STATE_CB, state_of(s), state);
	s->tcp.sk.__sk_common.skc_state = state;
}

int host_connect(uint32_t socket, uint32_t address, uint16_t port)
{
	struct socket *s = &host.sockets[socket];
	struct bpf_sock_addr ctx = {
		.user_ip4 = bpf_htonl(address),
		.user_port = bpf_htons(port),
		.protocol = IPPROTO_TCP,
	};

	ctx.sk = &s->view;
	s->view.protocol = IPPROTO_TCP;
	s->tcp = (struct tcp_sock){
		.sk.sk_bpf_storage = s->tcp.sk.sk_bpf_storage,
		.write_seq = address ^ (uint32_t)host_now_ns,
	};
	s->tcp.sk.__sk_common.skc_state = BPF_TCP_CLOSE;
	s->state_cb = false;
	return weir_connect4(&ctx) ? 0 : host.retval;
}

void host_syn(uint32_t socket)
{
	struct socket *s = &host.sockets[socket];

	move(s, BPF_TCP_SYN_SENT);
	sockops(s, BPF_SOCK_OPS_TCP_CONNECT_CB, 0, 0);
	s->tcp.snd_nxt = ++s->tcp.write_seq;
}

void host_established(uint32_t socket)
{
	struct socket *s = &host.sockets[socket];

	s->tcp.tcp_mstamp = host_now_ns / 1000;
	s->tcp.snd_una = s->tcp.snd_nxt;
	move(s, BPF_TCP_ESTABLISHED);
	sockops(s, BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB, 0, 0);
}

void host_fail(uint32_t socket, int error)
{
	struct socket *s = &host.sockets[socket];

	s->tcp.sk.sk_err = error;
	move(s, BPF_TCP_CLOSE);
}

void host_write(uint32_t socket, uint32_t bytes)
{
	struct socket *s = &host.sockets[socket];

	s->tcp.tcp_mstamp = host_now_ns / 1000;
	s->tcp.first_tx_mstamp = s->tcp.tcp_mstamp;
	s->tcp.write_seq += bytes;
	s->tcp.bytes_sent += bytes;
	s->tcp.snd_nxt = s->tcp.write_seq;
}

void host_sent(uint32_t socket, uint32_t bytes)
{
	unsigned long long ctx[] = {
		(unsigned long long)&host.sockets[socket].tcp, bytes, 0};

	if (!host.options.old_kernel)
		weir_send(ctx);
}

/* tcp_probe runs before the segment is taken in. */
static void probe(struct socket *s, uint32_t bytes)
{
	struct sk_buff skb;
	struct tcp_skb_cb cb = {.seq = 1, .end_seq = 1 + bytes};
	unsigned long long ctx[] = {(unsigned long long)&s->tcp,
				    (unsigned long long)&skb};

	memcpy(skb.cb, &cb, sizeof(cb));
	weir_tcp_probe(ctx);
}

void host_answer(uint32_t socket, uint32_t bytes)
{
	struct socket *s = &host.sockets[socket];
	unsigned long long ctx[] = {(unsigned long long)&s->tcp};

	if (host.options.old_kernel)
		probe(s, bytes);
	s->tcp.tcp_mstamp = host_now_ns / 1000;
	s->tcp.snd_una = s->tcp.snd_nxt;
	s->tcp.bytes_received += bytes;
	if (!host.options.old_kernel)
		weir_data_ready(ctx);
}

void host_peer_fin(uint32_t socket)
{
	struct socket *s = &host.sockets[socket];
	unsigned long long ctx[] = {(unsigned long long)&s->tcp};

	s->tcp.tcp_mstamp = host_now_ns / 1000;
	s->tcp.snd_una = s->tcp.snd_nxt;
	s->tcp.bytes_received++;
	move(s, BPF_TCP_CLOSE_WAIT);
	if (!host.options.old_kernel)
		weir_data_ready(ctx);
}

void host_release(uint32_t socket, bool abort)
{
	struct socket *s = &host.sockets[socket];
	uint8_t state = state_of(s);

	s->view.state = state;
	weir_release(&s->view);
	if (state == BPF_TCP_SYN_SENT || (abort && state != BPF_TCP_CLOSE))
		move(s, BPF_TCP_CLOSE);
	else if (state == BPF_TCP_ESTABLISHED)
		move(s, BPF_TCP_FIN_WAIT1);
	else if (state == BPF_TCP_CLOSE_WAIT)
		move(s, BPF_TCP_LAST_ACK);
	if (state_of(s) != BPF_TCP_CLOSE)
		s->tcp.write_seq++;
}

void host_finish(uint32_t socket)
{
	struct socket *s = &host.sockets[socket];

	if (state_of(s) == BPF_TCP_FIN_WAIT1)
		move(s, BPF_TCP_FIN_WAIT2);
	if (state_of(s) != BPF_TCP_CLOSE)
		move(s, BPF_TCP_CLOSE);
}

void host_forget(uint32_t socket)
{
	struct socket *s = &host.sockets[socket];

	s->stored = false;
	s->tcp.sk.sk_bpf_storage = NULL;
}

void host_audit(void)
{
	for (uint32_t i = 0; i < host.options.sockets_max; i++) {
		struct socket *s = &host.sockets[i];
		struct bpf_iter__bpf_sk_storage_map ctx = {
			.sk = &s->tcp.sk,
			.value = &s->conn,
		};

		if (s->stored)
			weir_audit(&ctx);
	}
}

const struct weir_conn *host_conn(uint32_t socket)
{
	struct socket *s = &host.sockets[socket];

	return s->stored ? &s->conn : NULL;
}

bool host_event(struct weir_event *out)
{
	if (!host.pending)
		return false;
	*out = host.ring[host.first];
	host.first = (host.first + 1) % HOST_RING;
	host.pending--;
	return true;
}
