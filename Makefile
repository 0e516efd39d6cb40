# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The only build file. `make help` is the list of everything you can ask for.
# New files need no edit here: the tree is the list.

# --- what you may override ----------------------------------------------------
PREFIX  ?= /usr
DESTDIR ?=
CC      ?= gcc
# One question a name: dash's `command -v` looks at its first word only.
first    = $(firstword $(foreach name,$(1),$(shell command -v $(name) 2>/dev/null)))
CLANG   ?= $(call first,clang-19 clang-16 clang-14 clang)
BPFTOOL ?= $(call first,bpftool /usr/sbin/bpftool)
V       ?= 0
# DEBUG=1: sanitizers, in a directory of its own.
DEBUG   ?= 0
# FUZZING=1: what the fuzz targets need; tests/fuzz/run sets it and CC.
FUZZING ?= 0
FUZZ_SECONDS ?= 60

# --- what the tree says ---------------------------------------------------------
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)
BUILD    := build/$(if $(filter 1,$(FUZZING)),fuzz,$(if $(filter 1,$(DEBUG)),debug,release))
HOOKS    := $(sort $(wildcard bpf/hooks/*.bpf.c))
COMMON   := $(sort $(wildcard common/*.c))
CORE     := $(sort $(wildcard agent/core/*.c))
VIEW     := $(sort $(wildcard agent/view/*.c))
HTTP     := $(sort $(wildcard agent/http/*.c))
AGENT    := $(sort $(filter-out agent/main.c,$(wildcard agent/*.c)))
WEIRCTL  := $(sort $(wildcard tools/weirctl/*.c))
UNIT     := $(sort $(wildcard tests/unit/*.c))
FUZZ     := $(sort $(wildcard tests/fuzz/*.c))
SIM      := $(sort $(wildcard tests/sim/*.c))
SIMMODEL := $(sort $(wildcard tests/sim/model/*.c))
BPFTESTS := $(sort $(wildcard tests/bpf/*.bpf.c))
BPFRUNS  := $(sort $(filter-out %.bpf.c,$(wildcard tests/bpf/*.c)))
TOOLS    := $(sort $(wildcard tests/tools/*.c))
DEMO     := $(sort $(wildcard demo/*.c))
BENCH    := $(sort $(filter-out %.bpf.c,$(wildcard bench/*.c)))
MAN      := $(sort $(wildcard docs/man/*.scd))

PKGS     := libbpf libelf zlib yaml-0.1 jansson libmicrohttpd libsystemd libmnl libcurl smartcols ncursesw libcap-ng
Q        := $(if $(filter 1,$(V)),,@)
say       = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

WARN     := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Werror
CPPFLAGS += -I. -Iinclude -I$(BUILD) -D_GNU_SOURCE -DWEIR_VERSION='"$(VERSION)"'
CFLAGS   += -std=gnu17 -g $(WARN) -MMD -MP -fPIE
LDFLAGS  += -pie
ifeq ($(FUZZING),1)
CFLAGS   += -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LDFLAGS  += -fsanitize=fuzzer,address,undefined
else ifeq ($(DEBUG),1)
CFLAGS   += -O1 -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LDFLAGS  += -fsanitize=address,undefined
else
CFLAGS   += -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong
endif
KERN     := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations \
            -D__BPF__ -D__TARGET_ARCH_$(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m))) \
            -I. -Iinclude -idirafter /usr/include/$(shell uname -m)-linux-gnu -MMD -MP

AGENT_LIBS   := -lbpf -lelf -lz -lyaml -ljansson -lmicrohttpd -lsystemd -lmnl -lcap-ng -lm -lpthread
WEIRCTL_LIBS := -lyaml -ljansson -lcurl -lsmartcols -lncursesw -lm
TEST_LIBS    := -lcmocka $(AGENT_LIBS)

# Where each shell looks for completions, below share/.
COMPLETIONS := bash-completion/completions/weirctl zsh/vendor-completions/_weirctl \
	fish/vendor_completions.d/weirctl.fish
completion_of = $(filter $(1)%,$(COMPLETIONS))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
bin = $(patsubst %.c,$(BUILD)/%,$(1))

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# --- what you may ask for -------------------------------------------------------
.PHONY: all
all: $(BUILD)/weir-agent $(BUILD)/weirctl man ## build the agent, weirctl and the man pages (default)

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## check that everything the build needs is installed
	@./quickstart deps --check

.PHONY: test
test: ## every test there is; root for those that need the kernel
	@tests/run

.PHONY: test-unit
test-unit: ## unit tests and simulation: no root, ASan and UBSan
	@$(MAKE) --no-print-directory DEBUG=1 run-unit

.PHONY: test-bpf
test-bpf: all test-programs ## in-kernel tests of the shared arithmetic (root)
	@tests/run bpf

.PHONY: test-e2e
test-e2e: all tools ## stories against real servers in their own netns and cgroup (root)
	@tests/run e2e

.PHONY: test-exact
test-exact: all tools ## 100,000 connects by 64 threads, 100,000 connections killed: never one too many (root, a minute)
	@bash tests/long/exact.sh

.PHONY: test-queue
test-queue: all tools ## how long connects wait for a slot, beside clients that are refused and try again (root)
	@bash tests/long/queue.sh

.PHONY: test-churn
test-churn: all tools ## CHURN_SECONDS (600) of everything at once; then nothing is held, drift is 0 (root)
	@bash tests/long/churn.sh

.PHONY: fuzz
fuzz: ## mutated input to every parser, FUZZ_SECONDS each (60)
	@tests/fuzz/run $(FUZZ_SECONDS)

.PHONY: test-kernels
test-kernels: all tools ## the stories in VMs with Debian's 6.1 and 6.12 kernels (minutes)
	@tests/kernels/run

.PHONY: check
check: ## style: layers, sizes, format, spelling of names, licences
	@tests/style/run

.PHONY: lint
lint: ## clang-tidy over what is shipped (minutes)
	@tests/style/tidy

.PHONY: mutants
mutants: ## break each rule of the breaker on purpose: the simulation must notice (minutes)
	@tests/sim/mutants

.PHONY: demo
demo: all tools ## the aggregation service with a slow backend, without and with Weir
	@demo/run

.PHONY: bench
bench: all tools ## what Weir costs, as ratios measured side by side
	@bench/run
	@bench/flood

.PHONY: tools
tools: $(call bin,$(TOOLS)) $(call bin,$(DEMO)) $(call bin,$(BENCH)) ## the helper programs of tests, demo and bench

.PHONY: man
man: $(patsubst docs/man/%.scd,$(BUILD)/man/%,$(MAN)) ## the man pages

.PHONY: install
install: all ## install below DESTDIR and PREFIX
	install -D -m 0755 $(BUILD)/weir-agent $(DESTDIR)$(PREFIX)/sbin/weir-agent
	install -D -m 0755 $(BUILD)/weirctl $(DESTDIR)$(PREFIX)/bin/weirctl
	for page in $(BUILD)/man/*; do install -D -m 0644 $$page \
		$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,$(dir $(COMPLETIONS))) $(DESTDIR)$(PREFIX)/share/weir/schema
	$(foreach shell,bash zsh fish,$(BUILD)/weirctl completion $(shell) > \
		$(DESTDIR)$(PREFIX)/share/$(call completion_of,$(shell)) &&) true
	$(BUILD)/weirctl schema > $(DESTDIR)$(PREFIX)/share/weir/schema/policy.json
	install -D -m 0644 packaging/weir.service $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service
	install -D -m 0644 packaging/weir.yaml $(DESTDIR)/etc/weir/weir.yaml
	install -d -m 0755 $(DESTDIR)/etc/weir/policies.d $(DESTDIR)$(PREFIX)/share/weir/policies
	for policy in policies/*.yaml; do install -m 0644 $$policy $(DESTDIR)$(PREFIX)/share/weir/policies/; done

.PHONY: uninstall
uninstall: ## remove what install put there; configuration stays
	rm -f $(DESTDIR)$(PREFIX)/sbin/weir-agent $(DESTDIR)$(PREFIX)/bin/weirctl
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/weir.service
	rm -rf $(DESTDIR)$(PREFIX)/share/weir
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/,$(COMPLETIONS))
	rm -f $(patsubst docs/man/%.scd,$(DESTDIR)$(PREFIX)/share/man/man*/%,$(MAN))

.PHONY: format
format: ## let clang-format rewrite the sources
	clang-format-14 -i $(shell git ls-files '*.c' '*.h')

.PHONY: clean
clean: ## remove build/
	rm -rf build

# --- kernel side: C -> object -> linked object -> skeleton ------------------------
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(KERN) -c $< -o $@

$(BUILD)/weir.bpf.o: $(patsubst %.c,$(BUILD)/%.o,$(HOOKS))
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(BUILD)/weir.skel.h: $(BUILD)/weir.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name weir_bpf > $@

$(BUILD)/tests/bpf/%.bpf.o: tests/bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(KERN) -c $< -o $@

$(BUILD)/tests/bpf/%.skel.h: $(BUILD)/tests/bpf/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(BUILD)/bench/%.bpf.o: bench/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(KERN) -c $< -o $@

$(BUILD)/bench/%.skel.h: $(BUILD)/bench/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- user side --------------------------------------------------------------------
$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# The only file that sees the skeleton.
$(BUILD)/agent/dataplane.o: $(BUILD)/weir.skel.h

define archive
$(BUILD)/$(1).a: $(call obj,$(2))
	$(call say,AR,$$@)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(eval $(call archive,common,$(COMMON)))
$(eval $(call archive,core,$(CORE)))
$(eval $(call archive,view,$(VIEW)))
$(eval $(call archive,http,$(HTTP)))
$(eval $(call archive,agent,$(AGENT)))
$(eval $(call archive,weirctl,$(filter-out %/main.c,$(WEIRCTL))))

ARCHIVES := $(BUILD)/agent.a $(BUILD)/http.a $(BUILD)/view.a $(BUILD)/core.a $(BUILD)/common.a

$(BUILD)/weir-agent: $(BUILD)/agent/main.o $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(AGENT_LIBS)

$(BUILD)/weirctl: $(call obj,$(WEIRCTL)) $(BUILD)/common.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(WEIRCTL_LIBS)

# A unit test is one file and one program; weirctl's modules are linked in so
# that they can be tested too (all but its main).
# Maps in ordinary memory take the place of libbpf's.
MAPS := $(BUILD)/tests/sim/model/maps.o

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(MAPS) $(filter-out %/main.o,$(call obj,$(WEIRCTL))) \
		$(BUILD)/agent.a $(BUILD)/http.a $(BUILD)/view.a $(BUILD)/core.a $(BUILD)/common.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(WEIRCTL_LIBS)

# The model stands in for the kernel and for libbpf's map calls; it comes first.
$(BUILD)/tests/sim/%: $(BUILD)/tests/sim/%.o $(call obj,$(SIMMODEL)) $(BUILD)/agent.a $(BUILD)/view.a $(BUILD)/core.a $(BUILD)/common.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)

# A target may define what an archive does: then its own is linked.
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(MAPS) $(BUILD)/weirctl.a $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(WEIRCTL_LIBS)

$(BUILD)/tests/bpf/run.o: $(patsubst tests/bpf/%.bpf.c,$(BUILD)/tests/bpf/%.skel.h,$(BPFTESTS))
$(BUILD)/tests/bpf/packets: $(BUILD)/weir.bpf.o
$(BUILD)/tests/bpf/%: $(BUILD)/tests/bpf/%.o $(BUILD)/core.a $(BUILD)/common.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter-out %.bpf.o,$^) $(TEST_LIBS)

$(BUILD)/bench/hooks.o: $(BUILD)/bench/empty.skel.h
$(BUILD)/bench/shed.o: $(BUILD)/bench/bare.skel.h
$(BUILD)/tests/tools/peak.o: $(BUILD)/tests/bpf/peak.skel.h

# Helper programs stand alone: one file, libc and pthread.
define standalone
$(BUILD)/$(1)/%: $(BUILD)/$(1)/%.o
	$(call say,LINK,$$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ -lbpf -luring -lpthread -lm
endef
$(eval $(call standalone,tests/tools))
$(eval $(call standalone,demo))
$(eval $(call standalone,bench))

$(BUILD)/man/%: docs/man/%.scd
	$(Q)mkdir -p $(@D)
	$(Q)scdoc < $< > $@

# --- proof ------------------------------------------------------------------------
.PHONY: unit-programs
unit-programs: $(call bin,$(UNIT)) $(call bin,$(SIM))

.PHONY: fuzz-programs
fuzz-programs: $(call bin,$(FUZZ))

.PHONY: test-programs
test-programs: $(call bin,$(BPFRUNS))

.PHONY: run-unit
run-unit: unit-programs
	@tests/run --run-unit $(BUILD)

-include $(shell find build -name '*.d' 2>/dev/null)
