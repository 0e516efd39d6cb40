/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dataplane.c - see dataplane.h. The only file that sees the skeleton.
 */
#include "agent/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/links.h"
#include "agent/log.h"
#include "agent/walk.h"
#include "common/count_of.h"
#include "common/scoped.h"
#include "weir.skel.h"

/* Maps that carry state from one agent to the next. */
static const char *const kept_maps[] = {
	"weir_control",	 "weir_rule",	 "weir_client", "weir_service",
	"weir_verdict",	 "weir_subject", "weir_stat",	"weir_hist",
	"weir_endpoint", "weir_free",	 "weir_conn",	"weir_event",
	"weir_fault",	 "weir_recount", "weir_listen", "weir_caller",
	"weir_network",	 "weir_waiter",
};

_Static_assert(COUNT_OF(kept_maps) <= SNAPSHOT_MAPS_MAX,
	       "status shows all maps");

const char *dataplane_kept_map(size_t index)
{
	return index < COUNT_OF(kept_maps) ? kept_maps[index] : NULL;
}

/* ---- probing: what this kernel has, never what its version promises -------- */

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

static int probe(struct dataplane *plane)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return -errno;
	plane->send_hook = has_tracepoint(btf, "sock_send_length");
	if (has_tracepoint(btf, "sk_data_ready"))
		plane->turns = DATAPLANE_TURNS_DATA_READY;
	else if (has_tracepoint(btf, "tcp_probe"))
		plane->turns = DATAPLANE_TURNS_TCP_PROBE;
	btf__free(btf);
	return 0;
}

/* ---- prepare ------------------------------------------------------------------ */

static void configure(struct dataplane *plane)
{
	struct weir_bpf *skeleton = plane->skeleton;
	uint32_t subjects = dataplane_subjects_max(plane);

	bpf_map__set_max_entries(skeleton->maps.weir_service,
				 plane->services_max * 2);
	bpf_map__set_max_entries(skeleton->maps.weir_verdict, subjects);
	bpf_map__set_max_entries(skeleton->maps.weir_subject, subjects);
	bpf_map__set_max_entries(skeleton->maps.weir_recount, subjects);
	bpf_map__set_max_entries(skeleton->maps.weir_stat, plane->services_max);
	bpf_map__set_max_entries(skeleton->maps.weir_hist,
				 plane->endpoints_max);
	bpf_map__set_max_entries(skeleton->maps.weir_endpoint,
				 plane->endpoints_max);
	bpf_map__set_max_entries(skeleton->maps.weir_free,
				 plane->endpoints_max);
	skeleton->rodata->weir_services_max = plane->services_max;
	skeleton->rodata->weir_send_hook = plane->send_hook;
	skeleton->rodata->weir_turn_hook = plane->turns != DATAPLANE_TURNS_NONE;
	skeleton->rodata->weir_cgroup_id = plane->cgroup_id;
	skeleton->rodata->weir_shed_drops =
		!plane->shed.options || !plane->shed.options->answer;
	skeleton->rodata->weir_tick_us = clock_tick_us();
	bpf_program__set_autoload(skeleton->progs.weir_send, plane->send_hook);
	bpf_program__set_autoload(skeleton->progs.weir_data_ready,
				  plane->turns == DATAPLANE_TURNS_DATA_READY);
	bpf_program__set_autoload(skeleton->progs.weir_tcp_probe,
				  plane->turns == DATAPLANE_TURNS_TCP_PROBE);
}

/* Same shape as the pinned one? Otherwise it belongs to another build. */
static bool same_shape(struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	__u32 bytes = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &bytes) &&
	       info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map);
}

/* All or none: half of an older agent's maps would not fit together. */
static bool reuse_maps(struct dataplane *plane)
{
	struct bpf_object *object = plane->skeleton->obj;
	int fds[COUNT_OF(kept_maps)];
	size_t opened = 0;
	bool all = true;

	for (; opened < COUNT_OF(kept_maps) && all; opened++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(object, kept_maps[opened]);
		char path[PIN_PATH_BYTES];

		pins_path(&plane->pins, "maps", kept_maps[opened], path);
		fds[opened] = bpf_obj_get(path);
		all = fds[opened] >= 0 && same_shape(map, fds[opened]);
	}
	for (size_t i = 0; i < opened; i++) {
		if (all)
			bpf_map__reuse_fd(bpf_object__find_map_by_name(
						  object, kept_maps[i]),
					  fds[i]);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return all;
}

static int pin_maps(struct dataplane *plane)
{
	for (size_t i = 0; i < COUNT_OF(kept_maps); i++) {
		char path[PIN_PATH_BYTES];
		int err;

		pins_path(&plane->pins, "maps", kept_maps[i], path);
		err = bpf_map__pin(bpf_object__find_map_by_name(
					   plane->skeleton->obj, kept_maps[i]),
				   path);
		if (err)
			return err;
	}
	return 0;
}

static int fill_free_list(struct dataplane *plane)
{
	int fd = bpf_map__fd(plane->skeleton->maps.weir_free);

	/* Highest first: the stack then hands out the lowest. */
	for (uint32_t i = plane->endpoints_max; i-- > 0;) {
		uint32_t subject = plane->services_max + i;
		int err = bpf_map_update_elem(fd, NULL, &subject, BPF_ANY);

		if (err)
			return err;
	}
	return 0;
}

/* ---- load ----------------------------------------------------------------------- */

static void *map_memory(struct bpf_map *map, size_t value_bytes)
{
	size_t entry = (value_bytes + 7) / 8 * 8;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = entry * bpf_map__max_entries(map);
	void *memory =
		mmap(NULL, (bytes + page - 1) / page * page,
		     PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int map_all(struct dataplane *plane)
{
	struct weir_bpf *skeleton = plane->skeleton;

	plane->control = map_memory(skeleton->maps.weir_control,
				    sizeof(*plane->control));
	plane->verdicts = map_memory(skeleton->maps.weir_verdict,
				     sizeof(*plane->verdicts));
	plane->subjects = map_memory(skeleton->maps.weir_subject,
				     sizeof(*plane->subjects));
	plane->hists =
		map_memory(skeleton->maps.weir_hist, sizeof(*plane->hists));
	plane->recounts = map_memory(skeleton->maps.weir_recount,
				     sizeof(*plane->recounts));
	plane->select =
		map_memory(skeleton->maps.weir_select, sizeof(*plane->select));
	plane->waiters =
		map_memory(skeleton->maps.weir_waiter, sizeof(*plane->waiters));
	plane->look =
		map_memory(skeleton->maps.weir_look, sizeof(*plane->look));
	plane->rule_fd = bpf_map__fd(skeleton->maps.weir_rule);
	plane->client_fd = bpf_map__fd(skeleton->maps.weir_client);
	plane->network_fd = bpf_map__fd(skeleton->maps.weir_network);
	plane->service_fd = bpf_map__fd(skeleton->maps.weir_service);
	plane->stat_fd = bpf_map__fd(skeleton->maps.weir_stat);
	plane->endpoint_fd = bpf_map__fd(skeleton->maps.weir_endpoint);
	plane->free_fd = bpf_map__fd(skeleton->maps.weir_free);
	plane->event_fd = bpf_map__fd(skeleton->maps.weir_event);
	plane->fault_fd = bpf_map__fd(skeleton->maps.weir_fault);
	plane->listen_fd = bpf_map__fd(skeleton->maps.weir_listen);
	plane->conn_fd = bpf_map__fd(skeleton->maps.weir_conn);
	plane->shed.addresses.map_fd = bpf_map__fd(skeleton->maps.weir_local);
	plane->shed.drop = skeleton->progs.weir_shed_drop;
	plane->shed.reset = skeleton->progs.weir_shed_reset;
	if (!plane->control || !plane->verdicts || !plane->subjects ||
	    !plane->hists || !plane->recounts || !plane->select ||
	    !plane->waiters || !plane->look)
		return -errno;
	return 0;
}

/* What libbpf first complained about: its error codes name no object. */
static char complaint[200];

static int print_libbpf(enum libbpf_print_level level, const char *format,
			va_list args)
{
	char line[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (!complaint[0])
		snprintf(complaint, sizeof(complaint), " (%.190s)", line);
	/* The verifier's log is long; it goes out only when asked for. */
	if (getenv("WEIR_LIBBPF_LOG"))
		log_warning("%s", line);
	return 0;
}

static int load(struct dataplane *plane, char *why, size_t bytes)
{
	int err;

	configure(plane);
	plane->adopted = reuse_maps(plane);
	err = weir_bpf__load(plane->skeleton);
	if (err) {
		snprintf(why, bytes, "loading the BPF programs: %s%s",
			 strerror(-err), complaint);
		return err;
	}
	/* Only now that there is something to put in their place. */
	plane->claimed = !plane->adopted;
	if (plane->claimed) {
		pins_clear(&plane->pins);
		err = fill_free_list(plane);
	}
	if (!err && plane->claimed)
		err = pin_maps(plane);
	if (!err)
		err = map_all(plane);
	if (err)
		snprintf(why, bytes, "preparing the BPF maps: %s",
			 strerror(-err));
	return err;
}

/* ---- attach --------------------------------------------------------------------- */

struct hook {
	struct bpf_program *program;
	struct bpf_link **link;
	bool tracing;
	bool wanted;
};

/* Release before acquire: nothing is taken that nobody would give back. */
static size_t list_hooks(struct dataplane *plane, struct hook out[8])
{
	struct weir_bpf *s = plane->skeleton;
	bool ready = plane->turns == DATAPLANE_TURNS_DATA_READY;
	bool tcp_probe = plane->turns == DATAPLANE_TURNS_TCP_PROBE;
	const struct hook hooks[] = {
		{s->progs.weir_release, &s->links.weir_release, false, true},
		{s->progs.weir_sockops, &s->links.weir_sockops, false, true},
		{s->progs.weir_data_ready, &s->links.weir_data_ready, true,
		 ready},
		{s->progs.weir_tcp_probe, &s->links.weir_tcp_probe, true,
		 tcp_probe},
		{s->progs.weir_connect4, &s->links.weir_connect4, false, true},
		{s->progs.weir_connect6, &s->links.weir_connect6, false, true},
	};

	memcpy(out, hooks, sizeof(hooks));
	return COUNT_OF(hooks);
}

static int attach_hook(struct dataplane *plane, const struct hook *hook)
{
	if (!hook->wanted) {
		links_forget(hook->program, &plane->pins);
		return 0;
	}
	if (hook->tracing)
		return links_attach_tracing(hook->link, hook->program,
					    &plane->pins);
	if (bpf_program__type(hook->program) == BPF_PROG_TYPE_CGROUP_SKB)
		return links_attach_packets(hook->link, hook->program,
					    plane->cgroup_fd, &plane->pins,
					    plane->resetter);
	return links_attach_cgroup(hook->link, hook->program, plane->cgroup_fd,
				   &plane->pins);
}

/*
 * A take-over failed half-way. Counts stay right as long as each hook has its
 * link; with one missing a cap could fill up for ever: then all of them go.
 */
static void judge_rest(struct dataplane *plane, const struct hook *hooks,
		       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hooks[i].wanted &&
		    !links_pinned(hooks[i].program, &plane->pins))
			plane->claimed = true;
}

static int attach(struct dataplane *plane, char *why, size_t bytes)
{
	struct hook hooks[8];
	size_t count = list_hooks(plane, hooks);
	int err = 0;

	for (size_t i = 0; i < count; i++) {
		err = attach_hook(plane, &hooks[i]);
		if (!err)
			continue;
		judge_rest(plane, hooks, count);
		snprintf(why, bytes, "attaching %s: %s%s",
			 bpf_program__name(hooks[i].program), strerror(-err),
			 err == -EPERM ? " (an older program may hold the hook "
					 "exclusively: bpftool cgroup tree)"
				       : "");
		return err;
	}
	/* Hooks of before go over to us; publish drops what is idle. */
	if (plane->adopted)
		shed_take_over(&plane->shed);
	for (int i = 0; plane->adopted && i < DATAPLANE_EXTRAS; i++) {
		/* An interface may lose its link for a moment: not for nothing. */
		if (i == DATAPLANE_SHED)
			continue;
		err = dataplane_need(plane, (enum dataplane_extra)i, true);
		if (err)
			return err;
	}
	return 0;
}

static void detach(struct dataplane *plane)
{
	struct hook hooks[8];
	size_t count = list_hooks(plane, hooks);

	/* Acquire first, then release. */
	while (count-- > 0) {
		links_detach(*hooks[count].link, hooks[count].program,
			     &plane->pins);
		*hooks[count].link = NULL;
	}
	for (int i = 0; i < DATAPLANE_EXTRAS; i++)
		dataplane_need(plane, (enum dataplane_extra)i, false);
}

static struct hook extra_hook(struct dataplane *plane,
			      enum dataplane_extra extra)
{
	struct weir_bpf *s = plane->skeleton;
	const struct hook hooks[DATAPLANE_EXTRAS] = {
		[DATAPLANE_SEND] = {s->progs.weir_send, &s->links.weir_send,
				    true, plane->send_hook},
		[DATAPLANE_EGRESS] = {s->progs.weir_egress,
				      &s->links.weir_egress, false, true},
		[DATAPLANE_INGRESS] = {s->progs.weir_ingress,
				       &s->links.weir_ingress, false, true},
	};

	return hooks[extra];
}

int dataplane_need(struct dataplane *plane, enum dataplane_extra extra,
		   bool needed)
{
	struct hook hook;
	int err;

	if (extra == DATAPLANE_SHED) {
		shed_need(&plane->shed, needed);
		return 0;
	}
	hook = extra_hook(plane, extra);
	if (!hook.wanted || needed == plane->attached[extra])
		return 0;
	if (needed) {
		err = attach_hook(plane, &hook);
		if (err)
			return err;
	} else {
		links_detach(*hook.link, hook.program, &plane->pins);
		*hook.link = NULL;
	}
	plane->attached[extra] = needed;
	return 0;
}

/* ---- iterators ------------------------------------------------------------------- */

int dataplane_select(struct dataplane *plane, const struct weir_select *ask,
		     struct weir_victim *out, size_t *count)
{
	size_t written = 0;
	int err;

	*plane->select = *ask;
	plane->select->found = 0;
	err = walk_storage(plane->skeleton->progs.weir_choose, plane->conn_fd,
			   out, ask->max * sizeof(*out), &written);
	*count = written / sizeof(*out);
	return err;
}

int dataplane_holders(struct dataplane *plane, struct weir_holder *out,
		      size_t *count)
{
	struct weir_look *look = plane->look;
	size_t written = 0, bytes = look->max * sizeof(*out);
	int err;

	look->found = 0;
	err = walk_storage(plane->skeleton->progs.weir_holder, plane->conn_fd,
			   out, bytes, &written);
	*count = written / sizeof(*out);
	return err;
}

int dataplane_find_owners(struct dataplane *plane)
{
	size_t written = 0;

	return walk_run(plane->skeleton->progs.weir_owner, NULL, NULL, 0,
			&written);
}

int dataplane_audit(struct dataplane *plane)
{
	size_t written = 0;

	memset(plane->recounts, 0,
	       sizeof(*plane->recounts) * dataplane_subjects_max(plane));
	return walk_storage(plane->skeleton->progs.weir_audit, plane->conn_fd,
			    NULL, 0, &written);
}

static void forget_listeners(struct dataplane *plane)
{
	__u32 port;

	while (!bpf_map_get_next_key(plane->listen_fd, NULL, &port))
		if (bpf_map_delete_elem(plane->listen_fd, &port))
			break;
}

int dataplane_adopt(struct dataplane *plane)
{
	size_t written = 0;

	forget_listeners(plane);
	return walk_run(plane->skeleton->progs.weir_adopt, NULL, NULL, 0,
			&written);
}

/* ---- open and close --------------------------------------------------------------- */

static uint64_t cgroup_id(int fd)
{
	struct stat st;

	/* A cgroup's id is the inode number of its directory. */
	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int open_all(struct dataplane *plane, char *why, size_t bytes)
{
	int err = probe(plane);

	if (err) {
		snprintf(why, bytes, "reading the kernel's BTF: %s",
			 strerror(-err));
		return err;
	}
	plane->skeleton = weir_bpf__open();
	if (!plane->skeleton) {
		err = -errno;
		snprintf(why, bytes, "opening the BPF programs: %s",
			 strerror(-err));
		return err;
	}
	plane->object = plane->skeleton->obj;
	err = load(plane, why, bytes);
	return err ? err : attach(plane, why, bytes);
}

int dataplane_open(struct dataplane **out,
		   const struct dataplane_options *options, char *why,
		   size_t bytes)
{
	struct dataplane *plane = calloc(1, sizeof(*plane));
	struct pins pins;
	int err;

	if (!plane)
		return -ENOMEM;
	libbpf_set_print(print_libbpf);
	plane->services_max = options->services_max;
	plane->endpoints_max = options->endpoints_max;
	plane->cgroup_fd = options->cgroup_fd;
	plane->cgroup_id = cgroup_id(options->cgroup_fd);
	plane->pins = *options->pins;
	plane->resetter = options->resetter;
	shed_open(&plane->shed, options->xdp, &plane->pins);
	err = open_all(plane, why, bytes);
	if (err) {
		/* What an earlier agent had pinned is left as it was. */
		pins = plane->pins;
		dataplane_close(plane, plane->claimed);
		pins_leave(&pins);
		return err;
	}
	*out = plane;
	return 0;
}

void dataplane_close(struct dataplane *plane, bool remove)
{
	if (!plane)
		return;
	if (plane->control && remove)
		__atomic_store_n(&plane->control->active, 0, __ATOMIC_RELEASE);
	if (plane->skeleton && remove)
		detach(plane);
	/* Mapped memory goes with the process; pinned links stay attached. */
	weir_bpf__destroy(plane->skeleton);
	if (remove)
		pins_remove(&plane->pins);
	free(plane);
}
