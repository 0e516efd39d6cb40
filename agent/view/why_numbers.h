/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_numbers.h - the part of a story that is about traffic.
 */
#pragma once

struct story;

void why_numbers(struct story *story);
