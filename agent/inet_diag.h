/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * inet_diag.h - resets one connection through the kernel's socket diagnosis.
 *
 * Found by addresses, ports and cookie, so it is that socket or none. The
 * application's calls on it fail with ECONNABORTED, the peer gets a RST.
 */
#pragma once

#include "weir/abi.h"

struct mnl_socket;

/* For the calling thread's network namespace, for as long as it is open. */
int inet_diag_open(struct mnl_socket **out);
void inet_diag_close(struct mnl_socket *nl);

/*
 * 0; -ENOENT: it is gone; -EINVAL: it listens, or is not established any more;
 * -EOPNOTSUPP: this kernel destroys no sockets; -EPERM without CAP_NET_ADMIN.
 */
int inet_diag_destroy(struct mnl_socket *nl, const struct weir_victim *victim);

/* Could a socket be destroyed here? As above, 0 for yes; touches none. */
int inet_diag_probe(struct mnl_socket *nl);
