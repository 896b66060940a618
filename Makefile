# swd: a virtual switch on DPDK. `make help` lists the targets.

VERSION := 0.1.0
CC      ?= gcc
BUILD   ?= build
SAN     ?= 0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
UNITDIR    ?= $(PREFIX)/lib/systemd/system
COMPDIR    ?= $(PREFIX)/share/bash-completion/completions

ifeq ($(SAN),1)
override BUILD := $(BUILD)-san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
ARCHFLAGS := -march=x86-64-v2
endif

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ifeq ($(CI),true)
WARN     += -Werror
endif
PKGS     := libdpdk libmnl libevent jansson sqlite3 libsystemd
OPTIMIZE ?= -O2 -g
# pkg-config's include folders, as system ones: their warnings are not ours.
DPDK_CFLAGS = $(patsubst -I%,-isystem %,$(filter-out -march=% -mrtm,$(shell pkg-config --cflags libdpdk)))
CFLAGS_ALL = -std=gnu11 $(OPTIMIZE) $(WARN) $(ARCHFLAGS) $(SANFLAGS) -pthread -I. \
	     -DSWD_VERSION='"$(VERSION)"' -DALLOW_EXPERIMENTAL_API $(DPDK_CFLAGS) $(CFLAGS)

DPDK_LIBS   = $(shell pkg-config --libs libdpdk)
CTL_LIBS   := -lmnl -levent -ljansson -lsqlite3 -lsystemd

# One archive a folder; a program takes from it what it needs, so swctld links no DPDK.
SRC_flowtable := $(wildcard flowtable/*.c)
SRC_ctl       := $(wildcard ctl/*.c)
SRC_datapath  := $(filter-out datapath/swd.c,$(wildcard datapath/*.c)) $(wildcard vhost/*.c)
SRC_swctld    := $(filter-out ctl/swctld/swctld.c,$(wildcard ctl/swctld/*.c))
SRC_swctl     := $(filter-out ctl/swctl/swctl.c,$(wildcard ctl/swctl/*.c))
LIBS          := flowtable ctl datapath swctld swctl
MAINS         := datapath/swd.c ctl/swctld/swctld.c ctl/swctl/swctl.c
UNIT_TESTS    := $(wildcard tests/unit/*/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
lib = $(patsubst %,$(BUILD)/lib%.a,$(1))

PROGRAMS := $(BUILD)/swd $(BUILD)/swctld $(BUILD)/swctl
UNIT_BINS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_TESTS))

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define archive_rule
$(BUILD)/lib$(1).a: $(call obj,$(SRC_$(1)))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call archive_rule,$(l))))

$(BUILD)/swd: $(call obj,datapath/swd.c) $(call lib,datapath ctl flowtable)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(DPDK_LIBS) -lmnl -levent -lsystemd

$(BUILD)/swctld: $(call obj,ctl/swctld/swctld.c) $(call lib,swctld ctl flowtable)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(BUILD)/swctl: $(call obj,ctl/swctl/swctl.c) $(call lib,swctl ctl)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ -ljansson -lmnl

# Unit tests: one program a file, linked with everything below its folder.
$(BUILD)/unit/ctl/%: $(BUILD)/obj/tests/unit/ctl/%.o $(call lib,swctld swctl ctl flowtable)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(CTL_LIBS) -lcmocka

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call lib,datapath ctl flowtable)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(DPDK_LIBS) -lmnl -levent -lsystemd -lcmocka

.PHONY: unit
unit: $(UNIT_BINS)
	@for t in $(UNIT_BINS); do $$t || exit 1; done

.PHONY: clean
clean:
	rm -rf $(BUILD) $(BUILD)-san

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
