/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count_of.h - how many elements an array has; not for pointers.
 */
#pragma once

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
