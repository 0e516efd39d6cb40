/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_get.c - lists; with -w again whenever one changed.
 */
#include <string.h>
#include <time.h>

#include "tools/weirctl/ask.h"
#include "tools/weirctl/commands.h"
#include "tools/weirctl/kinds.h"
#include "tools/weirctl/look.h"
#include "tools/weirctl/show.h"

#define WATCH_SECONDS 1

/*
 * What -w compares. Rates and counts always move: they are no reason to print.
 */
static char *fingerprint(const struct kind *kind, json_t *item)
{
	struct text text = {0};

	for (const char *const *path = kind->watched; *path; path++) {
		scoped(text) char *value =
			json_dumps(look_at(item, *path), JSON_ENCODE_ANY);

		text_add(&text, "%s\t", value ? value : "");
	}
	return text_take(&text, NULL);
}

/* The members of `now` that are new or different. */
static json_t *changed(const struct kind *kind, json_t *now, json_t *seen)
{
	json_t *list = json_array(), *item;
	size_t i;

	json_array_foreach (now, i, item) {
		scoped(text) char *print = fingerprint(kind, item);

		if (print && !json_object_get(seen, print))
			json_array_append(list, item);
	}
	return list;
}

static json_t *fingerprints(const struct kind *kind, json_t *items)
{
	json_t *seen = json_object(), *item;
	size_t i;

	json_array_foreach (items, i, item) {
		scoped(text) char *print = fingerprint(kind, item);

		if (print)
			json_object_set_new(seen, print, json_true());
	}
	return seen;
}

static int print(struct cli *cli, const struct kind *kind, json_t *list)
{
	json_t *items = look_at(list, "items");

	if (show_wanted(cli))
		return show(cli, list, kind->one);
	if (json_array_size(items))
		return kind->print(cli, items);
	cli_note(cli, "there are no %s", kind->name);
	return CLI_OK;
}

/* Lines of names and objects are those that changed; a table is whole. */
static int print_again(struct cli *cli, const struct kind *kind, json_t *list,
		       json_t *fresh)
{
	if (show_wanted(cli))
		json_object_set(list, "items", fresh);
	else
		cli_line(cli, "%s", "");
	return print(cli, kind, list);
}

static int watch(struct cli *cli, const struct kind *kind, const char *name,
		 json_t *seen)
{
	const struct timespec pause = {.tv_sec = WATCH_SECONDS};
	scoped(json) json_t *owned = seen;
	int code = CLI_OK;

	while (!code && !cli_broken(cli)) {
		scoped(json) json_t *list = NULL;
		scoped(json) json_t *fresh = NULL;
		scoped(json) json_t *before = NULL;

		fflush(cli->out);
		nanosleep(&pause, NULL);
		code = kinds_fetch(cli, kind, name, &list);
		if (code)
			break;
		fresh = changed(kind, look_at(list, "items"), owned);
		before = owned;
		owned = fingerprints(kind, look_at(list, "items"));
		if (json_array_size(fresh) ||
		    json_object_size(before) != json_object_size(owned))
			code = print_again(cli, kind, list, fresh);
	}
	return code;
}

int cmd_get(struct cli *cli)
{
	const struct kind *kind = kinds_find(cli_operand(cli, 0));
	bool again = arguments_has(&cli->arguments, "watch");
	scoped(json) json_t *list = NULL;
	int code;

	if (again && (cli->arguments.format == FORMAT_JSON ||
		      cli->arguments.format == FORMAT_YAML))
		return cli_misused(
			cli,
			"get -w has no -o %s: it never ends; jsonl "
			"is one object a line",
			arguments_format_name(cli->arguments.format));
	code = kinds_fetch(cli, kind, cli_operand(cli, 1), &list);
	if (!code)
		code = print(cli, kind, list);
	if (code || !again)
		return code;
	return watch(cli, kind, cli_operand(cli, 1),
		     fingerprints(kind, look_at(list, "items")));
}
