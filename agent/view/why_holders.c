/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_holders.c - who holds the connections: at the moment a full cap turned
 * somebody away, and now. Only the first tells whose leak it was when the
 * culprit has been restarted meanwhile.
 */
#include "agent/view/why_holders.h"

#include <string.h>

#include "agent/view/clients.h"
#include "common/text.h"

#define PHRASE_BYTES 640

/* NULL: no cap was full yet, or another one than the story is about. */
static const struct snapshot_full *full_of(const struct story *story)
{
	const struct snapshot_full *full = story->service->full;

	if (!full || !story->endpoint)
		return full;
	return strcmp(full->subject, story->endpoint->name) ? NULL : full;
}

static void tell_full(struct story *story, const struct snapshot_full *full)
{
	int64_t ago_ns = story->snapshot->now_realtime_ns - full->realtime_ns;
	char at[TEXT_TIME_BYTES], ago[TEXT_SPAN_BYTES], held[PHRASE_BYTES];

	text_clock(full->realtime_ns, at);
	text_span((double)(ago_ns > 0 ? ago_ns : 0) / 1e9, ago);
	clients_phrase(full->holders, held, sizeof(held));
	story_say(story, "held by", "%s", held);
	story_say(story, "",
		  "at %s (%s ago), when the cap of %u of %s was full", at, ago,
		  full->limit, full->subject);
	story_say(story, "", "%s %s then", full->refused,
		  full->enforced ? "was refused" : "would have been refused");
}

static void tell_now(struct story *story, const struct snapshot_clients *now)
{
	char held[PHRASE_BYTES];

	clients_phrase(now, held, sizeof(held));
	story_say(story, "held now", "%s", held);
	if (now->unlisted)
		story_say(story, "",
			  "and %u connections that were not looked at",
			  now->unlisted);
}

void why_holders(struct story *story)
{
	const struct snapshot_full *full = full_of(story);
	const struct snapshot_clients *now = story->snapshot->clients;

	if (full && full->holders)
		tell_full(story, full);
	if (now && now->count)
		tell_now(story, now);
}

json_t *why_held(const struct story *story)
{
	return json_pack("{s:o, s:o}", "full", clients_full(full_of(story)),
			 "now", clients_moment(story->snapshot->clients));
}
