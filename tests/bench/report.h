// What a run found, as one JSON object.
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "tests/bench/run.h"

#include <stdio.h>

// Writes the object to `out` and a line for people to `people`. Returns whether all was well.
bool report_write(const struct run *run, FILE *out, FILE *people);

#endif
