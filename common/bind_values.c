/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bind_values.c - reads numbers, durations, words, addresses and clients.
 *
 * A refusal says what was found and what would be right, in the reader's own
 * figures where they can be guessed: "5 seconds" is answered by "write 5s".
 */
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bind.h"
#include "common/scan.h"
#include "common/synonyms.h"

#define HINT_BYTES	 256u
#define PASSWD_BYTES_MAX 65536u
#define COUNT_OF(array)	 (sizeof(array) / sizeof((array)[0]))

static const char *key_of(const struct bind_value *value)
{
	return fields_key(value->field);
}

static const char *text_of(const struct bind_value *value)
{
	return value->node->text;
}

static void *stored(const struct bind_value *value)
{
	return (char *)value->base + value->field->offset;
}

static bool is_text(const struct bind_value *value)
{
	return value->node->type == TREE_SCALAR && !tree_is_null(value->node);
}

/* What another YAML reader would take for a number or a boolean. */
static bool looks_typed(const struct tree_node *node)
{
	static const char *const words[] = {"true",  "false", "True",
					    "False", "TRUE",  "FALSE"};
	double unused;

	if (!node->plain)
		return false;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (!strcmp(node->text, words[i]))
			return true;
	}
	return !scan_decimal(node->text, &unused);
}

static void reject_range(struct binder *b, const struct bind_value *value)
{
	const struct field *field = value->field;
	char hint[HINT_BYTES];

	snprintf(hint, sizeof(hint), "%s; for example %s: %s", field->help,
		 key_of(value), field->example);
	BIND_REJECT(b, value, hint, "%s: %.60s is not in %.0f..%.0f",
		    key_of(value), text_of(value), field->min, field->max);
}

/* True when it was a ratio or had a percent sign, and was reported. */
static bool reject_ratio(struct binder *b, const struct bind_value *value)
{
	const char *text = text_of(value);
	size_t bytes = strlen(text);
	char hint[HINT_BYTES];
	double number;

	if (bytes > 1 && bytes < 8 && text[bytes - 1] == '%') {
		snprintf(hint, sizeof(hint), "percent without the sign: %.*s",
			 (int)bytes - 1, text);
		BIND_REJECT(b, value, hint, "%s: %s is not a whole number",
			    key_of(value), text);
		return true;
	}
	if (scan_decimal(text, &number) || number <= 0 || number > 1)
		return false;
	snprintf(hint, sizeof(hint), "percent, not ratio: did you mean %.0f?",
		 number * 100 < 1 ? 1 : number * 100);
	BIND_REJECT(b, value, hint,
		    "%s: %.60s is not a whole number of percent", key_of(value),
		    text);
	return true;
}

static void reject_count(struct binder *b, const struct bind_value *value)
{
	double number;

	if (value->field->type == FIELD_PERCENT && reject_ratio(b, value))
		return;
	if (scan_decimal(text_of(value), &number)) {
		BIND_REJECT(b, value, "digits only, as 20",
			    "%s: %.60s is not a whole number", key_of(value),
			    text_of(value));
	} else if (strchr(text_of(value), '.')) {
		BIND_REJECT(b, value, "a number without a fraction",
			    "%s: %.60s is not a whole number", key_of(value),
			    text_of(value));
	} else {
		reject_range(b, value);
	}
}

static void reject_quoted(struct binder *b, const struct bind_value *value)
{
	char hint[HINT_BYTES];

	snprintf(hint, sizeof(hint), "without quotes: %s: %.60s", key_of(value),
		 text_of(value));
	BIND_REJECT(b, value, hint, "%s: a text where %s belongs",
		    key_of(value), fields_type_name(value->field->type));
}

static void bind_count(struct binder *b, const struct bind_value *value)
{
	const struct field *field = value->field;
	uint64_t number = 0;
	int err;

	if (!is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	err = scan_count(text_of(value), &number);
	if (!err && !value->node->plain)
		reject_quoted(b, value);
	else if (err == -EINVAL)
		reject_count(b, value);
	else if (err || (double)number < field->min ||
		 (double)number > field->max)
		reject_range(b, value);
	else
		*(uint32_t *)stored(value) = (uint32_t)number;
}

static void bind_factor(struct binder *b, const struct bind_value *value)
{
	const struct field *field = value->field;
	double number = 0;

	if (!is_text(value))
		bind_wrong_type(b, value);
	else if (scan_decimal(text_of(value), &number))
		BIND_REJECT(b, value, "a number, as 2 or 0.5",
			    "%s: %.60s is not a number", key_of(value),
			    text_of(value));
	else if (!value->node->plain)
		reject_quoted(b, value);
	else if (number < field->min || number > field->max)
		reject_range(b, value);
	else
		*(double *)stored(value) = number;
}

/* "5 seconds", "500 msec": the unit in our spelling, or NULL. */
static const char *guess_unit(const char *text)
{
	static const struct {
		const char *start, *unit;
	} guesses[] = {
		{"milli", "ms"}, {"msec", "ms"}, {"ms", "ms"}, {"sec", "s"},
		{"min", "m"},	 {"hour", "h"},	 {"hr", "h"},  {"s", "s"},
		{"m", "m"},	 {"h", "h"},
	};

	for (size_t i = 0; i < COUNT_OF(guesses); i++) {
		if (!strncasecmp(text, guesses[i].start,
				 strlen(guesses[i].start)))
			return guesses[i].unit;
	}
	return NULL;
}

static void hint_duration(const char *text, char *hint, size_t bytes)
{
	size_t digits = strspn(text, "0123456789.");
	const char *word = text + digits + strspn(text + digits, " ");
	const char *unit = guess_unit(word);
	double number;

	if (digits && digits < 12 && *word && unit) {
		snprintf(hint, bytes, "write %.*s%s", (int)digits, text, unit);
		return;
	}
	if (!scan_decimal(text, &number) && number > 0 && digits < 12) {
		snprintf(hint, bytes, "durations need a unit: %s%s", text,
			 number >= 1000 ? "ms" : "s");
		return;
	}
	snprintf(hint, bytes, "a number with ms, s, m or h: 250ms, 5s, 1m30s");
}

static bool read_duration(struct binder *b, const struct bind_value *value,
			  uint64_t *out)
{
	char hint[HINT_BYTES];
	uint64_t ns = 0;
	int err = scan_duration(text_of(value), &ns);

	if (err == -EINVAL) {
		hint_duration(text_of(value), hint, sizeof(hint));
		BIND_REJECT(b, value, hint, "%s: %.60s is not a duration",
			    key_of(value), text_of(value));
		return false;
	}
	if (err || ns < POLICY_DURATION_MIN_NS || ns > POLICY_DURATION_MAX_NS) {
		BIND_REJECT(b, value, value->field->help,
			    "%s: %.60s is not in 1ms..24h", key_of(value),
			    text_of(value));
		return false;
	}
	*out = ns;
	return true;
}

static void bind_duration(struct binder *b, const struct bind_value *value)
{
	uint64_t ns = 0;

	if (!is_text(value))
		bind_wrong_type(b, value);
	else if (read_duration(b, value, &ns))
		*(uint64_t *)stored(value) = ns;
}

/* One duration is a fixed wait: it neither grows nor varies. */
static void bind_wait(struct binder *b, const struct bind_value *value)
{
	struct policy_breaker *breaker = &b->policy->breaker;
	uint64_t ns = 0;

	if (value->node->type == TREE_MAPPING) {
		bind_block(b, value);
		return;
	}
	if (!is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	if (!read_duration(b, value, &ns))
		return;
	breaker->wait_initial_ns = ns;
	breaker->wait_max_ns = ns;
	breaker->wait_multiplier = 1;
	breaker->wait_jitter = 0;
}

static const struct field_word *find_word(const struct field *field,
					  const char *text)
{
	for (const struct field_word *it = field->words; it->word; it++) {
		if (!strcmp(it->word, text))
			return it;
	}
	return NULL;
}

static void reject_word(struct binder *b, const struct bind_value *value)
{
	const char *nearest = NULL;
	char valid[HINT_BYTES] = "", hint[HINT_BYTES];
	unsigned distance = 3;
	size_t used = 0;

	for (const struct field_word *it = value->field->words; it->word;
	     it++) {
		unsigned found = synonyms_distance(text_of(value), it->word);

		if (it->planned)
			continue;
		used += (size_t)snprintf(valid + used, sizeof(valid) - used,
					 "%s%s", used ? ", " : "", it->word);
		if (found < distance || !strcasecmp(text_of(value), it->word)) {
			distance = found;
			nearest = it->word;
		}
	}
	snprintf(hint, sizeof(hint), "did you mean %s?",
		 nearest ? nearest : "");
	BIND_REJECT(b, value, nearest ? hint : value->field->help,
		    "%s: %.60s is not %s%s", key_of(value), text_of(value),
		    strchr(valid, ',') ? "one of " : "", valid);
}

static void bind_word(struct binder *b, const struct bind_value *value)
{
	const struct field_word *word;

	if (!is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	word = find_word(value->field, text_of(value));
	if (!word)
		reject_word(b, value);
	else if (word->planned)
		BIND_REJECT(b, value, NULL, "%s: %s: not supported yet",
			    value->shown, word->word);
	else if (fields_bytes(value->field))
		*(int *)stored(value) = word->value;
}

/* A copy the policy owns; remembers when there was no memory. */
static char *copy(struct binder *b, const char *text)
{
	char *owned = strdup(text);

	b->out_of_memory |= !owned;
	return owned;
}

static bool reject_typed(struct binder *b, const struct bind_value *value)
{
	char hint[HINT_BYTES];

	if (!is_text(value)) {
		bind_wrong_type(b, value);
		return true;
	}
	if (!looks_typed(value->node))
		return false;
	snprintf(hint, sizeof(hint), "quote it: \"%.60s\"", text_of(value));
	BIND_REJECT(b, value, hint, "%s: %.60s is not a text", key_of(value),
		    text_of(value));
	return true;
}

static void bind_name(struct binder *b, const struct bind_value *value)
{
	if (reject_typed(b, value))
		return;
	if (!scan_is_label(text_of(value))) {
		BIND_REJECT(b, value,
			    "1 to 63 of a-z, 0-9 and -, none of - at its ends",
			    "%s: %.80s is not an RFC 1123 label", key_of(value),
			    text_of(value));
		return;
	}
	b->policy->name = copy(b, text_of(value));
}

static bool is_label_text(const char *text, const char *more, size_t max)
{
	size_t bytes = strlen(text);

	for (const char *it = text; *it; it++) {
		if (!isalnum((unsigned char)*it) && !strchr(more, *it))
			return false;
	}
	return bytes <= max;
}

static void bind_label(struct binder *b, const struct bind_value *value,
		       const struct tree_node *node)
{
	struct bind_value label = *value;
	const char *key = node->key->text;
	char *text;

	label.node = node;
	if (node->type == TREE_BROKEN || reject_typed(b, &label))
		return;
	if (!*key || !is_label_text(key, "-_./", 63) ||
	    !is_label_text(node->text, "-_.", 63)) {
		BIND_REJECT(b, &label,
			    "up to 63 letters, digits, - _ and .; / in the key",
			    "labels: %.60s: not a label", key);
		return;
	}
	if (asprintf(&text, "%s=%s", key, node->text) < 0) {
		b->out_of_memory = true;
		return;
	}
	b->policy->labels[b->policy->label_count++] = text;
}

static void bind_labels(struct binder *b, const struct bind_value *value)
{
	const struct tree_node *it = value->node->first;

	if (value->node->type != TREE_MAPPING) {
		bind_wrong_type(b, value);
		return;
	}
	if (value->node->count > POLICY_LABELS_MAX) {
		BIND_REJECT(b, value, NULL, "labels: more than %u",
			    POLICY_LABELS_MAX);
		return;
	}
	for (; it; it = it->next)
		bind_label(b, value, it);
}

/* "10.0.8.7/24" names one host and a network: which one was meant? */
static void reject_host_bits(struct binder *b, const struct bind_value *value,
			     const uint8_t address[16], uint8_t prefix)
{
	char network[SCAN_ADDRESS_BYTES], hint[HINT_BYTES];

	scan_address_text(address, prefix, network, sizeof(network));
	snprintf(hint, sizeof(hint), "the network is %s", network);
	BIND_REJECT(b, value, hint, "address: %.60s has bits below its prefix",
		    text_of(value));
}

static void reject_address(struct binder *b, const struct bind_value *value,
			   int err)
{
	const char *hint = "an IPv4 or IPv6 address or CIDR, as 10.0.8.0/24";

	if (err == -ERANGE)
		hint = "the prefix is 0..32 for IPv4, 0..128 for IPv6";
	else if (strpbrk(text_of(value), "ghijklmnopqrstuvwxyz"))
		hint = "host names are not supported yet; write the address";
	BIND_REJECT(b, value, hint, "address: %.60s is not an address",
		    text_of(value));
}

static bool is_unspecified(const uint8_t address[16], uint8_t prefix)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t v6[16] = {0};

	return prefix == 128 && (!memcmp(address, v4, sizeof(v4)) ||
				 !memcmp(address, v6, sizeof(v6)));
}

static void bind_address(struct binder *b, const struct bind_value *value)
{
	struct policy_destination *destination = value->base;
	uint8_t address[16], prefix = 0;
	int err;

	if (!is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	err = scan_address(text_of(value), address, &prefix);
	if (err) {
		reject_address(b, value, err);
		return;
	}
	if (scan_mask(address, prefix)) {
		reject_host_bits(b, value, address, prefix);
		return;
	}
	if (is_unspecified(address, prefix)) {
		BIND_REJECT(b, value, "every address is 0.0.0.0/0 or ::/0",
			    "address: %s is no destination", text_of(value));
		return;
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
	if (!is_text(value)) {
		BIND_REJECT(b, value, hint, "ports: a port is missing");
		return;
	}
	err = scan_ports(text_of(value), &out->min, &out->max);
	if (err == -ERANGE)
		BIND_REJECT(b, value, "1..65535, the smaller one first",
			    "ports: %.60s is not a range of ports",
			    text_of(value));
	else if (err)
		BIND_REJECT(b, value, hint, "ports: %.60s is not a port",
			    text_of(value));
}

static void bind_ports(struct binder *b, const struct bind_value *value)
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
	client->pattern = copy(b, text_of(value));
}

/* Only units that have a cgroup can be told apart by it. */
static bool is_unit(const char *text)
{
	static const char *const kinds[] = {".service", ".scope", ".slice",
					    ".socket",	".mount", ".swap"};
	size_t bytes = strlen(text);

	if (bytes > 255 || !is_label_text(text, ":-_.\\@", 255))
		return false;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t end = strlen(kinds[i]);

		if (bytes > end && !strcmp(text + bytes - end, kinds[i]))
			return true;
	}
	return false;
}

static void bind_unit(struct binder *b, const struct bind_value *value)
{
	char hint[HINT_BYTES];

	if (!is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	if (is_unit(text_of(value))) {
		set_client(b, value, POLICY_CLIENT_SYSTEMD_UNIT);
		return;
	}
	snprintf(hint, sizeof(hint), "a whole unit name, as %.60s.service",
		 is_label_text(text_of(value), ":-_\\@", 60) ? text_of(value)
							     : "orders");
	BIND_REJECT(b, value, hint, "systemdUnit: %.60s is not a unit",
		    text_of(value));
}

static bool is_cgroup(const char *text)
{
	size_t bytes = strlen(text);

	return *text == '/' && bytes < 4096 && !strstr(text, "//") &&
	       !strstr(text, "/../") && !strstr(text, "/./") &&
	       (bytes == 1 || text[bytes - 1] != '/') &&
	       (bytes < 3 || strcmp(text + bytes - 3, "/.."));
}

static void bind_cgroup(struct binder *b, const struct bind_value *value)
{
	if (!is_text(value))
		bind_wrong_type(b, value);
	else if (is_cgroup(text_of(value)))
		set_client(b, value, POLICY_CLIENT_CGROUP);
	else
		BIND_REJECT(
			b, value,
			"from the cgroup2 mount on: /system.slice/x.service",
			"cgroup: %.60s is not a cgroup path", text_of(value));
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

static void bind_user(struct binder *b, const struct bind_value *value)
{
	struct policy_client *client = value->base;
	uint64_t number = 0;
	uint32_t uid = 0;
	int err;

	if (!is_text(value)) {
		bind_wrong_type(b, value);
		return;
	}
	err = scan_count(text_of(value), &number);
	if (!err && number < UINT32_MAX)
		uid = (uint32_t)number;
	else if (err == -EINVAL)
		err = find_user(text_of(value), &uid);
	else
		err = -ENOENT;
	if (err) {
		BIND_REJECT(b, value, "a name of this host, or a uid",
			    "user: %.60s does not exist", text_of(value));
		return;
	}
	set_client(b, value, POLICY_CLIENT_USER);
	client->uid = uid;
}

typedef void bind_function(struct binder *b, const struct bind_value *value);

static bind_function *const functions[FIELD_TYPES] = {
	[FIELD_WORD] = bind_word,	  [FIELD_NAME] = bind_name,
	[FIELD_LABELS] = bind_labels,	  [FIELD_COUNT] = bind_count,
	[FIELD_PERCENT] = bind_count,	  [FIELD_FACTOR] = bind_factor,
	[FIELD_DURATION] = bind_duration, [FIELD_WAIT] = bind_wait,
	[FIELD_ADDRESS] = bind_address,	  [FIELD_PORTS] = bind_ports,
	[FIELD_UNIT] = bind_unit,	  [FIELD_CGROUP] = bind_cgroup,
	[FIELD_USER] = bind_user,
};

void bind_leaf(struct binder *b, const struct bind_value *value)
{
	bool was_broken = b->broken[fields_index(value->field)];

	functions[value->field->type](b, value);
	if (!was_broken && !b->broken[fields_index(value->field)])
		bind_position(b, value);
}

/* The same scanners as for a policy; a bad row fails the unit tests. */
static void set_default(const struct field *field, void *at)
{
	const struct field_word *word;
	uint64_t number = 0;

	switch (field->type) {
	case FIELD_WORD:
		word = find_word(field, field->initial);
		*(int *)at = word ? word->value : 0;
		break;
	case FIELD_DURATION:
		scan_duration(field->initial, at);
		break;
	case FIELD_FACTOR:
		scan_decimal(field->initial, at);
		break;
	default:
		if (!scan_count(field->initial, &number))
			*(uint32_t *)at = (uint32_t)number;
	}
}

void bind_defaults(struct weir_policy *policy)
{
	policy->bulkhead.connections_max = WEIR_NONE;
	policy->bulkhead.endpoint_connections_max = WEIR_NONE;
	for (const struct field *f = fields_next(NULL); f; f = fields_next(f)) {
		if (f->initial && fields_bytes(f))
			set_default(f, (char *)policy + f->offset);
	}
}
