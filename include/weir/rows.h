/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weir/rows.h - the names people see, a row each: id, name, help.
 *
 * The enum that counts them in the kernel, the metric's label, what weirctl
 * prints and what the manual explains are made from one row, so none of them
 * can have a word that the others do not know. Part of the contract: see abi.h.
 */
#pragma once

/* clang-format off */
#define WEIR_VERDICTS(X)                                                      \
	X(ALLOW, "allow", "the connection was let through")                   \
	X(REFUSE, "refuse", "connect() failed at once; ingress: the SYN was answered with a RST") \
	X(DROP, "drop", "the SYN was lost on purpose: connect() waits")       \
	X(QUEUE, "queue", "held: its SYN waits for a slot")                   \
	X(WOULD_REFUSE, "would_refuse", "observe mode: would have been refused") \
	X(WOULD_DROP, "would_drop", "observe mode: its SYN would have been lost") \
	X(WOULD_QUEUE, "would_queue", "observe mode: it would have been held") \
	X(RESET, "reset", "ingress: there was no room any more when it was established")

#define WEIR_REASONS(X)                                                       \
	X(NONE, "none", "no rule objected")                                   \
	X(ACCESS, "access", "the client is not on the access list")           \
	X(FORCED, "forced", "an operator forced the breaker open")            \
	X(BREAKER, "breaker", "the circuit breaker is open")                  \
	X(HALF_OPEN, "half_open", "half-open and every probe token is taken") \
	X(CAP, "cap", "the bulkhead is full")                                 \
	X(CLIENT_CAP, "client_cap", "the client's own bulkhead is full")      \
	X(RATE, "rate", "the rate limit is used up")                          \
	X(CLIENT_RATE, "client_rate", "the client's own rate limit is used up")

#define WEIR_PHASES(X)                                                        \
	X(CONNECT, "connect", "from connect() to established or failed")      \
	X(TURN, "turn", "from a request to the answer's first byte")          \
	X(GREETING, "greeting", "the peer spoke first: a turn that answers nothing")

#define WEIR_RESULTS(X)                                                       \
	X(SUCCESS, "success", "established, or answered, in time")            \
	X(FAILURE, "failure", "refused, timed out, reset or unreachable")     \
	X(SLOW, "slow", "took longer than slowCallDurationThreshold")         \
	X(NEUTRAL, "neutral", "local, Weir's own doing, or of an older epoch")

/* Why a connection attempt or a connection failed. */
#define WEIR_FAILURES(X)                                                      \
	X(REFUSED, "refused", "the peer answered the SYN with RST")           \
	X(TIMEOUT, "timeout", "no answer to the SYN or to retransmissions")   \
	X(UNREACHABLE, "unreachable", "the network said unreachable")         \
	X(RESET, "reset", "the peer reset the connection")                    \
	X(CLOSED, "closed", "the peer closed while an answer was awaited")    \
	X(LOCAL, "local", "this side gave up or had no route, port or memory") \
	X(OTHER, "other", "none of the above")

/* How a connection that was established came to its end. */
#define WEIR_CLOSES(X)                                                        \
	X(FIN, "fin", "closed in order")                                      \
	X(RST_REMOTE, "rst_remote", "the peer reset it")                      \
	X(RST_LOCAL, "rst_local", "this side reset it")                       \
	X(TIMEOUT, "timeout", "retransmissions or keepalives ran out")        \
	X(WEIR, "weir", "Weir reset it")                                      \
	X(FAILED, "failed", "it was never established")                       \
	X(OTHER, "other", "none of the above")

#define WEIR_STATES(X)                                                        \
	X(CLOSED, "closed", "traffic flows, samples are judged")              \
	X(OPEN, "open", "new connections are refused")                        \
	X(HALF_OPEN, "half_open", "a few probes are let through")             \
	X(OPEN_SUPPRESSED, "open_suppressed", "tripped, the ejection guard forbids it") \
	X(FORCED_OPEN, "forced_open", "an operator holds it open")            \
	X(FORCED_CLOSED, "forced_closed", "an operator holds it closed")

#define WEIR_TRIPS(X)                                                         \
	X(NONE, "none", "nothing")                                            \
	X(CONSECUTIVE, "consecutive", "consecutive failures reached the limit") \
	X(FAILURE_RATE, "failure_rate", "the failure rate reached its threshold") \
	X(SLOW_RATE, "slow_rate", "the slow-call rate reached its threshold") \
	X(PROBE_FAILED, "probe_failed", "a half-open probe failed")           \
	X(PROBE_TIMEOUT, "probe_timeout", "a half-open probe never answered") \
	X(PROBES_OK, "probes_ok", "all half-open probes succeeded")           \
	X(WAIT_ELAPSED, "wait_elapsed", "the wait in open was over")          \
	X(MANUAL, "manual", "an operator asked for it")                       \
	X(EXPIRED, "expired", "the operator's override ran out")              \
	X(POLICY, "policy", "the policy changed")                             \
	X(GUARD, "guard", "the ejection guard allowed or forbade it")

/* Every path on which Weir could not do its work and let traffic flow (W1). */
#define WEIR_FAULTS(X)                                                        \
	X(NO_STORAGE, "no_storage", "no socket storage: connection not counted") \
	X(ENDPOINT_FULL, "endpoint_full", "endpoint table full: counted for the service alone") \
	X(RING_FULL, "ring_full", "event ring full: event lost, decisions unaffected") \
	X(CAS_LOST, "cas_lost", "a compare-and-swap gave up")                 \
	X(LEASE_EXPIRED, "lease_expired", "verdict ignored: the agent's heartbeat is old") \
	X(NO_SERVICE, "no_service", "a rule named a service without configuration") \
	X(DENIED_BEFORE, "denied_before", "another program had already denied the connect") \
	X(UNMATCHED, "unmatched", "no policy matched and observeAll is off")  \
	X(STALE_RELEASED, "stale_released", "the audit released a reservation no hook did") \
	X(LISTEN_FULL, "listen_full", "more listening ports than adoption can remember") \
	X(NO_FLAG, "no_flag", "the STATE callback could not be set on a socket") \
	X(CALLER_FULL, "caller_full", "client table full: not limited for its client")
/* clang-format on */

#define WEIR_ENUM_ROW_(prefix, id) prefix##id,

#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_VERDICT_, id)
enum weir_verdict_id { WEIR_VERDICTS(X) WEIR_VERDICT_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_REASON_, id)
enum weir_reason { WEIR_REASONS(X) WEIR_REASON_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_PHASE_, id)
enum weir_phase { WEIR_PHASES(X) WEIR_PHASE_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_RESULT_, id)
enum weir_result { WEIR_RESULTS(X) WEIR_RESULT_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_FAILURE_, id)
enum weir_failure { WEIR_FAILURES(X) WEIR_FAILURE_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_CLOSE_, id)
enum weir_close { WEIR_CLOSES(X) WEIR_CLOSE_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_STATE_, id)
enum weir_state { WEIR_STATES(X) WEIR_STATE_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_TRIP_, id)
enum weir_trip { WEIR_TRIPS(X) WEIR_TRIP_COUNT };
#undef X
#define X(id, name, help) WEIR_ENUM_ROW_(WEIR_FAULT_, id)
enum weir_fault_id { WEIR_FAULTS(X) WEIR_FAULT_COUNT };
#undef X
