#!/bin/bash
# Unit and system tests under ThreadSanitizer; fails when it reported anything that tests/tsan.supp does not explain: tsan.sh MAKE
set -u
make=$1
reports=$PWD/build-tsan/reports
rm -rf "$reports"
mkdir -p "$reports"
# The programs' exit status stays theirs: what tests judge is not changed by a report.
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp history_size=7 ignore_noninstrumented_modules=1 exitcode=0 log_path=$reports/report"
status=0
"$make" --no-print-directory "-j$(nproc)" -k unit TSAN=1 || status=1
# Those that measure time may fail here, and are not what this is about.
SWD_SLOW=5 "$make" --no-print-directory system TSAN=1 || echo "tsan: these tests failed; not judged, but for what was reported"
n=$(cat "$reports"/* 2>/dev/null | grep -c '^WARNING: ThreadSanitizer')
if [ "$n" -gt 0 ]; then
	sed -n '/^SUMMARY/p' "$reports"/* | sort | uniq -c | sort -rn
	status=1
fi
echo "tsan: $n reports in $reports"
exit $status
