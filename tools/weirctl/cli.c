/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cli.c - see cli.h.
 */
#include "tools/weirctl/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/text.h"
#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/usage.h"

#define WIDTH_DEFAULT 80u
#define WIDTH_MIN     40u

static const char *const tint_codes[] = {
	[TINT_NONE] = "\033[0m",   [TINT_GOOD] = "\033[32m",
	[TINT_WARN] = "\033[33m",  [TINT_BAD] = "\033[1;31m",
	[TINT_STRONG] = "\033[1m", [TINT_DIM] = "\033[2m",
};

const char *cli_tint_code(const struct cli *cli, enum tint tint)
{
	return cli->colour ? tint_codes[tint] : "";
}

char *cli_clean(const struct cli *cli, const char *text)
{
	char *clean = text_printable(text, strlen(text));

	if (!clean || cli->utf8)
		return clean;
	for (char *at = clean, *from = clean;; from++) {
		unsigned char c = (unsigned char)*from;

		/* One mark a character: what continues one is left out. */
		if ((c & 0xc0) == 0x80)
			continue;
		*at++ = c < 0x80 ? *from : '?';
		if (!c)
			return clean;
	}
}

/* ---- writing -------------------------------------------------------------------- */

static void write_clean(struct cli *cli, FILE *to, const char *format,
			va_list values)
{
	scoped(text) char *text = NULL;
	scoped(text) char *clean = NULL;

	if (vasprintf(&text, format, values) < 0)
		text = NULL;
	clean = text ? cli_clean(cli, text) : NULL;
	fputs(clean ? clean : "(out of memory)", to);
}

void cli_add(struct cli *cli, enum tint tint, const char *format, ...)
{
	bool tinted = cli->colour && tint != TINT_NONE;
	va_list values;

	if (tinted)
		fputs(tint_codes[tint], cli->out);
	va_start(values, format);
	write_clean(cli, cli->out, format, values);
	va_end(values);
	if (tinted)
		fputs(tint_codes[TINT_NONE], cli->out);
}

void cli_line(struct cli *cli, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	write_clean(cli, cli->out, format, values);
	va_end(values);
	fputc('\n', cli->out);
}

size_t cli_break_at(const char *text, size_t room)
{
	size_t length = strlen(text), space;

	if (length <= room)
		return length;
	for (space = room; space > 0 && text[space] != ' '; space--)
		;
	return space ? space : strcspn(text, " ");
}

void cli_wrapped(struct cli *cli, unsigned indent, const char *text)
{
	size_t room = cli->width > indent + WIDTH_MIN / 2
			      ? cli->width - indent - 1
			      : SIZE_MAX;
	size_t bytes = cli_break_at(text, room);

	cli_line(cli, "%.*s", (int)bytes, text);
	for (text += bytes; *text; text += bytes) {
		text += strspn(text, " ");
		bytes = cli_break_at(text, room);
		if (bytes)
			cli_line(cli, "%*s%.*s", (int)indent, "", (int)bytes,
				 text);
	}
}

static void write_note(struct cli *cli, const char *what, const char *format,
		       va_list values)
{
	/* Data first: on a terminal both end up in one place. */
	fflush(cli->out);
	fprintf(cli->err, "weirctl: %s", what);
	write_clean(cli, cli->err, format, values);
	fputc('\n', cli->err);
}

void cli_note(struct cli *cli, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	write_note(cli, "", format, values);
	va_end(values);
}

int cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	write_note(cli, "", format, values);
	va_end(values);
	return code;
}

int cli_misused(struct cli *cli, const char *format, ...)
{
	const struct command *command = cli->arguments.command;
	scoped(text) char *text = NULL;
	va_list values;

	va_start(values, format);
	if (vasprintf(&text, format, values) < 0)
		text = NULL;
	va_end(values);
	cli_note(cli, "%s; try: weirctl help%s%s", text ? text : "misused",
		 command && !command->hidden ? " " : "",
		 command && !command->hidden ? command->name : "");
	return CLI_USAGE;
}

int cli_out_of_memory(struct cli *cli)
{
	return cli_fail(cli, CLI_BUG, "out of memory");
}

bool cli_broken(const struct cli *cli)
{
	struct pollfd out = {.fd = fileno(cli->out)};

	return ferror(cli->out) ||
	       (poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLNVAL)));
}

const char *cli_operand(const struct cli *cli, size_t index)
{
	return index < cli->arguments.word_count ? cli->arguments.words[index]
						 : NULL;
}

/* ---- the run ---------------------------------------------------------------------- */

static bool wants_colour(const struct cli *cli)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (cli->arguments.colour != COLOUR_AUTO)
		return cli->arguments.colour == COLOUR_ALWAYS;
	return cli->terminal && (!no_colour || !no_colour[0]) && terminal &&
	       strcmp(terminal, "dumb");
}

static unsigned terminal_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

/* Numbers stay as the C locale writes them: they are read by programs. */
static void look_around(struct cli *cli)
{
	setlocale(LC_CTYPE, "");
	cli->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	cli->terminal = isatty(fileno(cli->out));
	cli->width = cli->terminal ? terminal_width(fileno(cli->out)) : 0;
	cli->colour = wants_colour(cli);
	if (!cli->arguments.socket)
		cli->arguments.socket = getenv("WEIR_SOCKET");
	if (!cli->arguments.socket || !cli->arguments.socket[0])
		cli->arguments.socket = ASK_SOCKET_DEFAULT;
}

static int dispatch(struct cli *cli)
{
	const struct command *command = cli->arguments.command;

	if (cli->arguments.version)
		return cmd_version(cli);
	if (cli->arguments.help) {
		usage_print(cli, command);
		return CLI_OK;
	}
	if (!command) {
		usage_print_short(cli);
		return CLI_USAGE;
	}
	return command->run(cli);
}

/* What was not written was not said. A reader that went away wants nothing. */
static int finish(struct cli *cli, int code)
{
	errno = 0;
	if ((fflush(cli->out) || ferror(cli->out)) && errno != EPIPE &&
	    code == CLI_OK)
		code = cli_fail(cli, CLI_BUG, "writing the answer: %s",
				errno ? strerror(errno) : "failed");
	ask_close(cli->ask);
	return code;
}

int cli_execute(struct cli *cli, int argc, char *const *argv)
{
	char problem[ARGUMENTS_PROBLEM_BYTES];
	int err = arguments_parse(&cli->arguments, argc, argv, problem);

	look_around(cli);
	return finish(cli,
		      err ? cli_misused(cli, "%s", problem) : dispatch(cli));
}

/*
 * Who starts us without stdout would see our answer in the next file that is
 * opened, which may be the agent's socket. Reading only: writing must fail.
 */
static void fill_gaps(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return;
}

int cli_run(int argc, char *const *argv)
{
	struct cli cli = {.out = stdout, .err = stderr};

	fill_gaps();
	return cli_execute(&cli, argc, argv);
}
