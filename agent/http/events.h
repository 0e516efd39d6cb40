/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.h - GET /v1/events: at once, or when something has happened.
 */
#pragma once

#include "agent/http/request.h"

void events_get(struct request *request);
