/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config.c - weir.yaml: what the command line leaves open.
 *
 * As strict as policies are: an unknown or repeated key, a wrong type or unit
 * is an error with its place. The file is flat but for the blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "agent/options.h"
#include "common/count_of.h"
#include "common/scan.h"
#include "common/scoped.h"
#include "weir/abi.h"

#define CONFIG_BYTES_MAX (64u * 1024u)

/* One value, and where it stands. */
struct scalar {
	const char *path; /* "limits.endpoints" */
	const char *text;
	struct weir_place place;
};

struct config {
	struct options *options;
	struct weir_errors *errors;
	struct weir_place place; /* file and text */
	yaml_document_t *document;
	unsigned seen; /* rows that have been set */
	int err;
};

static int reject(struct config *c, const struct scalar *s, const char *hint,
		  const char *problem)
{
	c->err = errors_add(c->errors, &s->place, hint, "%s: %s %s", s->path,
			    s->text, problem);
	return c->err;
}

/* ---- the values ------------------------------------------------------------------ */

static int set_observe_all(struct config *c, const struct scalar *s)
{
	if (strcmp(s->text, "true") && strcmp(s->text, "false"))
		return reject(c, s, "write true or false",
			      "is not a truth value");
	c->options->observe_all = !strcmp(s->text, "true");
	return 0;
}

static int set_lease(struct config *c, const struct scalar *s)
{
	uint64_t ns = 0;
	int err = scan_duration(s->text, &ns);

	if (err == -EINVAL)
		return reject(c, s, "durations need a unit: 3s, 1500ms",
			      "is not a duration");
	if (err || ns < OPTIONS_LEASE_MIN_NS || ns > OPTIONS_LEASE_MAX_NS)
		return reject(c, s, NULL, "is not in 500ms..60s");
	c->options->lease_ns = ns;
	return 0;
}

static int set_count(struct config *c, const struct scalar *s, uint32_t max,
		     uint32_t *out)
{
	char problem[64];
	uint64_t value = 0;
	int err = scan_count(s->text, &value);

	if (err == -EINVAL)
		return reject(c, s, "digits only, as 1024", "is not a number");
	snprintf(problem, sizeof(problem), "is not in 1..%u", max);
	if (err || value < 1 || value > max)
		return reject(c, s, NULL, problem);
	*out = (uint32_t)value;
	return 0;
}

static int set_services(struct config *c, const struct scalar *s)
{
	/* Slot 0, for what is only observed, comes on top. */
	int err = set_count(c, s, WEIR_SERVICES_MAX - 1,
			    &c->options->services_max);

	if (!err)
		c->options->services_max++;
	return err;
}

static int set_endpoints(struct config *c, const struct scalar *s)
{
	return set_count(c, s, WEIR_ENDPOINTS_MAX, &c->options->endpoints_max);
}

static int set_metrics(struct config *c, const struct scalar *s)
{
	c->options->metrics_text = strdup(s->text);
	if (!c->options->metrics_text)
		return -ENOMEM;
	if (!c->options->metrics_given)
		c->options->metrics = strcmp(s->text, "off")
					      ? c->options->metrics_text
					      : NULL;
	return 0;
}

static int set_text(char **out, const struct scalar *s)
{
	*out = strdup(s->text);
	return *out ? 0 : -ENOMEM;
}

static int set_read_group(struct config *c, const struct scalar *s)
{
	return set_text(&c->options->read_group, s);
}

static int set_admin_group(struct config *c, const struct scalar *s)
{
	return set_text(&c->options->admin_group, s);
}

static int add_interface(struct config *c, const struct scalar *s)
{
	struct options_xdp *xdp = &c->options->xdp;

	if (!*s->text || strlen(s->text) >= OPTIONS_INTERFACE_BYTES ||
	    strpbrk(s->text, "/ \t\n"))
		return reject(c, s, "names as `ip link` shows them, as eth0",
			      "is not the name of an interface");
	for (size_t i = 0; i < xdp->interface_count; i++)
		if (!strcmp(xdp->interfaces[i], s->text))
			return reject(c, s, NULL, "is there twice");
	if (xdp->interface_count == OPTIONS_XDP_MAX)
		return reject(c, s, NULL, "is one too many: 16 is the limit");
	memcpy(xdp->interfaces[xdp->interface_count++], s->text,
	       strlen(s->text) + 1);
	return 0;
}

static int set_xdp_answer(struct config *c, const struct scalar *s)
{
	if (strcmp(s->text, "drop") && strcmp(s->text, "reset"))
		return reject(c, s, "write drop or reset",
			      "is not what happens to a SYN");
	c->options->xdp.answer = !strcmp(s->text, "reset");
	return 0;
}

static int set_xdp_mode(struct config *c, const struct scalar *s)
{
	static const char *const words[] = {
		[OPTIONS_XDP_AUTO] = "auto",
		[OPTIONS_XDP_DRIVER] = "driver",
		[OPTIONS_XDP_GENERIC] = "generic",
	};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (!strcmp(words[i], s->text)) {
			c->options->xdp.mode = (enum options_xdp_mode)i;
			return 0;
		}
	return reject(c, s, "write auto, driver or generic",
		      "is not a mode of XDP");
}

static const struct {
	const char *path;
	int (*set)(struct config *c, const struct scalar *s);
	bool list; /* of such values */
} rows[] = {
	{"observeAll", set_observe_all, false},
	{"lease", set_lease, false},
	{"limits.services", set_services, false},
	{"limits.endpoints", set_endpoints, false},
	{"metrics", set_metrics, false},
	{"readGroup", set_read_group, false},
	{"adminGroup", set_admin_group, false},
	{"xdp.interfaces", add_interface, true},
	{"xdp.answer", set_xdp_answer, false},
	{"xdp.mode", set_xdp_mode, false},
};

static const char *const blocks[] = {"limits", "xdp"};

#define ROWS COUNT_OF(rows)
#define HINT                                                   \
	"weir.yaml knows observeAll, lease, limits.services, " \
	"limits.endpoints, metrics, readGroup, adminGroup, "   \
	"xdp.interfaces, xdp.answer, xdp.mode"

/* ---- the document ------------------------------------------------------------------ */

static struct weir_place place_of(const struct config *c,
				  const yaml_node_t *node)
{
	struct weir_place place = c->place;

	place.line = (unsigned)node->start_mark.line + 1;
	place.column = (unsigned)node->start_mark.column + 1;
	place.length =
		node->type == YAML_SCALAR_NODE && node->data.scalar.length
			? (unsigned)node->data.scalar.length
			: 1;
	return place;
}

/* The row of a key, once; ROWS: it is wrong, and that has been said. */
static size_t take_key(struct config *c, const char *path,
		       const yaml_node_t *key, bool list)
{
	struct weir_place place = place_of(c, key);

	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(rows[i].path, path))
			continue;
		if (rows[i].list != list) {
			c->err = errors_add(c->errors, &place,
					    list ? "write one value"
						 : "write a list, as [eth0]",
					    "%s: unknown key or wrong type",
					    path);
			return ROWS;
		}
		if (c->seen & 1u << i) {
			c->err = errors_add(c->errors, &place, NULL,
					    "%s is written twice", path);
			return ROWS;
		}
		c->seen |= 1u << i;
		return i;
	}
	c->err = errors_add(c->errors, &place, HINT, "%s: unknown key", path);
	return ROWS;
}

static void set_value(struct config *c, size_t row, const yaml_node_t *value)
{
	struct scalar s = {
		.path = rows[row].path,
		.text = (const char *)value->data.scalar.value,
		.place = place_of(c, value),
	};

	if (rows[row].set(c, &s) == -ENOMEM)
		c->err = -ENOMEM;
}

/* A text that ends before its end would be taken for another one. */
static bool holds_nul(struct config *c, const yaml_node_t *node)
{
	struct weir_place place = place_of(c, node);

	if (node->type != YAML_SCALAR_NODE ||
	    !memchr(node->data.scalar.value, '\0', node->data.scalar.length))
		return false;
	c->err = errors_add(c->errors, &place, NULL,
			    "a NUL character does not belong here");
	return true;
}

static void take_list(struct config *c, size_t row, const yaml_node_t *list)
{
	const yaml_node_item_t *item = list->data.sequence.items.start;

	for (; item < list->data.sequence.items.top; item++) {
		yaml_node_t *value = yaml_document_get_node(c->document, *item);
		struct weir_place place = place_of(c, value);

		if (value->type != YAML_SCALAR_NODE)
			c->err = errors_add(c->errors, &place, NULL,
					    "%s: a list of words is needed",
					    rows[row].path);
		else if (!holds_nul(c, value))
			set_value(c, row, value);
	}
}

static void take_value(struct config *c, const char *path,
		       const yaml_node_t *key, const yaml_node_t *value)
{
	bool list = value->type == YAML_SEQUENCE_NODE;
	size_t row = take_key(c, path, key, list);

	if (row == ROWS)
		return;
	if (list)
		take_list(c, row, value);
	else
		set_value(c, row, value);
}

static bool is_block(const char *path)
{
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		if (!strcmp(blocks[i], path))
			return true;
	return false;
}

static void take_mapping(struct config *c, const yaml_node_t *node,
			 const char *prefix)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

	for (; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key =
			yaml_document_get_node(c->document, pair->key);
		yaml_node_t *value =
			yaml_document_get_node(c->document, pair->value);
		struct weir_place place = place_of(c, key);
		char path[128];

		if (key->type != YAML_SCALAR_NODE) {
			c->err = errors_add(c->errors, &place, NULL,
					    "a key must be a word");
			continue;
		}
		if (holds_nul(c, key) || holds_nul(c, value))
			continue;
		snprintf(path, sizeof(path), "%s%s", prefix,
			 (const char *)key->data.scalar.value);
		if (value->type != YAML_MAPPING_NODE) {
			take_value(c, path, key, value);
		} else if (!*prefix && is_block(path)) {
			char within[130];

			snprintf(within, sizeof(within), "%s.", path);
			take_mapping(c, value, within);
		} else {
			c->err = errors_add(c->errors, &place, HINT,
					    "%s: unknown key or wrong type",
					    path);
		}
	}
}

static void take_document(struct config *c, yaml_document_t *document)
{
	yaml_node_t *root = yaml_document_get_root_node(document);

	c->document = document;
	if (root && root->type == YAML_MAPPING_NODE)
		take_mapping(c, root, "");
	else if (root)
		c->err = errors_add(c->errors, &c->place, HINT,
				    "the file must hold keys and values");
}

/* Else what stands in a second one would be ignored without a word. */
static void refuse_document(struct config *c, yaml_document_t *document)
{
	const yaml_node_t *root = yaml_document_get_root_node(document);
	struct weir_place place;

	if (!root)
		return;
	place = place_of(c, root);
	c->err = errors_add(c->errors, &place, NULL,
			    "weir.yaml is one document, this is a second one");
}

static int load_document(struct config *c, yaml_parser_t *parser,
			 void (*use)(struct config *, yaml_document_t *))
{
	struct weir_place place = c->place;
	yaml_document_t document;

	if (yaml_parser_load(parser, &document)) {
		use(c, &document);
		c->document = NULL;
		yaml_document_delete(&document);
		return c->err;
	}
	place.line = (unsigned)parser->problem_mark.line + 1;
	place.column = (unsigned)parser->problem_mark.column + 1;
	place.length = 1;
	c->err = errors_add(c->errors, &place, NULL, "%s",
			    parser->problem ? parser->problem
					    : "not readable as YAML");
	return c->err;
}

static int parse(struct config *c)
{
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser,
				     (const unsigned char *)c->place.text,
				     c->place.text_bytes);
	if (!load_document(c, &parser, take_document))
		load_document(c, &parser, refuse_document);
	yaml_parser_delete(&parser);
	return c->err;
}

static ssize_t read_file(const char *path, char *out, size_t bytes)
{
	scoped(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	got = read(fd, out, bytes);
	if (got < 0)
		return -errno;
	return (size_t)got == bytes ? -EFBIG : got;
}

int options_read_file(struct options *options, struct weir_errors *errors)
{
	scoped(text) char *text = calloc(1, CONFIG_BYTES_MAX + 1);
	struct config c = {
		.options = options,
		.errors = errors,
		.place.file = options->config,
	};
	ssize_t got;

	if (!text)
		return -ENOMEM;
	got = read_file(options->config, text, CONFIG_BYTES_MAX);
	if (got < 0) {
		errors_add(errors, &c.place, NULL,
			   "reading the configuration: %s",
			   got == -ENOTSUP ? "not a regular file"
					   : strerror((int)-got));
		return (int)got;
	}
	c.place.text = text;
	c.place.text_bytes = (size_t)got;
	return parse(&c);
}
