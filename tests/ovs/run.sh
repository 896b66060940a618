#!/bin/sh
# Runs one of Open vSwitch's test suites and prints a table of its results: run.sh BUILD/ovs swd|stock system|unit [TESTS]
# "swd": with our ovs-vswitchd. "stock": with the one of the same tree without our provider.
# "system": system-userspace-testsuite; with "swd" its bridges are of datapath_type "swd", with a swd for each test.
# "unit": the unit suite as it is, without TESTS those that start ovs-vswitchd: the others run nothing of ours.
# As root, in network, mount and process namespaces of its own: nothing of the host's Open vSwitch is touched, and daemons that end
# are gone at once, which the tests wait for a second at a time.
set -eu

build=$1
which=$2
what=$3
shift 3
here=$(dirname "$(realpath "$0")")
tests=$build/openvswitch/tests

if [ "$(id -u)" -ne 0 ]; then
	echo "ovs-tests: needs root: it makes network namespaces and interfaces" >&2
	exit 1
fi
"$here/../deps.sh" ovstests

log=$build/$which-$what.log
path=utilities:vswitchd:ovsdb:vtep:tests:ipsec
jobs=1
case $which-$what in
stock-system)
	suite=system-userspace-testsuite
	;;
swd-system)
	suite=system-swd-testsuite
	path=swd/bin:$path
	mkdir -p "$build/openvswitch/swd/bin"
	cp "$here/ovs-vswitchd" "$build/openvswitch/swd/bin/ovs-vswitchd"
	# With the names of datapath and netdevs that are ours: dpif/show tells "(swd-system)".
	sed -e 's|\(/[0-9]*\): (tap)|\1: (swd-internal)|' -e 's|\(/[0-9]*\): (system)|\1: (swd-system)|' \
		-e 's/datapath_type="netdev"/datapath_type="swd"/g' -e 's/datapath_type=netdev/datapath_type=swd/g' \
		-e 's/netdev@ovs-netdev/swd@ovs-swd/g' -e 's/datapaths:"netdev"/datapaths:"swd"/g' -e 's/datapaths:netdev/datapaths:swd/g' \
		-e 's/echo "netdev"/echo "swd"/' -e 's/ip link show ovs-netdev/ip link show ovs-swd/g' "$tests/system-userspace-testsuite" > "$tests/$suite"
	export SWD_TESTS="$here" SWD_PROGRAM="${SWD_BUILD:-}/swd" SWD_VSWITCHD="$build/openvswitch/swd/ovs-vswitchd"
	;;
*-unit)
	suite=testsuite # some of its tests know the name
	jobs=${JOBS:-$(nproc)}
	[ "$which" = stock ] || path=swd:$path
	[ $# -gt 0 ] || set -- $(awk '/^#AT_START_/ { n = substr($0, 11) } n && /ovs-vswitchd/ { print n; n = "" }' "$tests/$suite")
	export SWD_DATAPATH_SOCKET="$build/none.sock" # whatever swd this host runs
	;;
esac
export PATH="/usr/sbin:/usr/bin:/sbin:/bin"
export suite path jobs

# The suite's exit status says that some failed; the table says which. Unit tests wait for fixed times: what fails is tried once more, alone.
unshare --net --mount --pid --fork --kill-child --mount-proc sh -eu -c '
	mkdir -p /run/netns /run/openvswitch
	mount -t tmpfs none /run/netns
	mount -t tmpfs none /run/openvswitch
	ip link set lo up
	cd "$1"; shift
	sh "tests/$suite" -C tests AUTOTEST_PATH="$path" "-j$jobs" "$@" || [ "$suite" != testsuite ] ||
		exec sh "tests/$suite" -C tests AUTOTEST_PATH="$path" -j1 --recheck' sh "$build/openvswitch" "$@" > "$log" 2>&1 < /dev/null || true
exec /usr/bin/python3 "$here/table.py" "$log" "$here/expected-$what.txt" "$which" "$what"
