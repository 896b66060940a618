#!/bin/sh
# Makes sure that enough 2 MB hugepages are free for the tests and the demo; never lowers what is reserved.
set -eu
want=${SWD_HUGEPAGES:-1024}
dir=/sys/kernel/mm/hugepages/hugepages-2048kB
[ -d "$dir" ] || { echo "hugepages: this kernel has no 2 MB pages" >&2; exit 1; }
free=$(cat $dir/free_hugepages)
[ "$free" -lt "$want" ] || exit 0
need=$(($(cat $dir/nr_hugepages) + want - free))
if [ ! -w $dir/nr_hugepages ]; then
	echo "hugepages: $free of $want pages of 2 MB are free: run as root, or 'sysctl vm.nr_hugepages=$need'" >&2
	exit 1
fi
echo $need > $dir/nr_hugepages
free=$(cat $dir/free_hugepages)
if [ "$free" -lt "$want" ]; then
	echo "hugepages: only $free of $want pages of 2 MB could be had: memory is short or fragmented" >&2
	exit 1
fi
