/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_schema.c - prints the schema; editors read it (yaml-language-server).
 */
#include "tools/weirctl/commands.h"
#include "tools/weirctl/schema.h"
#include "tools/weirctl/show.h"

int cmd_schema(struct cli *cli)
{
	scoped(json) json_t *schema = schema_make();

	return schema ? show(cli, schema, NULL) : cli_out_of_memory(cli);
}
