#!/bin/sh
# Installs the Debian packages that build, tests and demo need, or only those of a part: deps.sh [plugin|ovstests]
# Does nothing when all are there.
set -eu

build="build-essential pkg-config libdpdk-dev libmnl-dev libevent-dev libjansson-dev libsqlite3-dev libsystemd-dev libpcap-dev
	libxdp-dev libbpf-dev uthash-dev libcmocka-dev python3"
lint="clang clang-format clang-tidy cppcheck mandoc libclang-rt-14-dev"
tests="dpdk-dev python3-pytest python3-pytest-timeout python3-scapy iproute2 iputils-ping util-linux sqlite3 procps openvswitch-switch"
plugin="openvswitch-source libssl-dev libcap-ng-dev"
ovstests="iputils-ping ethtool tcpdump netcat-openbsd curl lftp openssl python3-scapy python3-pyftpdlib python3-sortedcontainers"
guests="qemu-system-x86 busybox-static iperf3 cpio lz4 xz-utils"
# Its programs and the driver for QEMU alone: services, users and the default network are in libvirt-daemon-system.
libvirt="libvirt-daemon libvirt-daemon-driver-qemu python3-libvirt"

case ${1:-all} in
plugin) wanted=$plugin ;;
ovstests) wanted=$ovstests ;;
*) wanted="$build $lint $tests $plugin $ovstests $guests $libvirt" ;;
esac
missing=
for p in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: not installed:$missing: run this as root, or 'apt-get install$missing'" >&2
	exit 1
fi
# Open vSwitch is wanted for its programs, which tests start themselves: its service neither starts now nor at boot.
policy=/usr/sbin/policy-rc.d # what Debian's packages ask before they start a service
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 755 "$policy"
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing > /dev/null
case "$missing" in *openvswitch-switch*) update-rc.d openvswitch-switch disable ;; esac
