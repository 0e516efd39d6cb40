/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privilege.h - what the agent may do once it runs.
 */
#pragma once

/*
 * Loading is over: open descriptors suffice for maps, links and iterators. Of
 * what it was given the thread, and those it starts later, keep CAP_SYS_ADMIN
 * and CAP_SYS_PTRACE, to adopt connections of other network namespaces after a
 * change of policies, and CAP_DAC_READ_SEARCH, to read policies of any owner;
 * packaging/weir.service gives none of these. 0 or -errno.
 */
int privilege_drop(void);
