/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * source.c - C as the style checks want to see it.
 *
 * source code FILE...      without comments and the insides of strings
 * source text FILE...      without comments
 * source comments FILE...  comments alone; "//" starts those of that kind
 * source shape FILE...     FILE:LINE NAME LINES for each function
 *
 * Text comes as FILE:LINE:TEXT, lines keep their numbers. grep and awk do the
 * rest; they cannot tell a string from code, so this is the part in C. It does
 * not know macros: it sees what the reader sees.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (4u * 1024u * 1024u)

enum kind { CODE, STRING, COMMENT, LINE_COMMENT };

/* One file: its bytes, and what each byte is part of. */
struct source {
	const char *path;
	char text[FILE_BYTES_MAX];
	unsigned char kind[FILE_BYTES_MAX];
	size_t bytes;
};

static struct source source;

static bool read_file(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file) {
		perror(path);
		return false;
	}
	source.path = path;
	source.bytes = fread(source.text, 1, FILE_BYTES_MAX - 1, file);
	source.text[source.bytes] = '\0';
	fclose(file);
	if (source.bytes < FILE_BYTES_MAX - 1)
		return true;
	fprintf(stderr, "%s: larger than %u bytes\n", path, FILE_BYTES_MAX);
	return false;
}

/* ---- what is each byte part of? ------------------------------------------------ */

static size_t mark(size_t at, size_t end, enum kind kind)
{
	if (end > source.bytes)
		end = source.bytes;
	memset(source.kind + at, kind, end - at);
	return end;
}

static size_t mark_quoted(size_t at)
{
	char quote = source.text[at];
	size_t end = at + 1;

	while (end < source.bytes && source.text[end] != quote &&
	       source.text[end] != '\n')
		end += source.text[end] == '\\' ? 2 : 1;
	/* The quotes themselves are code: they show that something is there. */
	mark(at + 1, end, STRING);
	return end + 1;
}

static size_t mark_comment(size_t at)
{
	bool line = source.text[at + 1] == '/';
	const char *end = strstr(source.text + at + 2, line ? "\n" : "*/");
	size_t stop = end ? (size_t)(end - source.text) + (line ? 0 : 2)
			  : source.bytes;

	return mark(at, stop, line ? LINE_COMMENT : COMMENT);
}

static void classify(void)
{
	size_t at = 0;

	memset(source.kind, CODE, source.bytes);
	while (at < source.bytes) {
		const char *here = source.text + at;

		if (here[0] == '/' && (here[1] == '*' || here[1] == '/'))
			at = mark_comment(at);
		else if (here[0] == '"' || here[0] == '\'')
			at = mark_quoted(at);
		else
			at++;
	}
}

/* ---- lines ------------------------------------------------------------------------ */

static bool shown(enum kind kind, const char *mode)
{
	if (!strcmp(mode, "code"))
		return kind == CODE;
	if (!strcmp(mode, "text"))
		return kind == CODE || kind == STRING;
	return kind == COMMENT || kind == LINE_COMMENT;
}

static void print_lines(const char *mode)
{
	unsigned line = 1;
	bool start = true;

	for (size_t at = 0; at < source.bytes; at++) {
		char c = source.text[at];

		if (start)
			printf("%s:%u:", source.path, line);
		start = c == '\n';
		line += start;
		if (start || shown(source.kind[at], mode))
			putchar(c);
		else if (strcmp(mode, "comments"))
			putchar(c == '\t' ? '\t' : ' ');
	}
}

/* ---- functions ---------------------------------------------------------------------- */

/* What stands outside of all braces since the last declaration ended. */
struct statement {
	size_t start;
	size_t open; /* the first parenthesis outside of others; 0: none */
	unsigned line;
	int parens;
	char last; /* its last character that is no space */
	bool assigns;
};

/* Preprocessor lines are no statements. */
static size_t skip_directive(size_t at, unsigned *line)
{
	for (; at < source.bytes; at++) {
		if (source.text[at] != '\n')
			continue;
		if (source.text[at - 1] != '\\')
			break;
		++*line;
	}
	return at;
}

static bool starts_line(size_t at)
{
	while (at > 0 &&
	       (source.text[at - 1] == ' ' || source.text[at - 1] == '\t'))
		at--;
	return at == 0 || source.text[at - 1] == '\n';
}

static void extend(struct statement *s, size_t at, unsigned line)
{
	char c = source.text[at];

	if (isspace((unsigned char)c))
		return;
	if (!s->last) {
		s->start = at;
		s->line = line;
	}
	if (c == '(') {
		if (!s->parens++)
			s->open = at;
	} else if (c == ')') {
		s->parens--;
	} else if (c == '=' && !s->parens) {
		s->assigns = true;
	}
	s->last = c;
}

/* The word before the last group of parentheses. */
static void print_name(const struct statement *s)
{
	size_t end = s->open, at;

	while (end > s->start && isspace((unsigned char)source.text[end - 1]))
		end--;
	at = end;
	while (at > s->start && (isalnum((unsigned char)source.text[at - 1]) ||
				 source.text[at - 1] == '_'))
		at--;
	printf("%.*s", (int)(end - at), source.text + at);
}

static void print_functions(void)
{
	struct statement s = {0};
	unsigned line = 1;
	int depth = 0;
	bool function = false;

	for (size_t at = 0; at < source.bytes; at++) {
		char c = source.text[at];

		line += c == '\n';
		if (source.kind[at] != CODE)
			continue;
		if (c == '#' && starts_line(at)) {
			at = skip_directive(at, &line) - 1;
		} else if (c == '{') {
			if (!depth++)
				function = s.last == ')' && !s.assigns;
		} else if (c == '}' && depth > 0) {
			if (--depth)
				continue;
			if (function) {
				printf("%s:%u ", source.path, s.line);
				print_name(&s);
				printf(" %u\n", line - s.line + 1);
				s = (struct statement){0};
			}
		} else if (!depth && c == ';') {
			s = (struct statement){0};
		} else if (!depth) {
			extend(&s, at, line);
		}
	}
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {"code", "text", "comments",
					    "shape"};
	const char *mode = NULL;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (argc > 1 && !strcmp(argv[1], modes[i]))
			mode = modes[i];
	if (!mode) {
		fputs("usage: source code|text|comments|shape FILE...\n",
		      stderr);
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		if (!read_file(argv[i]))
			return 1;
		classify();
		if (!strcmp(mode, "shape"))
			print_functions();
		else
			print_lines(mode);
	}
	return 0;
}
