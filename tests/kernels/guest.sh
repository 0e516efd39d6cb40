#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# guest.sh REPOSITORY - what runs inside the virtual machine.
cd "$1" || exit 1
echo "kernel $(uname -r)"
build/release/tests/kernels/load build/release/weir.bpf.o
