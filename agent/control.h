/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.h - what the HTTP thread may ask of the agent.
 */
#pragma once

#include "agent/agent.h"

/* The operations with `agent` as their context. */
struct http_ops control_ops(struct agent *agent);
