#!/bin/bash
# Runs the parts of `make check` in order and tells what each took: check.sh MAKE SAN=0|1
set -u
make=$1
san=$2
declare -a names times
status=0
beside=            # process group of what runs beside
said=$(mktemp)     # its output, then the seconds that it took
trap '[ -z "$beside" ] || kill -- "-$beside"; rm -f "$said"' EXIT

part() { # part NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	echo
	echo "=== $name"
	"$@" || status=1
	names+=("$name")
	times+=($((SECONDS - start)))
	[ $status -eq 0 ] || finish
}

# begin COMMAND...: beside the parts that follow. Tests wait most of their time: only what they leave of the cores is taken.
begin() {
	set -m
	chrt --idle 0 "$@" > "$said" 2>&1 < /dev/null &
	set +m
	beside=$!
}

end() { # what is left of it
	local rc=0
	wait "$beside" || rc=$?
	beside=
	cat "$said"
	return $rc
}

finish() {
	echo
	for i in "${!names[@]}"; do
		printf '%-24s %4d s\n' "${names[$i]}" "${times[$i]}"
	done
	[ $status -eq 0 ] && echo "check: all passed" || echo "check: failed in: ${names[-1]}"
	exit $status
}

# All tests run on the best instruction set of this processor; these, in seconds, in plain C. tests/check_long.sh has AVX2; unit tests compare all.
short="test_actions or test_normal or test_vhost_roles"

# Of Open vSwitch's 170: ping, VXLAN, clone, conntrack with its states, marks, fragments of both, limits and NAT, NSH.
ovs="1 11 30 51 58 66 77 93 108 115 158"

jobs=-j$(nproc)
part build "$make" --no-print-directory "$jobs" all "$san"
part "unit tests" "$make" --no-print-directory "$jobs" unit "$san"
[ "$san" = SAN=1 ] || part "unit tests, ASan+UBSan" "$make" --no-print-directory "$jobs" unit SAN=1
part "Open vSwitch plugin" "$make" --no-print-directory ovs-plugin OVS_WHAT=system
part "guest image" "$make" --no-print-directory guest-image
begin "$make" --no-print-directory "$jobs" lint fuzz T=3
part "system tests" "$make" --no-print-directory system "$san"
part "system tests, plain" env SWD_ISA=plain PYTEST_ADDOPTS="-k '$short'" "$make" --no-print-directory system "$san"
part "Open vSwitch's tests" "$make" --no-print-directory ovs-tests "TESTS=$ovs" "$san"
part "guest tests" "$make" --no-print-directory guests "$san"
part "lint and fuzz targets" end
finish
