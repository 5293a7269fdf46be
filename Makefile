# SPDX-License-Identifier: Apache-2.0
# Everything that is built, checked and shown. `make help` lists the targets.
#
# New source files need no edit here: each folder is a wildcard.
# Variables: SAN=1 (address and undefined-behaviour sanitizers), V=1 (show commands), CC=clang.

VERSION := 0.1.0
MODE    := $(if $(SAN),san,release)
OUT     := build/$(MODE)
CACHE   := $(if $(OPENSHELL_CACHE),$(OPENSHELL_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/openshell)
Q       := $(if $(V),,@)
export OPENSHELL_CACHE := $(CACHE)

CC ?= cc
CSTD     := -std=gnu17 -D_GNU_SOURCE -DOPENSHELL_VERSION='"$(VERSION)"' -I.
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
            -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough \
            -Wswitch-enum -Werror
ARCH     := $(shell uname -m)
BRANCH_PROTECTION := $(if $(filter x86_64,$(ARCH)),-fcf-protection,-mbranch-protection=standard)
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection $(BRANCH_PROTECTION)
RELRO    := -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code

ifdef SAN
CFLAGS  := $(CSTD) $(WARNINGS) -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
           -fno-sanitize-recover=all
LDFLAGS := -fsanitize=address,undefined
else
CFLAGS  := $(CSTD) $(WARNINGS) -g -O2 $(HARDEN) -fPIE -ffunction-sections -fdata-sections
LDFLAGS := -pie -Wl,--gc-sections $(RELRO)
endif
CFLAGS += -isystem /usr/include/libnl3

# The agent runs inside other people's images, so it brings all it needs and loads nothing
# (agent/static/no_loading.c). A sanitizer build is dynamic: it is for unit tests, never for an image.
AGENT_WRAPS   := dlopen getenv secure_getenv __libc_secure_getenv __tunables_init
AGENT_LDFLAGS := $(if $(SAN),,-static-pie -Wl,-z,pack-relative-relocs $(AGENT_WRAPS:%=-Wl,--wrap=%) -Wl,--fatal-warnings)
AGENT_LIBS    := -lyaml -ljansson -lssl -lcrypto -lnl-3 -lcap
WEBHOOK_LIBS  := -lmicrohttpd -lgnutls -lcurl -ljansson -lyaml -lcrypto
UNIT_LIBS     := $(WEBHOOK_LIBS) $(AGENT_LIBS) -lcheck -lsubunit -lm -lrt -lpthread

LIB_SRC     := $(wildcard lib/*.c)
POLICY_SRC  := $(wildcard policy/*.c)
CERTS_SRC   := $(wildcard certs/*.c)
WEBHOOK_SRC := $(filter-out webhook/main.c,$(wildcard webhook/*.c))
AGENT_SRC   := $(filter-out agent/main.c,$(filter-out agent/static/%,$(wildcard agent/*.c agent/*/*.c)))
STATIC_SRC  := $(if $(SAN),,$(wildcard agent/static/*.c))
UNIT_SRC    := $(wildcard tests/unit/*.c tests/unit/*/*.c tests/unit/*/*/*.c tests/support/*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
FUZZ_NAMES  := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
PEER_NAMES  := $(patsubst tests/peers/%.c,%,$(wildcard tests/peers/*.c)) attack
ATTACK_SRC  := $(wildcard tests/peers/attack/*.c)
DRIVER_NAMES := $(patsubst tests/drivers/%.c,%,$(wildcard tests/drivers/*.c))
BENCH_NAMES := $(filter-out stamp,$(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c)))

objs = $(patsubst %.c,$(OUT)/%.o,$(1))

AGENT   := $(OUT)/openshell-agent
WEBHOOK := $(OUT)/openshell-webhook
UNIT    := $(OUT)/unit

.PHONY: all help deps check unit corpora golden-update test test-bare test-cluster e2e bench bench-quick bench-cluster demo image lint format-check \
        attacks-check format tidy manifests manifests-check cppcheck layers shellcheck fuzz clean
.DELETE_ON_ERROR:

all: $(AGENT) $(WEBHOOK)

help:
	@sed -n 's/^## //p' Makefile

## make            build openshell-agent and openshell-webhook into build/release
## make demo       a plain annotated Deployment comes up confined, shown step by step; TOPOLOGY=sidecar, proxy-pod (root)
## make test       every test: check, then all that needs root and containers
## make test-cluster  webhook and agent on a real Kubernetes that this makes, or that KUBECONFIG names (root)
## make test-bare  demo and test in a bare Debian that this makes; ten minutes (root)
## make check      unit tests, golden cases and fuzz corpora; no root, under a minute
## make lint       format, clang-tidy, cppcheck, shellcheck, module layers
## make bench      measures beside peers and prints ratios
## make bench-quick  the network part in a minute: that it works, not how fast
## make bench-cluster  what pods wait for on a real Kubernetes, beside webhooks in Go (root)
## make fuzz T=x   runs fuzz target x (SECONDS=600 by default)
## make image      builds the container images openshell/agent and openshell/webhook (root)
## make manifests  renders the chart into deploy/webhook
## make golden-update  rewrites the expected results of the golden cases
## make deps       installs what the above need from Debian's packages (root)
## make clean      removes build/

# --- dependencies --------------------------------------------------------------------------------
# A stamp per group: a fresh machine gets what the target needs, another one pays for one comparison.
build/.deps-%: tools/packages-%.txt
	$(Q)tools/deps.sh $*
	$(Q)mkdir -p build && touch $@

deps: build/.deps-build build/.deps-test build/.deps-lint build/.deps-bench build/.deps-cluster

# --- programs ------------------------------------------------------------------------------------
$(OUT)/%.o: %.c | build/.deps-build
	$(Q)mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# Archives, so that a program holds only the members it calls.
$(OUT)/lib.a: $(call objs,$(LIB_SRC))
$(OUT)/policy.a: $(call objs,$(POLICY_SRC))
$(OUT)/certs.a: $(call objs,$(CERTS_SRC))
$(OUT)/webhook.a: $(call objs,$(WEBHOOK_SRC))
$(OUT)/agent.a: $(call objs,$(AGENT_SRC))
$(OUT)/support.a: $(call objs,$(SUPPORT_SRC))
$(OUT)/%.a:
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(AGENT): $(call objs,agent/main.c $(STATIC_SRC)) $(OUT)/agent.a $(OUT)/certs.a $(OUT)/policy.a $(OUT)/lib.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(AGENT_LDFLAGS) -o $@.full $^ $(AGENT_LIBS)
	$(Q)$(if $(SAN),cp $@.full $@,strip -o $@ $@.full)

$(WEBHOOK): $(call objs,webhook/main.c) $(OUT)/webhook.a $(OUT)/certs.a $(OUT)/policy.a $(OUT)/lib.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(WEBHOOK_LIBS)

# --- tests ---------------------------------------------------------------------------------------
$(UNIT): $(call objs,$(UNIT_SRC)) $(OUT)/webhook.a $(OUT)/agent.a $(OUT)/certs.a $(OUT)/policy.a $(OUT)/lib.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(UNIT_LIBS)

# A play knows where its clients were going (tests/support/play_inside.h).
PLAY_LDFLAGS := -Wl,--wrap=socket_original
$(UNIT): LDFLAGS += $(PLAY_LDFLAGS)

# The list of suites is the list of files, so a new test needs no registration.
$(OUT)/suites.inc: $(UNIT_SRC)
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' $(notdir $(filter %.c,$(UNIT_SRC))) | sed -n 's/^test_\(.*\)\.c$$/SUITE(\1)/p' | sort > $@
$(OUT)/tests/unit/main.o: $(OUT)/suites.inc
$(OUT)/tests/unit/main.o: CFLAGS += -I$(OUT)

check: unit corpora

# libcheck ends a test after 4 s by default, which a busy machine or a sanitizer can take.
unit: $(UNIT)
	$(Q)CK_DEFAULT_TIMEOUT=120 $(UNIT)

golden-update: $(UNIT)
	$(Q)for suite in golden inject pair_objects validate; do GOLDEN_UPDATE=1 CK_RUN_SUITE=$$suite $(UNIT) || exit 1; done

# Each corpus through its target without libFuzzer, so that every build replays what was once found.
$(OUT)/replay_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/tests/fuzz/replay.o $(call objs,$(SUPPORT_SRC)) $(OUT)/webhook.a $(OUT)/agent.a $(OUT)/certs.a $(OUT)/policy.a $(OUT)/lib.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(PLAY_LDFLAGS) -o $@ $^ $(WEBHOOK_LIBS) $(AGENT_LIBS)

corpora: $(FUZZ_NAMES:%=$(OUT)/replay_%)
	$(Q)for t in $(FUZZ_NAMES); do $(OUT)/replay_$$t tests/fuzz/corpus/$$t || exit 1; done

test: check e2e

e2e: all $(PEER_NAMES:%=$(OUT)/%) $(DRIVER_NAMES:%=$(OUT)/driver_%) | build/.deps-test
	$(Q)tests/e2e/run

test-cluster: all manifests-check | build/.deps-test build/.deps-cluster
	$(Q)tests/cluster/run

test-bare: | build/.deps-test
	$(Q)tests/bare/run

# Programs that play a part in the end-to-end tests: static, so that they run in any image.
PEER_CFLAGS := -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wno-missing-field-initializers -Werror -O1 -static -I.
$(OUT)/%: tests/peers/%.c | build/.deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PEER_CFLAGS) -o $@ $<

$(OUT)/attack: $(ATTACK_SRC) $(wildcard tests/peers/attack/*.h) | build/.deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PEER_CFLAGS) -o $@ $(ATTACK_SRC)

# Programs that drive a part of the agent alone, for tests that need real processes.
$(OUT)/driver_%: $(OUT)/tests/drivers/%.o $(OUT)/support.a $(OUT)/agent.a $(OUT)/certs.a $(OUT)/policy.a $(OUT)/lib.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(AGENT_LIBS)

$(OUT)/driver_kube $(OUT)/driver_image: $(OUT)/driver_%: $(OUT)/tests/drivers/%.o $(OUT)/webhook.a $(OUT)/certs.a $(OUT)/policy.a $(OUT)/lib.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(WEBHOOK_LIBS)

# Where our code calls the C library, these drivers decide whether the call fails.
TORTURE_CALLS  := recv send recvfrom sendto socket connect accept4 epoll_ctl getsockname getpeername getsockopt \
                  setsockopt shutdown tls_handshake tls_read tls_write tls_shutdown
TORTURE_MEMORY := calloc reallocarray
$(OUT)/driver_torture: LDFLAGS += $(PLAY_LDFLAGS) $(TORTURE_CALLS:%=-Wl,--wrap=%) $(TORTURE_MEMORY:%=-Wl,--wrap=%)
$(OUT)/driver_torture_tls: LDFLAGS += $(TORTURE_MEMORY:%=-Wl,--wrap=%)

# --- fuzzing -------------------------------------------------------------------------------------
SECONDS ?= 600
FUZZ_CFLAGS := $(CSTD) -isystem /usr/include/libnl3 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_SRC := $(LIB_SRC) $(POLICY_SRC) $(CERTS_SRC) $(WEBHOOK_SRC) $(AGENT_SRC)

build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(SUPPORT_SRC) $(FUZZ_SRC) | build/.deps-lint
	$(Q)mkdir -p $(@D)
	$(Q)clang $(FUZZ_CFLAGS) $(PLAY_LDFLAGS) -o $@ $^ $(WEBHOOK_LIBS) $(AGENT_LIBS)

fuzz: build/fuzz/fuzz_$(T)
	$(Q)mkdir -p build/fuzz/found/$(T) tests/fuzz/corpus/$(T)
	$(Q)build/fuzz/fuzz_$(T) -max_total_time=$(SECONDS) -timeout=5 -rss_limit_mb=1024 \
	    -print_final_stats=1 -artifact_prefix=build/fuzz/found/$(T)/ build/fuzz/found/$(T) tests/fuzz/corpus/$(T)

# --- lint ----------------------------------------------------------------------------------------
C_FILES := $(LIB_SRC) $(POLICY_SRC) $(CERTS_SRC) $(wildcard webhook/*.c agent/*.c agent/*/*.c) \
           $(UNIT_SRC) $(wildcard tests/fuzz/*.c tests/peers/*.c tests/peers/*/*.c tests/drivers/*.c) \
           $(wildcard tests/bench/*.c)
H_FILES := $(wildcard lib/*.h policy/*.h certs/*.h webhook/*.h agent/*.h agent/*/*.h tests/*/*.h tests/*/*/*.h)

lint: format-check layers shellcheck cppcheck tidy attacks-check

# Where the page was made: each architecture has system calls of its own.
ifeq ($(ARCH),x86_64)
attacks-check: $(OUT)/attack
	$(Q)$< doc > $<.md
	$(Q)sed -n '/^## Bytes that leave/,$$p' docs/attacks.md | diff $<.md -
endif

format-check: | build/.deps-lint
	$(Q)clang-format --dry-run --Werror $(C_FILES) $(H_FILES)

format: | build/.deps-lint
	$(Q)clang-format -i $(C_FILES) $(H_FILES)

TIDY_FILES := $(filter-out tests/%,$(C_FILES))
tidy: $(TIDY_FILES:%=$(OUT)/tidy/%.ok)
$(OUT)/tidy/%.ok: % $(H_FILES) .clang-tidy | build/.deps-lint build/.deps-build
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(CSTD) -isystem /usr/include/libnl3 2>$@.log || { cat $@.log; exit 1; }
	$(Q)touch $@

cppcheck: | build/.deps-lint
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,portability \
	    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -D_GNU_SOURCE -D__$(ARCH)__ -I. $(TIDY_FILES)

layers:
	$(Q)tools/layers.sh

shellcheck: | build/.deps-lint
	$(Q)shellcheck $$(git ls-files '*.sh' .ci tests/bare/run)

# Helm is built once, which takes Go 1.24 or newer and 4 minutes.
manifests manifests-check:
	$(Q)tools/helm.py lint --strict --quiet charts/openshell
	$(Q)tools/manifests.py $(if $(filter %-check,$@),--check)

# --- images, demo, figures -----------------------------------------------------------------------
image: all | build/.deps-test
	$(Q)deploy/images.sh $(OUT)

demo: all | build/.deps-test
	$(Q)tools/demo $(TOPOLOGY)

bench: all $(OUT)/stamp $(OUT)/driver_fence $(BENCH_NAMES:%=$(OUT)/bench_%) | build/.deps-test build/.deps-bench
	$(Q)tests/bench/run

bench-cluster: all | build/.deps-test build/.deps-bench build/.deps-cluster
	$(Q)tests/bench/cluster

# That all of it builds and its network part works; it says little about how fast.
bench-quick: all $(OUT)/driver_fence $(BENCH_NAMES:%=$(OUT)/bench_%) | build/.deps-test build/.deps-bench
	$(Q)tests/bench/run --quick

$(OUT)/bench_%: $(OUT)/tests/bench/%.o $(OUT)/webhook.a $(OUT)/agent.a $(OUT)/certs.a $(OUT)/policy.a $(OUT)/lib.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(WEBHOOK_LIBS) $(AGENT_LIBS)

$(OUT)/stamp: tests/bench/stamp.c | build/.deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) $(WARNINGS) -O2 -fno-stack-protector -static -nostdlib -o $@ $<

clean:
	$(Q)rm -rf build

.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
