/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fields.c - the rows of the policy language.
 *
 * A new key is one row here and, when it has a new type, one binder. `initial`
 * is the default as a person would write it: the binder reads it with the same
 * scanner as the policy, so the documented default is the one in force.
 */
#include "common/fields.h"

#include <errno.h>
#include <string.h>

#include "common/count_of.h"
#include "common/policy.h"

static const struct field_word api_versions[] = {{"weir/v1", 0, false}, {0}};
static const struct field_word kinds[] = {{"ResiliencePolicy", 0, false}, {0}};

static const struct field_word modes[] = {
	{"observe", WEIR_MODE_OBSERVE, false},
	{"enforce", WEIR_MODE_ENFORCE, false},
	{"disabled", WEIR_MODE_DISABLED, false},
	{0},
};

static const struct field_word scopes[] = {
	{"endpoint", WEIR_SCOPE_ENDPOINT, false},
	{"service", WEIR_SCOPE_SERVICE, false},
	{0},
};

static const struct field_word new_connections[] = {
	{"refuse", 0, false},
	{"drop", 1, false},
	{"redirect", 0, true},
	{0},
};

static const struct field_word established[] = {
	{"keep", WEIR_ESTABLISHED_KEEP, false},
	{"resetStuck", WEIR_ESTABLISHED_RESET_STUCK, false},
	{"resetIdle", WEIR_ESTABLISHED_RESET_IDLE, false},
	{"resetAll", WEIR_ESTABLISHED_RESET_ALL, false},
	{0},
};

static const struct field_word errnos[] = {
	{"ECONNREFUSED", ECONNREFUSED, false},
	{"ETIMEDOUT", ETIMEDOUT, false},
	{"EHOSTUNREACH", EHOSTUNREACH, false},
	{"ENETUNREACH", ENETUNREACH, false},
	{"EACCES", EACCES, false},
	{0},
};

static const struct field_word full[] = {
	{"refuse", WEIR_FULL_REFUSE, false},
	{"drop", WEIR_FULL_DROP, false},
	{"shed", WEIR_FULL_SHED, false},
	{0},
};

static const struct field_word callers[] = {
	{"cgroup", WEIR_BY_CGROUP, false},
	{"user", WEIR_BY_USER, false},
	{"process", WEIR_BY_PROCESS, false},
	{"address", WEIR_BY_ADDRESS, false},
	{"prefix", WEIR_BY_PREFIX, false},
	{0},
};

#define BREAKER		"spec.circuitBreaker"
#define WAIT		BREAKER ".waitDurationInOpenState"
#define DESTINATION	"spec.service.destinations[]"
#define LISTEN		"spec.service.listen[]"
#define CLIENT		"spec.service.clients[]"
#define ALLOWED		"spec.access.allow[]"
#define SAMPLES_MAX	1000000
#define CONNECTIONS_MAX 10000000

#define NOWHERE		 .offset = FIELDS_NOT_STORED
#define AT(member)	 .offset = offsetof(struct weir_policy, member)
#define RANGE(low, high) .min = (low), .max = (high)
#define DURATION	 RANGE(POLICY_DURATION_MIN_NS, POLICY_DURATION_MAX_NS)
#define BY_HELP \
	"what a client is; address and prefix for listen, the others for destinations"
#define PREFIX_HELP "by: prefix: so many bits of its address are one client"
#define PLANNED(where, what)                                              \
	{                                                                 \
		.path = (where), .planned = true, NOWHERE, .help = (what) \
	}

/* clang-format off */
static const struct field fields[] = {
	{.path = "apiVersion", .type = FIELD_WORD, .words = api_versions, .required = true, NOWHERE,
	 .example = "weir/v1", .help = "version of the language"},
	{.path = "kind", .type = FIELD_WORD, .words = kinds, .required = true, NOWHERE,
	 .example = "ResiliencePolicy", .help = "what this document is"},

	{.path = "metadata", .type = FIELD_BLOCK, .required = true, NOWHERE,
	 .example = "{name: orders-db}", .help = "who this policy is"},
	{.path = "metadata.name", .type = FIELD_NAME, .required = true, NOWHERE,
	 .example = "orders-db", .help = "unique RFC 1123 label; the metric label service=\"...\""},
	{.path = "metadata.labels", .type = FIELD_LABELS, NOWHERE, .unset = "no labels",
	 .example = "{team: payments}", .help = "your own words, shown with the policy"},

	{.path = "spec", .type = FIELD_BLOCK, .required = true, NOWHERE,
	 .example = "{service: {destinations: [{address: 10.0.8.7, ports: [5432]}]}}",
	 .help = "what it governs and what may happen"},
	{.path = "spec.mode", .type = FIELD_WORD, .words = modes, .initial = "observe", AT(mode),
	 .example = "enforce", .help = "observe counts what enforce would refuse; disabled is off"},

	{.path = "spec.service", .type = FIELD_BLOCK, .required = true, NOWHERE,
	 .example = "{destinations: [{address: 10.0.8.7, ports: [5432]}]}",
	 .help = "the one service this policy governs"},
	{.path = "spec.service.destinations", .type = FIELD_LIST, .required = true, NOWHERE,
	 .example = "[{address: 10.0.8.0/24, ports: [5432]}]", .instead = "listen",
	 .help = "where this host connects to"},
	{.path = DESTINATION ".address", .type = FIELD_ADDRESS, .required = true, NOWHERE,
	 .example = "10.0.8.0/24", .instead = "host", .help = "IPv4 or IPv6 address or CIDR"},
	PLANNED(DESTINATION ".host", "a host name, resolved again on TTL"),
	{.path = DESTINATION ".ports", .type = FIELD_PORTS, .required = true, NOWHERE,
	 .example = "[5432, 8000-8099]", .help = "port numbers and ranges"},
	{.path = "spec.service.listen", .type = FIELD_LIST, NOWHERE, .unset = "destinations",
	 .example = "[{address: \"::\", ports: [8080]}]",
	 .help = "ingress, instead of destinations: where this host accepts connections"},
	{.path = LISTEN ".address", .type = FIELD_ADDRESS, .required = true, NOWHERE,
	 .example = "10.0.8.7", .help = "local address or CIDR; 0.0.0.0 is every IPv4 address, :: every address"},
	{.path = LISTEN ".ports", .type = FIELD_PORTS, .required = true, NOWHERE,
	 .example = "[8080]", .help = "local port numbers and ranges"},
	{.path = "spec.service.clients", .type = FIELD_LIST, NOWHERE, .unset = "everyone",
	 .example = "[{systemdUnit: orders.service}]", .help = "whose connections it governs"},
	{.path = CLIENT ".systemdUnit", .type = FIELD_UNIT, NOWHERE, .unset = "one of the three",
	 .example = "orders.service", .help = "processes of a systemd unit"},
	{.path = CLIENT ".cgroup", .type = FIELD_CGROUP, NOWHERE, .unset = "one of the three",
	 .example = "/system.slice/docker-*.scope", .help = "processes below a cgroup; * and ? match"},
	{.path = CLIENT ".user", .type = FIELD_USER, NOWHERE, .unset = "one of the three",
	 .example = "nobody", .help = "processes of a user, by name or uid"},
	{.path = CLIENT ".address", .type = FIELD_NETWORK, NOWHERE, .unset = "of listen only",
	 .example = "10.1.0.0/16", .help = "ingress: who connects to it, by address or CIDR"},

	{.path = BREAKER, .type = FIELD_BLOCK, AT(breaker.set), .unset = "off",
	 .example = "{}", .help = "stop calling what fails or is slow, try again later"},
	{.path = BREAKER ".scope", .type = FIELD_WORD, .words = scopes, .initial = "endpoint",
	 AT(breaker.scope), .example = "service",
	 .help = "endpoint: each address and port has its own breaker; service: one for all"},
	{.path = BREAKER ".slidingWindow", .type = FIELD_BLOCK, NOWHERE, .unset = "{size: 10s, buckets: 10}",
	 .example = "{size: 10s, buckets: 10}", .help = "how far back calls are judged"},
	{.path = BREAKER ".slidingWindow.size", .type = FIELD_DURATION, DURATION, .initial = "10s",
	 AT(breaker.window_ns), .example = "10s", .help = "length of the window"},
	{.path = BREAKER ".slidingWindow.buckets", .type = FIELD_COUNT, RANGE(1, 60), .initial = "10",
	 AT(breaker.window_buckets), .example = "10", .help = "steps in which it moves on"},
	{.path = BREAKER ".minimumNumberOfCalls", .type = FIELD_COUNT, RANGE(1, SAMPLES_MAX),
	 .initial = "20", AT(breaker.calls_min), .example = "20",
	 .help = "fewer calls in the window never trip on a rate"},
	{.path = BREAKER ".minimumNumberOfFailures", .type = FIELD_COUNT, RANGE(1, SAMPLES_MAX),
	 .initial = "5", AT(breaker.failures_min), .example = "5",
	 .help = "fewer failures in the window never trip on a rate"},
	{.path = BREAKER ".failureRateThreshold", .type = FIELD_PERCENT, RANGE(1, 100),
	 .initial = "50", AT(breaker.failure_rate), .example = "50",
	 .help = "percent of calls; open when at least that many failed"},
	{.path = BREAKER ".consecutiveFailures", .type = FIELD_COUNT, RANGE(0, SAMPLES_MAX),
	 .initial = "5", AT(breaker.consecutive), .example = "5",
	 .help = "open after that many failures in a row, whatever the volume; 0: off"},
	{.path = BREAKER ".slowCallDurationThreshold", .type = FIELD_DURATION, DURATION,
	 AT(breaker.slow_ns), .unset = "slow calls are not judged", .example = "500ms",
	 .help = "a call is slow when it takes longer, or is in flight for longer"},
	{.path = BREAKER ".slowCallRateThreshold", .type = FIELD_PERCENT, RANGE(1, 100),
	 .initial = "80", AT(breaker.slow_rate), .example = "80",
	 .help = "percent of calls; open when at least that many were slow"},
	{.path = WAIT, .type = FIELD_WAIT, DURATION, NOWHERE, .example = "5s",
	 .unset = "{initial: 5s, multiplier: 2, max: 60s, jitter: 0.5}",
	 .help = "how long it stays open: a duration, or a wait that grows"},
	{.path = WAIT ".initial", .type = FIELD_DURATION, DURATION, .initial = "5s",
	 AT(breaker.wait_initial_ns), .example = "5s", .help = "the first wait"},
	{.path = WAIT ".multiplier", .type = FIELD_FACTOR, RANGE(1, 100), .initial = "2",
	 AT(breaker.wait_multiplier), .example = "2", .help = "growth with each opening in a row"},
	{.path = WAIT ".max", .type = FIELD_DURATION, DURATION, .initial = "60s",
	 AT(breaker.wait_max_ns), .example = "60s", .help = "the longest wait, before jitter"},
	{.path = WAIT ".jitter", .type = FIELD_FACTOR, RANGE(0, 1), .initial = "0.5",
	 AT(breaker.wait_jitter), .example = "0.5",
	 .help = "up to this share is added at random; never taken away"},
	{.path = BREAKER ".permittedNumberOfCallsInHalfOpenState", .type = FIELD_COUNT,
	 RANGE(1, WEIR_PROBES_MAX), .initial = "3", AT(breaker.probes), .example = "3",
	 .help = "probes let through after the wait; all must succeed to close"},
	{.path = BREAKER ".halfOpenTimeout", .type = FIELD_DURATION, DURATION, .initial = "10s",
	 AT(breaker.half_open_timeout_ns), .example = "10s",
	 .help = "a probe that has not answered by then is a failure"},
	{.path = BREAKER ".maxEjectionPercent", .type = FIELD_PERCENT, RANGE(1, 100),
	 .initial = "50", AT(breaker.ejection_max), .example = "50",
	 .help = "of a service's endpoints; the first of several may always be ejected"},
	{.path = BREAKER ".panicThreshold", .type = FIELD_PERCENT, RANGE(0, 100), .initial = "50",
	 AT(breaker.panic_threshold), .example = "50",
	 .help = "percent; fewer healthy endpoints than this: stop enforcing; 0: never"},
	{.path = BREAKER ".onOpen", .type = FIELD_BLOCK, NOWHERE,
	 .unset = "{newConnections: refuse, errno: ECONNREFUSED, resetRate: 50}",
	 .example = "{errno: ETIMEDOUT}", .help = "what an open breaker does"},
	{.path = BREAKER ".onOpen.newConnections", .type = FIELD_WORD, .words = new_connections,
	 .initial = "refuse", AT(breaker.drop), .example = "refuse",
	 .help = "refuse: connect() fails at once; drop: its SYN is lost and the application waits"},
	{.path = BREAKER ".onOpen.errno", .type = FIELD_WORD, .words = errnos,
	 .initial = "ECONNREFUSED", AT(breaker.refuse_errno), .example = "ETIMEDOUT",
	 .help = "the error connect() fails with"},
	{.path = BREAKER ".onOpen.establishedConnections", .type = FIELD_WORD, .words = established,
	 .initial = "keep", AT(breaker.established), .example = "resetIdle",
	 .help = "resetStuck: those whose answer is overdue; resetIdle: those that await none; resetAll"},
	{.path = BREAKER ".onOpen.resetRate", .type = FIELD_COUNT, RANGE(1, 10000), .initial = "50",
	 AT(breaker.reset_rate), .example = "50", .help = "connections reset in a second, at most"},

	{.path = "spec.bulkhead", .type = FIELD_BLOCK, AT(bulkhead.set), .unset = "off",
	 .example = "{maxConnections: 100}", .help = "how much of the service may be in use at once"},
	{.path = "spec.bulkhead.maxConnections", .type = FIELD_COUNT, RANGE(1, CONNECTIONS_MAX),
	 AT(bulkhead.connections_max), .unset = "no limit", .example = "100",
	 .help = "connections to the whole service; exact, never one more"},
	{.path = "spec.bulkhead.perEndpoint", .type = FIELD_BLOCK, NOWHERE, .unset = "no limit",
	 .example = "{maxConnections: 40}", .help = "limits of each address and port"},
	{.path = "spec.bulkhead.perEndpoint.maxConnections", .type = FIELD_COUNT,
	 RANGE(1, CONNECTIONS_MAX), AT(bulkhead.endpoint_connections_max), .unset = "no limit",
	 .example = "40", .help = "connections to one endpoint; exact"},
	{.path = "spec.bulkhead.warnAt", .type = FIELD_PERCENT, RANGE(1, 100), .initial = "80",
	 AT(bulkhead.warn_at), .example = "80", .help = "percent of a limit; one event at each crossing"},
	{.path = "spec.bulkhead.maxConnecting", .type = FIELD_COUNT, RANGE(1, CONNECTIONS_MAX),
	 AT(bulkhead.connecting_max), .unset = "no limit", .example = "32",
	 .help = "connections to the service whose SYN is not answered yet; exact"},
	{.path = "spec.bulkhead.maxConcurrentCalls", .type = FIELD_COUNT, RANGE(1, CONNECTIONS_MAX),
	 AT(bulkhead.calls_max), .unset = "no limit", .example = "50",
	 .help = "while that many calls are in flight new connections are refused; calls on open ones cannot be"},
	{.path = "spec.bulkhead.perClient", .type = FIELD_BLOCK, NOWHERE, .unset = "no limit",
	 .example = "{by: cgroup, maxConnections: 20}", .help = "limits of each client"},
	{.path = "spec.bulkhead.perClient.by", .type = FIELD_WORD, .words = callers, .required = true,
	 AT(bulkhead.client_by), .example = "cgroup", .help = BY_HELP},
	{.path = "spec.bulkhead.perClient.prefixLength", .type = FIELD_BLOCK, NOWHERE,
	 .unset = "{v4: 32, v6: 64}", .example = "{v4: 24, v6: 56}", .help = PREFIX_HELP},
	{.path = "spec.bulkhead.perClient.prefixLength.v4", .type = FIELD_COUNT, RANGE(1, 32),
	 .initial = "32", AT(bulkhead.client_v4), .example = "24", .help = "of an IPv4 address"},
	{.path = "spec.bulkhead.perClient.prefixLength.v6", .type = FIELD_COUNT, RANGE(1, 128),
	 .initial = "64", AT(bulkhead.client_v6), .example = "56", .help = "of an IPv6 address"},
	{.path = "spec.bulkhead.perClient.maxConnections", .type = FIELD_COUNT,
	 RANGE(1, CONNECTIONS_MAX), .required = true, AT(bulkhead.client_connections_max),
	 .example = "20", .help = "connections of one client to the service; exact"},
	{.path = "spec.bulkhead.queue", .type = FIELD_BLOCK, AT(bulkhead.queue_set),
	 .unset = "what is full refuses at once", .example = "{maxWait: 200ms, maxLength: 64}",
	 .help = "hold a connect that finds the bulkhead full: its SYN waits for a slot"},
	{.path = "spec.bulkhead.queue.maxWait", .type = FIELD_DURATION,
	 RANGE(POLICY_DURATION_MIN_NS, POLICY_QUEUE_WAIT_MAX_NS), .initial = "200ms",
	 AT(bulkhead.queue_wait_ns), .example = "200ms",
	 .help = "then connect() fails with ETIMEDOUT"},
	{.path = "spec.bulkhead.queue.maxLength", .type = FIELD_COUNT, RANGE(1, WEIR_QUEUE_MAX),
	 .initial = "64", AT(bulkhead.queue_length), .example = "64",
	 .help = "connects that wait at once; further ones are refused"},
	{.path = "spec.bulkhead.onFull", .type = FIELD_WORD, .words = full, .initial = "refuse",
	 AT(bulkhead.on_full), .example = "refuse",
	 .help = "refuse: the client is told at once; drop: its SYN is lost; of listeners also shed: "
		 "as the agent's xdp.answer says, before the network stack sees it"},

	{.path = "spec.rateLimit", .type = FIELD_BLOCK, AT(rate.set), .unset = "off",
	 .example = "{connectionsPerSecond: 200}", .help = "new connections to the service in a second"},
	{.path = "spec.rateLimit.connectionsPerSecond", .type = FIELD_COUNT, RANGE(1, SAMPLES_MAX),
	 AT(rate.per_second), .unset = "no limit", .example = "200",
	 .help = "over any time t at most burst + t of these are let through"},
	{.path = "spec.rateLimit.burst", .type = FIELD_COUNT, RANGE(1, SAMPLES_MAX), .initial = "50",
	 AT(rate.burst), .example = "50", .help = "that many at once, after a pause"},
	{.path = "spec.rateLimit.perClient", .type = FIELD_BLOCK, NOWHERE, .unset = "no limit",
	 .example = "{by: cgroup, connectionsPerSecond: 20}", .help = "limits of each client"},
	{.path = "spec.rateLimit.perClient.by", .type = FIELD_WORD, .words = callers, .required = true,
	 AT(rate.client_by), .example = "cgroup", .help = BY_HELP},
	{.path = "spec.rateLimit.perClient.prefixLength", .type = FIELD_BLOCK, NOWHERE,
	 .unset = "{v4: 32, v6: 64}", .example = "{v4: 24, v6: 56}", .help = PREFIX_HELP},
	{.path = "spec.rateLimit.perClient.prefixLength.v4", .type = FIELD_COUNT, RANGE(1, 32),
	 .initial = "32", AT(rate.client_v4), .example = "24", .help = "of an IPv4 address"},
	{.path = "spec.rateLimit.perClient.prefixLength.v6", .type = FIELD_COUNT, RANGE(1, 128),
	 .initial = "64", AT(rate.client_v6), .example = "56", .help = "of an IPv6 address"},
	{.path = "spec.rateLimit.perClient.connectionsPerSecond", .type = FIELD_COUNT,
	 RANGE(1, SAMPLES_MAX), .required = true, AT(rate.client_per_second), .example = "20",
	 .help = "of one client, as the service's"},
	{.path = "spec.rateLimit.perClient.burst", .type = FIELD_COUNT, RANGE(1, SAMPLES_MAX),
	 .initial = "20", AT(rate.client_burst), .example = "20", .help = "as the service's burst"},
	PLANNED("spec.timeouts", "limits on connecting, answering and idling"),
	{.path = "spec.access", .type = FIELD_BLOCK, NOWHERE, .unset = "everyone may",
	 .example = "{allow: [{systemdUnit: orders.service}]}", .help = "who may connect at all"},
	{.path = "spec.access.allow", .type = FIELD_LIST, .required = true, NOWHERE,
	 .example = "[{systemdUnit: orders.service}]",
	 .help = "these clients may; everyone else is refused, and named in an event"},
	{.path = ALLOWED ".systemdUnit", .type = FIELD_UNIT, NOWHERE, .unset = "one of the three",
	 .example = "orders.service", .help = "processes of a systemd unit"},
	{.path = ALLOWED ".cgroup", .type = FIELD_CGROUP, NOWHERE, .unset = "one of the three",
	 .example = "/system.slice/docker-*.scope", .help = "processes below a cgroup; * and ? match"},
	{.path = ALLOWED ".user", .type = FIELD_USER, NOWHERE, .unset = "one of the three",
	 .example = "root", .help = "processes of a user, by name or uid"},
	PLANNED("spec.fallback", "where connections go while the breaker is open"),
	PLANNED("spec.adaptive", "find the limits by latency"),
};

static const char *const type_names[FIELD_TYPES] = {
	[FIELD_BLOCK] = "a block of keys",
	[FIELD_LIST] = "a list of blocks",
	[FIELD_WORD] = "one of the words",
	[FIELD_NAME] = "a name",
	[FIELD_LABELS] = "a block of texts",
	[FIELD_COUNT] = "a whole number",
	[FIELD_PERCENT] = "a percentage",
	[FIELD_FACTOR] = "a number",
	[FIELD_DURATION] = "a duration",
	[FIELD_WAIT] = "a duration or a block of keys",
	[FIELD_ADDRESS] = "an address",
	[FIELD_PORTS] = "a list of ports",
	[FIELD_UNIT] = "a systemd unit",
	[FIELD_CGROUP] = "a cgroup path",
	[FIELD_USER] = "a user",
	[FIELD_NETWORK] = "an address",
};
/* clang-format on */

const struct field *fields_next(const struct field *previous)
{
	const struct field *next = previous ? previous + 1 : fields;

	return next < fields + COUNT_OF(fields) ? next : NULL;
}

const struct field *fields_find(const char *path)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (!strcmp(fields[i].path, path))
			return &fields[i];
	}
	return NULL;
}

size_t fields_index(const struct field *field)
{
	return (size_t)(field - fields);
}

size_t fields_count(void)
{
	return COUNT_OF(fields);
}

const char *fields_key(const struct field *field)
{
	const char *dot = strrchr(field->path, '.');

	return dot ? dot + 1 : field->path;
}

bool fields_is_child(const struct field *field, const char *path)
{
	size_t bytes = strlen(path);
	const char *key = fields_key(field);

	if (!bytes)
		return key == field->path;
	return key == field->path + bytes + 1 &&
	       !strncmp(field->path, path, bytes);
}

const char *fields_type_name(enum field_type type)
{
	return type_names[type];
}

size_t fields_bytes(const struct field *field)
{
	static const size_t bytes[FIELD_TYPES] = {
		[FIELD_BLOCK] = sizeof(bool),
		[FIELD_WORD] = sizeof(int),
		[FIELD_COUNT] = sizeof(uint32_t),
		[FIELD_PERCENT] = sizeof(uint32_t),
		[FIELD_FACTOR] = sizeof(double),
		[FIELD_DURATION] = sizeof(uint64_t),
	};

	return field->offset == FIELDS_NOT_STORED ? 0 : bytes[field->type];
}

size_t fields_children(const char *path, const struct field **out, size_t max)
{
	size_t count = 0;

	for (int planned = 0; planned < 2; planned++) {
		for (size_t i = 0; i < COUNT_OF(fields); i++) {
			if (fields[i].planned == planned && count < max &&
			    fields_is_child(&fields[i], path))
				out[count++] = &fields[i];
		}
	}
	return count;
}
