/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * changes.h - the answers that change something; the caller may already do so.
 */
#pragma once

#include "agent/http/request.h"

void changes_apply(struct request *request);
void changes_delete(struct request *request);
void changes_reload(struct request *request);
void changes_force(struct request *request);
void changes_reset(struct request *request);
