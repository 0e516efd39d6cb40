#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# guest.sh REPOSITORY - what runs inside the virtual machine: each program
# alone through the verifier, then the stories, one line a verdict.
cd "$1" || exit 1

echo "kernel $(uname -r), $(nproc) processors"
build/release/tests/kernels/load build/release/weir.bpf.o
for story in tests/kernels/stories/*.sh; do
	name=$(basename "$story" .sh)
	started=$SECONDS
	if timeout -k 5 240 bash "$story" >/tmp/log 2>&1; then
		echo "ok $name ($((SECONDS - started)) s)"
		grep '^feature' /tmp/log | sed 's/^/  /'
	else
		echo "FAIL $name"
		tail -n 60 /tmp/log | sed 's/^/  /'
	fi
done
left=$(find /sys/fs/bpf /sys/fs/cgroup -mindepth 1 -name 'weir*' | wc -l)
left=$((left + $(bpftool -j prog show | jq '[.[] | select(.name // "" | startswith("weir_"))] | length')))
if [ "$left" = 0 ]; then
	echo "ok nothing_is_left_behind"
else
	echo "FAIL nothing_is_left_behind: $left"
	bpftool prog show
fi
