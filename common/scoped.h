/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scoped.h - ownership that can be seen in the declaration.
 *
 * `scoped(fd) int fd = open(...)` is closed where its scope ends; it leaves
 * the scope only through TAKE_FD or TAKE_PTR, so a reader can check one
 * function without reading its callees. Declare and assign in one statement:
 * clean-up runs in reverse order of declaration.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define scoped(name) __attribute__((cleanup(scope_end_##name)))

#define DEFINE_SCOPED(name, type, release)                                    \
	__attribute__((unused)) static inline void scope_end_##name(type *it) \
	{                                                                     \
		release;                                                      \
	}

DEFINE_SCOPED(fd, int, if (*it >= 0) close(*it))
DEFINE_SCOPED(memory, void *, free(*it))
DEFINE_SCOPED(text, char *, free(*it))
DEFINE_SCOPED(file, FILE *, if (*it) fclose(*it))
DEFINE_SCOPED(dir, DIR *, if (*it) closedir(*it))

#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})
