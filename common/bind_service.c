/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind_service.c - reads addresses, ports and clients: whose connections
 * to what a policy governs.
 */
#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bind.h"
#include "common/count_of.h"
#include "common/scan.h"

#define PASSWD_BYTES_MAX 65536u

/* "10.0.8.7/24" names one host and a network: which one was meant? */
static void reject_host_bits(struct binder *b, const struct bind_value *value,
			     const uint8_t address[16], uint8_t prefix)
{
	char network[SCAN_ADDRESS_BYTES], hint[BIND_HINT_BYTES];

	scan_address_text(address, prefix, network, sizeof(network));
	snprintf(hint, sizeof(hint), "the network is %s", network);
	BIND_REJECT(b, value, hint, "address: %.60s has bits below its prefix",
		    bind_text_of(value));
}

static void reject_address(struct binder *b, const struct bind_value *value,
			   int err)
{
	const char *hint = "an IPv4 or IPv6 address or CIDR, as 10.0.8.0/24";

	if (err == -ERANGE)
		hint = "the prefix is 0..32 for IPv4, 0..128 for IPv6";
	else if (strpbrk(bind_text_of(value), "ghijklmnopqrstuvwxyz"))
		hint = "host names are not supported yet; write the address";
	BIND_REJECT(b, value, hint, "address: %.60s is not an address",
		    bind_text_of(value));
}

static bool is_unspecified(const uint8_t address[16], uint8_t prefix)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t v6[16] = {0};

	return prefix == 128 && (!memcmp(address, v4, sizeof(v4)) ||
				 !memcmp(address, v6, sizeof(v6)));
}

/* False: said what is wrong with it. */
static bool read_network(struct binder *b, const struct bind_value *value,
			 uint8_t address[16], uint8_t *prefix)
{
	int err;

	if (!bind_is_text(value)) {
		bind_wrong_type(b, value);
		return false;
	}
	err = scan_address(bind_text_of(value), address, prefix);
	if (err) {
		reject_address(b, value, err);
		return false;
	}
	if (scan_mask(address, *prefix)) {
		reject_host_bits(b, value, address, *prefix);
		return false;
	}
	return true;
}

/* What a program binds to when it listens on every address. */
static uint8_t widen(const uint8_t address[16])
{
	return address[10] ? 96 : 0;
}

void bind_address(struct binder *b, const struct bind_value *value)
{
	struct policy_destination *destination = value->base;
	uint8_t address[16], prefix = 0;

	if (!read_network(b, value, address, &prefix))
		return;
	if (is_unspecified(address, prefix)) {
		if (!strstr(value->field->path, ".listen[]")) {
			BIND_REJECT(b, value,
				    "every address is 0.0.0.0/0 or ::/0",
				    "address: %s is no destination",
				    bind_text_of(value));
			return;
		}
		prefix = widen(address);
	}
	memcpy(destination->address, address, sizeof(address));
	destination->prefix = prefix;
}

static void bind_port(struct binder *b, const struct bind_value *value,
		      struct policy_ports *out)
{
	const char *hint = "a number or a range, as 5432 or 8000-8099";
	int err;

	if (value->node->type == TREE_BROKEN)
		return;
	if (!bind_is_text(value)) {
		BIND_REJECT(b, value, hint, "ports: a port is missing");
		return;
	}
	err = scan_ports(bind_text_of(value), &out->min, &out->max);
	if (err == -ERANGE)
		BIND_REJECT(b, value, "1..65535, the smaller one first",
			    "ports: %.60s is not a range of ports",
			    bind_text_of(value));
	else if (err)
		BIND_REJECT(b, value, hint, "ports: %.60s is not a port",
			    bind_text_of(value));
}

void bind_ports(struct binder *b, const struct bind_value *value)
{
	struct policy_destination *destination = value->base;
	const struct tree_node *it = value->node->first;

	if (value->node->type != TREE_SEQUENCE) {
		bind_wrong_type(b, value);
		return;
	}
	if (!value->node->count || value->node->count > POLICY_PORTS_MAX) {
		BIND_REJECT(b, value, NULL, "ports: %zu items, not 1..%u",
			    value->node->count, POLICY_PORTS_MAX);
		return;
	}
	for (; it; it = it->next) {
		struct bind_value port = *value;

		port.node = it;
		bind_port(b, &port,
			  &destination->ports[destination->port_count++]);
	}
}

static void set_client(struct binder *b, const struct bind_value *value,
		       enum policy_client_kind kind)
{
	struct policy_client *client = value->base;

	free(client->pattern);
	client->kind = kind;
	client->pattern = bind_copy(b, bind_text_of(value));
}

/* Only units that have a cgroup can be told apart by it. */
static bool is_unit(const char *text)
{
	static const char *const kinds[] = {".service", ".scope", ".slice",
					    ".socket",	".mount", ".swap"};
	size_t bytes = strlen(text);

	if (bytes > 255 || !bind_is_plain(text, ":-_.\\@", 255))
		return false;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t end = strlen(kinds[i]);

		if (bytes > end && !strcmp(text + bytes - end, kinds[i]))
			return true;
	}
	return false;
}

void bind_unit(struct binder *b, const struct bind_value *value)
{
	char hint[BIND_HINT_BYTES];

	if (!bind_is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	if (is_unit(bind_text_of(value))) {
		set_client(b, value, POLICY_CLIENT_SYSTEMD_UNIT);
		return;
	}
	snprintf(hint, sizeof(hint), "a whole unit name, as %.60s.service",
		 bind_is_plain(bind_text_of(value), ":-_\\@", 60)
			 ? bind_text_of(value)
			 : "orders");
	BIND_REJECT(b, value, hint, "systemdUnit: %.60s is not a unit",
		    bind_text_of(value));
}

/* "/", or names that are neither empty nor . nor .., each after a slash. */
static bool is_cgroup(const char *text)
{
	if (*text != '/' || strlen(text) >= 4096)
		return false;
	if (!text[1])
		return true;
	while (*text) {
		size_t bytes = strcspn(++text, "/");

		if (!bytes || (bytes <= 2 && strspn(text, ".") >= bytes))
			return false;
		text += bytes;
	}
	return true;
}

void bind_cgroup(struct binder *b, const struct bind_value *value)
{
	if (!bind_is_text(value))
		bind_wrong_type(b, value);
	else if (is_cgroup(bind_text_of(value)))
		set_client(b, value, POLICY_CLIENT_CGROUP);
	else
		BIND_REJECT(
			b, value,
			"from the cgroup2 mount on: /system.slice/x.service",
			"cgroup: %.60s is not a cgroup path",
			bind_text_of(value));
}

/* 0, -ENOENT: no such user, or -errno of the user database. */
static int find_user(const char *name, uint32_t *out)
{
	struct passwd entry, *found = NULL;
	int err = ERANGE;

	for (size_t bytes = 1024; err == ERANGE && bytes <= PASSWD_BYTES_MAX;
	     bytes *= 4) {
		char *buffer = malloc(bytes);

		if (!buffer)
			return -ENOMEM;
		err = getpwnam_r(name, &entry, buffer, bytes, &found);
		free(buffer);
	}
	if (err)
		return -err;
	if (!found)
		return -ENOENT;
	*out = entry.pw_uid;
	return 0;
}

void bind_user(struct binder *b, const struct bind_value *value)
{
	struct policy_client *client = value->base;
	uint64_t number = 0;
	uint32_t uid = 0;
	int err;

	if (!bind_is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	err = scan_count(bind_text_of(value), &number);
	if (!err && number < UINT32_MAX)
		uid = (uint32_t)number;
	else if (err == -EINVAL)
		err = find_user(bind_text_of(value), &uid);
	else
		err = -ENOENT;
	if (err) {
		BIND_REJECT(b, value, "a name of this host, or a uid",
			    "user: %.60s does not exist", bind_text_of(value));
		return;
	}
	set_client(b, value, POLICY_CLIENT_USER);
	client->uid = uid;
}

void bind_network(struct binder *b, const struct bind_value *value)
{
	struct policy_client *client = value->base;
	uint8_t address[16], prefix = 0;

	if (!read_network(b, value, address, &prefix))
		return;
	if (is_unspecified(address, prefix)) {
		BIND_REJECT(b, value, "leave clients out to govern everyone",
			    "address: %s is no client", bind_text_of(value));
		return;
	}
	set_client(b, value, POLICY_CLIENT_ADDRESS);
	memcpy(client->address, address, sizeof(address));
	client->prefix = prefix;
}
