/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_completion.c - completion scripts. A script only asks __complete, so
 * that shells, usage and parser never disagree about what there is.
 */
#include "tools/weirctl/commands.h"

#include "tools/weirctl/cli.h"

/* clang-format off */
static const char bash_script[] =
	"# bash completion for weirctl; made by: weirctl completion bash\n"
	"_weirctl() {\n"
	"	local word=${COMP_WORDS[COMP_CWORD]} line\n"
	"	COMPREPLY=()\n"
	"	# Names may hold colons (10.0.7.3:5432), at which bash splits words.\n"
	"	if declare -F _get_comp_words_by_ref >/dev/null; then\n"
	"		local words=() cword=0\n"
	"		_get_comp_words_by_ref -n : -c word -w words -i cword\n"
	"		set -- \"${words[@]:1:cword}\"\n"
	"	else\n"
	"		set -- \"${COMP_WORDS[@]:1:COMP_CWORD}\"\n"
	"	fi\n"
	"	while IFS=$'\\t' read -r line _; do\n"
	"		if [[ $line == :files ]]; then\n"
	"			compopt -o filenames 2>/dev/null\n"
	"			mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	"			return\n"
	"		fi\n"
	"		[[ $line == \"$word\"* ]] && COMPREPLY+=(\"$line\")\n"
	"	done < <(\"${COMP_WORDS[0]}\" __complete \"$@\" 2>/dev/null)\n"
	"	declare -F __ltrim_colon_completions >/dev/null &&\n"
	"		__ltrim_colon_completions \"$word\"\n"
	"}\n"
	"complete -F _weirctl weirctl\n";

static const char zsh_script[] =
	"#compdef weirctl\n"
	"# zsh completion for weirctl; made by: weirctl completion zsh\n"
	"_weirctl() {\n"
	"	local -a names shown\n"
	"	local line\n"
	"	while IFS= read -r line; do\n"
	"		if [[ $line == :files ]]; then\n"
	"			_files\n"
	"			return\n"
	"		fi\n"
	"		names+=(\"${line%%$'\\t'*}\")\n"
	"		shown+=(\"${line/$'\\t'/  -- }\")\n"
	"	done < <(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"	(( $#names )) && compadd -l -d shown -a names\n"
	"}\n"
	"if [[ $funcstack[1] == _weirctl ]]; then\n"
	"	_weirctl \"$@\"\n"
	"else\n"
	"	compdef _weirctl weirctl\n"
	"fi\n";

static const char fish_script[] =
	"# fish completion for weirctl; made by: weirctl completion fish\n"
	"function __weirctl_complete\n"
	"	set -l words (commandline -opc) (commandline -ct)\n"
	"	set -l answer ($words[1] __complete $words[2..-1] 2>/dev/null)\n"
	"	if test \"$answer\" = :files\n"
	"		__fish_complete_path (commandline -ct)\n"
	"	else\n"
	"		printf '%s\\n' $answer\n"
	"	end\n"
	"end\n"
	"complete -c weirctl -f -a '(__weirctl_complete)'\n";

static const char *const scripts[] = {bash_script, zsh_script, fish_script};
/* clang-format on */

int cmd_completion(struct cli *cli)
{
	int shell = arguments_match(cli->arguments.command->operands[0].words,
				    cli_operand(cli, 0));

	fputs(scripts[shell], cli->out);
	return CLI_OK;
}
