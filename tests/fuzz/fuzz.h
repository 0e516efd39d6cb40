/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz.h - what every fuzz target has in common.
 *
 * tests/fuzz/NAME.c is a target: nothing else has to know of it. NAME.seeds, if
 * there is one, is run with a directory to fill with inputs to begin with;
 * NAME.dict holds words that mutations are made of. See tests/fuzz/run.
 */
#pragma once

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What is fuzzed may log: libFuzzer closes stderr for it, this one stays. */
static int fuzz_stderr = STDERR_FILENO;

__attribute__((constructor)) static void fuzz_keep_stderr(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);

	if (fd >= 0)
		fuzz_stderr = fd;
}

/* What must hold for every input: the input that breaks it is kept. */
#define demand(condition)                                                     \
	do {                                                                  \
		if (!(condition)) {                                           \
			dprintf(fuzz_stderr, "%s:%d: broken: %s\n", __FILE__, \
				__LINE__, #condition);                        \
			abort();                                              \
		}                                                             \
	} while (0)

/* An input as a row of numbers and texts; behind its end all are 0 or short. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

/* Up to `bytes` of what is left; how many they were. */
static inline size_t fuzz_take(struct fuzz_input *input, void *out,
			       size_t bytes)
{
	if (bytes > input->left)
		bytes = input->left;
	if (bytes)
		memcpy(out, input->at, bytes);
	input->at += bytes;
	input->left -= bytes;
	return bytes;
}

/* Up to the next `end`, which is left out; a copy that the caller frees. */
static inline char *fuzz_text(struct fuzz_input *input, char end,
			      size_t *opt_bytes)
{
	const uint8_t *found =
		input->left ? memchr(input->at, end, input->left) : NULL;
	size_t bytes = found ? (size_t)(found - input->at) : input->left;
	char *text = malloc(bytes + 1);

	if (!text)
		abort();
	fuzz_take(input, text, bytes);
	text[bytes] = '\0';
	if (found)
		fuzz_byte(input);
	if (opt_bytes)
		*opt_bytes = bytes;
	return text;
}

/* A file of these bytes, which nobody else sees; fuzz_path() names it. */
static inline int fuzz_file(const void *data, size_t bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || (bytes && write(fd, data, bytes) != (ssize_t)bytes))
		abort();
	return fd;
}

/* A directory of its own, below one that tests/fuzz/run removes in the end. */
static inline void fuzz_directory_make(char *out, size_t bytes)
{
	const char *above = getenv("WEIR_FUZZ_DIR");

	snprintf(out, bytes, "%s/weir-fuzz.XXXXXX", above ? above : "/tmp");
	if (!mkdtemp(out))
		abort();
}

static inline void fuzz_path(int fd, char *out, size_t bytes)
{
	snprintf(out, bytes, "/proc/self/fd/%d", fd);
}
