/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shed.c - see shed.h.
 */
#include "agent/shed.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/links.h"
#include "agent/log.h"
#include "common/scoped.h"

#define RETRY_SECONDS 10
#define INSTEAD	      "the stack refuses there what would be shed"

void shed_open(struct shed *shed, const struct options_xdp *options,
	       const struct pins *pins)
{
	shed->options = options;
	shed->pins = pins;
	shed->count = options->interface_count;
	for (size_t i = 0; i < shed->count; i++)
		shed->interfaces[i].name = options->interfaces[i];
}

/* ---- an interface ---------------------------------------------------------------- */

/* It loses what its own XDP program sends unless the peer has one, too. */
static bool is_veth(const char *name)
{
	scoped(fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&driver};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request) &&
	       !strcmp(driver.driver, "veth");
}

/* Said once, and again only when it is something else. */
static void complain(struct shed_interface *interface, const char *trouble)
{
	if (!strcmp(interface->trouble, trouble))
		return;
	snprintf(interface->trouble, sizeof(interface->trouble), "%s", trouble);
	if (*trouble)
		log_warning("xdp: %s: %s; %s", interface->name, trouble,
			    interface->link ? "the rest is as asked" : INSTEAD);
}

static const char *reason(int err)
{
	switch (-err) {
	case EBUSY:
	case EEXIST:
		return "another XDP program is attached (ip link shows it)";
	case EOPNOTSUPP:
		return "its driver has no XDP";
	case EINVAL:
	case ERANGE:
		return "its driver takes no XDP program as it is set up "
		       "(MTU, LRO, number of queues)";
	default:
		return strerror(-err);
	}
}

static struct bpf_program *program_for(const struct shed *shed, bool answers)
{
	return answers ? shed->reset : shed->drop;
}

/* Answers where asked for, but not where they would be lost. */
static bool can_answer(const struct shed *shed, const char *name, bool driver)
{
	return shed->options->answer && !(driver && is_veth(name));
}

static bool mode_is_fine(const struct shed *shed, const char *name, bool driver)
{
	if (shed->options->mode == OPTIONS_XDP_AUTO)
		return can_answer(shed, name, driver) == shed->options->answer;
	return driver == (shed->options->mode == OPTIONS_XDP_DRIVER);
}

/* What became of it, in the log and for `weirctl check`. */
static void settle(struct shed *shed, struct shed_interface *interface,
		   unsigned index, bool driver, int driver_err)
{
	char trouble[sizeof(interface->trouble)] = "";

	interface->index = index;
	interface->driver = driver;
	if (driver_err)
		snprintf(trouble, sizeof(trouble), "generic mode: %s",
			 reason(driver_err));
	else if (interface->answers != shed->options->answer)
		snprintf(trouble, sizeof(trouble),
			 "a veth loses answers in driver mode: SYNs are "
			 "dropped");
	log_info("xdp: %s: attached in %s mode, SYNs over a cap are %s",
		 interface->name, driver ? "driver" : "generic",
		 interface->answers ? "answered with RST" : "dropped");
	complain(interface, trouble);
}

static int attach_in(struct shed *shed, struct shed_interface *interface,
		     unsigned index, bool driver)
{
	interface->answers = can_answer(shed, interface->name, driver);
	return links_attach_xdp(
		&interface->link, program_for(shed, interface->answers), index,
		driver ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE, shed->pins);
}

/* The driver's own mode first, unless another is asked for or needed. */
static void attach(struct shed *shed, struct shed_interface *interface)
{
	unsigned index = if_nametoindex(interface->name);
	bool driver = mode_is_fine(shed, interface->name, true);
	bool generic = mode_is_fine(shed, interface->name, false);
	int driver_err = 0, err = -EINVAL;

	if (!index) {
		complain(interface, "there is no such interface");
		return;
	}
	if (driver)
		err = driver_err = attach_in(shed, interface, index, true);
	if (err && err != -EBUSY && err != -EEXIST && generic)
		err = attach_in(shed, interface, index, false);
	else if (!err)
		generic = false;
	if (err)
		complain(interface, reason(err));
	else
		settle(shed, interface, index, !generic, driver_err);
}

static void detach(struct shed *shed, struct shed_interface *interface)
{
	if (!interface->link)
		return;
	links_detach_xdp(interface->link, interface->index, shed->pins);
	interface->link = NULL;
	log_info("xdp: %s: detached", interface->name);
}

/* ---- what an earlier agent left ------------------------------------------------- */

static void take_over(struct shed *shed, struct shed_interface *interface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	unsigned index = if_nametoindex(interface->name);
	bool driver;

	if (!index || bpf_xdp_query((int)index, 0, &query))
		return;
	driver = query.attach_mode == XDP_ATTACHED_DRV;
	if (!mode_is_fine(shed, interface->name, driver))
		return;
	interface->answers = can_answer(shed, interface->name, driver);
	if (!links_take_over_xdp(&interface->link,
				 program_for(shed, interface->answers), index,
				 shed->pins))
		settle(shed, interface, index, driver, 0);
}

static bool is_attached(const void *context, unsigned index)
{
	const struct shed *shed = context;

	for (size_t i = 0; i < shed->count; i++)
		if (shed->interfaces[i].link &&
		    shed->interfaces[i].index == index)
			return true;
	return false;
}

static void refresh_addresses(struct shed *shed)
{
	static int said;
	int err = addresses_refresh(&shed->addresses);

	if (err && err != said)
		log_warning("xdp: addresses of this host: %s; SYNs to those "
			    "that are missing pass",
			    strerror(-err));
	said = err;
}

void shed_take_over(struct shed *shed)
{
	/* Before the program is: what it does not find there it lets pass. */
	refresh_addresses(shed);
	for (size_t i = 0; i < shed->count; i++)
		take_over(shed, &shed->interfaces[i]);
	links_sweep_xdp(shed->pins, is_attached, shed);
}

/* ---- in force --------------------------------------------------------------------- */

void shed_need(struct shed *shed, bool wanted)
{
	shed->wanted = wanted;
	if (wanted && shed->count)
		refresh_addresses(shed);
	for (size_t i = 0; i < shed->count; i++) {
		struct shed_interface *interface = &shed->interfaces[i];

		if (!wanted) {
			detach(shed, interface);
			interface->trouble[0] = '\0';
		} else if (!interface->link) {
			attach(shed, interface);
		}
	}
	shed->seconds = 0;
}

void shed_tick(struct shed *shed)
{
	bool retry = ++shed->seconds % RETRY_SECONDS == 0;

	if (!shed->wanted || !shed->count)
		return;
	refresh_addresses(shed);
	for (size_t i = 0; i < shed->count; i++) {
		struct shed_interface *interface = &shed->interfaces[i];

		if (interface->link &&
		    if_nametoindex(interface->name) != interface->index)
			detach(shed, interface);
		else if (interface->link || !retry)
			continue;
		attach(shed, interface);
	}
}

size_t shed_show(const struct shed *shed, struct snapshot_interface *out,
		 size_t max)
{
	size_t count = 0;

	for (; count < shed->count && count < max; count++) {
		const struct shed_interface *from = &shed->interfaces[count];
		struct snapshot_interface *to = &out[count];

		*to = (struct snapshot_interface){
			.wanted = shed->wanted,
			.mode = !from->link    ? SNAPSHOT_XDP_OFF
				: from->driver ? SNAPSHOT_XDP_DRIVER
					       : SNAPSHOT_XDP_GENERIC,
			.answers = from->link ? from->answers
					      : shed->options->answer,
		};
		snprintf(to->name, sizeof(to->name), "%s", from->name);
		snprintf(to->trouble, sizeof(to->trouble), "%s", from->trouble);
	}
	return count;
}
