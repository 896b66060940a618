#!/bin/sh
# Builds ovs-vswitchd with the provider "swd" out of Debian's source of Open vSwitch: build.sh BUILD VERSION [system|unit]
# "system", "unit": what these test suites of Open vSwitch need, too.
set -eu

build=$(realpath "$1")
version=$2
what=${3:-}
swd=$(pwd)
tree=$build/openvswitch
archive=/usr/src/openvswitch/openvswitch.tar.gz

"$swd/tests/deps.sh" plugin

# The tree that other packages' headers would replace is made anew.
if [ ! -e "$tree/.configured" ] || [ "$archive" -nt "$tree/.configured" ]; then
	echo "ovs-plugin: unpacking and configuring"
	rm -rf "$tree"
	tar xzf "$archive" -C "$build" --no-same-owner
	(cd "$tree" && ./configure -q --prefix=/usr --localstatedir=/var --sysconfdir=/etc --enable-ssl --disable-dependency-tracking \
		PYTHON3=/usr/bin/python3 CC="${CC:-gcc}" CFLAGS="-O2 -g1 -w" > "$build/configure.log" 2>&1) ||
		{ tail -20 "$build/configure.log"; exit 1; }
	touch "$tree/.configured"
fi

run() { # its own tools make no new configure out of a package's
	make -s -C "$tree" AUTOCONF=: AUTOMAKE=: ACLOCAL=: AUTOHEADER=: "$@" >> "$build/make.log" 2>&1 || { tail -30 "$build/make.log"; exit 1; }
}
: > "$build/make.log"
jobs=-j$(nproc)
if [ ! -e "$tree/.built" ]; then
	echo "ovs-plugin: building Open vSwitch's libraries"
	run -f "$swd/ctl/ovs/ovs.mk" SWD="$swd" sources
	touch "$tree/.built"
fi
run "$jobs" -f "$swd/ctl/ovs/ovs.mk" SWD="$swd" SWD_VERSION="$version" SWD_WARN="-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare ${WERROR:-}" \
	swd/ovs-vswitchd
case $what in
system)
	run "$jobs" ovsdb/ovsdb-server ovsdb/ovsdb-client ovsdb/ovsdb-tool utilities/ovs-appctl utilities/ovs-dpctl utilities/ovs-ofctl \
		utilities/ovs-vsctl tests/ovstest tests/system-userspace-testsuite tests/atlocal
	;;
unit)
	run "$jobs" all tests/ovstest
	;;
esac
echo "ovs-plugin: $tree/swd/ovs-vswitchd"
