/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * load.c - does this kernel's verifier accept each program, and at what price?
 *
 * The agent loads all programs or none, and says little about why. Here each
 * one is loaded alone, so that one refusal hides no other, with the verifier's
 * log and the number of instructions it looked at.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_BYTES      (16u * 1024u * 1024u)
#define LOG_TAIL_BYTES 4000u
/* Half of what the kernel allows: other kernels count otherwise. */
#define INSTRUCTIONS_MAX 500000ul

static char verifier_log[LOG_BYTES];

static int print_nothing(enum libbpf_print_level level, const char *format,
			 va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* A raw tracepoint that this kernel does not have: a degraded mode, no error. */
static bool tracepoint_absent(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	struct btf *btf;
	char type[96];
	int id;

	if (strncmp(section, "tp_btf/", 7))
		return false;
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return false;
	snprintf(type, sizeof(type), "btf_trace_%s", section + 7);
	id = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
	btf__free(btf);
	return id < 0;
}

/* Of every line "processed N insns ..." the last one is the program's. */
static unsigned long processed(const char *log)
{
	unsigned long count = 0;

	for (const char *at = log; (at = strstr(at, "processed ")); at++)
		count = strtoul(at + strlen("processed "), NULL, 10);
	return count;
}

static void print_tail(const char *log)
{
	size_t length = strlen(log);

	if (length > LOG_TAIL_BYTES)
		log += length - LOG_TAIL_BYTES;
	printf("%s\n", log);
}

static struct bpf_program *select_only(struct bpf_object *object,
				       const char *name)
{
	struct bpf_program *program, *found = NULL;

	bpf_object__for_each_program(program, object)
	{
		bool wanted = !strcmp(bpf_program__name(program), name);

		bpf_program__set_autoload(program, wanted);
		if (wanted)
			found = program;
	}
	return found;
}

static bool loads(const char *file, const char *name)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_program *program;
	unsigned long count;
	int err;

	if (!object) {
		printf("FAIL load %s: %s\n", name, strerror(errno));
		return false;
	}
	program = select_only(object, name);
	if (tracepoint_absent(program)) {
		printf("absent %s: no tracepoint %s in this kernel\n", name,
		       bpf_program__section_name(program) + 7);
		bpf_object__close(object);
		return true;
	}
	verifier_log[0] = '\0';
	bpf_program__set_log_buf(program, verifier_log, LOG_BYTES);
	bpf_program__set_log_level(program, 4);
	err = bpf_object__load(object);
	count = processed(verifier_log);
	bpf_object__close(object);
	if (!err && count && count <= INSTRUCTIONS_MAX) {
		printf("ok load %s (%lu instructions looked at)\n", name,
		       count);
		return true;
	}
	printf("FAIL load %s: %s, %lu instructions looked at\n", name,
	       err ? strerror(-err) : "over its budget", count);
	print_tail(verifier_log);
	return false;
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;
	bool all = true;

	if (argc != 2) {
		fprintf(stderr, "usage: load OBJECT\n");
		return 2;
	}
	libbpf_set_print(print_nothing);
	object = bpf_object__open_file(argv[1], NULL);
	if (!object) {
		printf("FAIL load %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	bpf_object__for_each_program(program, object) all &=
		loads(argv[1], bpf_program__name(program));
	bpf_object__close(object);
	return all ? 0 : 1;
}
