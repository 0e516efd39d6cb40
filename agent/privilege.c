/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privilege.c - see privilege.h.
 */
#include "agent/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>

#include "common/count_of.h"

static const unsigned kept[] = {
	CAP_SYS_ADMIN,
	CAP_SYS_PTRACE,
	CAP_DAC_READ_SEARCH,
};

int privilege_drop(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (capng_get_caps_process() < 0)
		return -EPERM;
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
		int keep = 0;

		for (unsigned i = 0; i < COUNT_OF(kept); i++)
			keep |= kept[i] == cap;
		if (!keep)
			capng_update(CAPNG_DROP,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED |
					     CAPNG_INHERITABLE,
				     cap);
	}
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}
