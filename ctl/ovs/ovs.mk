# Links ovs-vswitchd with the provider "swd". Runs inside Open vSwitch's configured tree, with its own Makefile's settings:
# make -C TREE -f .../ctl/ovs/ovs.mk SWD=.../this-repository swd/ovs-vswitchd
include Makefile

comma := ,
SWD_O := $(patsubst $(SWD)/ctl/ovs/%.c,swd/%.o,$(wildcard $(SWD)/ctl/ovs/*.c))
# What plugin.c, slow_nsh.c and words.c take the place of.
SWD_WRAPS := bridge_init dpif_supports_tnl_push_pop ovs_retval_to_string ovs_strerror xlate_actions

.PHONY: sources
sources: $(BUILT_SOURCES) config.h

swd/%.o: $(SWD)/ctl/ovs/%.c
	@mkdir -p swd
	$(CC) $(DEFS) $(DEFAULT_INCLUDES) $(INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) $(filter-out -W%,$(AM_CFLAGS)) $(filter-out -w,$(CFLAGS)) \
		-std=gnu11 $(SWD_WARN) -I$(SWD) -DSWD_VERSION='"$(SWD_VERSION)"' -MMD -MP -c -o $@ $<

swd/ovs-vswitchd: $(SWD_O) $(vswitchd_ovs_vswitchd_OBJECTS) $(vswitchd_ovs_vswitchd_DEPENDENCIES)
	$(vswitchd_ovs_vswitchd_LINK) $(addprefix -Wl$(comma)--wrap=,$(SWD_WRAPS)) $(SWD_O) $(vswitchd_ovs_vswitchd_OBJECTS) \
		$(vswitchd_ovs_vswitchd_LDADD) $(LIBS)

-include $(wildcard swd/*.d)
