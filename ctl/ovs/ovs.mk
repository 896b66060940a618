# Links ovs-vswitchd with our provider. Runs inside Open vSwitch's built tree, with its own Makefile's settings:
# make -C TREE -f .../ctl/ovs/ovs.mk SWD=.../swd-source swd-vswitchd
include Makefile

SWD_C := $(wildcard $(SWD)/ctl/ovs/*.c)
SWD_O := $(patsubst $(SWD)/ctl/ovs/%.c,swd/%.o,$(SWD_C))
SWD_WRAP := bridge_init dpif_supports_tnl_push_pop ovs_strerror

swd/%.o: $(SWD)/ctl/ovs/%.c
	@mkdir -p swd
	$(CC) $(DEFS) $(DEFAULT_INCLUDES) $(INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) $(filter-out -W%,$(AM_CFLAGS)) $(CFLAGS) \
		-std=gnu11 $(SWD_WARN) -I$(SWD) -Ilib -DSWD_VERSION='"$(SWD_VERSION)"' -MMD -MP -c -o $@ $<

swd-vswitchd: $(SWD_O) $(vswitchd_ovs_vswitchd_OBJECTS) $(vswitchd_ovs_vswitchd_DEPENDENCIES)
	$(vswitchd_ovs_vswitchd_LINK) $(addprefix -Wl$(comma)--wrap=,$(SWD_WRAP)) $(SWD_O) $(vswitchd_ovs_vswitchd_OBJECTS) \
		$(vswitchd_ovs_vswitchd_LDADD) $(LIBS)

comma := ,
-include $(wildcard swd/*.d)
