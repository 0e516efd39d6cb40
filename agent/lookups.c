/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lookups.c - see lookups.h.
 */
#include "agent/lookups.h"

#include <string.h>

#include "agent/links.h"
#include "agent/log.h"
#include "agent/namespaces.h"

static void attach_all(struct lookups *lookups, struct dataplane *plane,
		       const struct bpf_program *program,
		       const struct namespaces *list)
{
	for (size_t i = 0; i < list->count; i++) {
		int err = links_attach_netns((struct bpf_program *)program,
					     list->fds[i], list->inodes[i],
					     &plane->pins);

		if (!err || lookups->refused == list->inodes[i])
			continue;
		lookups->refused = list->inodes[i];
		log_warning("attaching weir_lookup in network namespace %lu: "
			    "%s; there connections over a limit are reset "
			    "instead of refused",
			    (unsigned long)list->inodes[i], strerror(-err));
	}
}

void lookups_refresh(struct lookups *lookups, struct dataplane *plane,
		     const char *cgroup, const char *const *netns,
		     size_t netns_count)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(plane->object, "weir_lookup");
	struct namespaces list;

	if (!lookups->wanted || !program)
		return;
	namespaces_list(&list, cgroup, netns, netns_count);
	attach_all(lookups, plane, program, &list);
	links_keep_netns(program, &plane->pins, list.inodes, list.count);
	namespaces_close(&list);
}

void lookups_set(struct lookups *lookups, struct dataplane *plane, bool wanted,
		 const char *cgroup, const char *const *netns,
		 size_t netns_count)
{
	const struct bpf_program *program;

	lookups->wanted = wanted;
	if (wanted) {
		lookups_refresh(lookups, plane, cgroup, netns, netns_count);
		return;
	}
	program =
		bpf_object__find_program_by_name(plane->object, "weir_lookup");
	if (program)
		links_keep_netns(program, &plane->pins, NULL, 0);
}
