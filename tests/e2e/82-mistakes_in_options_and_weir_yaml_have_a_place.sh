# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Wrong options say so in a line, exit 2. Each kind of mistake in weir.yaml has
# file, line and column, exit 1. Nothing is changed; the command line wins.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"
sandbox
mapfile -t command < <(agent_command)
remember_host

usage() { # WHAT PATTERN OPTION...
	local rc=0
	"$AGENT" "${@:3}" > /dev/null 2>&1 || rc=$?
	equal "$1: exit" "$rc" 2
	refused "$1" "weir-agent: $2.*; weir-agent --help lists the options$" "$AGENT" "${@:3}"
}
usage "an unknown option" "there is no option --bogus" --bogus
usage "an argument" "unexpected argument now" now
usage "a value that is missing" "--socket needs a value" --socket
usage "a value too many" "there is no option --check=yes" --check=yes
usage "a log format" "--log-format: xml is neither text nor json" --log-format xml
mapfile -t many < <(printf -- '--policy-dir=/%s\n' {1..17})
usage "too many directories" "--policy-dir was given too often" "${many[@]}"

wrong() { # LINE:COLUMN PATTERN TEXT
	printf '%b' "$3" > "$T/weir.yaml"
	refused "weir.yaml: ${3:0:30}" "error: $T/weir.yaml:$1: $2" "${command[@]}" --config "$T/weir.yaml"
}
wrong 2:1 'colour: unknown key; hint: weir.yaml knows observeAll, .*adminGroup' 'lease: 3s\ncolour: red\n'
wrong 3:1 'lease is written twice' 'lease: 3s\nmetrics: off\nlease: 4s\n'
wrong 1:13 'observeAll: perhaps is not a truth value; hint: write true or false' 'observeAll: perhaps\n'
wrong 1:8 'lease: 3 is not a duration; hint: durations need a unit' 'lease: 3\n'
wrong 1:8 'lease: 3 parsecs is not a duration' 'lease: 3 parsecs\n'
wrong 1:8 'lease: 2h is not in 500ms..60s' 'lease: 2h\n'
wrong 1:8 'lease: 100ms is not in 500ms..60s' 'lease: 100ms\n'
wrong 1:8 'lease: 90s is not in 500ms..60s' 'lease: 90s\n'
wrong 1:8 'lease: nans is not ' 'lease: nans\n'
wrong 2:14 'limits.endpoints: many is not a number' 'limits:\n  endpoints: many\n'
wrong 2:14 'limits.endpoints: 0 is not in 1..65536' 'limits:\n  endpoints: 0\n'
wrong 2:14 'limits.endpoints: -1 is not a number' 'limits:\n  endpoints: -1\n'
wrong 2:13 'limits.services: 4097 is not in 1..4096' 'limits:\n  services: 4097\n'
wrong 2:13 'limits.services: 4294967297 is not in 1..4096' 'limits:\n  services: 4294967297\n'
wrong 2:3 'limits.memory: unknown key' 'limits:\n  memory: 1\n'
wrong 1:1 'limits: unknown key' 'limits: 12\n'
wrong 1:1 'lease: unknown key or wrong type' 'lease: [3s]\n'
wrong 1:3 'a key must be a word' '? [a]\n: b\n'
wrong 0:0 'the file must hold keys and values' '- lease\n'
wrong '[0-9]+:[0-9]+' '.' 'lease: "3s\n'
wrong '[0-9]+:[0-9]+' '.' 'lease:\t3s\n\t- x: {\n'
wrong '[0-9]+:[0-9]+' '.' '\xff\xfe\x00\x00'
wrong '[0-9]+:[0-9]+' '.' 'a: *b\n'
wrong 0:0 'reading the configuration: File too large' "# $(printf 'x%.0s' {1..66000})"'\n'
rm "$T/weir.yaml"
refused "no weir.yaml" "error: $T/weir.yaml:0:0: reading the configuration: No such file" "${command[@]}" --config "$T/weir.yaml"
mkfifo "$T/weir.yaml"
refused "a fifo" "error: $T/weir.yaml:0:0: reading the configuration: not a regular file" "${command[@]}" --config "$T/weir.yaml"
rm "$T/weir.yaml"
refused "a metrics address that is none" "metrics address 'here' is not ADDRESS:PORT" \
	nsenter --net="/run/netns/$ID-c" "${command[@]}" --metrics here
host_is_as_before

# All of it at once, and the command line wins over the file.
printf 'observeAll: false\nlease: 1500ms\nlimits: {services: 8, endpoints: 9}\nmetrics: 127.0.0.1:19399\n' > "$T/weir.yaml"
start_agent --config "$T/weir.yaml"
equal "lease" "$(status_of .lease_seconds)" 1.5
equal "endpoints" "$(status_of '.maps[] | select(.name == "weir_endpoint").max_entries')" 9
equal "the port of the command line" "$(on_client curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:19347/healthz)" 200
equal "not that of the file" "$(on_client curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:19399/healthz)" 000
stop_agent
