# swd: a virtual switch on DPDK. `make help` lists the targets.

VERSION := 0.1.0
BUILD   ?= build
SAN     ?= 0
FUZZER  ?= 0
V       ?= 0

ifeq ($(origin CC),default)
CC := gcc
endif

# One short line a file; V=1 shows the commands.
quiet = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $@;)

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
UNITDIR    ?= $(PREFIX)/lib/systemd/system
COMPDIR    ?= $(PREFIX)/share/bash-completion/completions
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
UDEVDIR     ?= $(PREFIX)/lib/udev/rules.d

# By clang: it sees what gcc does not, and the code of a second compiler is tested, too.
ifneq (,$(filter 1,$(SAN) $(FUZZER)))
override BUILD := $(BUILD)-$(if $(filter 1,$(FUZZER)),fuzz,san)
CC       := clang
SANFLAGS := -fsanitize=address,undefined $(if $(filter 1,$(FUZZER)),-fsanitize=fuzzer-no-link) \
	    -fno-sanitize-recover=undefined -fno-omit-frame-pointer -DSWD_SANITIZED
OPTIMIZE ?= -O1 -g1 # what the sanitizers add makes -O2 take twice as long to compile
HOT_O    := -O1
endif

# ThreadSanitizer understands C11 atomics: DPDK's inline rings and locks shall use them, not the strength of x86 stores.
ifeq ($(TSAN),1)
override BUILD := $(BUILD)-tsan
SANFLAGS := -fsanitize=thread -fno-omit-frame-pointer -fno-optimize-sibling-calls -DSWD_SANITIZED -DRTE_USE_C11_MEM_MODEL -DRTE_FORCE_INTRINSICS \
	    -Wno-tsan -Wno-format-truncation -Wno-maybe-uninitialized # false there
OPTIMIZE := -O1 -g
HOT_O    := -O1
endif

ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
ARCHFLAGS := -march=x86-64-v2
ISAS      := plain avx2 avx512
PRFCHW    := -mprfchw # or a prefetch for write becomes one for reading; older processors ignore it
else
ISAS      := plain
endif

# *_hot.c: once for each instruction set, chosen when the program starts (flowtable/isa.h).
ISA_FLAGS_plain  := $(ARCHFLAGS) $(PRFCHW)
ISA_FLAGS_avx2   := -march=x86-64-v3 $(PRFCHW)
ISA_FLAGS_avx512 := -march=x86-64-v4 -mavx512vbmi -mprefer-vector-width=256 $(PRFCHW)

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ifeq ($(CI),true)
WARN     += -Werror
endif
PKGS     := libdpdk libmnl libevent jansson sqlite3 libsystemd
OPTIMIZE ?= -O2 -g
HOT_O    ?= -O3
UNIT_O   ?= -Og -g1 -Wno-psabi
# pkg-config's include folders, as system ones: their warnings are not ours.
DPDK_CFLAGS = -isystem compat $(patsubst -I%,-isystem %,$(filter-out -march=% -mrtm,$(shell pkg-config --cflags libdpdk)))
CFLAGS_ALL = -std=gnu11 $(OPTIMIZE) $(WARN) $(ARCHFLAGS) $(SANFLAGS) -pthread -I. \
	     -DSWD_VERSION='"$(VERSION)"' -DALLOW_EXPERIMENTAL_API $(DPDK_CFLAGS) $(CFLAGS)

# Drivers are loaded at run time; of the bonding one we call functions.
DPDK_LIBS   = $(shell pkg-config --libs libdpdk) -lrte_net_bond -lxdp -lbpf
CTL_LIBS   := -lmnl -levent -ljansson -lsqlite3 -lsystemd -lm

# One archive a folder; a program takes from it what it needs, so swctld links no DPDK.
SRC_flowtable := $(wildcard flowtable/*.c)
SRC_ctl       := $(wildcard ctl/*.c)
SRC_datapath  := $(filter-out datapath/swd.c,$(wildcard datapath/*.c)) $(wildcard vhost/*.c memif/*.c)
SRC_swctld    := $(filter-out ctl/swctld/swctld.c,$(wildcard ctl/swctld/*.c))
SRC_swctl     := $(filter-out ctl/swctl/swctl.c,$(wildcard ctl/swctl/*.c))
# What unit tests call of hot headers, in each instruction set.
SRC_unit_hot  := $(wildcard tests/unit/*/*_hot.c)
# What unit tests of the control side share: the reference interpreter of the pipeline.
SRC_unit_ctl  := $(filter-out $(addprefix tests/unit/ctl/,test_% bench_%),$(wildcard tests/unit/ctl/*.c))
LIBS          := flowtable ctl datapath swctld swctl unit_hot unit_ctl
MAINS         := datapath/swd.c ctl/swctld/swctld.c ctl/swctl/swctl.c
UNIT_TESTS    := $(wildcard tests/unit/*/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %_hot.c,$(1))) \
      $(foreach isa,$(ISAS),$(patsubst %.c,$(BUILD)/obj/$(isa)/%.o,$(filter %_hot.c,$(1))))
lib = $(patsubst %,$(BUILD)/lib%.a,$(1))

PROGRAMS := $(BUILD)/swd $(BUILD)/swctld $(BUILD)/swctl
UNIT_BINS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_TESTS))

.PHONY: all
all: $(PROGRAMS) ## swd, swctld and swctl (no root needed)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define hot_rule
$(BUILD)/obj/$(1)/%_hot.o: %_hot.c
	@mkdir -p $$(@D)
	$$(call quiet,CC)$$(CC) $$(CFLAGS_ALL) $(HOT_O) $$(ISA_FLAGS_$(1)) -DISA_SUFFIX=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach isa,$(ISAS),$(eval $(call hot_rule,$(isa))))

define archive_rule
$(BUILD)/lib$(1).a: $(call obj,$(SRC_$(1)))
	@rm -f $$@
	$$(call quiet,AR)ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call archive_rule,$(l))))

$(BUILD)/swd: $(call obj,datapath/swd.c) $(call lib,datapath ctl flowtable)
	$(call quiet,LINK)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -Wl,--export-dynamic-symbol=setsockopt -o $@ $^ $(DPDK_LIBS) -lmnl -levent -lsystemd

$(BUILD)/swctld: $(call obj,ctl/swctld/swctld.c) $(call lib,swctld ctl flowtable)
	$(call quiet,LINK)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(BUILD)/swctl: $(call obj,ctl/swctl/swctl.c) $(call lib,swctl ctl)
	$(call quiet,LINK)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ -ljansson -lmnl -lpcap

# The traffic generator of the benchmarks: only libc, and for the machine it is built on.
SRC_bench  := $(wildcard tests/bench/*.c)
BENCH_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O3 -march=native -g $(WARN) $(SANFLAGS) -pthread -I. $(CFLAGS)

.PHONY: bench-gen
bench-gen: $(BUILD)/bench-gen $(BUILD)/hostile ## the traffic generator of the benchmarks, and a hostile guest

$(BUILD)/obj/tests/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(BENCH_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bench-gen: $(call obj,$(SRC_bench))
	$(call quiet,LINK)$(CC) $(BENCH_CFLAGS) $(LDFLAGS) -o $@ $^

# A hostile guest's front end.
SRC_hostile := $(wildcard tests/hostile/*.c) tests/bench/vhost_user.c

$(BUILD)/obj/tests/hostile/%.o: tests/hostile/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(BENCH_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/hostile: $(call obj,$(SRC_hostile))
	$(call quiet,LINK)$(CC) $(BENCH_CFLAGS) $(LDFLAGS) -o $@ $^

# Unit tests: one program a file, linked with everything below its folder.
# The tests' own code is compiled once and runs for a moment.
$(BUILD)/obj/tests/unit/%.o: OPTIMIZE = $(UNIT_O)

$(BUILD)/unit/ctl/%: $(BUILD)/obj/tests/unit/ctl/%.o $(call lib,unit_ctl swctld swctl ctl flowtable)
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(CTL_LIBS) -lpcap -lcmocka

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call lib,unit_hot datapath ctl flowtable)
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(DPDK_LIBS) -lmnl -levent -lsystemd -lcmocka

.PHONY: unit
unit: $(UNIT_BINS:=.run) ## unit tests (SAN=1: under ASan and UBSan)

# Each runs as soon as it is built; what it says comes in one piece.
.PHONY: $(UNIT_BINS:=.run)
$(UNIT_BINS:=.run): %.run: %
	@said=$$($< 2>&1); status=$$?; printf '== %s\n%s\n' $< "$$said"; exit $$status

# They measure microseconds on both cores: one by one, after all others.
ALONE := $(addprefix $(BUILD)/unit/datapath/,test_pmd_load.run test_pmd_pool.run)
$(BUILD)/unit/datapath/test_pmd_load.run: $(filter-out $(ALONE),$(UNIT_BINS:=.run))
$(BUILD)/unit/datapath/test_pmd_pool.run: $(BUILD)/unit/datapath/test_pmd_load.run

# What reads strangers' bytes, under libFuzzer with ASan and UBSan. tests/fuzz/seeds/NAME holds inputs to start from
# (tests/fuzz/seeds.py made those that are not text); what broke a target stays in build-fuzz/fuzz. T: seconds of each.
T                   ?= 60
FUZZ                := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_LIBS            = -Wl,--as-needed $(DPDK_LIBS) $(CTL_LIBS) -lcmocka
FUZZ_SRC_packet     := datapath/packet.c flowtable/meta.c flowtable/extract.c
FUZZ_SRC_dp_key     := $(wildcard ctl/dp_*.c flowtable/key*.c)
FUZZ_SRC_dp_msg     := $(FUZZ_SRC_dp_key)
FUZZ_SRC_dp_actions := $(FUZZ_SRC_dp_key) datapath/server_actions.c $(wildcard datapath/execute*.c) datapath/classify_extract.c datapath/drop.c $(wildcard datapath/edit*.c) \
		       $(wildcard datapath/tunnel*.c) $(addprefix datapath/,ip_view.c packet.c gso.c gso_burst.c offload.c kernel_frame.c) \
		       flowtable/extract.c flowtable/meta.c
FUZZ_SRC_extract    := flowtable/extract.c
FUZZ_SRC_of_flow    := $(wildcard ctl/of_*.c) flowtable/of_key.c flowtable/key.c
FUZZ_SRC_ct         := $(addprefix datapath/,edit.c ip_view.c ct_key.c) $(FUZZ_SRC_packet)
FUZZ_SRC_ct_alg     := $(FUZZ_SRC_ct) $(addprefix datapath/,ct_alg.c ct_alg_ftp.c ct_alg_tftp.c ct_expect.c ct_ftp_text.c ct_payload.c ct_seq.c)
FUZZ_SRC_ct_frag    := $(FUZZ_SRC_ct) $(addprefix datapath/,ct_frag.c ct_frag_view.c ct_frag_whole.c)
FUZZ_SRC_json_lift  :=
FUZZ_SRC_memif_ring := memif/memif_ring.c datapath/eventfd_kick.c $(FUZZ_SRC_packet)
FUZZ_SRC_memif_conn := $(filter-out %/port_memif.c %/memif.c %/memif_link.c %/memif_socket.c,$(wildcard memif/*.c)) \
		       $(addprefix datapath/,memory_guard.c eventfd_kick.c stranger_fd.c) $(FUZZ_SRC_packet)
FUZZ_SRC_rpc        := $(SRC_swctld) $(SRC_ctl) $(filter-out %_hot.c,$(SRC_flowtable))
FUZZ_SRC_tunnel_pop := $(wildcard datapath/tunnel*.c) $(addprefix datapath/,offload.c edit.c kernel_frame.c) $(FUZZ_SRC_packet)
FUZZ_SRC_vring      := vhost/virtqueue.c vhost/packed_resume.c datapath/eventfd_kick.c $(wildcard vhost/*_hot.c) flowtable/isa.c $(FUZZ_SRC_packet)

ifeq ($(FUZZER),1)
define fuzz_rule
$(BUILD)/fuzz/$(1): $(call obj,tests/fuzz/fuzz_$(1).c $(FUZZ_SRC_$(1)))
	@mkdir -p $$(@D)
	$$(call quiet,FUZZ)$$(CC) $$(CFLAGS_ALL) -fsanitize=fuzzer -o $$@ $$^ $$(FUZZ_LIBS)
endef
$(foreach f,$(FUZZ),$(eval $(call fuzz_rule,$(f))))

FUZZ_RUNS := $(patsubst %,$(BUILD)/fuzz/%.run,$(FUZZ))

.PHONY: fuzz $(FUZZ_RUNS)
fuzz: $(FUZZ_RUNS)

$(FUZZ_RUNS): %.run: %
	@echo "== $<"; mkdir -p $<.corpus
	@$< -max_total_time=$(T) -timeout=20 -artifact_prefix=$<- $<.corpus tests/fuzz/seeds/$(<F) >$<.log 2>&1 || { tail -40 $<.log; exit 1; }
else
.PHONY: fuzz
fuzz: ## what reads strangers' bytes, under libFuzzer: T=60 seconds each, -j2 for two at a time
	@$(MAKE) --no-print-directory FUZZER=1 fuzz
endif

# Everything that needs the real programs: as root, with hugepages. SWD_BUILD tells the tests which programs.
# In memory: a busy disk holds up nobody there. Without such a folder Python takes another.
PYTEST := TMPDIR=/dev/shm /usr/bin/python3 -m pytest -p no:cacheprovider -q --timeout=$(if $(filter 1,$(SWD_LONG)),3600,300)
GUEST  := $(CURDIR)/build/guest

.PHONY: system
system: all bench-gen hugepages ## system tests: a process that plays the guest's side of vhost-user
	SWD_BUILD=$(abspath $(BUILD)) $(PYTEST) tests/system

.PHONY: guests
guests: all hugepages guest-image guest-image-swd ## tests on real QEMU guests
	SWD_BUILD=$(abspath $(BUILD)) SWD_GUEST=$(GUEST) $(PYTEST) tests/vm

.PHONY: guest-image
guest-image: ## the guests' kernel and initramfs, from Debian's packages
	@$(MAKE) --no-print-directory -C vm-images OUT=$(GUEST)

.PHONY: guest-image-swd
guest-image-swd: all guest-image # for a guest that runs the switch
	@$(MAKE) --no-print-directory -C vm-images OUT=$(GUEST) SWD=$(abspath $(BUILD)) $(abspath $(BUILD))/initramfs-swd.cpio

.PHONY: tsan
tsan: ## unit and system tests under ThreadSanitizer (as root; half an hour)
	@tests/tsan.sh $(MAKE)

.PHONY: check
check: deps ## packages, build, lint, unit, system and guest tests, with the time of each
	@tests/check.sh $(MAKE) SAN=$(SAN)

.PHONY: check-long
MINUTES ?= 10
check-long: deps ## the whole form of tests that check runs short, with a table of what they measured; an hour and more
	@tests/check_long.sh $(MAKE) $(MINUTES)

# SOAK holds options of tests/soak/soak.py: --seed N, --json FILE.
SOAK ?=

.PHONY: soak
soak: all hugepages ## random events under checked traffic, every packet accounted for: MINUTES=10, SOAK="--seed N"
	@SWD_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B tests/soak/soak.py --minutes $(MINUTES) $(SOAK)

.PHONY: demo
demo: deps ## two QEMU guests talk through swd (as root)
	@$(MAKE) --no-print-directory all hugepages guest-image
	@SWD_BUILD=$(abspath $(BUILD)) SWD_GUEST=$(GUEST) /usr/bin/python3 tests/vm/demo.py

# The bench: swd and its peers under one generator. Alone on the machine, as root. BENCH holds options of tests/bench/bench.py.
BENCH     ?=
BENCH_OUT := $(BUILD)/bench

.PHONY: bench bench-short
bench: BENCH_ARGS = --json $(BENCH_OUT)/full.json --plot $(BENCH_OUT)
bench-short: BENCH_ARGS = --short --json $(BENCH_OUT)/short.json
bench: ## measures swd against OVS-DPDK, testpmd and the Linux bridge: 20 minutes, as root
bench-short: ## the same in a minute: few scenarios, one round
bench bench-short: all $(BUILD)/bench-gen
	@SWD_HUGEPAGES=$(if $(wildcard $(OVS_PLUGIN)),1792,1408) tests/hugepages.sh
	@mkdir -p $(BENCH_OUT)
	@SWD_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B tests/bench/bench.py $(BENCH_ARGS) $(BENCH)

.PHONY: bench-flows
bench-flows: all $(BUILD)/bench-gen ## rules and megaflows beside Open vSwitch: load, set-up, an attack; 5 minutes, as root
	@SWD_HUGEPAGES=1408 tests/hugepages.sh
	@mkdir -p $(BENCH_OUT)
	@SWD_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B tests/bench/bench_flows.py --json $(BENCH_OUT)/flows.json $(BENCH)

.PHONY: bench-engines
bench-engines: all $(BUILD)/bench-gen ## bridge, pcap, af-packet, af-xdp, tap, memif, vhost-user under one generator; 4 minutes, as root
	@SWD_HUGEPAGES=1408 tests/hugepages.sh
	@mkdir -p $(BENCH_OUT)
	@SWD_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B tests/bench/bench_engines.py --json $(BENCH_OUT)/engines.json \
		--plot $(BENCH_OUT) $(BENCH)

.PHONY: deps
deps: ## installs what build and tests need (Debian packages; as root when something is missing)
	@tests/deps.sh

.PHONY: hugepages
hugepages: ## reserves 2 MB hugepages for tests and demo (as root)
	@tests/hugepages.sh

C_FILES   := $(wildcard */*.[ch] ctl/*/*.[ch] tests/unit/*/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch] tests/hostile/*.[ch])
TIDY_C    := $(SRC_flowtable) $(SRC_ctl) $(SRC_datapath) $(SRC_swctld) $(SRC_swctl) $(MAINS)

.PHONY: lint
lint: lint-format lint-includes lint-cppcheck lint-tidy ## clang-format, include direction, cppcheck, clang-tidy

.PHONY: lint-format lint-includes lint-cppcheck lint-tidy
lint-format:
	$(call quiet,FORMAT)clang-format --dry-run -Werror $(C_FILES)

lint-includes:
	$(call quiet,PYTHON)/usr/bin/python3 tests/lint/include_direction.py

# ctl/ovs is read without Open vSwitch's headers, of which it must know the loops.
OVS_LOOPS := $(foreach m,$(foreach h,EACH EACH_SAFE EACH_POP,HMAP_FOR_$h(v,n,m)) HMAP_FOR_EACH_WITH_HASH(v,n,h,m) LIST_FOR_EACH(v,n,m) LIST_FOR_EACH_SAFE(v,n,m) SHASH_FOR_EACH(v,m) SMAP_FOR_EACH(v,m) SSET_FOR_EACH(v,m),'-D$(m)=while((v=next(m)))')

lint-cppcheck:
	$(call quiet,CHECK)cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --suppress=uninitvar:/usr/* -DISA_SUFFIX=plain $(OVS_LOOPS) -I. $(TIDY_C) $(wildcard ctl/ovs/*.c)

lint-tidy: $(patsubst %.c,$(BUILD)/tidy/%.ok,$(TIDY_C))

# How far clang's analyser follows one function's paths. Its own limit, 225000, which check-long has, takes several times as long.
TIDY_NODES  ?= 30000
TIDY_CFLAGS  = $(filter-out -Werror,$(CFLAGS_ALL)) -DISA_SUFFIX=plain -Wno-unknown-warning-option \
	       -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES)

$(BUILD)/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	$(call quiet,TIDY)clang-tidy --quiet $< -- $(TIDY_CFLAGS) 2>$@.err || { cat $@.err; exit 1; }
	@touch $@

.PHONY: install
install: all ## programs, man pages, completion, systemd units and their user below DESTDIR
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(UNITDIR) $(DESTDIR)$(COMPDIR)
	install -d $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR) $(DESTDIR)$(UDEVDIR)
	install -m 644 packaging/swd.sysusers $(DESTDIR)$(SYSUSERSDIR)/swd.conf
	install -m 644 packaging/swd.tmpfiles $(DESTDIR)$(TMPFILESDIR)/swd.conf
	install -m 644 packaging/swd.rules $(DESTDIR)$(UDEVDIR)/70-swd.rules
	install -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	install -m 644 docs/man/swd.8 docs/man/swctld.8 docs/man/swctl.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 packaging/swctl.bash $(DESTDIR)$(COMPDIR)/swctl
	install -d $(DESTDIR)/etc/default
	[ -e $(DESTDIR)/etc/default/swd ] || install -m 644 packaging/swd.default $(DESTDIR)/etc/default/swd
	for u in swd swctld; do sed 's|@BINDIR@|$(BINDIR)|' packaging/$$u.service > $(DESTDIR)$(UNITDIR)/$$u.service; done

# Open vSwitch with our datapath: Debian's source of it, linked with ctl/ovs. Not part of `all`: two minutes, 300 MB in build/ovs.
OVS_PLUGIN := $(BUILD)/ovs/openvswitch/swd/ovs-vswitchd
OVS_LIBDIR ?= $(PREFIX)/lib/swd
TESTS      ?=

.PHONY: ovs-plugin ovs-tests ovs-unit-tests install-ovs-plugin uninstall-ovs-plugin
ovs-plugin: ## ovs-vswitchd with datapath_type=swd, from Debian's openvswitch-source (as root when that is missing)
	@mkdir -p $(BUILD)/ovs
	@CC="$(CC)" WERROR="$(filter -Werror,$(WARN))" ctl/ovs/build.sh $(BUILD)/ovs $(VERSION) $(OVS_WHAT)

ovs-tests: OVS_WHAT = system
ovs-unit-tests: OVS_WHAT = unit
ovs-tests: all hugepages ovs-plugin ## Open vSwitch's system tests on our datapath: TESTS="1-20" for some; as root, 20 minutes
	@SWD_BUILD=$(abspath $(BUILD)) tests/ovs/run.sh $(abspath $(BUILD))/ovs swd system $(TESTS)

ovs-unit-tests: ovs-plugin ## Open vSwitch's unit tests of ovs-vswitchd, with ours; as root, half an hour
	@tests/ovs/run.sh $(abspath $(BUILD))/ovs swd unit $(TESTS)

install-ovs-plugin: ovs-plugin ## makes that the ovs-vswitchd of this host, by update-alternatives
	install -D -m 755 $(OVS_PLUGIN) $(DESTDIR)$(OVS_LIBDIR)/ovs-vswitchd
	[ -n "$(DESTDIR)" ] || update-alternatives --install /usr/sbin/ovs-vswitchd ovs-vswitchd $(OVS_LIBDIR)/ovs-vswitchd 200

uninstall-ovs-plugin: ## gives /usr/sbin/ovs-vswitchd back to Debian's
	[ -n "$(DESTDIR)" ] || update-alternatives --remove ovs-vswitchd $(OVS_LIBDIR)/ovs-vswitchd
	rm -f $(DESTDIR)$(OVS_LIBDIR)/ovs-vswitchd
	[ ! -d $(DESTDIR)$(OVS_LIBDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(OVS_LIBDIR)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: clean
clean: ## removes what was built
	rm -rf $(BUILD) $(BUILD)-san $(BUILD)-tsan $(BUILD)-fuzz

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
