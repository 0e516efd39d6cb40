/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privilege.h - what the agent may do once it runs.
 */
#pragma once

/*
 * Keeps only what the running agent uses: CAP_BPF and CAP_PERFMON (attach the
 * send hook when a policy needs it, run the audit), CAP_NET_ADMIN, and
 * CAP_SYS_ADMIN with CAP_SYS_PTRACE to adopt connections of other network
 * namespaces after a change of policies. 0 or -errno; without root it is 0.
 */
int privilege_drop(void);
