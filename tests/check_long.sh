#!/bin/bash
# The whole form of the tests that `make check` runs short: check_long.sh MAKE MINUTES
set -u
make=$1
minutes=$2
figures=$PWD/build/figures.jsonl
status=0

part() { # part NAME COMMAND...
	local name=$1
	shift
	echo
	echo "=== $name ($(date +%H:%M))"
	"$@" || { echo "check-long: failed: $name"; status=1; }
}

mkdir -p build
: > "$figures"
export SWD_LONG=1 SWD_FIGURES=$figures
"$make" --no-print-directory "-j$(nproc)" all bench-gen hugepages guest-image || exit 1
part "lint, whole depth" "$make" --no-print-directory "-j$(nproc)" lint BUILD=build/deep TIDY_NODES=225000
part "hostile guests, in process" env SWD_MUTATIONS=10000000 \
	"$make" --no-print-directory "-j$(nproc)" SAN=1 build-san/unit/vhost/test_vring_hostile.run
part "hostile guests, ASan+UBSan" env PYTEST_ADDOPTS="-k 'test_hostile and not rate'" \
	"$make" --no-print-directory "-j$(nproc)" SAN=1 system
part "system tests" "$make" --no-print-directory system
for isa in plain avx2; do
	if [ $isa = plain ] || grep -qw $isa /proc/cpuinfo; then
		part "system tests, $isa" env SWD_LONG=0 SWD_FIGURES= SWD_ISA=$isa "$make" --no-print-directory system
	fi
done
part "guest tests" "$make" --no-print-directory guests
part "soak" "$make" --no-print-directory soak "MINUTES=$minutes"
echo
/usr/bin/python3 tests/figures.py "$figures"
[ $status -eq 0 ] && echo "check-long: all passed"
exit $status
